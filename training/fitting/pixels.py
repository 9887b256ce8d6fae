"""The slice pictures of clips as sequences of slices: what a model reaches that sees no encoder at all."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tubelet.latent.decoding.pictures import read_pictures
from tubelet.store import Store
from tubelet.store.rows import ClipRow
from tubelet.training.fitting.tokens import TokenClip

PATCH = 4  # pixels per side of what becomes a token


@dataclass(frozen=True)
class PixelSequences:
    """Tokens of `PATCH` x `PATCH` pixels of a picture that is made as small as that."""

    store: Store
    rows: tuple[ClipRow, ...]
    clips: tuple[TokenClip, ...]

    @classmethod
    def of(cls, store: Store, like: tuple[TokenClip, ...]) -> "PixelSequences | None":
        """The pixels of the same clips and grids as those of an encoder; None where a clip has no pictures."""
        held = {row["clip_id"]: ClipRow.of(row) for row in store.rows("FROM clips")}
        rows = tuple(held[clip.clip_id] for clip in like)
        if not all(store.layout.has_pictures(row.video_id, row.clip_id) for row in rows):
            return None
        clips = tuple(TokenClip(one.clip_id, one.video_id, (*one.shape[:3], PATCH * PATCH * 3)) for one in like)  # fmt: skip
        return cls(store, rows, clips)

    def read(self, number: int, first: int, stop: int) -> Tensor:
        _, height, width, _ = self.clips[number].shape
        pictures = read_pictures(self.store, self.rows[number], (height * PATCH, width * PATCH), range(first, stop))  # fmt: skip
        return cut_patches(torch.from_numpy(pictures).float() / 255, PATCH)


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
