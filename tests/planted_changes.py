"""Changed windows whose reactions are known: the rows that the report `changes` reads."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from tests.measured import pair_row
from tubelet.store import Store
from tubelet.store.schema import DIM_SENSITIVITY, PAIRS, SLICE_SENSITIVITY, Table

SPREAD = 0.1  # of a video's level around the planted one
Change = tuple[str, float | None]
Levels = Mapping[Change, float]
STD = 2.0  # of every dimension


def plant_changes(store: Store, levels: Levels, videos: int = 6) -> None:
    """Changed windows of the first videos by id: of each change and strength the mean reaction, which videos vary around evenly."""
    clips = store.rows(
        "SELECT clip_id, video_id, encoder_id, slices, precision FROM clips QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY first_frame) = 1 ORDER BY video_id LIMIT $1",
        [videos],
    )
    pairs, slices, reactions = [], [], []
    (dims,) = {row["embed_dim"] for row in store.rows("SELECT DISTINCT embed_dim FROM clips")}
    for (change, strength), level in levels.items():
        for clip, away in zip(clips, SPREAD * np.linspace(-1, 1, len(clips))):
            pair = pair_row(clip, clip, 0, "live", "changed")
            pair["pair_id"] = f"{pair['pair_id'][:8]}-{change}-{strength}"
            reactions.append(np.full(dims, level * (1 + away)))
            pairs.append(pair | {"change": change, "strength": strength, "pixel_change": level / 4})
            measured = {"relative": level * (1 + away), "token_cosine": 1 - level}
            slices += [
                {"pair_id": pair["pair_id"], "shared_slice": number, **measured}
                for number in range(clip["slices"])
            ]
    store.commit(
        {
            PAIRS.name: _table(PAIRS, pairs),
            SLICE_SENSITIVITY.name: _table(SLICE_SENSITIVITY, slices),
            DIM_SENSITIVITY.name: dim_rows(
                [pair["pair_id"] for pair in pairs], np.stack(reactions)
            ),
        }
    )


def draw_reactions(rng: np.random.Generator, changes: int, videos: int, dims: int) -> np.ndarray:
    """Relative reactions ``(C, V, D)`` in which nothing is special: levels of changes, videos and dimensions, and noise, all multiplied."""
    levels = rng.lognormal(-1.5, 0.5, (changes, videos, 1)) * rng.lognormal(0, 0.3, (1, 1, dims))
    return levels * rng.lognormal(0, 0.3, (changes, videos, dims))


def plant_reactions(store: Store, changes: Sequence[Change], values: np.ndarray) -> None:
    """Changed windows of the first videos by id with these relative reactions ``(C, V, D)``; a change `shift` or `disjoint` is a pair of that kind."""
    clips = store.rows(
        "SELECT clip_id, video_id, encoder_id, slices, precision FROM clips QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY first_frame) = 1 ORDER BY video_id LIMIT $1",
        [values.shape[1]],
    )
    pairs = [
        _planted_pair(clip, change, strength) for change, strength in changes for clip in clips
    ]
    flat = values.reshape(len(pairs), -1)
    ids = [pair["pair_id"] for pair in pairs]
    store.commit(
        {
            PAIRS.name: _table(PAIRS, pairs),
            DIM_SENSITIVITY.name: dim_rows(ids, flat),
            SLICE_SENSITIVITY.name: _table(
                SLICE_SENSITIVITY,
                [
                    {"pair_id": id_, "shared_slice": 0, "relative": float(row), "token_cosine": 0.5}
                    for id_, row in zip(ids, np.nanmean(flat, 1))
                ],
            ),
        }
    )


def dim_rows(pair_ids: Sequence[str], values: np.ndarray) -> pa.Table:
    """Rows of `dim_sensitivity` with these relative reactions ``(P, D)``; a dimension whose reaction is NaN is constant."""
    pairs, dims = values.shape
    constant = np.isnan(values).ravel()
    overall = np.nan_to_num(values.ravel() * STD).astype(np.float32)
    columns = {
        "pair_id": pa.array(np.repeat(pair_ids, dims)),
        "dim": np.tile(np.arange(dims, dtype=np.int16), pairs),
        "overall": overall,
        "pair_std": np.where(constant, 0, STD).astype(np.float32),
    }
    rest = pa.nulls(pairs * dims, pa.float32())
    return pa.table({name: columns.get(name, rest) for name in DIM_SENSITIVITY.arrow.names}).cast(
        DIM_SENSITIVITY.arrow
    )


def _planted_pair(clip: Mapping, change: str, strength: float | None) -> dict:
    kind = {"shift": "shifted", "disjoint": "disjoint", "prefix": "nested"}.get(change, "changed")
    pair = pair_row(clip, clip, int(strength or 0) if kind == "shifted" else 0, "live", kind)
    pair["pair_id"] = f"{pair['pair_id'][:8]}-{change}-{strength}"
    given = {"change": change, "strength": strength, "pixel_change": 0.1}
    return pair | (given if kind in ("changed", "nested") else {})


def _table(table: Table, rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=table.arrow)


def plant_prefixes(store: Store, lengths: Sequence[int], curve: Sequence[float], dims: np.ndarray) -> None:  # fmt: skip
    """Windows of every video beside their first slices: the difference by distance to the end, and on the last slice by dimension ``(D,)``; videos vary around both evenly."""
    clips = store.rows("SELECT clip_id, video_id, encoder_id, slices, precision FROM clips QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY first_frame) = 1 ORDER BY video_id")  # fmt: skip
    pairs, slices, by_dim = [], [], []
    for length in lengths:
        for clip, away in zip(clips, SPREAD * np.linspace(-1, 1, len(clips))):
            pair = _planted_pair(clip, "prefix", length / clip["slices"])
            pairs.append(pair | {"shared_slices": length})
            by_dim.append(dims * (1 + away))
            slices += [
                {"pair_id": pair["pair_id"], "shared_slice": k, "relative": curve[length - 1 - k] * (1 + away)}
                for k in range(length)
            ]  # fmt: skip
    table = dim_rows([pair["pair_id"] for pair in pairs], np.stack(by_dim))
    at = table.column_names.index("last")
    table = table.set_column(at, table.schema.field("last"), table["overall"])
    store.commit(
        {
            PAIRS.name: _table(PAIRS, pairs),
            SLICE_SENSITIVITY.name: _table(SLICE_SENSITIVITY, slices),
            DIM_SENSITIVITY.name: table,
        }
    )
