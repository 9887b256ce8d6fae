"""Motion: where an object is, how turned, how large and in which light, frame by frame."""

from dataclasses import dataclass

import numpy as np

DIRECTIONS = 8  # east first, then clockwise as seen on the screen, 45 degrees apart


@dataclass(frozen=True)
class Motion:
    """One object over T frames: `centers` (T, 2) in pixels (y, x), `angles` (T,) in radians, `scales` (T,), `light` (T, 3), factors."""

    centers: np.ndarray
    angles: np.ndarray
    scales: np.ndarray
    light: np.ndarray

    def __post_init__(self) -> None:
        frames = len(self.centers)
        shapes = self.centers.shape, self.angles.shape, self.scales.shape, self.light.shape
        if shapes != ((frames, 2), (frames,), (frames,), (frames, 3)):
            raise ValueError(f"a motion of {frames} frames has shapes {shapes}")


def plain(centers: np.ndarray) -> Motion:
    """The object keeps its look along a path (T, 2)."""
    frames = len(centers)
    return Motion(centers, np.zeros(frames), np.ones(frames), np.ones((frames, 3)))


def changing(generator: np.random.Generator, centers: np.ndarray, strength: float = 1.0) -> Motion:
    """The object turns, grows or shrinks, and its light changes in strength and color, each steadily along the path.

    At strength 1: by up to 60 degrees, a factor of 1.4, of 1.7 in brightness and of 1.25 per color.
    """
    passed = np.linspace(0, 1, len(centers))
    angle = strength * np.deg2rad(generator.uniform(-60, 60))
    growth, brightness = (
        strength * np.log(limit) * generator.uniform(-1, 1) for limit in (1.4, 1.7)
    )
    tint = strength * np.log(1.25) * generator.uniform(-1, 1, 3)
    return Motion(
        centers,
        angle * passed,
        np.exp(growth * passed),
        np.exp((brightness + tint) * passed[:, None]),
    )


def straight(
    generator: np.random.Generator,
    frames: int,
    side: int,
    margin: float,
    speed: float,
    direction: int,
) -> np.ndarray:
    """A path (T, 2) at `speed` pixels per frame in one of the eight directions, anywhere that keeps it `margin` from the border."""
    angle = direction * 2 * np.pi / DIRECTIONS
    offsets = (
        (np.arange(frames) - (frames - 1) / 2)[:, None]
        * speed
        * np.array([np.sin(angle), np.cos(angle)])
    )
    reach = np.abs(offsets).max(0) + margin
    return (
        generator.uniform(np.minimum(reach, side / 2), np.maximum(side - reach, side / 2)) + offsets
    )


def wandering(
    generator: np.random.Generator, frames: int, side: int, margin: float, speed: float
) -> np.ndarray:
    """A path (T, 2) that starts anywhere, heads anywhere, bends, and bounces off a frame `margin` inside the border."""
    headings = generator.uniform(0, 2 * np.pi) + np.cumsum(generator.normal(0, 0.1, frames))
    steps = speed * np.stack([np.sin(headings), np.cos(headings)], 1)
    free = max(side - 2 * margin, 1.0)
    unfolded = generator.uniform(0, free, 2) + np.cumsum(steps, 0)
    return margin + free - np.abs(unfolded % (2 * free) - free)
