"""Stored tokens as a map-style dataset, for those who train on them: of whole clips or stretches of slices, with labels.

dataset = store.dataset("label['split'] = 'train'", slices=4, labels=["action"])
torch.utils.data.DataLoader(dataset, batch_size=32, num_workers=4)

An item is a dict of NumPy arrays, numbers and texts, read from the embedding files when it is asked for: nothing is held open, so worker
processes each read for themselves. It is what a `torch.utils.data.Dataset` of its kind is, without importing torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from tubelet.store.disk import embeddings
from tubelet.store.encoder_names import find_encoder
from tubelet.store.errors import StoreError
from tubelet.store.sandbox import conditions
from tubelet.store.store import Store

MOST_LABELS = 20
WINDOWS = """SELECT c.clip_id, c.video_id, v.name AS video_name, c.embedding_path, c.start_s, c.stop_s,
c.slices, c.grid_height, c.grid_width, e.embed_dim{labels}
FROM clips c JOIN videos v USING (video_id) JOIN encoders e USING (encoder_id)
WHERE c.encoder_id = $encoder AND c.role IS DISTINCT FROM 'partner' AND c.embedding_path IS NOT NULL
AND ($videos::VARCHAR[] IS NULL OR list_contains($videos, c.video_id))
ORDER BY v.name, c.video_id, c.first_frame, c.clip_id"""


@dataclass(frozen=True, kw_only=True)
class Item:
    """Slices ``[first, stop)`` of a clip, their seconds in the video, and the number of each label's value."""

    clip_id: str
    video_id: str
    video_name: str
    path: Path
    shape: tuple[int, int, int, int]  # of the whole clip: S, H, W, D
    first: int
    stop: int
    start_s: float
    stop_s: float
    labels: tuple[int, ...]

    @property
    def seconds(self) -> np.ndarray:
        """The second at which each slice begins."""
        steps = np.arange(self.stop - self.first + 1) / (self.stop - self.first)
        return (self.start_s + steps * (self.stop_s - self.start_s))[:-1]


@dataclass(frozen=True)
class TokenDataset:
    """The tokens of some windows. `classes`: the values of each label, which an item names by their number; -1 for a video that has none."""

    items: tuple[Item, ...]
    encoder_id: str
    classes: Mapping[str, tuple[str, ...]]
    pooled: bool = False

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """`tokens` as half precision ``(s, H, W, D)``, or their mean over the patches ``(s, D)`` in single precision; where they are from; labels."""
        item = self.items[index]
        tokens = embeddings.read(item.path, item.first, item.stop)
        told: dict[str, Any] = {
            "tokens": tokens.mean((1, 2), dtype=np.float32) if self.pooled else tokens,
            "clip_id": item.clip_id,
            "video_id": item.video_id,
            "slice": item.first,
            "start_s": item.start_s,
        }
        return told | {f"label_{name}": item.labels[at] for at, name in enumerate(self.classes)}

    @property
    def shapes(self) -> set[tuple[int, ...]]:
        """The shapes that `tokens` has; a batch takes those of one."""
        return {
            (i.stop - i.first, i.shape[3]) if self.pooled else (i.stop - i.first, *i.shape[1:])
            for i in self.items
        }


def select_tokens(
    store: Store,
    where: str = "",
    encoder: str | None = None,
    slices: int | None = None,
    labels: Sequence[str] = (),
) -> TokenDataset:
    """The windows of one encoder over the videos that meet a condition, whole or cut to stretches of `slices`. Raises TubeletError."""
    if slices is not None and slices < 1:
        raise StoreError(f"slices is {slices}: it must be 1 or more")
    if len(set(labels)) < len(labels) or len(labels) > MOST_LABELS:
        raise StoreError(f"labels are at most {MOST_LABELS} different names")
    encoder_id = find_encoder(store, encoder) if encoder else _only_encoder(store)
    videos = list(conditions.videos(store, where)) if where else None
    names = {f"label_{at}": name for at, name in enumerate(labels)}
    columns = "".join(f", label_of(c.video_id, ${key}) AS {key}" for key in names)
    asked = {"encoder": encoder_id, "videos": videos, **names}
    try:
        rows = store.rows(WINDOWS.format(labels=columns), asked)
    except duckdb.InvalidInputException as error:  # of `label_of`: a video has several values
        raise StoreError(
            str(error).removeprefix("Invalid Input Error: ").splitlines()[0]
        ) from error
    if not rows:
        raise StoreError(
            f"no window of {encoder_id} has embeddings here: change the condition, or ingest with `--keep embeddings`"
        )
    values = {key: sorted({row[key] for row in rows if row[key] is not None}) for key in names}
    _refuse_empty({names[key]: found for key, found in values.items()})
    numbers = [tuple(_number(row[key], values[key]) for key in names) for row in rows]
    items = tuple(item for row, own in zip(rows, numbers) for item in _cut(store, row, own, slices))
    if not items:
        most = max(row["slices"] for row in rows)
        raise StoreError(f"slices is {slices}, and the longest window here has {most}")
    return TokenDataset(
        items, encoder_id, {names[key]: tuple(found) for key, found in values.items()}
    )


def _cut(store: Store, row: dict, labels: tuple[int, ...], slices: int | None) -> list[Item]:
    """The stretches of a window; the rest that is too short for one is left out."""
    every = row["slices"]
    length, second = slices or every, (row["stop_s"] - row["start_s"]) / every
    path = store.layout.embedding_file(row["embedding_path"], row["clip_id"])
    shape = every, row["grid_height"], row["grid_width"], row["embed_dim"]
    return [
        Item(
            clip_id=row["clip_id"],
            video_id=row["video_id"],
            video_name=row["video_name"],
            path=path,
            shape=shape,
            first=first,
            stop=first + length,
            start_s=row["start_s"] + first * second,
            stop_s=row["start_s"] + (first + length) * second,
            labels=labels,
        )
        for first in range(0, every - length + 1, length)
    ]


def _number(value: str | None, values: list[str]) -> int:
    return -1 if value is None else values.index(value)


def _refuse_empty(values: Mapping[str, list[str]]) -> None:
    if lacking := [name for name, found in values.items() if not found]:
        raise StoreError(
            f"no selected video has the label {lacking[0]!r}: import it with `tubelet annotate`"
        )


def _only_encoder(store: Store) -> str:
    found = store.rows("SELECT DISTINCT encoder_id FROM clips ORDER BY encoder_id")
    if len(found) == 1:
        return str(found[0]["encoder_id"])
    if not found:
        raise StoreError(f"{store.name} holds no clips: run `tubelet ingest` first")
    listed = ", ".join(row["encoder_id"] for row in found)
    raise StoreError(f"several encoders are stored, name one of them: {listed}")
