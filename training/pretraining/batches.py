"""The batches: which crops of which clips, how seen, under which masks. Batch n follows from seed and n alone: a resumed run goes on unchanged."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from tubelet.training.pretraining import augmentation, crops
from tubelet.training.pretraining.bank import Bank
from tubelet.training.pretraining.crops import Crop, CropPlace
from tubelet.training.pretraining.distillation import MOTION
from tubelet.training.pretraining.objective import Batch
from tubelet.training.pretraining.token_masks import sample_masks

IMAGE_MASKS = ("image", "scatter")  # an image has no time to hide
FIRST = 128  # clips in the bank at the start
EACH = 12  # steps for which one more comes in


def count_known(step: int, bank: int) -> int:
    """Clips that a step may draw from: the bank fills up during the run."""
    return min(bank, FIRST + step // EACH)


def batch(step: int, steps: int, bank: Bank) -> Batch:
    """Batch number `step` of `steps`, on the CPU."""
    settings = bank.settings
    generator = np.random.default_rng([settings.seed, step, 1])
    whole = (
        steps - step <= settings.whole and step % 4 < 2
    )  # an odd and an even step: with masks and without
    crop = crops.choose(step, generator, settings, whole)
    numbers = _choose_clips(generator, crop.count, step, settings.bank)
    cut = [
        _cut(bank, number, crop, CropPlace.any(generator, crop, settings.grid))
        for number in numbers
    ]
    clips = torch.from_numpy(np.stack([frames for frames, _ in cut])).float()
    masks = []
    if step % settings.masked_every == 0:
        known = IMAGE_MASKS if crop.kind == "image" else settings.kinds
        kinds = generator.permutation(known)[: settings.masks]
        masks = [
            sample_masks(kind, generator, crop.grid, crop.count, settings.mask_ratio)
            for kind in kinds
        ]
    seen = (
        clips
        if masks and settings.masked_every > 1
        else augmentation.augment(generator, clips, settings.patch, settings.light)
    )
    parts = [found for _, found in cut if found is not None]  # of all clips or of none
    features = torch.from_numpy(np.stack(parts)) if parts else None
    return Batch(clips=clips, seen=seen, masks=masks, piece=crop.piece, features=features)


def from_step(first: int, last: int, bank: Bank) -> Iterator[Batch]:
    """Batches `first` to `last` in order, the next ones made by other threads while one is learned from."""
    workers = max(1, (os.cpu_count() or 2) // 2)
    with ThreadPoolExecutor(workers) as threads:
        coming: deque[Future] = deque()
        for step in range(first, last):
            coming.append(threads.submit(batch, step, last, bank))
            if len(coming) > 2 * workers:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def _choose_clips(generator: np.random.Generator, count: int, step: int, bank: int) -> np.ndarray:
    """Different clips as long as there are as many; the newest always comes first."""
    there = count_known(step, bank)
    chosen = (
        generator.permutation(there)[:count]
        if count <= there
        else generator.integers(0, there, count)
    )
    if there < bank and step % EACH == 0:
        chosen[0] = there - 1
    return chosen


def _cut(
    bank: Bank, number: int, crop: Crop, place: CropPlace
) -> tuple[np.ndarray, np.ndarray | None]:
    frames, features = bank.clip(int(number))
    return (
        crops.cut_frames(frames, crop, place, bank.settings.patch),
        None if features is None else crops.cut_features(features, crop, place, MOTION),
    )
