"""The batches: which clips, how seen, under which masks. Batch n follows from seed and n alone: a resumed run goes on unchanged."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from tubelet.training.pretraining import augmentation
from tubelet.training.pretraining.clip_source import ClipSource
from tubelet.training.pretraining.token_masks import sample_masks
from tubelet.training.pretraining.objective import Batch
from tubelet.training.pretraining.settings import Settings

CYCLE = ("short", "long", "short", "long", "long", "short", "long", "image")  # kinds of clips, lot by lot
MASKS = ("short", "long", "scatter", "tubes", "future")  # kinds of masks, of which a batch of clips draws some
IMAGE_MASKS = ("image", "scatter")
LAG = 8  # lots between two sights of the same one


def source(step: int, settings: Settings) -> int:
    """The number of the set of clips that a step sees: `repeats` steps see it, some steps apart, with other augmentation and masks."""
    fresh, seen_before = divmod(step, settings.repeats)
    return abs(fresh - LAG * seen_before)


def frames(number: int, settings: Settings) -> int:
    """Frames of a set of clips."""
    return {"short": settings.short_frames, "long": settings.frames, "image": 1}[CYCLE[number % len(CYCLE)]]


def clips(number: int, footage: ClipSource, settings: Settings) -> torch.Tensor:
    """Set number `number` of clips, (B, T, 3, H, W) in uint8."""
    generator = np.random.default_rng([settings.seed, number])
    length = frames(number, settings)
    return torch.stack([footage.clip(generator, length, settings.side) for _ in range(settings.clips(length))])


def batch(step: int, footage: ClipSource, settings: Settings) -> Batch:
    """Batch number `step`, on the CPU."""
    return _shown(step, clips(source(step, settings), footage, settings), settings)


def _shown(step: int, chosen: torch.Tensor, settings: Settings) -> Batch:
    generator = np.random.default_rng([settings.seed, step, 1])
    count, length = chosen.shape[:2]
    wanted = settings.masks if step % settings.masked_every == 0 else 0
    kinds = generator.permutation(IMAGE_MASKS if length == 1 else MASKS)[:wanted]
    masks = [sample_masks(kind, generator, settings.grid(length), count) for kind in kinds]
    whole = chosen.float()
    return Batch(whole, augmentation.augment(generator, whole, settings.patch), masks, source(step, settings))


def from_step(first: int, last: int, footage: ClipSource, settings: Settings) -> Iterator[tuple[int, Batch]]:
    """Batches `first` to `last` in order, the next ones prepared by other threads meanwhile."""
    workers = max(1, (os.cpu_count() or 2) // 2)
    ahead = workers + settings.repeats
    lots: dict[int, Future] = {}
    with ThreadPoolExecutor(workers) as threads:
        coming: deque[Future] = deque()
        for step in range(first, last + ahead):
            if step < last:
                number = source(step, settings)
                lot = lots[number] = lots.pop(number, None) or threads.submit(clips, number, footage, settings)
                coming.append(threads.submit(lambda step, lot: _shown(step, lot.result(), settings), step, lot))
                _drop(lots, LAG * settings.repeats)
            if step >= first + ahead and coming:
                yield step - ahead, coming.popleft().result()


def _drop(lots: dict[int, Future], kept: int) -> None:
    """Forget the sets that were not used for the longest time."""
    for number in list(lots)[:-kept]:
        del lots[number]
