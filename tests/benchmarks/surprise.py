"""Surprise: is it highest when something happens? Generated scenes with a known moment, for every encoder here that has a predictor.

The share of scenes whose most surprising slice is within one of the moment stands beside the same share of the change of pixels, which needs no
network. Scenes in which nothing happens have a flat curve where peak over median is 1. Contexts encoded together stand beside one by one, and
the CPU time of a window's surprise beside that of encoding it once.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median

import numpy as np
import torch

from tests.benchmarks.measure import Row, by_turns, milliseconds
from tests.benchmarks.scenes import backgrounds
from tubelet.ingest import encoders
from tubelet.ingest.catalogue import catalogue
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.ingest.prediction.contexts import (
    CPU_BATCH,
    PredictionTask,
    Surprise,
    SurpriseMeter,
    list_tasks,
)
from tubelet.ingest.prediction.networks import EncoderWithPredictor
from tubelet.store.intervals import Interval, interval
from tubelet.training.scenes.events import EVENTS, EventScene, make_event

SCENES, CONTEXT, SLICES = 10, 4, 16
MEASURES = ("l1", "cosine", "copy_l1", "l1_over_copy", "motion")
CONTROL = "pixel_change"
CPU = torch.device("cpu")


def rows() -> Iterator[Row]:
    _, pictures = backgrounds()
    photographs = [torch.from_numpy(picture) for picture in pictures]
    tasks = list_tasks(CONTEXT, 1, SLICES)
    for entry in catalogue().entries:
        if entry.cached or entry.download_bytes is None:
            try:
                networks = load_networks(entry.name)
            except UsageError as error:
                print(f"{entry.name} is not measured: {error}", file=sys.stderr)
                continue
            meter = SurpriseMeter(networks, CPU_BATCH)
            for event in EVENTS:
                scenes = [make_event(event, seed, photographs) for seed in range(SCENES)]
                measured = [list(meter.measure(scene.frames, tasks)) for scene in scenes]
                yield from _describe_event(f"{entry.name}, {event}", scenes, measured)
            yield _time_batches(entry.name, networks, scenes[0])
            yield from _compare_with_encoding(entry.name, networks)


def load_networks(name: str) -> EncoderWithPredictor:
    """Raises UsageError for an encoder without a predictor or without weights."""
    found, setting = encoders.row(name), LoadOptions(device=CPU)
    if found.predictor is None:
        raise UsageError("it has no predictor")
    _, encoder = encoders.load(name, setting)
    return EncoderWithPredictor(encoder, found.predictor(setting))


def read_curve(measured: Sequence[Surprise], name: str) -> np.ndarray:
    """A measure over the predicted slices; high where more surprises."""
    curve = np.array([one.of_slice[name] for one in measured])
    return -curve if name == "cosine" else curve


def is_found(scene: EventScene, measured: Sequence[Surprise], name: str) -> bool:
    """Whether the highest slice is within one of the moment."""
    at = measured[int(read_curve(measured, name).argmax())].task.slice
    return scene.frame is not None and abs(at - scene.frame // 2) <= 1


def _describe_event(
    what: str, scenes: Sequence[EventScene], measured: Sequence[Sequence[Surprise]]
) -> Iterator[Row]:
    if scenes[0].frame is None:
        for name in ("l1", "copy_l1"):
            ours, theirs = (
                interval([_peak(one, each) for one in measured], 0) for each in (name, CONTROL)
            )
            yield _compare(f"{what}, {name}: peak over median", ours, theirs)
        return
    for name in MEASURES:
        ours, theirs = (_share(scenes, measured, each) for each in (name, CONTROL))
        yield _compare(f"{what}, {name}: moment found", ours, theirs)


def _peak(measured: Sequence[Surprise], name: str) -> float:
    curve = read_curve(measured, name)
    return float(curve.max() / max(np.median(curve), 1e-9))


def _compare(what: str, ours: Interval, control: Interval) -> Row:
    ratio = ours.mean / control.mean if control.mean else np.nan
    return Row(what, str(ours), f"{CONTROL} {control}", ratio, "-")


def _share(
    scenes: Sequence[EventScene], measured: Sequence[Sequence[Surprise]], name: str
) -> Interval:
    found = [float(is_found(scene, one, name)) for scene, one in zip(scenes, measured, strict=True)]
    return interval(found, 0, 1)


def _time_batches(name: str, networks: EncoderWithPredictor, scene: EventScene) -> Row:
    """Seconds of one window, contexts together and one by one."""
    tasks = list_tasks(CONTEXT, 1, SLICES)

    def measure(batch: int) -> Callable[[], object]:
        return lambda: list(SurpriseMeter(networks, batch).measure(scene.frames, tasks))

    together, alone, ratio = by_turns(measure(CPU_BATCH), measure(1), turns=3)
    what = f"{name}, {len(tasks)} contexts of a window, {CPU_BATCH} at once"
    return Row(what, milliseconds(together), f"one by one {milliseconds(alone)}", ratio, "below 1")


def _compare_with_encoding(name: str, networks: EncoderWithPredictor) -> Iterator[Row]:
    """CPU time of a window of 16 frames at 224 px, one slice predicted or all, its target encoded or known."""
    frames = torch.randint(0, 256, (16, 3, 224, 224), dtype=torch.uint8)
    own = networks.view(networks.encoder.normalize(frames[None]))[0]
    for every, known in ((4, None), (1, None), (4, own)):
        tasks = list_tasks(CONTEXT, 1, 8, every)
        ratio = compare_cpu_time(networks, frames, tasks, known)
        target = "1.6" if every == 4 and known is None else "-"
        what = f"{name}, {len(tasks)} of 8 slices predicted, target {'encoded' if known is None else 'known'}"
        yield Row(what, "CPU time", "encoding the window once", ratio, target)
    ratio = compare_ingest(networks, frames, list_tasks(CONTEXT, 1, 8, 4))
    what = f"{name}, a window encoded and one of its 8 slices predicted, as an ingest does"
    yield Row(what, "CPU time", "encoding the window once", ratio, "1.6")


def compare_ingest(
    networks: EncoderWithPredictor,
    frames: torch.Tensor,
    tasks: Sequence[PredictionTask],
    turns: int = 5,
) -> float:
    """CPU time of encoding a window and measuring its surprise from the same pass, over that of encoding it."""

    def encode() -> None:
        with torch.inference_mode():
            networks.encoder.encode(frames[None])

    def both() -> None:
        with torch.inference_mode():
            _, own, patches = networks.encode_beside(frames[None])
            meter = SurpriseMeter(networks, CPU_BATCH)
            list(meter.measure(frames, tasks, None if own is None else own[0], patches))

    encode(), both()
    return median(_cpu_seconds(both) / _cpu_seconds(encode) for _ in range(turns))


def compare_cpu_time(
    networks: EncoderWithPredictor,
    frames: torch.Tensor,
    tasks: Sequence[PredictionTask],
    own: torch.Tensor | None = None,
    turns: int = 5,
) -> float:
    """CPU time of a window's surprise over that of encoding it once, turn by turn: a busy machine changes wall time alone."""

    def encode() -> None:
        with torch.inference_mode():
            networks.encoder.encode(frames[None])

    def measure() -> None:
        list(SurpriseMeter(networks, CPU_BATCH).measure(frames, tasks, own))

    encode(), measure()
    return median(_cpu_seconds(measure) / _cpu_seconds(encode) for _ in range(turns))


def _cpu_seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
