"""Transition models that are fitted to calm scenes alone, and what they say of scenes with an event.

Calm: an object moves steadily, in half of the scenes behind a bar. Scenes to learn from show generated pictures, with seeds of their own; those that
are judged show others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tubelet.training.fitting.tokens import StretchOptions, TokenClip
from tubelet.training.scenes.events import EventScene, make_event
from tubelet.training.scenes.photographs import generate_leaves, generate_pictures
from tubelet.training.transition.learning import FittedNetwork, Parts, fit
from tubelet.training.transition.options import TransitionOptions
from tubelet.training.transition.surprise import SliceSurprise, measure_surprise

CALM = "steady", "hidden"
FIRST_SEED = 100_000  # of the scenes to learn from: those that are judged count from 0
HELD = 8  # every so many scenes decide when fitting ends
CONTEXT = 4

Encode = Callable[[torch.Tensor], torch.Tensor]  # frames (T, 3, h, w) to tokens (S, H, W, D)


@dataclass(frozen=True)
class SceneTokens:
    """Tokens of scenes, one clip each."""

    tokens: Sequence[torch.Tensor]

    @property
    def clips(self) -> list[TokenClip]:
        return [
            TokenClip(str(number), str(number), tuple(one.shape))
            for number, one in enumerate(self.tokens)
        ]

    def read(self, number: int, first: int, stop: int) -> torch.Tensor:
        return self.tokens[number][first:stop].clone()


def make_calm_scenes(count: int, **size: int) -> list[EventScene]:
    """Scenes to learn from; a third of the pictures is smooth noise, the others have edges."""
    generator = np.random.default_rng(FIRST_SEED)
    pictures = generate_pictures(generator, 40) + generate_leaves(generator, 80)
    return [
        make_event(CALM[number % 2], FIRST_SEED + number, pictures, **size)
        for number in range(count)
    ]


def fit_on_scenes(
    scenes: Sequence[EventScene], encode: Encode, options: TransitionOptions
) -> FittedNetwork:
    """A model that sees `CONTEXT` slices."""
    clips = SceneTokens([encode(scene.frames) for scene in scenes])
    held = range(0, len(scenes), HELD)
    learn = [number for number in range(len(scenes)) if number not in held]
    reading = StretchOptions(options.batch, options.block + 1, torch.device("cpu"))
    return fit(clips, Parts(learn, held), options, reading)


@dataclass(frozen=True)
class JudgedScene:
    """What a model says of one scene, and the slice that is not as it should be."""

    moment: int | None
    found: SliceSurprise

    def read_curve(self, name: str) -> np.ndarray:
        """Over slices, the mean over patches of one of the errors."""
        return getattr(self.found, name).mean((1, 2)).numpy()

    def is_found(self, name: str) -> bool:
        """Whether the highest slice is within one of the moment."""
        at = self.found.first + int(self.read_curve(name).argmax())
        return self.moment is not None and abs(at - self.moment) <= 1

    def compare_peak(self, name: str) -> float:
        """The highest slice over the median one; NaN where the median has no error."""
        curve = self.read_curve(name)
        return float(curve.max() / np.median(curve)) if np.median(curve) else np.nan


def judge_scene(model: FittedNetwork, encode: Encode, scene: EventScene) -> JudgedScene:
    tokens = encode(scene.frames)
    found = measure_surprise(model.network, model.scaling, tokens, CONTEXT)
    return JudgedScene(None if scene.frame is None else scene.frame // 2, found)
