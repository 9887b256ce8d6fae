"""Measuring a pair of windows: against encoding it, and against plain NumPy on the same numbers; and making what the page draws of it."""

from collections.abc import Iterator

import numpy as np
import torch

from tests.benchmarks.measure import Row, by_turns, milliseconds
from tubelet.ingest import checkpoints
from tubelet.ingest.networks.vjepa import VARIANTS
from tubelet.ingest.vjepa_encoder import VJEPAEncoder
from tubelet.store.pairs.differences import quantize_differences
from tubelet.store.pairs.measurement import Side, measure

SHAPE = (22, 24, 24, 768)
FRAMES, SIDE = 16, 224


def rows() -> Iterator[Row]:
    yield from _against_encoding()
    yield from _against_numpy()


def _against_encoding() -> Iterator[Row]:
    encoder = VJEPAEncoder(
        checkpoints.init_untrained(VARIANTS["vjepa2.1-vitb"].encoder), torch.device("cpu"), "fp32"
    )
    pixels = torch.randint(
        0,
        256,
        (FRAMES + 2, 3, SIDE, SIDE),
        dtype=torch.uint8,
        generator=torch.Generator().manual_seed(0),
    )
    windows = torch.stack([pixels[:FRAMES], pixels[2:]])
    with torch.inference_mode():
        a, b = map(Side.of, encoder.encode(windows).embeddings)
        baseline, figure, ratio = by_turns(
            lambda: encoder.encode(windows), lambda: measure(a, b, 1), 5
        )
    what = f"measuring a pair of windows, ViT-B geometry, {FRAMES} frames at {SIDE} px, 7 shared slices"
    yield Row(
        what,
        milliseconds(figure),
        f"encoding its two clips {milliseconds(baseline)}",
        1 / ratio,
        "0.02",
    )


def _against_numpy() -> Iterator[Row]:
    generator = np.random.default_rng(0)
    a = generator.standard_normal(SHAPE, np.float32)
    b = a + generator.standard_normal(SHAPE, np.float32) / 10
    sides = [Side.of(torch.from_numpy(grid)) for grid in (a, b)]
    figure, baseline, ratio = by_turns(lambda: measure(*sides, 1), lambda: _plain(a[1:], b[:-1]), 7)
    yield Row(
        "measuring a pair, 21 x 576 x 768, live tensors",
        milliseconds(figure),
        f"the same reductions in NumPy {milliseconds(baseline)}",
        ratio,
        "",
    )
    figure, baseline, ratio = by_turns(
        lambda: quantize_differences(a[1:], b[:-1]), lambda: b[:-1] - a[1:], 5
    )
    yield Row(
        "the differences of that pair in 8 bits, for the Windows page",
        milliseconds(figure),
        f"NumPy's difference {milliseconds(baseline)}",
        ratio,
        "",
    )


def _plain(a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    """Every reduction that a measurement has, written straight down."""
    difference = b - a
    magnitude, squared = np.abs(difference), difference**2
    lengths = np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1)
    distance = np.sqrt(squared.sum(axis=-1))
    by_dimension = [
        magnitude.mean(axis=(1, 2)),
        np.sqrt(squared.mean(axis=(1, 2))),
        difference.mean(axis=(1, 2)),
        magnitude.max(axis=(1, 2)),
    ]
    return [
        *by_dimension,
        distance,
        (a * b).sum(axis=-1) / (lengths[0] * lengths[1]),
        2 * distance / (lengths[0] + lengths[1]),
    ]
