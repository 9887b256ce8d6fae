"""The batches: which clips, how seen, under which masks. Batch n follows from seed and n alone: a resumed run goes on unchanged."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from ingest.pretraining import augmentation
from ingest.pretraining.footage import Footage
from ingest.pretraining.masks import drawn
from ingest.pretraining.objective import Batch
from ingest.pretraining.settings import Settings

CYCLE = ("short", "short", "long", "short", "short", "image", "short", "short")  # kinds of clips, step by step
MASKS = ("short", "long", "scatter", "tubes", "future")  # kinds of masks, of which a batch of clips draws some
IMAGE_MASKS = ("image", "scatter")


def frames(step: int, settings: Settings) -> int:
    """Frames of the clips of a step."""
    return {"short": settings.short_frames, "long": settings.frames, "image": 1}[CYCLE[step % len(CYCLE)]]


def batch(step: int, footage: Footage, settings: Settings) -> Batch:
    """Batch number `step`, on the CPU."""
    generator = np.random.default_rng([settings.seed, step])
    length = frames(step, settings)
    count = settings.clips(length)
    clips = torch.stack([footage.clip(generator, length, settings.side) for _ in range(count)]).float()
    kinds = generator.permutation(IMAGE_MASKS if length == 1 else MASKS)[: settings.masks]
    masks = [drawn(kind, generator, settings.grid(length), count) for kind in kinds]
    return Batch(clips, augmentation.seen(generator, clips, settings.patch), masks)


def from_step(first: int, last: int, footage: Footage, settings: Settings) -> Iterator[tuple[int, Batch]]:
    """Batches `first` to `last` in order, the next ones made by other threads while one is learned from."""
    workers = max(1, (os.cpu_count() or 2) // 2)
    with ThreadPoolExecutor(workers) as threads:
        coming: deque[Future] = deque()
        for step in range(first, last + workers):
            if step < last:
                coming.append(threads.submit(batch, step, footage, settings))
            if step >= first + workers and coming:
                yield step - workers, coming.popleft().result()
