"""Surprise of predictors that are trained here, on calm scenes: is it highest when something happens?

Per encoder, a transition model and a linear one learn from scenes in which nothing happens, over generated pictures; they are judged on scenes with other seeds, over
other generated pictures and over photographs, of which they have seen none. The rule: the slice with the highest mean error over its patches is within one of the moment. A random slice is so in 3 of 12. The measure is
the squared error, each dimension over its mean on calm scenes held back (`standard`); `local` is the root of its mean square over patches; the squared and the absolute error stand below, and the same share
for the error of a copy of the last slice, which needs no training, beside each. A peak alone shows nothing: the second share says how often it is higher than
that of the same scene without the event.
"""

import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.nn import functional as F

from tests.benchmarks.measure import Row
from tests.benchmarks.scenes import backgrounds
from tests.calm_linear import fit_linear
from tests.calm_scenes import (  # fmt: skip
    Encode,
    JudgedScene,
    Predictor,
    SceneTokens,
    encode_scenes,
    fit_transition,
    judge_scene,
    make_calm_scenes,
)
from tubelet.ingest import encoders
from tubelet.ingest.catalogue import catalogue
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.store.intervals import interval, share
from tubelet.training.fitting.pixels import PATCH, cut_patches
from tubelet.training.scenes.events import EVENTS, make_event
from tubelet.training.scenes.photographs import generate_leaves, generate_pictures
from tubelet.training.transition.options import TransitionOptions

LEARNED, LEARNED_LINEARLY, JUDGED = 2000, 3000, 20
OPTIONS = TransitionOptions(
    block=7, width=64, depth=3, steps=1400, rate=2e-3, batch=8, device="cpu"
)
FIRST_JUDGED = 500  # seeds of the judged scenes: none of them was looked at while this was made
PIXELS, MEASURES = "raw pixels", ("standard", "local", "squared", "l1")
WITHOUT = {"teleport": "steady", "color": "steady", "vanish": "hidden", "reverse": "steady"}


def rows() -> Iterator[Row]:
    for name, encode in _list_encoders():
        clips = encode_scenes(make_calm_scenes(LEARNED_LINEARLY), encode)
        for what, model, explained, seconds in _fit_both(clips):
            yield Row(
                f"{name}, {what}: error explained over copying, calm scenes held back",
                f"{explained:.2f}",
                f"{seconds:.0f} s of CPU",
                explained,
                "-",
            )
            for kind, pictures in list_pictures():
                yield from judge(f"{name}, {what}, {kind}", model, encode, pictures)


def _fit_both(clips: SceneTokens) -> Iterator[tuple[str, Predictor, float, float]]:
    """Each predictor, what it explains of the error of a copy, and its seconds of CPU; the encoding is not counted."""
    started = time.process_time()
    linear = fit_linear(clips)
    yield "linear maps", linear, linear.explained, time.process_time() - started
    started = time.process_time()
    model = fit_transition(SceneTokens(clips.tokens[:LEARNED]), OPTIONS)
    seconds = time.process_time() - started
    yield f"transition model of {OPTIONS.steps} steps", model, model.fitted.held_explained, seconds


def list_pictures() -> Iterator[tuple[str, list[torch.Tensor]]]:
    """What the judged scenes show: generated pictures with a seed of their own, as many and of the kinds that were learned from, and photographs."""
    generator = np.random.default_rng(FIRST_JUDGED)
    yield "generated pictures", generate_pictures(generator, 40) + generate_leaves(generator, 80)
    yield "photographs", [torch.from_numpy(picture) for picture in backgrounds()[1]]


def judge(
    what: str, model: Predictor, encode: Encode, pictures: list[torch.Tensor]
) -> Iterator[Row]:
    seeds = range(FIRST_JUDGED, FIRST_JUDGED + JUDGED)
    judged = {
        event: [judge_scene(model, encode, make_event(event, seed, pictures)) for seed in seeds]
        for event in EVENTS
    }
    for event in EVENTS:
        yield from describe_event(f"{what}, {event}", judged[event])
    for event, calm in WITHOUT.items():
        yield from compare_with_calm(f"{what}, {event}", judged[event], judged[calm])


def _list_encoders() -> Iterator[tuple[str, Encode]]:
    for entry in catalogue().entries:
        if entry.cached or entry.download_bytes is None:
            try:
                yield entry.name, load_encode(entry.name)
            except UsageError as error:
                print(f"{entry.name} is not measured: {error}", file=sys.stderr)
    yield PIXELS, encode_pixels


def load_encode(name: str) -> Encode:
    """The tokens that an ingest stores. Raises UsageError for an encoder without weights."""
    _, encoder = encoders.load(name, LoadOptions(device=torch.device("cpu")))

    def encode(frames: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return encoder.encode(frames[None]).embeddings[0].float()

    return encode


def encode_pixels(frames: torch.Tensor) -> torch.Tensor:
    """The first frame of each slice, made small: 4 x 4 pixels per token of 16 x 16."""
    small = F.avg_pool2d(frames[::2].float() / 255, 16 // PATCH)
    return cut_patches(small.movedim(1, -1), PATCH)


def describe_event(what: str, judged: Sequence[JudgedScene]) -> Iterator[Row]:
    for name in MEASURES:
        if judged[0].moment is None:
            ours, copied = (
                interval([one.compare_peak(each) for one in judged], 0)
                for each in (name, f"copy_{name}")
            )
            told = f"{what}, {name}: peak over median"
            yield Row(told, str(ours), f"copy {copied}", ours.mean / copied.mean, "-")
        else:
            found, copied_share = (_share(judged, each) for each in (name, f"copy_{name}"))
            told, beside = f"{what}, {name}: moment found", f"copy {_say(copied_share)}"
            yield Row(told, _say(found), f"{beside}, chance 0.25", found[0], "0.90")


def compare_with_calm(
    what: str, judged: Sequence[JudgedScene], calm: Sequence[JudgedScene]
) -> Iterator[Row]:
    for name in MEASURES:
        higher, copied = (
            share(sum(a.is_higher_than(b, each) for a, b in zip(judged, calm)), len(judged))
            for each in (name, f"copy_{name}")
        )
        told = f"{what}, {name}: peak higher than without the event"
        yield Row(told, _say(higher), f"copy {_say(copied)}, chance 0.50", higher[0], "-")


def _share(judged: Sequence[JudgedScene], name: str) -> tuple[float, float, float]:
    return share(sum(one.is_found(name) for one in judged), len(judged))


def _say(found: tuple[float, float, float]) -> str:
    return "{:.2f} ({:.2f} to {:.2f})".format(*found)
