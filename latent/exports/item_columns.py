"""Metadata of a dataset's items, as columns that every format of tokens writes under the same names."""

import re
from collections.abc import Sequence
from typing import Any

from tubelet.latent.errors import LatentError
from tubelet.store.token_dataset import Item, TokenDataset

NOT_IN_NAMES = re.compile(r"\W")  # of labels: they name arrays, which are folders, and columns


def name_items(items: Sequence[Item]) -> list[str]:
    """A name per item, of which no two are the same: its clip, and its first slice where it is a stretch of it."""
    return [
        item.clip_id
        if item.stop - item.first == item.shape[0]
        else f"{item.clip_id}-{item.first:06d}"
        for item in items
    ]


def list_columns(items: Sequence[Item]) -> dict[str, list[Any]]:
    """Ids, the name of the video, the first slice and the seconds of items."""
    names = ("clip_id", "video_id", "video_name", "first", "start_s", "stop_s")
    told = {name: [getattr(item, name) for item in items] for name in names}
    return {"first_slice" if name == "first" else name: values for name, values in told.items()}


def name_labels(dataset: TokenDataset) -> dict[str, str]:
    """The column of each label: ``label_NAME`` with an underscore for what no folder may be called, and all of them different."""
    columns: dict[str, str] = {}
    for at, label in enumerate(dataset.classes):
        column = f"label_{NOT_IN_NAMES.sub('_', label)}"
        columns[label] = f"{column}_{at}" if column in columns.values() else column
    return columns


def list_labels(dataset: TokenDataset, items: Sequence[Item]) -> dict[str, list[str | None]]:
    """The value of each label by the name of its column; None for an item that has none."""
    return {
        column: [None if item.labels[at] < 0 else values[item.labels[at]] for item in items]
        for at, (column, values) in enumerate(
            zip(name_labels(dataset).values(), dataset.classes.values())
        )
    }


def take_shape(dataset: TokenDataset) -> tuple[int, ...]:
    """The one shape of all items. Raises LatentError where they have several."""
    if len(dataset.shapes) > 1:
        listed = ", ".join("x".join(map(str, shape)) for shape in sorted(dataset.shapes))
        raise LatentError(
            f"the windows have {len(dataset.shapes)} shapes ({listed}), and an array has one: restrict them with --where, or pass `--to webdataset`"
        )
    (shape,) = dataset.shapes
    return shape


def count_bytes(item: Item, pooled: bool) -> int:
    """Bytes of an item's tokens."""
    slices, (height, width, dim) = item.stop - item.first, item.shape[1:]
    return 4 * slices * dim if pooled else 2 * slices * height * width * dim


def split_items(dataset: TokenDataset, part_bytes: int) -> list[range]:
    """The numbers of the items of each part, of about so many bytes."""
    most = max(count_bytes(item, dataset.pooled) for item in dataset.items)
    each = max(1, part_bytes // most)
    return [range(first, min(first + each, len(dataset))) for first in range(0, len(dataset), each)]
