"""The small rows of a clip: statistics of its tokens, slices and dimensions, and a sample of its tokens."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from tubelet.store.schema import (
    ADDRESS,
    DIM_STATS,
    POOLED,
    SLICE_STATS,
    TOKEN_SAMPLES,
    TOKEN_STATS,
    Table,
)

SAMPLES = 32  # tokens per clip in token_samples: 10,000 clips make a corpus sample of 320,000


def clip_rows(
    clip_id: str,
    token_stats: Mapping[str, np.ndarray],
    dim_stats: Mapping[str, np.ndarray],
    grid: np.ndarray,
) -> dict[str, pa.Table]:
    """Rows of every derived table for one clip.

    `token_stats` are ``(S, H, W)``, `dim_stats` are ``(S, D)``, both float32 with NaN where undefined;
    `grid` is the half-precision ``(S, H, W, D)`` that the store keeps.
    """
    slices, _, _, dim = grid.shape
    by_slice = np.repeat(np.arange(slices), dim), np.tile(np.arange(dim), slices)
    return {
        TOKEN_STATS.name: rows_of(
            TOKEN_STATS, clip_id, {**_addresses(grid.shape[:3]), **token_stats}
        ),
        SLICE_STATS.name: rows_of(
            SLICE_STATS,
            clip_id,
            {
                "slice": np.arange(slices),
                **{name: mean_defined(value) for name, value in token_stats.items()},
            },
        ),
        DIM_STATS.name: rows_of(
            DIM_STATS, clip_id, {"slice": by_slice[0], "dim": by_slice[1], **dim_stats}
        ),
        TOKEN_SAMPLES.name: rows_of(TOKEN_SAMPLES, clip_id, _samples(clip_id, grid)),
    }


def make_pooled_rows(
    clip_id: str, dim_stats: Mapping[str, np.ndarray], layers: Mapping[str, slice]
) -> pa.Table:
    """Rows of `pooled` for one clip: `dim_stats` ``(S, D)`` over the patches of each slice; `layers` says which dimensions each layer has."""
    slices = len(dim_stats["dim_mean"])
    vectors = {
        f"pooled_{name}": _half_vectors(dim_stats[f"dim_{name}"], layers)
        for name in ("mean", "max", "std")
    }
    address = {
        "slice": np.tile(np.arange(slices), len(layers)),
        "layer": pa.array([name for name in layers for _ in range(slices)]),
    }
    return rows_of(POOLED, clip_id, {**address, **vectors})


def _half_vectors(values: np.ndarray, layers: Mapping[str, slice]) -> pa.Array:
    """The rows of ``(S, D)``, layer by layer, as half-precision bytes."""
    halves = values.astype("<f2")
    return pa.array(
        [row[dims].tobytes() for dims in layers.values() for row in halves], pa.binary()
    )


def _samples(clip_id: str, grid: np.ndarray) -> dict[str, np.ndarray | pa.Array]:
    """Tokens drawn without replacement; RandomState, because its stream is the same in every NumPy version."""
    tokens = int(np.prod(grid.shape[:3]))
    chosen = np.sort(np.random.RandomState(int(clip_id[:8], 16)).permutation(tokens)[:SAMPLES])
    vectors = grid.reshape(tokens, -1)[chosen]
    addresses = {
        name: values.ravel()[chosen] for name, values in _addresses(grid.shape[:3]).items()
    }
    return {
        **addresses,
        "embedding": pa.array([vector.tobytes() for vector in vectors], pa.binary()),
    }


def _addresses(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    return dict(zip((column.name for column in ADDRESS[1:]), np.indices(shape, dtype=np.int16)))


def mean_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the patches where the statistic is defined; NaN where it is nowhere defined: ``(S, H, W) -> (S,)``."""
    flat = values.reshape(len(values), -1)
    defined = np.isfinite(flat)
    with np.errstate(invalid="ignore"):
        return (
            np.where(defined, flat, 0).sum(axis=1, dtype=np.float64) / defined.sum(axis=1)
        ).astype(np.float32)


def rows_of(table: Table, owner_id: str, columns: Mapping[str, np.ndarray | pa.Array]) -> pa.Table:
    """Rows of one clip or pair, whose id is the first column of the table's key; NaN becomes NULL."""
    arrays = {
        name: values if isinstance(values, pa.Array) else np.ravel(values)
        for name, values in columns.items()
    }
    count = len(next(iter(arrays.values())))
    arrays[table.key[0]] = pa.array([owner_id]).take(pa.array(np.zeros(count, np.int64)))
    return pa.table(
        [_column(arrays[field.name], field.type) for field in table.arrow], schema=table.arrow
    )


def _column(values: np.ndarray | pa.Array, type_: pa.DataType) -> pa.Array:
    """NaN becomes NULL, so that SQL's aggregates skip undefined values."""
    return (
        values if isinstance(values, pa.Array) else pa.array(values, from_pandas=True).cast(type_)
    )
