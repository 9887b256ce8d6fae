"""A window as an MP4: each frame of the video with what belongs to its slice, drawn over it, beside it, or both, as the player draws it.

    write(scene, drawing, sink)      at the frame rate of the source; one frame in memory at a time

FFmpeg is loaded when a video is rendered, not with the page.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from tubelet.array_types import UInt8
from tubelet.media import sources
from tubelet.store import Store, StoreError
from tubelet.store.placement import Sheet, place_picture
from tubelet.store.rows import ClipRow, TimelineRow, VideoRow, list_fed_frames

TALLEST, WIDEST = 720, 1280  # pixels of a frame; larger ones are made smaller
LONGEST = 3000  # frames
GAP = 8  # pixels between the frame and the grid beside it, as in the player
THREADS = 2  # to decode by

Slice = Callable[[int], np.ndarray]  # number of a slice -> pixels in uint8
Layers = tuple[Image.Image | None, Image.Image | None]  # what lies over a frame, what beside it


@dataclass(frozen=True)
class Drawing:
    """What belongs to a slice: `over` the part of the frame that the encoder saw, RGBA, and `beside` it, RGB; None for neither.

    `opacity` of what is over, 0 to 1; patches blend into each other where `smooth`.
    """

    over: Slice | None = None
    beside: Slice | None = None
    opacity: float = 1.0
    smooth: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.opacity <= 1:
            raise StoreError(f"the opacity is {self.opacity}: choose one from 0 to 1")

    @property
    def resampling(self) -> Image.Resampling:
        return Image.Resampling.BILINEAR if self.smooth else Image.Resampling.NEAREST


@dataclass(frozen=True)
class WindowScene:
    """A window of a video: a `videos` and a `clips` row, and the sheet of slice pictures that replaces a missing file."""

    video: VideoRow
    clip: ClipRow
    sheet: Path | None = None

    @classmethod
    def of(cls, store: Store, video: VideoRow, clip: ClipRow) -> "WindowScene":
        """Raises StoreError where there is neither file nor pictures, and for a window that is too long."""
        scene = cls(video, clip, sources.pictures(store, clip) if sources.missing(video) else None)
        if len(scene.frames) > LONGEST:
            count = f"the window has {len(scene.frames):,} frames and an MP4 holds {LONGEST:,}"
            raise StoreError(f"{count}: ingest with fewer --frames for shorter windows")
        return scene

    @property
    def frames(self) -> range:
        """Frames that show the window: its own, and those passed over after each of them."""
        fed = list_fed_frames(self.clip)
        return range(fed[0], min(fed[-1] + self.clip.step, self.video.frames))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a frame, both even."""
        height, width = (
            Sheet.of(self.clip).tile if self.sheet else (self.video.height, self.video.width)
        )
        scale = min(1, TALLEST / height, WIDEST / width)
        return _round_to_even(height * scale), _round_to_even(width * scale)

    @property
    def seen(self) -> tuple[int, int, int, int]:
        """Top, left, height and width in pixels of what the encoder saw."""
        height, width = self.size
        if self.sheet:
            return 0, 0, height, width
        frame, target = (
            (self.video.height, self.video.width),
            (self.clip.crop_height, self.clip.crop_width),
        )
        top, left, high, wide = place_picture(frame, target, self.clip.geometry).seen
        return (
            round(top * height),
            round(left * width),
            max(1, round(high * height)),
            max(1, round(wide * width)),
        )

    @property
    def beside(self) -> tuple[int, int]:
        """Height and width of the grid beside a frame."""
        tile, height = Sheet.of(self.clip).tile, self.size[0]
        return height, _round_to_even(height * tile[1] / tile[0])

    def slice(self, frame: int) -> int:
        """The slice that a frame belongs to."""
        return number_slice(self.clip, frame)

    def pictures(self) -> Iterator[tuple[int, Image.Image]]:
        """Number and picture of each frame, of the size of a frame. Raises VideoError where the file breaks."""
        found = self._from_sheet(self.sheet) if self.sheet else self._from_file()
        for frame, picture in found:
            yield frame, picture.resize(self.size[::-1], Image.Resampling.BILINEAR)

    def _from_file(self) -> Iterator[tuple[int, Image.Image]]:
        from tubelet.media import video

        start_s = self.clip.start_s if sources.steady(self.clip, self.video.fps) else None
        for frame in video.frames_from(
            sources.verify(self.video), self.frames.start, start_s, THREADS
        ):
            if frame.index >= self.frames.stop:
                return
            yield frame.index, Image.fromarray(np.ascontiguousarray(frame.pixels))

    def _from_sheet(self, path: Path) -> Iterator[tuple[int, Image.Image]]:
        sheet = Sheet.of(self.clip)
        with Image.open(path) as whole:
            pictures = whole.convert("RGB")
        for frame in self.frames:
            top, left = sheet.corner(self.slice(frame))
            yield frame, pictures.crop((left, top, left + sheet.tile[1], top + sheet.tile[0]))


def number_slice(clip: ClipRow | TimelineRow, frame: int) -> int:
    """The slice of a `clips` row that a frame of its window belongs to."""
    fed = max(0, bisect_right(list_fed_frames(clip), frame) - 1)
    return min(clip["slices"] - 1, fed * clip["slices"] // clip["frame_count"])


def write_video(scene: WindowScene, drawing: Drawing, sink: BinaryIO) -> int:
    """Write the window as an MP4 and return the number of its frames. Raises VideoError where the file breaks."""
    from tubelet.media import recording

    return recording.write_mp4(sink, draw_frames(scene, drawing), scene.video.fps)


@dataclass(frozen=True)
class ScenePart:
    """A window of a longer video: those of its frames that are drawn by it."""

    scene: WindowScene
    frames: range
    drawing: Drawing


def write_parts(parts: Iterator[ScenePart], fps: float, sink: BinaryIO) -> int:
    """Write a whole video as an MP4, its file decoded once, and return the number of its frames. Raises StoreError where the file is gone."""
    from tubelet.media import recording

    return recording.write_mp4(sink, draw_parts(parts), fps)


def draw_parts(parts: Iterator[ScenePart]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Every frame of a video, RGB, with what the part draws that it belongs to; alone where it belongs to none. Parts come in order."""
    from tubelet.media import video

    first = next(parts)
    size, blank = first.scene.size, _blank(first)
    part: ScenePart | None = first
    number: int | None = None
    for frame in video.frames_from(sources.verify(first.scene.video), 0, None, THREADS):
        while part and frame.index >= part.frames.stop:
            part, number = next(parts, None), None
        layers: Layers = (None, blank)
        if part and frame.index in part.frames:
            if part.scene.slice(frame.index) != number:
                number = part.scene.slice(frame.index)
                shown = _layers(part.scene, part.drawing, number)
            layers = shown
        picture = Image.fromarray(np.ascontiguousarray(frame.pixels)).resize(
            size[::-1], Image.Resampling.BILINEAR
        )
        yield np.asarray(_compose(first.scene, picture, layers))


def _blank(part: ScenePart) -> Image.Image | None:
    """What stands beside a frame that belongs to no part."""
    return Image.new("RGB", part.scene.beside[::-1], "white") if part.drawing.beside else None


def draw_frames(scene: WindowScene, drawing: Drawing) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Every frame of the window with what belongs to its slice, RGB ``(h, w, 3)``."""
    number: int | None = None
    layers: Layers = (None, None)
    for frame, picture in scene.pictures():
        if scene.slice(frame) != number:
            number = scene.slice(frame)
            layers = _layers(scene, drawing, number)
        yield np.asarray(_compose(scene, picture, layers))


def _layers(scene: WindowScene, drawing: Drawing, number: int) -> Layers:
    """What lies over the frame and what beside it, in the sizes at which they are shown."""
    _, _, high, wide = scene.seen
    over = drawing.over and Image.fromarray(drawing.over(number)).resize(
        (wide, high), drawing.resampling
    )
    beside = drawing.beside and Image.fromarray(drawing.beside(number)).resize(
        scene.beside[::-1], drawing.resampling
    )
    if over:
        over.putalpha(over.getchannel("A").point(lambda alpha: round(alpha * drawing.opacity)))
    return over, beside


def _compose(scene: WindowScene, picture: Image.Image, layers: Layers) -> Image.Image:
    over, beside = layers
    if over:
        top, left, _, _ = scene.seen
        picture.paste(over, (left, top), over)
    if not beside:
        return picture
    whole = Image.new("RGB", (picture.width + GAP + beside.width, picture.height), "white")
    whole.paste(picture, (0, 0))
    whole.paste(beside, (picture.width + GAP, 0))
    return whole


def _round_to_even(side: float) -> int:
    return max(2, round(side / 2) * 2)
