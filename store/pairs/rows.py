"""The rows of a pair: what was measured for two clips, by shared slice, dimension and patch.

The curve of a dimension over the shared slices is summarized beside its full rows, so that a report over ten thousand
videos reads one row per pair and dimension.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from tubelet.array_types import Float
from tubelet.store import ids
from tubelet.store.disk.derived import mean_defined, rows_of
from tubelet.store.pairs.measurement import Measurement
from tubelet.store.rows import SHIFTED
from tubelet.store.schema import (
    DIM_SENSITIVITY,
    PAIRS,
    SENSITIVITY,
    SLICE_SENSITIVITY,
    TOKEN_SENSITIVITY,
)

# Kinds of pairs. Controls: `repeated` tells whether the arithmetic is deterministic, `rounding` what its precision alone does.
REPEATED, DISJOINT, ROUNDING = "repeated", "disjoint", "rounding"
CHANGED = "changed"  # a window and the same window changed, which is encoded for the pair alone
NESTED = "nested"  # a window and its own first frames, which are encoded for the pair alone
ENCODED_AGAIN = (CHANGED, NESTED)  # kinds whose window B is not stored as a clip
LIVE, STORED = "live", "stored"  # where the numbers came from


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two clips to compare. Shared slice k is slice `k + offset` of A and slice k of B."""

    video_id: str
    encoder_id: str
    clip_a: str
    clip_b: str
    kind: str
    shift: int  # slices by which window B begins later
    source: str
    precision: str
    change: str | None = None  # what was done to the pixels of window B, and how strongly
    strength: float | None = None
    pixel_change: float | None = None

    @property
    def pair_id(self) -> str:
        change = [] if self.change is None else [self.change, self.strength]
        return ids.hash_parts(self.clip_a, self.clip_b, self.kind, self.source, *change)

    @property
    def offset(self) -> int:
        return self.shift if self.kind == SHIFTED else 0


def pair_rows(pair: Pair, measured: Measurement, at: datetime) -> dict[str, pa.Table]:
    """Rows of every table of measurements for one pair; `at` is UTC without a zone."""
    shared, dim = measured.mean_abs.shape
    row = {**asdict(pair), "pair_id": pair.pair_id, "shared_slices": shared, "measured_at": at}
    slices, dims = np.repeat(np.arange(shared), dim), np.tile(np.arange(dim), shared)
    by_slice = {
        "shared_slice": slices,
        "slice_a": slices + pair.offset,
        "slice_b": slices,
        "dim": dims,
    }
    full = {name: getattr(measured, name) for name in ("mean_abs", "rms", "mean_signed", "max_abs")}
    patches = dict(zip(("shared_slice", "y", "x"), np.indices(measured.l2.shape)))
    return {
        PAIRS.name: pa.Table.from_pylist([row], PAIRS.arrow),
        SENSITIVITY.name: rows_of(SENSITIVITY, pair.pair_id, {**by_slice, **full}),
        DIM_SENSITIVITY.name: rows_of(
            DIM_SENSITIVITY, pair.pair_id, {"dim": np.arange(dim), **summarize_curves(measured)}
        ),
        SLICE_SENSITIVITY.name: rows_of(
            SLICE_SENSITIVITY, pair.pair_id, {"shared_slice": np.arange(shared), **curves(measured)}
        ),
        TOKEN_SENSITIVITY.name: rows_of(
            TOKEN_SENSITIVITY,
            pair.pair_id,
            {**patches, "l2": measured.l2, "cosine": measured.cosine},
        ),
    }


def middle_third(slices: int) -> slice:
    """The shared slices that count as the middle: of 19 those from 6 to 12; all where there are fewer than three."""
    return slice(slices // 3, slices - slices // 3)


def summarize_curves(measured: Measurement) -> dict[str, Float[np.ndarray, " D"]]:
    """Each dimension's curve over the shared slices in a few numbers, ``(D,)`` each."""
    curve, signed = measured.mean_abs, measured.mean_signed
    edge = (curve[0] + curve[-1]) / 2
    return {
        "first": curve[0],
        "last": curve[-1],
        "edge": edge,
        "middle": curve[middle_third(len(curve))].mean(axis=0),
        "overall": curve.mean(axis=0),
        "edge_signed": (signed[0] - signed[-1])
        / 2,  # B begins on the first shared slice, A ends on the last
        "pair_std": measured.std,
        "relative_edge": _divide(edge, measured.std),
    }


def curves(measured: Measurement) -> dict[str, Float[np.ndarray, " n"]]:
    """The differences of each shared slice in a few numbers, ``(n,)`` each; NaN where nothing is defined."""
    quartiles = np.quantile(measured.mean_abs, (0.25, 0.5, 0.75), axis=1)
    return {
        "mean_abs": measured.mean_abs.mean(axis=1),
        "relative": _relative(measured.mean_abs, measured.std),
        **dict(zip(("q25", "q50", "q75"), quartiles)),
        "token_cosine": mean_defined(measured.cosine),
        "relative_l2": mean_defined(measured.relative_l2),
    }


def _divide(
    values: Float[np.ndarray, " D"], std: Float[np.ndarray, " D"]
) -> Float[np.ndarray, " D"]:
    """In standard deviations; NaN where a dimension is constant."""
    return np.divide(values, std, out=np.full_like(values, np.nan), where=std > 0)


def _relative(
    mean_abs: Float[np.ndarray, "n D"], std: Float[np.ndarray, " D"]
) -> Float[np.ndarray, " n"]:
    varies = std > 0
    return (
        (mean_abs[:, varies] / std[varies]).mean(axis=1)
        if varies.any()
        else np.full(len(mean_abs), np.nan)
    )
