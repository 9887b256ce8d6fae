"""A store of toy tokens with embeddings and samples whose dimensions encode something that was planted.

dimension 0  the slice of the window
dimension 1  the column of the patch
dimension 2  the video
dimension 3  noise
dimension 4  the opposite of dimension 3, and a little noise of its own
dimension 5  constant
dimension 6  noise with one large value in the first clip of each video, at slice 1, row 2, column 3
and from 7 on noise
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.stores import Recipe, _clip_row, _table, _video_row, encoder_row
from tubelet.store import Store
from tubelet.store.disk import derived
from tubelet.store.schema import TABLES
from tubelet.store.statistics import dimension_statistics, token_statistics

SPIKE = 30.0


def draw_tokens(videos: int, clips: int, seed: int = 0, dims: int = 12) -> np.ndarray:
    """Half-precision tokens ``(V, C, S, H, W, D)`` of 4 slices and 4 x 4 patches."""
    rng = np.random.default_rng(seed)
    tokens = rng.standard_normal((videos, clips, 4, 4, 4, dims))
    tokens[..., 0] += 2 * np.arange(4)[:, None, None]
    tokens[..., 1] += 3 * np.arange(4)
    tokens[..., 2] += 4 * rng.standard_normal((videos, 1, 1, 1, 1))
    tokens[..., 4] = -tokens[..., 3] + 0.3 * tokens[..., 4]
    tokens[..., 5] = 1.5
    tokens[:, 0, 1, 2, 3, 6] += SPIKE
    return tokens.astype("<f2")


def direction_store(path: Path, tokens: np.ndarray) -> Store:
    """The tokens as a store of the toy encoder, with all derived rows and embedding files; the caller closes it."""
    videos, clips, slices, side, _, dims = tokens.shape
    recipe = Recipe(videos=videos, clips=clips, slices=slices, side=side, dim=dims, shift=slices)
    store = Store.create(path)
    store.commit({"encoders": _table("encoders", [encoder_row(recipe)])})
    rows, parts = [], []
    for number, half in enumerate(tokens.reshape(-1, *tokens.shape[2:])):
        row, derived_rows = _clip(store, _clip_row(recipe, *divmod(number, clips)), half)
        rows.append(row)
        parts.append(derived_rows)
    store.commit(
        {
            **{name: pa.concat_tables(part[name] for part in parts) for name in parts[0]},
            "videos": _table("videos", [_video_row(store, recipe, n) for n in range(videos)]),
            "clips": pa.Table.from_pylist(rows, TABLES["clips"].arrow),
        }
    )
    return store


def _clip(store: Store, row: dict, half: np.ndarray) -> tuple[dict, dict[str, pa.Table]]:
    """The row of a clip and its derived rows; writes its embedding file."""
    path = store.layout.embedding(row["encoder_id"], row["video_id"], row["clip_id"])
    row = row | {"embedding_path": store.layout.relative(path)}
    file, full = store.write_embedding(row, half), half.astype(np.float32)
    return row | {
        "embedding_bytes": file.bytes,
        "embedding_sha256": file.sha256,
    }, derived.clip_rows(row["clip_id"], token_statistics(full), dimension_statistics(full), half)
