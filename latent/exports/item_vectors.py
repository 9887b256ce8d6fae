"""What stands for an item where tools look at one vector and one picture of each: its mean token, and its middle slice."""

from collections.abc import Sequence

import numpy as np

from tubelet.media.patch_pictures import cut_slice
from tubelet.store import Store
from tubelet.store.questions import clips
from tubelet.store.rows import ClipRow, NamedClip
from tubelet.store.token_dataset import Item, TokenDataset


def average_tokens(dataset: TokenDataset, number: int) -> np.ndarray:
    """The mean of an item's tokens ``(D,)``, in single precision."""
    tokens = dataset[number]["tokens"]
    mean: np.ndarray = tokens.reshape(-1, tokens.shape[-1]).mean(0, dtype=np.float64)
    return mean.astype(np.float32)


def find_clips(store: Store, items: Sequence[Item]) -> dict[str, ClipRow]:
    """The rows of the items' clips by id."""
    asked = clips.named_clips(sorted({item.clip_id for item in items}))
    return {row["clip_id"]: NamedClip.of(row) for row in asked.answer(store).to_pylist()}


def cut_middle(store: Store, item: Item, clip: ClipRow) -> bytes:
    """The picture of an item's middle slice, as JPEG."""
    return cut_slice(store, clip, (item.first + item.stop) // 2)
