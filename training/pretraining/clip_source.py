"""Clip sources: what clips are cut from, decoded once and held in memory as 8-bit pictures, and the clips cut from it.

A clip is a piece of a real video, a camera's move over a photograph, textured objects that move over one, or an object that rests,
passes behind an occluder, leaves and comes back. Which it is, and everything about it, follows from the generator that is handed in.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from tubelet.ingest.errors import UsageError
from tubelet.ingest.geometry import picture
from tubelet.media.errors import VideoError
from tubelet.media.video import open_video
from tubelet.store.placement import placement
from tubelet.training.scenes import motion, occlusion, outlines, photographs, scene

HELD_SIDE = 256  # pixels of the short side of a video that is held
HELD_RATE = 12.0  # frames per second that are held
HELD_BYTES = 1_500_000_000  # of all videos together; each then keeps its share of frames
FEWEST = 16  # frames of a video that are worth holding
REAL = 0.35  # share of clips from real videos
OCCLUDED = 0.4  # share of generated clips that are cut from an occlusion scene
OBJECTS = (0.3, 0.45, 0.25)  # shares of generated clips with none, one, two objects


@dataclass(frozen=True)
class ClipSource:
    """`videos` (n, 3, h, w) and `pictures` (3, h, w), all uint8."""

    videos: Sequence[torch.Tensor]
    pictures: Sequence[torch.Tensor]

    def clip(self, generator: np.random.Generator, frames: int, side: int) -> torch.Tensor:
        """A clip (T, 3, side, side) in uint8."""
        longest = [video for video in self.videos if len(video) >= frames]
        if longest and generator.random() < REAL:
            cut = _crop_clip(
                generator, longest[int(generator.integers(len(longest)))], frames, side
            )
        else:
            cut = self._generate_clip(generator, frames, side)
        cut = cut.flip(3) if generator.random() < 0.5 else cut
        return cut.flip(0) if generator.random() < 0.5 else cut

    @property
    def fingerprint(self) -> str:
        """A hash of the pictures' shapes and a few of their pixels: other footage makes other clips."""
        digest = hashlib.sha256()
        for pixels in (*self.videos, *self.pictures):
            digest.update(
                f"{tuple(pixels.shape)}".encode()
                + pixels.flatten()[:: max(1, pixels.numel() // 64)].numpy().tobytes()
            )
        return digest.hexdigest()

    def _generate_clip(
        self, generator: np.random.Generator, frames: int, side: int
    ) -> torch.Tensor:
        if generator.random() < OCCLUDED and frames <= occlusion.FRAMES:
            return self._draw_occluded(generator, frames, side)
        count = int(generator.choice(len(OBJECTS), p=OBJECTS))
        ground = scene.still if count and generator.random() < 0.5 else scene.traveling
        background = ground(generator, self._picture(generator), frames, side)
        things = [self._thing(generator, frames, side) for _ in range(count)]
        return (
            scene.compose(background, things).frames
            if things
            else background.round().clamp(0, 255).to(torch.uint8)
        )

    def _draw_occluded(
        self, generator: np.random.Generator, frames: int, side: int
    ) -> torch.Tensor:
        """A stretch of an occlusion scene, a square of three quarters to all of it."""
        made = occlusion.vary(generator, [self._picture(generator).numpy() for _ in range(2)])
        first = int(generator.integers(0, occlusion.FRAMES - frames + 1))
        pictures = np.stack([made.picture(frame) for frame in range(first, first + frames)])
        return _cut_square(
            generator, torch.from_numpy(pictures).permute(0, 3, 1, 2), side, smallest=0.75
        )

    def _thing(
        self, generator: np.random.Generator, frames: int, side: int
    ) -> tuple[scene.Sprite, motion.Motion]:
        size = int(side * generator.uniform(0.2, 0.6))
        path = motion.wandering(
            generator, frames, side, size * 0.3, side * generator.uniform(0, 0.05)
        )
        thing = scene.sprite(generator, self._picture(generator), outlines.blob(generator, size))
        return thing, motion.changing(
            generator, path, strength=max(0.5, frames / 16) * generator.uniform(0, 1.2)
        )

    def _picture(self, generator: np.random.Generator) -> torch.Tensor:
        if self.videos and (not self.pictures or generator.random() < 0.2):
            video = self.videos[int(generator.integers(len(self.videos)))]
            return video[int(generator.integers(len(video)))]
        return self.pictures[int(generator.integers(len(self.pictures)))]


@dataclass(frozen=True)
class FootagePaths:
    """The files that a clip source is gathered from."""

    videos: Sequence[Path]
    photographs: Path | None

    def gather(self) -> tuple[ClipSource, list[str]]:
        """See `gather_clips`."""
        return gather_clips(self.videos, self.photographs)

    @property
    def absolute(self) -> "FootagePaths":
        """The same, whatever folder a process runs in."""
        pictures = self.photographs and Path(os.path.abspath(self.photographs))
        return FootagePaths([Path(os.path.abspath(path)) for path in self.videos], pictures)


def gather_clips(paths: Sequence[Path], folder: Path | None) -> tuple[ClipSource, list[str]]:
    """The clip source of videos and of a folder of photographs, and one line per video that cannot be used. Raises UsageError where none can."""
    share = HELD_BYTES // max(1, len(paths))
    videos, failures = [], []
    for path in paths:
        try:
            videos.append(_load_frames(path, share))
        except VideoError as error:
            failures.append(f"{path.name}: {error}")
    if not videos:
        which = (
            "the only video cannot be used"
            if len(paths) == 1
            else f"none of the {len(paths):,} videos can be used; the first"
        )
        raise UsageError(f"{which}: {failures[0]}")
    sides = (
        photographs.SHORT_SIDE,
        2 * photographs.SHORT_SIDE,
        4 * photographs.SHORT_SIDE,
    )  # the same photograph near and far
    pictures = photographs.load_folder(folder, sides) if folder else []
    return ClipSource(
        videos, pictures + photographs.generate_pictures(np.random.default_rng(0), 8)
    ), failures


def _load_frames(path: Path, share: int) -> torch.Tensor:
    """The first frames of a video at about twelve per second, (n, 3, h, w), as many as its share of memory holds."""
    with open_video(path) as video:
        step = max(1, round(video.fps / HELD_RATE))
        pictures = []
        for shrunk in _shrink(video.frames(), step):
            pictures.append(shrunk)
            if len(pictures) * shrunk.numel() >= share and len(pictures) >= FEWEST:
                break
    if len(pictures) < FEWEST:
        raise VideoError(
            "window",
            f"too short: {len(pictures)} frames at {HELD_RATE:.0f} per second, and {FEWEST} are needed",
        )
    return torch.stack(pictures)


def _shrink(frames: Iterator, step: int) -> Iterator[torch.Tensor]:
    size = None
    for frame in frames:
        if frame.index % step == 0:
            scale = HELD_SIDE / min(frame.displayed)
            size = size or tuple(
                max(HELD_SIDE, round(extent * scale)) for extent in frame.displayed
            )
            yield picture(frame.pixels, placement(frame.displayed, size, fit=True))


def _crop_clip(
    generator: np.random.Generator, video: torch.Tensor, frames: int, side: int
) -> torch.Tensor:
    """Frames one or two apart of a video, a square of half to all of its height, to (T, 3, side, side)."""
    step = int(generator.integers(1, min(2, (len(video) - 1) // max(1, frames - 1)) + 1))
    first = int(generator.integers(0, len(video) - (frames - 1) * step))
    return _cut_square(
        generator, video[first : first + (frames - 1) * step + 1 : step], side, smallest=0.5
    )


def _cut_square(
    generator: np.random.Generator, frames: torch.Tensor, side: int, smallest: float
) -> torch.Tensor:
    """A square of `smallest` to all of the short side, (T, 3, side, side)."""
    size = int(min(frames.shape[2:]) * generator.uniform(smallest, 1))
    top, left = (int(generator.integers(0, extent - size + 1)) for extent in frames.shape[2:])
    piece = frames[:, :, top : top + size, left : left + size]
    return F.interpolate(
        piece, size=(side, side), mode="bilinear", antialias=True, align_corners=False
    )
