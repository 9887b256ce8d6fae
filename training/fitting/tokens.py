"""Clips of one encoder as sequences of slices, read from embedding files when it is their turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tubelet.latent.probes.states import StoredLayer
from tubelet.latent.probes.tokens import TokenFile, read_token_files
from tubelet.store import Store
from tubelet.store.disk import embeddings
from tubelet.store.encoder_names import find_encoder
from tubelet.store.questions.corpus import OF_GRID, UNTRAINED
from tubelet.training.attentive.batches import plan_batches
from tubelet.training.fitting.errors import FitError

PLACES = f"""SELECT e.encoder_id, e.layer, {UNTRAINED} AS untrained, count(DISTINCT c.video_id) AS videos, max(c.slices) AS slices
FROM encoders e JOIN clips c USING (encoder_id) WHERE c.embedding_path IS NOT NULL AND {OF_GRID} GROUP BY ALL ORDER BY e.encoder_id"""

Shape = tuple[int, int, int, int]  # slices, rows, columns, numbers per token


@dataclass(frozen=True)
class TokenClip:
    """A clip as a model sees it: its id, its video, and its shape after averaging."""

    clip_id: str
    video_id: str
    shape: Shape


class Sequences(Protocol):
    """Clips that can be read as tokens."""

    @property
    def clips(self) -> Sequence[TokenClip]: ...

    def read(self, number: int, first: int, stop: int) -> Tensor:
        """Slices ``[first, stop)`` of a clip, (S, H, W, D) in single precision."""
        ...


@dataclass(frozen=True)
class TokenSequences:
    """The tokens of clips; a grid of more than `side` tokens per side is averaged over neighbors.

    `levels`: parts of a token that are layer-normalized first, each by itself, as the targets of a predictor are; 0 for tokens as they are stored.
    """

    files: tuple[TokenFile, ...]
    clips: tuple[TokenClip, ...]
    levels: int = 0

    @classmethod
    def of(cls, store: Store, place: StoredLayer, side: int) -> "TokenSequences":
        found = read_token_files(store, place)
        clips = tuple(
            TokenClip(file.clip_id, str(video), shrink(file.shape, side))
            for file, video in zip(found.files, found.video_ids)
        )
        return cls(found.files, clips)

    def read(self, number: int, first: int, stop: int) -> Tensor:
        grid = torch.from_numpy(embeddings.read(self.files[number].path, first, stop)).float()
        return average(normalize_levels(grid, self.levels), self.clips[number].shape[1:3])


def shrink(shape: Shape, side: int) -> Shape:
    slices, height, width, dim = shape
    return slices, min(height, side), min(width, side), dim


def normalize_levels(grid: Tensor, levels: int) -> Tensor:
    """Each of so many parts of a token (..., D) to mean 0 and variance 1; all as it is where there are 0."""
    if not levels:
        return grid
    parts = grid.unflatten(-1, (levels, -1))
    return F.layer_norm(parts, parts.shape[-1:]).flatten(-2)


def average(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """A grid (S, H, W, D) averaged to a smaller one."""
    if tuple(grid.shape[1:3]) == size:
        return grid
    return F.adaptive_avg_pool2d(grid.permute(0, 3, 1, 2), size).permute(0, 2, 3, 1)


def find_places(store: Store, encoders: Sequence[str]) -> list[tuple[StoredLayer, int]]:
    """The encoders that are named, or all, whose clips keep tokens, and how many slices their longest clip has. Raises FitError where there is none."""
    wanted = [find_encoder(store, name) for name in encoders]
    rows = {row["encoder_id"]: row for row in store.rows(PLACES)}
    if lacking := [encoder for encoder in wanted if encoder not in rows] or (
        [store.name] if not rows else []
    ):
        raise FitError(
            f"no clip of {lacking[0]} keeps its tokens, which a model is fitted to: ingest with `--keep embeddings`"
        )  # fmt: skip
    chosen = [rows[encoder] for encoder in dict.fromkeys(wanted)] or list(rows.values())
    return [(StoredLayer(row["encoder_id"], row["layer"], False, row["untrained"]), row["slices"]) for row in chosen]  # fmt: skip


@dataclass(frozen=True)
class Stretch:
    """Slices ``[first, first + slices)`` of a clip, by its number."""

    number: int
    first: int


@dataclass(frozen=True)
class StretchBatch:
    """Stretches of clips of one shape, and their tokens (B, S, H, W, D)."""

    stretches: tuple[Stretch, ...]
    tokens: Tensor


@dataclass(frozen=True)
class StretchOptions:
    """How batches are read: at most `size` stretches of at most `slices` slices, onto a device; in the order of time, or not (`shuffled`)."""

    size: int
    slices: int
    device: torch.device
    shuffled: bool = False

    def read(
        self, clips: Sequences, numbers: Sequence[int], generator: np.random.Generator | None = None
    ) -> Iterator[StretchBatch]:
        """One stretch of each clip in random order, at a random place, where there is a generator; else the first of each."""
        lengths = [min(self.slices, clips.clips[n].shape[0]) for n in numbers]
        keys = _number_shapes([(length, *clips.clips[n].shape[1:]) for length, n in zip(lengths, numbers)])  # fmt: skip
        for members in plan_batches(keys, self.size, generator):
            chosen = [self._place(clips.clips[numbers[m]], numbers[m], lengths[m], generator) for m in members]  # fmt: skip
            yield self._make(clips, chosen, lengths[members[0]])

    def read_whole(self, clips: Sequences, numbers: Sequence[int]) -> Iterator[StretchBatch]:
        """All slices of each clip."""
        keys = _number_shapes([clips.clips[n].shape for n in numbers])
        for members in plan_batches(keys, self.size, None):
            chosen = [Stretch(numbers[m], 0) for m in members]
            yield self._make(clips, chosen, clips.clips[chosen[0].number].shape[0])

    def _place(
        self, clip: TokenClip, number: int, length: int, generator: np.random.Generator | None
    ) -> Stretch:
        last = clip.shape[0] - length
        return Stretch(number, int(generator.integers(last + 1)) if generator and last else 0)

    def _make(self, clips: Sequences, chosen: list[Stretch], length: int) -> StretchBatch:
        tokens = torch.stack([self._read(clips, one, length) for one in chosen])
        whole = torch.isfinite(tokens).flatten(1).all(1)
        if not bool(whole.all()):
            wrong = clips.clips[chosen[int((~whole).nonzero()[0])].number]
            raise FitError(
                f"the clip {wrong.clip_id} has tokens that are not finite: run `tubelet check`, and ingest its video again"
            )
        return StretchBatch(tuple(chosen), tokens.to(self.device))

    def _read(self, clips: Sequences, one: Stretch, length: int) -> Tensor:
        """Slices in order; or, shuffled, in an order of the clip's own that is the same each time."""
        if not self.shuffled:
            return clips.read(one.number, one.first, one.first + length)
        clip = clips.clips[one.number]
        whole = clips.read(one.number, 0, clip.shape[0])
        seed = int.from_bytes(clip.clip_id.encode()[:8], "big")
        order = np.random.default_rng([seed, 43]).permutation(clip.shape[0])
        return whole[torch.from_numpy(order[one.first : one.first + length])]


def _number_shapes(shapes: Sequence[tuple[int, ...]]) -> list[int]:
    """One number per shape, so that batches hold a single one."""
    numbers = {shape: number for number, shape in enumerate(dict.fromkeys(shapes))}
    return [numbers[shape] for shape in shapes]
