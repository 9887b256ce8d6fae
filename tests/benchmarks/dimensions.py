"""The report Changes over 768 dimensions x 10 changes, the Dimension page over as many videos, cold and warm, and what changing a window costs beside encoding it.

`python -m tests.benchmarks dimensions` takes the sizes of the targets; `run(videos, dims)` takes any other.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from tests.benchmarks.measure import Row, by_turns, milliseconds, seconds
from tests.dashboard.test_dashboard import open_page
from tests.planted_changes import Change, draw_reactions, plant_reactions
from tests.planted_directions import direction_store, draw_tokens
from tests.stores import synthetic_store
from tubelet.ingest import changes, checkpoints
from tubelet.ingest.alignment import Alignment
from tubelet.ingest.networks.vjepa import VARIANTS
from tubelet.ingest.vjepa_encoder import VJEPAEncoder
from tubelet.reports.catalogue import REPORTS
from tubelet.reports.changes.request import ChangesOptions
from tubelet.store.pairs.measurement import Side, measure

VIDEOS, DIMS = 1000, 768
FRAMES, SIDE = 16, 224
CHANGES: list[Change] = [
    ("flip", None), ("reverse", None), ("shuffle", None), ("noise", 0.1), ("blur", 2.0),
    ("drop", 0.25), ("dark", 0.5), ("jpeg", 20.0), ("crop", 0.9), ("disjoint", None),
]  # fmt: skip
REPORT, WARM, COLD = 15.0, 2.0, 4.0  # seconds allowed


def rows() -> Iterator[Row]:
    yield from run(VIDEOS, DIMS)


def run(videos: int, dims: int) -> Iterator[Row]:
    """All of it for so many videos and dimensions."""
    with tempfile.TemporaryDirectory() as folder:
        yield _write_report(Path(folder), videos, dims)
        yield from _open_pages(Path(folder), videos, dims)
    yield from change_windows(FRAMES, SIDE)


def _write_report(folder: Path, videos: int, dims: int) -> Row:
    store = synthetic_store(folder / "changes", videos=videos, slices=2, side=2, dim=dims)
    values = draw_reactions(np.random.default_rng(0), len(CHANGES), videos, dims)
    plant_reactions(store, CHANGES, values)
    store.compact()
    taken = seconds(lambda: list(REPORTS["changes"].blocks(store, ChangesOptions())))
    store.close()
    what = f"the report Changes, {videos:,} videos x {dims} dimensions x {len(CHANGES)} changes"
    return Row(what, milliseconds(taken), f"allowed {REPORT:g} s", taken / REPORT, "1")


def _open_pages(folder: Path, videos: int, dims: int) -> Iterator[Row]:
    """Cold: the first page of a process that has drawn another store's before, so that imports do not count."""
    small = direction_store(folder / "small", draw_tokens(5, 1))
    open_page("dimension", small)
    small.close()
    store = direction_store(folder / "tokens", draw_tokens(videos, 1, dims=dims))
    store.compact()
    for name, allowed, dimension in (("cold", COLD, "3"), ("warm", WARM, "3"), ("warm, another dimension", WARM, "7")):  # fmt: skip
        started = time.perf_counter()
        page = open_page("dimension", store, dimension=dimension)
        taken = time.perf_counter() - started
        assert not page.exception
        what = f"the Dimension page, {name}, {videos:,} videos x {dims} dimensions"
        yield Row(what, milliseconds(taken), f"allowed {allowed:g} s", taken / allowed, "1")
    store.close()


def change_windows(frames: int, side: int) -> Iterator[Row]:
    """Per change: changing the pixels, aligning the grid and measuring the pair, beside encoding the window once."""
    encoder = VJEPAEncoder(
        checkpoints.init_untrained(VARIANTS["vjepa2.1-vitb"].encoder), torch.device("cpu"), "fp32"
    )
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (frames, 3, side, side), dtype=torch.uint8, generator=generator)
    with torch.inference_mode():
        (grid,) = encoder.encode(pixels[None]).embeddings
        for change in (changes.Change("flip"), changes.Change("noise", 0.1)):
            baseline, figure, ratio = by_turns(
                lambda: encoder.encode(pixels[None]), lambda c=change: _measure(c, pixels, grid), 3
            )
            what = f"changing and measuring a window ({change.text}), ViT-B geometry, {frames} frames at {side} px"
            yield Row(what, milliseconds(figure), f"encoding it {milliseconds(baseline)}", 1 / ratio, "0.02")  # fmt: skip


def _measure(change: changes.Change, pixels: torch.Tensor, grid: torch.Tensor) -> None:
    changed = change.apply(pixels, 2)
    changes.measure_pixel_change(pixels, changed.frames)
    aligned: Alignment = changed.alignment
    measure(Side.of(grid), Side.of(aligned.align(grid) if aligned else grid), 0)
