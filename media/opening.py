"""How a file is handed to FFmpeg: that file alone, whatever its name or its content asks for."""

from pathlib import Path

import av

from tubelet.media.allocations import bound_allocations, refuse_packed_picture
from tubelet.media.errors import VideoError
from tubelet.media.png_chunks import hide_packed_header

LISTS = {
    "concat", "hls", "dash", "imf", "sdp"
}  # demuxers whose frames come from files that the hash of this one does not cover  # fmt: skip
ANIMATED_AT = 20  # byte of the flags of a WebP, of which 2 means animated
LITERAL = {"pattern_type": "none"}  # a % in the path of a picture is part of its name, no number

bound_allocations()


def open_container(path: str | Path) -> av.container.InputContainer:
    """The container of one file. Raises VideoError for a list of other files, FFmpegError, OSError or ValueError for what FFmpeg cannot open."""
    if Path(path).is_file():
        refuse_packed_picture(Path(path))
        _refuse_animated_webp(Path(path))
    container = av.open(str(path), metadata_errors="ignore", options=LITERAL)
    if (name := container.format.name) in LISTS:
        container.close()
        why = f"a list of other files ({name}), not a video: pass the files that it names"
        raise VideoError("open", why)
    for stream in container.streams.video:
        hide_packed_header(stream.codec_context)
    return container


def _refuse_animated_webp(path: Path) -> None:
    """Raises VideoError for one, of which FFmpeg would only say that its data is invalid."""
    with path.open("rb") as file:
        head = file.read(ANIMATED_AT + 1)
    if head[8:16] == b"WEBPVP8X" and head[ANIMATED_AT : ANIMATED_AT + 1] and head[ANIMATED_AT] & 2:
        why = "FFmpeg does not decode animated WebP: convert it to GIF, PNG or a video"
        raise VideoError("open", why)
