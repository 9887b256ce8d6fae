"""Windows as a folder that FiftyOne imports: a picture and a row per item, and the mean tokens in the same order.

windows = fiftyone.Dataset.from_dir(dataset_dir="train", dataset_type=fiftyone.types.CSVDataset)
fiftyone.brain.compute_visualization(windows, embeddings=numpy.load("train/vectors.npy"))
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from tubelet.latent.errors import LatentError
from tubelet.latent.exports.item_columns import list_columns, list_labels, name_items
from tubelet.latent.exports.item_vectors import average_tokens, cut_middle, find_clips
from tubelet.store import Store
from tubelet.store.disk.outputs import open_whole, write_file
from tubelet.store.sandbox import formats
from tubelet.store.token_dataset import Item, TokenDataset
from tubelet.store.wording import count

ROWS, VECTORS, PICTURES = "labels.csv", "vectors.npy", "data"  # the first and last as FiftyOne expects them  # fmt: skip
GROUP = 256  # items of a part


class FiftyOneFolder:
    """Pictures are numbered, because FiftyOne takes them in the order of their names."""

    def __init__(self, dataset: TokenDataset, folder: Path, store: Store) -> None:
        """Raises LatentError where an item has no picture: FiftyOne shows nothing else."""
        lacking = sum(
            not store.layout.has_pictures(item.video_id, item.clip_id) for item in dataset.items
        )
        if lacking:
            raise LatentError(
                f"FiftyOne shows pictures, and the store has none of {count(lacking, 'window')}: ingest the videos without --no-pictures, or pass `--to atlas`"
            )
        self._dataset, self._folder, self._store = dataset, folder, store

    def begin(self) -> int:
        (self._folder / PICTURES).mkdir(exist_ok=True)
        items = self._dataset.items
        names = [self._name_picture(number) for number in range(len(items))]
        labels = list_labels(self._dataset, items)
        told = {"filepath": names, "window": name_items(items), **list_columns(items), **labels}
        rows = formats.csv(pa.table(told))
        write_file(self._folder / ROWS, lambda file: file.write(rows))
        path = self._folder / VECTORS
        if not path.exists():
            unfinished = path.with_suffix(".new")
            shape = len(items), items[0].shape[3]
            np.lib.format.open_memmap(unfinished, "w+", np.dtype("<f4"), shape).flush()
            unfinished.rename(path)
        return -(-len(items) // GROUP)

    def write(self, part: int) -> None:
        numbers = range(part * GROUP, min((part + 1) * GROUP, len(self._dataset)))
        vectors = np.load(self._folder / VECTORS, mmap_mode="r+")
        clips = find_clips(self._store, [self._dataset.items[number] for number in numbers])
        for number in numbers:
            item: Item = self._dataset.items[number]
            vectors[number] = average_tokens(self._dataset, number)
            with open_whole(self._folder / PICTURES / self._name_picture(number)) as file:
                file.write(cut_middle(self._store, item, clips[item.clip_id]))
        vectors.flush()

    def _name_picture(self, number: int) -> str:
        (name,) = name_items([self._dataset.items[number]])
        return f"{number:08d}-{name}.jpg"
