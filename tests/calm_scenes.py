"""Predictors that are fitted to calm scenes alone, and what they say of scenes with an event.

Calm: an object moves steadily, in two of three scenes behind a bar. Scenes to learn from show generated pictures, with seeds of their own; those
that are judged show others.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from tubelet.training.fitting.tokens import StretchOptions, TokenClip
from tubelet.training.scenes.events import EventScene, make_event
from tubelet.training.scenes.photographs import generate_leaves, generate_pictures
from tubelet.training.transition.learning import FittedNetwork, Parts, fit
from tubelet.training.transition.options import TransitionOptions
from tubelet.training.transition.surprise import (
    SliceSurprise,
    UsualErrors,
    measure_surprise,
    measure_usual_errors,
)

CALM = "steady", "hidden", "hidden"
FIRST_SEED = 100_000  # of the scenes to learn from: those that are judged count from 0
HELD = 40  # scenes, at most, or an eighth: they decide when fitting ends, and what error is usual
LOCAL = {"local": "standard", "copy_local": "copy_standard"}
CONTEXT = 4  # slices before the first that is judged; later ones are judged after as many as the model sees

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


def make_calm_scenes(count: int, **size: int) -> Iterator[EventScene]:
    """Scenes to learn from; a third of the pictures is smooth noise, the others have edges."""
    generator = np.random.default_rng(FIRST_SEED)
    pictures = generate_pictures(generator, 40) + generate_leaves(generator, 80)
    for number in range(count):
        yield make_event(CALM[number % len(CALM)], FIRST_SEED + number, pictures, **size)


class Predictor(Protocol):
    """What was fitted to calm scenes."""

    @property
    def block(self) -> int:
        """Slices that it sees, at most."""
        ...

    def surprise(self, tokens: torch.Tensor, context: int) -> SliceSurprise:
        """Of a scene (S, H, W, D) from its beginning: each slice predicted from the `context` slices before it alone."""
        ...


@dataclass(frozen=True)
class CalmModel:
    """A transition model that was fitted to calm scenes, and its errors on those held back."""

    fitted: FittedNetwork
    usual: UsualErrors

    @property
    def block(self) -> int:
        return self.fitted.network.shape.block

    def surprise(self, tokens: torch.Tensor, context: int) -> SliceSurprise:
        return measure_surprise(
            self.fitted.network, self.fitted.scaling, tokens, context, self.usual
        )


def encode_scenes(scenes: Iterable[EventScene], encode: Encode) -> SceneTokens:
    return SceneTokens([encode(scene.frames) for scene in scenes])


def fit_transition(clips: SceneTokens, options: TransitionOptions) -> CalmModel:
    numbers = range(len(clips.tokens))
    first_held = len(numbers) - min(HELD, len(numbers) // 8)
    learn, held = numbers[:first_held], numbers[first_held:]
    reading = StretchOptions(options.batch, options.block + 1, torch.device("cpu"))
    fitted = fit(clips, Parts(learn, held), options, reading)
    calm = (clips.tokens[number] for number in held)
    return CalmModel(
        fitted, measure_usual_errors(fitted.network, fitted.scaling, calm, options.block)
    )


@dataclass(frozen=True)
class JudgedScene:
    """What a model says of one scene, `CONTEXT` slices and later, and the slice that is not as it should be."""

    moment: int | None
    parts: Sequence[SliceSurprise]

    def read_curve(self, name: str) -> np.ndarray:
        """Over slices, the mean over patches of one of the errors; for `local`, the root of the mean square of `standard`, in which few patches with a large error count for more."""
        errors = torch.cat([getattr(part, LOCAL.get(name, name)) for part in self.parts])
        if name in LOCAL:
            return errors.square().mean((1, 2)).sqrt().numpy()
        return errors.mean((1, 2)).numpy()

    def is_found(self, name: str) -> bool:
        """Whether the highest slice is within one of the moment."""
        at = CONTEXT + int(self.read_curve(name).argmax())
        return self.moment is not None and abs(at - self.moment) <= 1

    def is_higher_than(self, calm: "JudgedScene", name: str) -> bool:
        """Whether the highest slice is higher than that of the same scene without the event."""
        return bool(self.read_curve(name).max() > calm.read_curve(name).max())

    def compare_peak(self, name: str) -> float:
        """The highest slice over the median one; NaN where the median has no error."""
        curve = self.read_curve(name)
        return float(curve.max() / np.median(curve)) if np.median(curve) else np.nan


def judge_scene(model: Predictor, encode: Encode, scene: EventScene) -> JudgedScene:
    """Each slice after all that precede it, up to as many as the model sees."""
    tokens, block = encode(scene.frames), model.block
    parts = [model.surprise(tokens[: seen + 1], seen) for seen in range(CONTEXT, block)]
    parts.append(model.surprise(tokens, block))
    return JudgedScene(None if scene.frame is None else scene.frame // 2, parts)
