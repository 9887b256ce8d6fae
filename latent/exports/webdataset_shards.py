"""Tokens as WebDataset: tar files of about 256 MB, each sample `CLIP.npy` (`CLIP-SLICE.npy` of a stretch) with the tokens and `CLIP.json` with what is known of them."""

import io
import json
import tarfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tubelet.latent.exports.item_columns import name_items, split_items
from tubelet.store import Store
from tubelet.store.disk.outputs import open_whole
from tubelet.store.token_dataset import Item, TokenDataset

SHARD_BYTES = 256_000_000


class Shards:
    """`tokens-000000.tar`, `tokens-000001.tar`, ...: each appears when it is whole."""

    def __init__(self, dataset: TokenDataset, folder: Path, _store: Store) -> None:
        self._dataset, self._folder = dataset, folder
        self._parts = split_items(dataset, SHARD_BYTES)

    def begin(self) -> int:
        return len(self._parts)

    def write(self, part: int) -> None:
        with open_whole(self._folder / f"tokens-{part:06d}.tar", seekable=False) as file:
            self._write_tar(file, self._parts[part])

    def _write_tar(self, file: BinaryIO, numbers: range) -> None:
        items = [self._dataset.items[number] for number in numbers]
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for number, item, name in zip(numbers, items, name_items(items)):
                array = io.BytesIO()
                np.save(array, self._dataset[number]["tokens"])
                _add(tar, f"{name}.npy", array)
                _add(tar, f"{name}.json", io.BytesIO(self._describe(item)))

    def _describe(self, item: Item) -> bytes:
        values = self._dataset.classes.items()
        told = {
            "clip_id": item.clip_id,
            "video_id": item.video_id,
            "video_name": item.video_name,
            "encoder_id": self._dataset.encoder_id,
            "first_slice": item.first,
            "seconds": item.seconds.tolist(),
            "labels": {
                name: None if number < 0 else known[number]
                for (name, known), number in zip(values, item.labels)
            },
        }
        return json.dumps(told).encode()


def _add(tar: tarfile.TarFile, name: str, data: io.BytesIO) -> None:
    told = tarfile.TarInfo(name)
    told.size = data.getbuffer().nbytes
    data.seek(0)
    tar.addfile(told, data)
