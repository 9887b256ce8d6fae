"""Tracking, absence and segmentation on generated scenes and on harder ones, for every encoder whose weights are on this machine.

A textured object moves over a photograph: it pauses, an occluder stands before it for a while, it leaves the picture and comes back. Photographs
are scikit-image's, where that is installed, and frames of the demo's videos; where there are neither, textures are generated.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from tests.benchmarks.measure import Row
from tests.followed import Scenes, TrackShares, ingested
from tubelet.ingest import encoders
from tubelet.ingest.catalogue import catalogue
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.ingest.samples import sample_videos
from tubelet.store.intervals import interval
from tubelet.training.evaluation.page_scenes import CORRECTIONS, measure_scenes
from tubelet.training.scenes import photographs
from tubelet.training.scenes.hard import KINDS, hard_scenes
from tubelet.training.scenes.occlusion import OcclusionScene

SCENES = 12
HARD = 24  # three of each kind


def rows() -> Iterator[Row]:
    kind, pictures = backgrounds()
    scenes = [OcclusionScene.of(seed, pictures) for seed in range(SCENES)]
    for name in (
        entry.name for entry in catalogue().entries if entry.cached or entry.download_bytes is None
    ):
        with tempfile.TemporaryDirectory() as folder:
            try:
                made = ingested(Path(folder), name, scenes)
            except UsageError as error:
                print(f"{name} is not measured: {error}", file=sys.stderr)
                continue
            yield from _rows(f"{name}, {SCENES} scenes over {kind}", made)
            made.store.close()
        yield from hard_rows(name, [torch.from_numpy(picture) for picture in pictures])


def hard_rows(name: str, pictures: Sequence[torch.Tensor], count: int = HARD) -> Iterator[Row]:
    """Means over scenes of a kind, and over all, with 95% intervals over scenes."""
    _, encoder = encoders.load(name, LoadOptions(device=torch.device("cpu")))

    def encode(frames: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return encoder.encode(frames[None]).embeddings[0]

    scenes = hard_scenes(pictures, count)
    found = measure_scenes(encode, scenes, corrections=0)
    for what, scores in (("tracked within one patch", found.tracked), ("IoU", found.first)):
        for kind in (*KINDS, None):
            some = [one for one, scene in zip(scores, scenes) if kind in (None, scene.kind)]
            mean = interval(some, 0, 1)
            told = f"{name}, {kind or 'all kinds'}: {what}"
            yield Row(told, str(mean), f"{mean.count} scenes", mean.mean, "")


def backgrounds() -> tuple[str, list[np.ndarray]]:
    """Pictures ``(3, H, W)`` to put scenes over, and what they are."""
    found = [*photographs.load_scikit_image(), *photographs.load_videos(_samples())]
    if found:
        return f"{len(found)} photographs", [picture.numpy() for picture in found]
    return "generated textures", [
        picture.numpy()
        for picture in photographs.generate_pictures(np.random.default_rng(0), SCENES)
    ]


def _rows(what: str, made: Scenes) -> Iterator[Row]:
    held = TrackShares.of([made.follow(number) for number in range(SCENES)])
    visible, absent = f"{held.visible} slices", f"{held.absent} slices"
    yield Row(
        f"{what}: tracked within one patch where visible",
        f"{held.near:.3f}",
        visible,
        held.near,
        "0.95",
    )
    yield Row("the same: not called lost there", f"{held.kept:.3f}", visible, held.kept, "")
    yield Row("the same: called lost where it is not", f"{held.lost:.3f}", absent, held.lost, "0.9")
    yield _cut("the same: segmentation IoU from marks on two slices", made, 0)
    yield _cut(f"the same: after {CORRECTIONS} corrections", made, CORRECTIONS)


def _cut(what: str, made: Scenes, corrections: int) -> Row:
    found = [made.cut(number, corrections)[0] for number in range(SCENES)]
    return Row(
        what,
        f"{np.median(found):.3f}",
        f"mean {np.mean(found):.3f}, lowest {min(found):.3f}",
        float(np.median(found)),
        "0.8",
    )


def _samples() -> list[Path]:
    try:
        return sample_videos()
    except UsageError:
        return []
