"""Tokens as a folder of Parquet files that Hugging Face `datasets` reads: arrays, labels as classes, and the video as a column.

datasets.load_dataset("train", split="train")[0]["tokens"]

The schema of the files says how `datasets` is to read them, so that writing needs no package. The column `video` holds the path of the
source, which stays where it is; `push_to_hub` takes its bytes along.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tubelet.latent.errors import LatentError
from tubelet.latent.exports.item_columns import list_columns, name_labels, split_items
from tubelet.media import sources
from tubelet.store import Store
from tubelet.store.disk.outputs import open_whole
from tubelet.store.rows import VideoRow
from tubelet.store.token_dataset import Item, TokenDataset

PART_BYTES = 256_000_000
TYPES = {"clip_id": "string", "video_id": "string", "video_name": "string", "first_slice": "int32", "start_s": "float64", "stop_s": "float64"}  # fmt: skip
EXTENSION = "datasets.features.features"
VIDEO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


class DatasetsFolder:
    """`data/train-00000-of-00004.parquet`, ...: a row group per item, each file there once it is whole."""

    def __init__(self, dataset: TokenDataset, folder: Path, store: Store) -> None:
        """Raises LatentError where items differ in more than the number of their slices."""
        grids = {shape[1:] for shape in dataset.shapes}
        if len(grids) > 1:
            raise LatentError(
                f"the windows have {len(grids)} grids, and a column of `datasets` has one: restrict them with --where, or pass `--to webdataset`"
            )
        self._dataset, self._folder, self._store = dataset, folder / "data", store
        self._parts = split_items(dataset, PART_BYTES)
        self._schema = _make_schema(dataset)
        self._videos: dict[str, str | None] = {}

    def begin(self) -> int:
        self._folder.mkdir(exist_ok=True)
        return len(self._parts)

    def write(self, part: int) -> None:
        path = self._folder / f"train-{part:05d}-of-{len(self._parts):05d}.parquet"
        with (
            open_whole(path, seekable=False) as file,
            pq.ParquetWriter(file, self._schema, compression="zstd") as writer,
        ):
            for number in self._parts[part]:
                writer.write_table(self._make_row(number))

    def _make_row(self, number: int) -> pa.Table:
        item = self._dataset.items[number]
        labels = [None if label < 0 else label for label in item.labels]
        path = self._find_video(item)
        told: dict[str, Any] = {
            **list_columns([item]),
            "seconds": [item.seconds.tolist()],
            **{name: [label] for name, label in zip(name_labels(self._dataset).values(), labels)},
            "video": [path and {"bytes": None, "path": path}],
        }
        plain = [pa.array(told[field.name], field.type) for field in list(self._schema)[:-1]]
        tokens = nest(self._dataset[number]["tokens"])
        return pa.Table.from_arrays([*plain, tokens], schema=self._schema)

    def _find_video(self, item: Item) -> str | None:
        """The path of an item's source; None where the file is no longer there as it was ingested."""
        if item.video_id not in self._videos:
            video: VideoRow = self._store.video(item.video_id)
            self._videos[item.video_id] = None if sources.missing(video) else video.path
        return self._videos[item.video_id]


def nest(array: np.ndarray) -> pa.ListArray:
    """An array as one value of nested lists, as `datasets` stores arrays of two dimensions or more."""
    values: pa.Array = pa.array(array.reshape(-1))
    for size in reversed(array.shape):
        offsets = np.arange(0, len(values) + 1, size, dtype=np.int32)
        values = pa.ListArray.from_arrays(pa.array(offsets), values)
    return values


def _make_schema(dataset: TokenDataset) -> pa.Schema:
    """Columns with the description that `datasets` looks for in the metadata of a Parquet file."""
    lengths = {shape[0] for shape in dataset.shapes}
    rest = next(iter(dataset.shapes))[1:]
    shape = [next(iter(lengths)) if len(lengths) == 1 else None, *rest]
    type_: pa.DataType = pa.float32() if dataset.pooled else pa.float16()
    features: dict[str, Any] = {name: _value(kind) for name, kind in TYPES.items()}
    features["seconds"] = {"feature": _value("float64"), "_type": "Sequence"}
    labels = name_labels(dataset)
    for label, column in labels.items():
        features[column] = {"names": list(dataset.classes[label]), "_type": "ClassLabel"}
    features["video"] = {"_type": "Video"}
    features["tokens"] = {
        "shape": shape,
        "dtype": "float32" if dataset.pooled else "float16",
        "_type": f"Array{len(shape)}D",
    }
    told = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    return pa.schema(
        [
            *((name, getattr(pa, kind)()) for name, kind in TYPES.items()),
            ("seconds", pa.list_(pa.float64())),
            *((column, pa.int64()) for column in labels.values()),
            ("video", VIDEO),
            _nest_field("tokens", type_, shape),
        ],
        metadata=told,
    )


def _value(kind: str) -> dict[str, str]:
    return {"dtype": kind, "_type": "Value"}


def _nest_field(name: str, type_: pa.DataType, shape: Sequence[int | None]) -> pa.Field:
    """A column of arrays as `datasets` writes it: nested lists, marked as its own extension type."""
    marked = {
        b"ARROW:extension:name": f"{EXTENSION}.Array{len(shape)}DExtensionType".encode(),
        b"ARROW:extension:metadata": json.dumps(
            [shape, "float32" if type_ == pa.float32() else "float16"]
        ).encode(),
    }
    for _ in shape:
        type_ = pa.list_(type_)
    return pa.field(name, type_, metadata=marked)
