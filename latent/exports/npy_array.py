"""Tokens as one array that NumPy maps from the disk, and a row per item beside it.

tokens = numpy.load("train/tokens.npy", mmap_mode="r")       (item, slice, y, x, dim)
items = pandas.read_parquet("train/items.parquet")           row i is of tokens[i]
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tubelet.latent.exports.item_columns import list_columns, list_labels, take_shape
from tubelet.store import Store
from tubelet.store.disk.outputs import write_file
from tubelet.store.token_dataset import TokenDataset

TOKENS, ITEMS = "tokens.npy", "items.parquet"


class OneArray:
    """The file has its length from the start, and each part fills the place of an item."""

    def __init__(self, dataset: TokenDataset, folder: Path, _store: Store) -> None:
        """Raises LatentError where items have more than one shape."""
        self._dataset, self._folder, self._shape = dataset, folder, take_shape(dataset)

    def begin(self) -> int:
        path = self._folder / TOKENS
        if not path.exists():
            shape = (len(self._dataset), *self._shape)
            unfinished = path.with_suffix(".new")
            np.lib.format.open_memmap(unfinished, "w+", self._type, shape).flush()
            unfinished.rename(path)
        items = self._dataset.items
        rows = pa.table({**list_columns(items), **list_labels(self._dataset, items)})
        write_file(self._folder / ITEMS, lambda file: pq.write_table(rows, file) or 0)
        return len(items)

    def write(self, part: int) -> None:
        array = np.load(self._folder / TOKENS, mmap_mode="r+")
        array[part] = self._dataset[part]["tokens"]
        array.flush()

    @property
    def _type(self) -> np.dtype:
        return np.dtype("<f4" if self._dataset.pooled else "<f2")
