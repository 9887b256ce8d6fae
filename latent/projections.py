"""Coordinates and clusters of a clip, stored as rows if they are expensive to compute: of UMAP and of k-means.

A stored projection serves SQL, and clips without embeddings. Linear projections take milliseconds and are never stored.
"""

import numpy as np
import pyarrow as pa

from tubelet.array_types import Float32
from tubelet.latent import clips
from tubelet.latent.basis import Basis
from tubelet.latent.clips import Clip
from tubelet.store import Store, ids
from tubelet.store.clock import now
from tubelet.store.schema import CLUSTERS, PROJECTIONS, TOKEN_PROJECTIONS

KEPT = 3  # coordinates a row has room for


def project_clip(store: Store, basis: Basis, clip_id: str) -> Float32[np.ndarray, "S H W k"]:
    """Coordinates ``(S, H, W, k)`` of a clip, from its rows, or else computed, and stored if they are expensive. Raises LatentError."""
    found = load_projection(store, basis, clip_id)
    if found is not None:
        return found
    clip = clips.open_clip(store, clip_id)
    coordinates = basis.coordinates(clip)
    if basis.kind in ("umap", "kmeans") and basis.components <= KEPT:
        save_projection(store, basis, clip, coordinates)
    return coordinates


def load_projection(
    store: Store, basis: Basis, clip_id: str
) -> Float32[np.ndarray, "S H W k"] | None:
    """Coordinates of a clip from its rows, float32 ``(S, H, W, k)``; None if none are stored."""
    columns = (
        ("cluster",)
        if basis.kind == "kmeans"
        else tuple(f"c{i + 1}" for i in range(min(basis.components, KEPT)))
    )
    table = CLUSTERS if basis.kind == "kmeans" else TOKEN_PROJECTIONS
    sql = f"SELECT {', '.join(columns)} FROM {table.name} JOIN projections p USING (projection_id) WHERE projection_id = ? ORDER BY slice, y, x"
    found = store.query(sql, [projection_id(basis, clip_id)])
    if not len(found):
        return None
    values = [found[name].to_numpy().astype(np.float32) for name in columns]
    return np.stack(values, axis=-1).reshape(*clips.row(store, clip_id).positions, len(columns))


def save_projection(
    store: Store, basis: Basis, clip: Clip, coordinates: Float32[np.ndarray, "S H W k"]
) -> None:
    """Commit the coordinates ``(S, H, W, k)`` of a clip; nothing if they are already stored."""
    id_ = projection_id(basis, clip.clip_id)
    names = {"projection_id": id_, "basis_id": basis.basis_id, "clip_id": clip.clip_id}
    row = pa.Table.from_pylist([{**names, "created_at": now()}], PROJECTIONS.arrow)
    table = CLUSTERS if basis.kind == "kmeans" else TOKEN_PROJECTIONS
    count = int(np.prod(clip.positions))
    columns = {
        name: pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), [value]).cast(pa.string())
        for name, value in names.items()
    }
    columns |= dict(
        zip(("slice", "y", "x"), np.indices(clip.positions, dtype=np.int16).reshape(3, -1))
    )
    flat = coordinates.reshape(count, -1)
    for i, name in enumerate(["cluster"] if table is CLUSTERS else ["c1", "c2", "c3"]):
        columns[name] = flat[:, i] if i < flat.shape[1] else np.full(count, np.nan, np.float32)
    arrays = [pa.array(columns[f.name], from_pandas=True).cast(f.type) for f in table.arrow]
    store.commit({PROJECTIONS.name: row, table.name: pa.table(arrays, schema=table.arrow)})


def projection_id(basis: Basis, clip_id: str) -> str:
    """Id of a basis applied to a clip."""
    return ids.hash_parts(basis.basis_id, clip_id)
