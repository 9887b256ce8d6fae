"""What is measured of a pair of clips, by plain NumPy from the definitions of the schema: for small stores, and to compare others with."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa

from tubelet.store import ids
from tubelet.store.schema import MEASUREMENTS, PAIRS, TABLES

MEASURED_AT = datetime(2026, 11, 1, 13)


def pair_row(
    a: Mapping, b: Mapping, shift: int, source: str = "stored", kind: str = "shifted"
) -> dict:
    """The row of a pair from the rows of its clips."""
    return {
        "pair_id": ids.hash_parts(a["clip_id"], b["clip_id"], kind, source),
        "video_id": a["video_id"],
        "encoder_id": a["encoder_id"],
        "clip_a": a["clip_id"],
        "clip_b": b["clip_id"],
        "kind": kind,
        "shift": shift,
        "shared_slices": a["slices"] - shift if kind == "shifted" else a["slices"],
        "source": source,
        "precision": a["precision"],
        "measured_at": MEASURED_AT,
    }


def measured(pair: Mapping, a: np.ndarray, b: np.ndarray) -> dict[str, pa.Table]:
    """Every row of a pair from the token grids ``(S, H, W, D)`` of its clips, by table."""
    offset = pair["shift"] if pair["kind"] == "shifted" else 0
    count, both = pair["shared_slices"], np.stack([a, b]).astype(np.float64)
    inside, edge = both[0, offset : offset + count], both[1, :count]
    columns = {
        "sensitivity": _sensitivity(inside, edge, offset),
        "dim_sensitivity": _dim_sensitivity(inside, edge, both.std((0, 1, 2, 3))),
        "slice_sensitivity": _slice_sensitivity(inside, edge, both.std((0, 1, 2, 3))),
        "token_sensitivity": _token_sensitivity(inside, edge),
    }
    rows = {name: _table(name, pair["pair_id"], made) for name, made in columns.items()}
    return {**rows, PAIRS.name: pa.Table.from_pylist([dict(pair)], schema=PAIRS.arrow)}


def joined(parts: list[dict[str, pa.Table]]) -> dict[str, pa.Table]:
    """The rows of several pairs, by table."""
    return (
        {t.name: pa.concat_tables(part[t.name] for part in parts) for t in MEASUREMENTS}
        if parts
        else {}
    )


def middle_third(count: int) -> slice:
    """Of `count` shared slices: 19 -> 6 to 12; 4 -> 1 and 2; 2 -> both."""
    return slice(count // 3, count - count // 3)


def _sensitivity(a: np.ndarray, b: np.ndarray, offset: int) -> dict[str, np.ndarray]:
    difference = b - a
    s, d = np.meshgrid(np.arange(len(a)), np.arange(a.shape[-1]), indexing="ij")
    return {
        "shared_slice": s, "slice_a": s + offset, "slice_b": s, "dim": d, "mean_abs": abs(difference).mean((1, 2)),
        "rms": np.sqrt((difference**2).mean((1, 2))), "mean_signed": difference.mean((1, 2)), "max_abs": abs(difference).max((1, 2)),
    }  # fmt: skip


def _dim_sensitivity(a: np.ndarray, b: np.ndarray, std: np.ndarray) -> dict[str, np.ndarray]:
    curve, signed = abs(b - a).mean((1, 2)), (b - a).mean((1, 2))
    return {
        "dim": np.arange(len(std)), "first": curve[0], "last": curve[-1], "edge": (curve[0] + curve[-1]) / 2,
        "middle": curve[middle_third(len(curve))].mean(0), "overall": curve.mean(0), "edge_signed": (signed[0] - signed[-1]) / 2, "pair_std": std,
        "relative_edge": _divide((curve[0] + curve[-1]) / 2, std),
    }  # fmt: skip


def _divide(values: np.ndarray, std: np.ndarray) -> np.ndarray:
    return np.array([value / spread if spread else np.nan for value, spread in zip(values, std)])


def _slice_sensitivity(a: np.ndarray, b: np.ndarray, std: np.ndarray) -> dict[str, np.ndarray]:
    by_dim, varies = abs(b - a).mean((1, 2)), std > 0
    lengths, distance = [np.linalg.norm(x, axis=-1) for x in (a, b)], np.linalg.norm(b - a, axis=-1)
    quartiles = np.quantile(by_dim, [0.25, 0.5, 0.75], axis=1)
    return {
        "shared_slice": np.arange(len(a)), "mean_abs": by_dim.mean(1), "relative": (by_dim[:, varies] / std[varies]).mean(1),
        "q25": quartiles[0], "q50": quartiles[1], "q75": quartiles[2], "token_cosine": _cosine(a, b).mean((1, 2)),
        "relative_l2": (distance / (lengths[0] + lengths[1]) * 2).mean((1, 2)),
    }  # fmt: skip


def _token_sensitivity(a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    s, y, x = np.meshgrid(*map(np.arange, a.shape[:3]), indexing="ij")
    return {
        "shared_slice": s,
        "y": y,
        "x": x,
        "l2": np.linalg.norm(b - a, axis=-1),
        "cosine": _cosine(a, b),
    }


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))


def _table(name: str, pair_id: str, columns: dict[str, np.ndarray]) -> pa.Table:
    flat = {
        column: pa.array(values.ravel(), from_pandas=True) for column, values in columns.items()
    }
    ids_ = pa.array([pair_id]).take(pa.array(np.zeros(len(next(iter(flat.values()))), np.int64)))
    return (
        pa.table([ids_, *flat.values()], names=["pair_id", *flat])
        .select(TABLES[name].arrow.names)
        .cast(TABLES[name].arrow)
    )
