"""Tokens as WebDataset: tar files of about 256 MB, each sample `CLIP.npy` with the tokens and `CLIP.json` with what is known of them."""

import io
import json
import tarfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tubelet.store.disk.outputs import open_whole
from tubelet.store.token_dataset import Item, TokenDataset

SHARD_BYTES = 256_000_000


class Shards:
    """`tokens-000000.tar`, `tokens-000001.tar`, ...: each appears when it is whole."""

    def __init__(self, dataset: TokenDataset, folder: Path) -> None:
        self._dataset, self._folder = dataset, folder
        most = max(2 * int(np.prod(item.shape)) for item in dataset.items)
        self._samples = max(1, SHARD_BYTES // most)

    def begin(self) -> int:
        return -(-len(self._dataset) // self._samples)

    def write(self, part: int) -> None:
        first = part * self._samples
        with open_whole(self._folder / f"tokens-{part:06d}.tar", seekable=False) as file:
            self._write_tar(file, range(first, min(first + self._samples, len(self._dataset))))

    def _write_tar(self, file: BinaryIO, numbers: range) -> None:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for number in numbers:
                item = self._dataset.items[number]
                array = io.BytesIO()
                np.save(array, self._dataset[number]["tokens"])
                _add(tar, f"{item.clip_id}.npy", array)
                _add(tar, f"{item.clip_id}.json", io.BytesIO(self._describe(item)))

    def _describe(self, item: Item) -> bytes:
        values = self._dataset.classes.items()
        told = {
            "clip_id": item.clip_id,
            "video_id": item.video_id,
            "video_name": item.video_name,
            "encoder_id": self._dataset.encoder_id,
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
