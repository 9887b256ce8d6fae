"""The slice pictures of clips as sequences of slices: what a model reaches that sees no encoder at all."""

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tubelet.store import Store
from tubelet.store.disk.inside import UnsafePath
from tubelet.store.placement import Sheet
from tubelet.store.rows import ClipRow
from tubelet.training.fitting.errors import FitError
from tubelet.training.fitting.tokens import Clip

PATCH = 4  # pixels per side of what becomes a token


@dataclass(frozen=True)
class PixelSequences:
    """Tokens of `PATCH` x `PATCH` pixels of a picture that is made as small as that."""

    store: Store
    rows: tuple[ClipRow, ...]
    clips: tuple[Clip, ...]

    @classmethod
    def of(cls, store: Store, like: tuple[Clip, ...]) -> "PixelSequences | None":
        """Of the same clips and grids as those of an encoder; None where one has no pictures."""
        held = {row["clip_id"]: ClipRow.of(row) for row in store.rows("FROM clips")}
        rows = tuple(held[clip.clip_id] for clip in like)
        if not all(_has_pictures(store, row) for row in rows):
            return None
        clips = tuple(Clip(one.clip_id, one.video_id, (*one.shape[:3], PATCH * PATCH * 3)) for one in like)  # fmt: skip
        return cls(store, rows, clips)

    def read(self, number: int, first: int, stop: int) -> Tensor:
        _, height, width, _ = self.clips[number].shape
        pictures = read_pictures(self.store, self.rows[number], (height * PATCH, width * PATCH), range(first, stop))  # fmt: skip
        return cut_patches(torch.from_numpy(pictures).float() / 255, PATCH)


def _has_pictures(store: Store, row: ClipRow) -> bool:
    try:
        return store.layout.pictures(row.video_id, row.clip_id).is_file()
    except UnsafePath:
        return False


def read_pictures(store: Store, row: ClipRow, size: tuple[int, int], slices: range) -> np.ndarray:
    """The pictures of some slices, (S, height, width, 3) in uint8. Raises FitError where they cannot be read."""
    sheet = Sheet.of(row)
    try:
        data = store.layout.pictures(row.video_id, row.clip_id).read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            whole = image.convert("RGB")
    except (OSError, UnsafePath) as error:
        raise FitError(
            f"the slice pictures of clip {row.clip_id} cannot be read: ingest its video again"
        ) from error
    return np.stack([_cut(whole, sheet, number, size) for number in slices])


def _cut(whole: Image.Image, sheet: Sheet, number: int, size: tuple[int, int]) -> np.ndarray:
    top, left = sheet.corner(number)
    box = (left, top, left + sheet.tile[1], top + sheet.tile[0])
    small = whole.resize((size[1], size[0]), Image.Resampling.BOX, box=box)
    return np.asarray(small, np.uint8)


def cut_patches(pictures: Tensor, patch: int) -> Tensor:
    """Pictures (S, H * patch, W * patch, 3) as tokens (S, H, W, patch * patch * 3)."""
    slices, height, width, _ = pictures.shape
    cells = pictures.reshape(slices, height // patch, patch, width // patch, patch, 3)
    return cells.permute(0, 1, 3, 2, 4, 5).reshape(slices, height // patch, width // patch, -1)


def join_patches(tokens: Tensor, patch: int) -> Tensor:
    """The inverse: tokens (S, H, W, patch * patch * 3) as pictures (S, H * patch, W * patch, 3)."""
    slices, height, width, _ = tokens.shape
    cells = tokens.reshape(slices, height, width, patch, patch, 3).permute(0, 1, 3, 2, 4, 5)
    return cells.reshape(slices, height * patch, width * patch, 3)
