"""Events: scenes in which an object moves steadily until something happens that its motion does not explain, and when it happens.

steady     nothing happens
teleport   the object jumps to another place
color      it changes its color
vanish     it goes behind a bar and does not come out again
hidden     it goes behind a bar and comes out as it should: nothing happens
reverse    the second half is the first half backwards
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from tubelet.training.scenes.motion import Motion, plain
from tubelet.training.scenes.outlines import disc
from tubelet.training.scenes.scene import Sprite, compose, still

RADIUS = 0.14  # of the object, as a share of the side
BAR, BAR_COLOR = (
    0.31,
    (60, 60, 70),
)  # width of the bar, as a share of the side: wider than the object


@dataclass(frozen=True)
class EventScene:
    """Frames (T, 3, side, side) in uint8; `frame` is the first that is not as it should be, None where all are."""

    frames: torch.Tensor
    frame: int | None


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What all scenes of one kind are made from: random numbers, a photograph behind and one to cut the object from, and their size."""

    generator: np.random.Generator
    behind: torch.Tensor
    inside: torch.Tensor
    frames: int
    side: int

    @property
    def path(self) -> np.ndarray:
        """Steadily from left to right or back, (T, 2)."""
        margin = RADIUS * self.side
        across = np.linspace(margin, self.side - margin, self.frames)
        row = self.generator.uniform(2 * margin, self.side - 2 * margin)
        across = across if self.generator.random() < 0.5 else across[::-1]
        return np.column_stack([np.full(self.frames, row), across])

    @property
    def moment(self) -> int:
        """A frame in the third quarter at which something happens; even, so that a slice begins with it."""
        return 2 * int(self.generator.integers(self.frames // 4, 3 * self.frames // 8 + 1))

    def film(self, motion: Motion) -> torch.Tensor:
        """An object under a motion over the background."""
        diameter = 2 * round(RADIUS * self.side)
        size = min(self.inside.shape[1:])
        cut = torch.nn.functional.interpolate(
            self.inside[None, :, :size, :size].float(), size=(diameter, diameter), mode="area"
        )[0]
        background = still(self.generator, self.behind, self.frames, self.side)
        return compose(background, [(Sprite(cut, disc(diameter)), motion)]).frames


def _steady(stage: Stage) -> EventScene:
    return EventScene(stage.film(plain(stage.path)), None)


def _teleport(stage: Stage) -> EventScene:
    """Half of the picture away, up or down."""
    path, at = stage.path, stage.moment
    margin = RADIUS * stage.side
    path[at:, 0] = margin + (path[at:, 0] - margin + stage.side / 2) % (stage.side - 2 * margin)
    return EventScene(stage.film(plain(path)), at)


def _color(stage: Stage) -> EventScene:
    path, at = stage.path, stage.moment
    light = np.ones((stage.frames, 3))
    light[at:] = stage.generator.permutation([0.2, 1.0, 1.9])
    calm = plain(path)
    return EventScene(stage.film(Motion(path, calm.angles, calm.scales, light)), at)


def _vanish(stage: Stage) -> EventScene:
    return _behind_bar(stage, returns=False)


def _hide_object(stage: Stage) -> EventScene:
    return _behind_bar(stage, returns=True)


def _behind_bar(stage: Stage, returns: bool) -> EventScene:
    """A bar over the middle that hides the whole object for a while: the moment is when the object should begin to come out."""
    path, center, half = stage.path, stage.side / 2, stage.side * BAR / 2
    ahead = path[:, 1] if path[-1, 1] > path[0, 1] else stage.side - path[:, 1]
    out = ahead + RADIUS * stage.side > center + half
    if not returns:
        path[out, 0] = -4 * stage.side
    frames = stage.film(plain(path))
    left, right = round(center - half), round(center + half)
    frames[:, :, :, left:right] = torch.tensor(BAR_COLOR, dtype=torch.uint8)[:, None, None]
    return EventScene(frames, None if returns else int(np.argmax(out)))


def _reverse(stage: Stage) -> EventScene:
    frames = stage.film(plain(stage.path))
    half = stage.frames // 2
    return EventScene(torch.cat([frames[:half], frames[:half].flip(0)]), half)


EVENTS: dict[str, Callable[[Stage], EventScene]] = {
    "steady": _steady,
    "teleport": _teleport,
    "color": _color,
    "vanish": _vanish,
    "hidden": _hide_object,
    "reverse": _reverse,
}


def make_event(
    name: str, seed: int, photographs: list[torch.Tensor], frames: int = 32, side: int = 112
) -> EventScene:
    """One scene of a kind; the same for the same seed and photographs."""
    generator = np.random.default_rng(seed)
    behind, inside = (
        photographs[int(number)]
        for number in generator.choice(len(photographs), 2, replace=len(photographs) < 2)
    )
    return EVENTS[name](
        Stage(generator=generator, behind=behind, inside=inside, frames=frames, side=side)
    )
