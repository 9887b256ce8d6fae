"""Stores of a few tokens whose dimensions encode something that was planted, as roll-ups by slice."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.stores import Recipe, _clip_row, _table, _video_row, encoder_row
from tubelet.store import Store
from tubelet.store.disk import derived
from tubelet.store.schema import TABLES
from tubelet.store.statistics import dimension_statistics, token_statistics


def store_tokens(
    path: Path, tokens: np.ndarray, layers: Mapping[str, slice] | None = None, tubelet: int = 2
) -> Store:
    """A store of tokens ``(V, C, S, H, W, D)`` without embeddings; `layers` names the dimensions whose pooled states are stored, too."""
    videos, clips, slices, side, _, dim = tokens.shape
    recipe = Recipe(videos=videos, clips=clips, slices=slices, side=side, dim=dim, shift=slices)
    rows = [_clip_row(recipe, video, clip) for video in range(videos) for clip in range(clips)]
    flat = tokens.reshape(-1, *tokens.shape[2:])
    parts = [dim_rows(row["clip_id"], one) for row, one in zip(rows, flat)]
    tables = {"dim_stats": pa.concat_tables(parts)}
    if layers:
        pooled = [
            derived.make_pooled_rows(
                row["clip_id"], dimension_statistics(one.astype(np.float32)), layers
            )
            for row, one in zip(rows, flat)
        ]
        tables["pooled"] = pa.concat_tables(pooled)
        rows = [{**row, "pooled_layers": len(layers)} for row in rows]
    store = Store.create(path)
    encoder = {**encoder_row(recipe), "tubelet": tubelet, "layer": "+".join(layers or ["last"])}
    found = [_video_row(store, recipe, video) for video in range(videos)]
    store.commit({"encoders": _table("encoders", [encoder])})
    store.commit(
        {
            **tables,
            "videos": _table("videos", found),
            "clips": pa.Table.from_pylist(rows, TABLES["clips"].arrow),
        }
    )
    return store


def dim_rows(clip_id: str, tokens: np.ndarray) -> pa.Table:
    """Rows of `dim_stats` of one clip's tokens ``(S, H, W, D)``."""
    full = tokens.astype(np.float32)
    half = np.nan_to_num(full).astype("<f2")
    return derived.clip_rows(clip_id, token_statistics(full), dimension_statistics(full), half)["dim_stats"]  # fmt: skip


def plant_slice_number(store: Store, dim: int) -> None:
    """Roll-ups by slice of the first window of each video: noise, and the slice's number in dimension 0."""
    first = "FROM clips WHERE first_frame = 0 ORDER BY clip_id"
    rng, tables = np.random.default_rng(8), []
    for clip in store.rows(f"SELECT clip_id, slices {first}"):
        tokens = rng.standard_normal((clip["slices"], 2, 2, dim))
        tokens[..., 0] += np.arange(clip["slices"])[:, None, None]
        tables.append(dim_rows(clip["clip_id"], tokens))
    store.commit({"dim_stats": pa.concat_tables(tables)})
