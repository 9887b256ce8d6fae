"""Which stream of a file is its video, its rate, and the shape of its pixels."""

import av
from av.stream import Disposition

from tubelet.media.errors import VideoError

ASIDE = Disposition.attached_pic | Disposition.timed_thumbnails  # covers and previews
FASTEST = 1000.0  # frames/s of a file
PICTURES = ("apng", "gif")  # demuxers of pictures, beside those of one still


def choose_video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The first stream that the file marks as its default, as players do, else the first; one of a single frame only where there is no other.

    Raises VideoError where a file has no video.
    """
    streams = [one for one in container.streams.video if not one.disposition & ASIDE]
    whole = [one for one in streams if not one.disposition & Disposition.dependent]
    if whole:
        return max(whole, key=_rank)
    if streams:
        raise VideoError(
            "open", "the picture is stored in tiles, which are not joined here: save it as JPEG"
        )
    others = (
        "cover art only"
        if container.streams.video
        else "audio only"
        if container.streams.audio
        else "no streams"
    )
    raise VideoError("open", f"no video stream ({others})")


def read_rate(stream: av.VideoStream) -> float:
    """Frames per second by the first plausible one of FFmpeg's figures; some containers give the clock of their time stamps instead."""
    rates = (
        float(rate) for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate) if rate
    )
    return next((rate for rate in rates if rate <= FASTEST), 25.0)


def read_aspect(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Width of a stored pixel over its height. That of a picture is a matter of printing (dots per inch), which no viewer applies."""
    if container.format.name in PICTURES or container.format.name.endswith("_pipe"):
        return 1.0
    return float(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1)


def _rank(stream: av.VideoStream) -> tuple[bool, bool]:
    return bool(stream.disposition & Disposition.default), stream.frames != 1
