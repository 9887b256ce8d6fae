"""Windows: the pixels of stored clips, decoded again from their video, which has to hold the bytes that were ingested."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import torch

from tubelet.ingest.geometry import picture
from tubelet.ingest.sources import Reading, Source
from tubelet.media.errors import VideoError
from tubelet.media.frame_folder import FRAMES
from tubelet.media.video import Frame
from tubelet.store import Store
from tubelet.store.placement import place_picture
from tubelet.store.remote.address import is_remote
from tubelet.store.rows import ClipRow, VideoRow, list_fed_frames
from tubelet.store.wording import count

Clip = tuple[ClipRow, torch.Tensor]  # and its frames, (T, 3, h, w) in uint8


def find_source(store: Store, video: VideoRow) -> Reading:
    """The file of a video, wherever it was found last or before. Raises VideoError where none holds its bytes."""
    paths = [row["path"] for row in store.rows("SELECT path FROM places WHERE video_id = ?", [video.video_id])]  # fmt: skip
    why: VideoError | None = None
    for path in dict.fromkeys([video.path, *sorted(paths)]):
        try:
            reading = _open(path, video)
        except VideoError as error:
            why = why or error
            continue
        if reading.video_id == video.video_id:
            return reading
        why = VideoError(
            "read", f"{path} has changed since it was ingested: ingest it again, then measure"
        )
    raise why or VideoError("read", "the store does not say where it is")


def _open(text: str, video: VideoRow) -> Reading:
    if is_remote(text):
        raise VideoError(
            "read",
            f"{text} is read by an ingest alone: copy it to this machine, and ingest the copy",
        )
    if not (path := Path(text)).exists():
        raise VideoError(
            "read", f"{path} is gone: bring it back, or ingest it from where it is now"
        )
    rate = video.fps if video.container == FRAMES else None
    return Source(path=path, label=video.label, frame_rate=rate).reading({})


def decode_clips(reading: Reading, clips: Sequence[ClipRow]) -> Iterator[Clip]:
    """Clips of one video with their frames, in the order in which they end. Raises VideoError where the video breaks or ends before them."""
    groups: dict[tuple[str, int, int], list[ClipRow]] = {}
    for clip in clips:
        groups.setdefault((clip.geometry, clip.crop_height, clip.crop_width), []).append(clip)
    for alike in groups.values():
        with reading.source.open() as video:
            yield from _cut(
                video.frames(), sorted(alike, key=lambda clip: list_fed_frames(clip)[-1])
            )
    if reading.change:
        raise reading.change


def _cut(frames: Iterator[Frame], clips: Sequence[ClipRow]) -> Iterator[Clip]:
    """Clips that are framed alike, each once its last frame has come."""
    wanted = {number for clip in clips for number in list_fed_frames(clip)}
    firsts = [list_fed_frames(clip)[0] for clip in clips]
    needed = deque(
        reversed(list(accumulate(reversed(firsts), min)))
    )  # by what is left from each on
    waiting, pictures = deque(clips), dict[int, torch.Tensor]()
    for frame in frames:
        if frame.index in wanted:
            pictures[frame.index] = _draw(frame, clips[0])
        while waiting and list_fed_frames(waiting[0])[-1] <= frame.index:
            clip = waiting.popleft()
            yield clip, torch.stack([pictures[number] for number in list_fed_frames(clip)])
            needed.popleft()
            for number in [n for n in pictures if not needed or n < needed[0]]:
                del pictures[number]
        if not waiting:
            return
    raise VideoError(
        "decode", f"it ends before {count(len(waiting), 'stored window')}: ingest it again"
    )


def _draw(frame: Frame, clip: ClipRow) -> torch.Tensor:
    size = clip.crop_height, clip.crop_width
    return picture(frame.pixels, place_picture(frame.displayed, size, clip.geometry))
