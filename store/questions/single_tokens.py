"""The SQL function `token`: the embeddings of single tokens, read from the files of their clips."""

from collections.abc import Callable, Mapping

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from tubelet.store.disk import embeddings
from tubelet.store.disk.layout import Layout
from tubelet.store.schema import HALF

CLIPS = "SELECT clip_id, embedding_path, slices, grid_height, grid_width FROM clips WHERE embedding_path IS NOT NULL"
Found = tuple[str, tuple[int, int, int]]  # path below the store, and the grid


def create_function(duck: duckdb.DuckDBPyConnection, layout: Layout) -> None:
    """Have a connection answer `token`. It opens no file but those that `clips` names, each resolved inside the store."""
    clips: Mapping[str, Found] = {
        clip: (path, (slices, height, width))
        for clip, path, slices, height, width in duck.execute(CLIPS).fetchall()
    }
    duck.create_function(
        "token",
        _reader(layout, clips),
        ["VARCHAR", "INTEGER", "INTEGER", "INTEGER"],
        HALF,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )


def _reader(layout: Layout, clips: Mapping[str, Found]) -> Callable[..., pa.Array]:
    def read(clip_ids: pa.Array, slices: pa.Array, ys: pa.Array, xs: pa.Array) -> pa.Array:
        """The embedding of each address as a list of floats; NULL where no kept clip has such a token."""
        ids = np.array(clip_ids.to_pylist(), dtype=object)
        address = np.stack([_numbers(column) for column in (slices, ys, xs)])
        found: list[np.ndarray | None] = [None] * len(ids)
        for clip in set(ids.tolist()) & clips.keys():
            path, grid = clips[clip]
            rows = np.flatnonzero(ids == clip)
            sizes = np.array(grid)[:, None]
            inside = ((address[:, rows] >= 0) & (address[:, rows] < sizes)).all(axis=0)
            rows = rows[inside]
            if len(rows):
                numbers = np.ravel_multi_index(tuple(address[:, rows]), grid)
                vectors = embeddings.read_tokens(
                    layout.embedding_file(path, clip), numbers.tolist()
                )
                for row, vector in zip(rows, vectors):
                    found[row] = vector.astype(np.float32)
        return pa.array(found, pa.list_(pa.float32()))

    return read


def _numbers(column: pa.Array) -> np.ndarray:
    """Whole numbers, a missing one as -1, which no address holds."""
    return column.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
