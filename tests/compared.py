"""Stores with several encoders of the same videos, whose states are made from one another, so that what a comparison must find is known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.stores import synthetic_store
from tubelet.store import Store, ids
from tubelet.store.disk import derived
from tubelet.store.schema import POOLED, TABLES
from tubelet.store.statistics import dimension_statistics, token_statistics


@dataclass(frozen=True)
class Other:
    """An encoder made from the first: its grid is coarser by `factor` in time and space, its space turned, with `noise` of its own on top."""

    name: str
    factor: int = 2
    noise: float = 0.0
    embeddings: bool = True
    first: int = 0  # number of the first video that it has encoded
    later_s: float = 0.0  # how far its clips are said to be from those of the first


def compared_store(path: Path, *others: Other, videos: int = 30) -> Store:
    """A store whose encoder `toy` has 4 slices of 4 x 4 tokens, and other encoders; the caller closes it."""
    store = synthetic_store(path, videos=videos, slices=4, side=4, dim=16)
    for other in others:
        add_encoder(store, other)
    return store


def add_encoder(store: Store, other: Other) -> str:
    """The id of the encoder that was added."""
    row = encoder_row(store, other.name)
    clips = store.rows("FROM clips WHERE starts_with(encoder_id, 'toy-') ORDER BY video_id")[other.first :]  # fmt: skip
    made = [_add_clip(store, clip, row["encoder_id"], other) for clip in clips]
    tables = {
        name: pa.concat_tables(part[name] for _, part in made) for name in (made[0][1] if made else {})
    }  # fmt: skip
    store.commit(
        {
            "encoders": pa.Table.from_pylist([row], TABLES["encoders"].arrow),
            "clips": pa.Table.from_pylist([clip for clip, _ in made], TABLES["clips"].arrow),
            **tables,
        }
    )
    return row["encoder_id"]


def encoder_row(store: Store, name: str) -> dict:
    """The row of the encoder `toy`, under another name."""
    (row,) = store.rows("FROM encoders WHERE name = 'toy'")
    weights = ids.hash_parts(name).ljust(64, "0")
    return row | {
        "name": name,
        "weights_sha256": weights,
        "encoder_id": ids.encoder_id(name, weights, "last"),
    }


def _add_clip(
    store: Store, first: dict, encoder_id: str, other: Other
) -> tuple[dict, dict[str, pa.Table]]:
    grid = store.grid(first["clip_id"]).astype(np.float32)
    half = _turn(_coarsen(grid, other.factor), other, first["clip_id"]).astype("<f2")
    row = first | {
        "encoder_id": encoder_id,
        "start_s": first["start_s"] + other.later_s,
        "stop_s": first["stop_s"] + other.later_s,
    }
    return write_clip(store, row, half, other.embeddings)


def write_clip(
    store: Store, row: dict, half: np.ndarray, embeddings: bool = True
) -> tuple[dict, dict[str, pa.Table]]:
    """The row of a clip of another encoder, whose id is in `row` already, and what is derived from its grid, which is written if asked for."""
    row = row | {
        "clip_id": ids.hash_parts(row["clip_id"], row["encoder_id"]),
        **dict(zip(("slices", "grid_height", "grid_width", "embed_dim"), half.shape)),
        "embedding_path": None,
    }
    if embeddings:
        path = store.layout.embedding(row["encoder_id"], row["video_id"], row["clip_id"])
        row["embedding_path"] = store.layout.relative(path)
        file = store.write_embedding(row, half)
        row |= {"embedding_bytes": file.bytes, "embedding_sha256": file.sha256}
    full = half.astype(np.float32)
    return row, derived.clip_rows(
        row["clip_id"], token_statistics(full), dimension_statistics(full), half
    )


def _coarsen(grid: np.ndarray, factor: int) -> np.ndarray:
    slices, height, width, dim = (size // factor for size in grid.shape)
    blocks = grid.reshape(slices, factor, height, factor, width, factor, dim * factor)
    return blocks.mean(axis=(1, 3, 5))


def _turn(grid: np.ndarray, other: Other, clip_id: str) -> np.ndarray:
    """The same turn in every clip, another noise in each."""
    dim = grid.shape[-1]
    turn = np.linalg.qr(np.random.default_rng(11).standard_normal((dim, dim)))[0]
    generator = np.random.default_rng(int(ids.hash_parts(other.name, clip_id)[:8], 16))
    return grid @ turn + other.noise * generator.standard_normal(grid.shape)


def add_pooled(store: Store, encoder_id: str, layers: dict[str, np.ndarray]) -> None:
    """Pooled states ``(videos, D)`` of each layer, the same in every slice of the first clip of a video."""
    clips = store.rows(
        "FROM clips WHERE encoder_id = ? QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY first_frame, clip_id) = 1 ORDER BY video_id",
        [encoder_id],
    )
    rows = [
        {"clip_id": clip["clip_id"], "slice": slice_, "layer": layer}
        | {f"pooled_{name}": states[number].astype("<f2").tobytes() for name in ("mean", "max", "std")}
        for layer, states in layers.items()
        for number, clip in enumerate(clips)
        for slice_ in range(clip["slices"])
    ]  # fmt: skip
    store.commit({POOLED.name: pa.Table.from_pylist(rows, POOLED.arrow)})
