"""Windows as a table for Embedding Atlas: a row per item with its mean token, its labels and the picture of its middle slice.

embedding-atlas train/windows.parquet --vector vector --image picture
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tubelet.latent.exports.item_columns import list_columns, list_labels, name_items
from tubelet.latent.exports.item_vectors import average_tokens, cut_middle, find_clips
from tubelet.store import Store
from tubelet.store.disk.outputs import open_whole
from tubelet.store.token_dataset import TokenDataset

TABLE = "windows.parquet"
GROUP = 256  # items in memory at a time
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


class AtlasTable:
    """One file, of one part; the column `picture` is there where the store has pictures."""

    def __init__(self, dataset: TokenDataset, folder: Path, store: Store) -> None:
        self._dataset, self._path, self._store = dataset, folder / TABLE, store
        self._pictured = any(
            store.layout.has_pictures(item.video_id, item.clip_id) for item in dataset.items
        )

    def begin(self) -> int:
        return 1

    def write(self, _part: int) -> None:
        numbers = range(len(self._dataset))
        groups = (numbers[first : first + GROUP] for first in range(0, len(numbers), GROUP))
        rows = self._make_rows(next(groups))
        with (
            open_whole(self._path, seekable=False) as file,
            pq.ParquetWriter(file, rows.schema, compression="zstd") as writer,
        ):
            writer.write_table(rows)
            for group in groups:
                writer.write_table(self._make_rows(group))

    def _make_rows(self, numbers: Sequence[int]) -> pa.Table:
        items = [self._dataset.items[number] for number in numbers]
        told: dict[str, pa.Array] = {"window": pa.array(name_items(items))}
        told |= {name: pa.array(values) for name, values in list_columns(items).items()}
        labels = list_labels(self._dataset, items)
        told |= {name: pa.array(values, pa.string()) for name, values in labels.items()}
        if self._pictured:
            told["picture"] = pa.array(self._list_pictures(numbers), PICTURE)
        vectors = [average_tokens(self._dataset, number) for number in numbers]
        told["vector"] = pa.array(vectors, pa.list_(pa.float32()))
        return pa.table(told)

    def _list_pictures(self, numbers: Sequence[int]) -> list[dict | None]:
        items = [self._dataset.items[number] for number in numbers]
        clips = find_clips(self._store, items)
        return [
            {"bytes": cut_middle(self._store, item, clips[item.clip_id]), "path": f"{name}.jpg"}
            if self._store.layout.has_pictures(item.video_id, item.clip_id)
            else None
            for item, name in zip(items, name_items(items))
        ]
