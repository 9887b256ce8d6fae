"""Tokens as a Lance table, for search by vectors: a row per token, or per slice of pooled ones, its embedding of fixed length.

lance.dataset("train/tokens.lance").to_table(nearest={"column": "embedding", "q": token, "k": 10})
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tubelet.latent.errors import LatentError
from tubelet.latent.exports.item_columns import list_columns, list_labels, split_items
from tubelet.store import Store
from tubelet.store.token_dataset import TokenDataset

PART_BYTES = 256_000_000
OF_ITEM = ("clip_id", "video_id", "video_name")


class LanceTable:
    """The folder is the table; each part is one append, which Lance commits whole or not at all, so that its version counts the parts."""

    def __init__(self, dataset: TokenDataset, folder: Path, _store: Store) -> None:
        """Raises LatentError without the package pylance, and where embeddings have more than one length."""
        try:
            import lance
        except ModuleNotFoundError as error:
            raise LatentError(
                "a Lance table needs the package pylance: run `pip install 'tubelet[lance]'`"
            ) from error
        self._lance: Any = lance
        self._dataset, self._path = dataset, folder / "tokens.lance"
        self._parts = split_items(dataset, PART_BYTES)

    def begin(self) -> int:
        return len(self._parts)

    def write(self, part: int) -> None:
        known = self._lance.dataset(self._path).version if self._path.exists() else 0
        if known > part:
            return  # a run that stopped between the commit and its note of it
        numbers = self._parts[part]
        batches = (batch for number in numbers for batch in self._make_rows(number).to_batches())
        schema = self._make_rows(numbers[0]).schema
        self._lance.write_dataset(
            batches, self._path, schema=schema, mode="append" if known else "create"
        )

    def _make_rows(self, number: int) -> pa.Table:
        """The tokens of an item with their address, in the order of slice, y and x."""
        item, tokens = self._dataset.items[number], self._dataset[number]["tokens"]
        *grid, dim = tokens.shape
        count = int(np.prod(grid))
        places = np.indices(grid).reshape(len(grid), count)
        names = ("slice", "y", "x")[: len(grid)]
        numbered = {
            name: pa.array((place + (item.first if name == "slice" else 0)).astype(np.int16))
            for name, place in zip(names, places)
        }
        told = {k: v for k, v in list_columns([item]).items() if k in OF_ITEM}
        told |= list_labels(self._dataset, [item])
        same = {name: pa.array(value * count, pa.string()) for name, value in told.items()}
        seconds = pa.array(item.seconds[places[0]])
        flat = pa.array(tokens.reshape(-1))
        embedding = pa.FixedSizeListArray.from_arrays(flat, dim)
        return pa.table({**same, **numbered, "seconds": seconds, "embedding": embedding})
