"""Minibatches of tokens: clips of one shape, read from their embedding files when it is their turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tubelet.latent.probes.options import ProbeError
from tubelet.latent.probes.tokens import TokenFile
from tubelet.store.disk import embeddings
from tubelet.training.attentive.network import normalize


@dataclass(frozen=True)
class ClipBatch:
    """`numbers` of the clips among those asked for; their `tokens` (B, N, D) in single precision, normalized."""

    numbers: np.ndarray
    tokens: Tensor


@dataclass(frozen=True)
class BatchOptions:
    """How minibatches are read: at most `size` clips, onto a device."""

    size: int
    device: torch.device

    def read(
        self, files: Sequence[TokenFile], generator: np.random.Generator | None = None
    ) -> Iterator[ClipBatch]:
        """All clips once, in random order if there is a generator. Raises ProbeError for tokens that are not finite, StoreError for a file that cannot be read."""
        for numbers in plan_batches([file.tokens for file in files], self.size, generator):
            chosen = [files[number] for number in numbers]
            tokens = normalize(read_tokens(chosen).to(self.device))
            _refuse_holes(tokens, chosen)
            yield ClipBatch(numbers, tokens)


def plan_batches(
    tokens: Sequence[int], size: int, generator: np.random.Generator | None
) -> list[np.ndarray]:
    """Numbers of clips for each batch, whose clips have equally many tokens."""
    counts = np.asarray(tokens)
    batches = []
    for count in np.unique(counts):
        same = np.flatnonzero(counts == count)
        same = same if generator is None else generator.permutation(same)
        batches += [same[start : start + size] for start in range(0, len(same), size)]
    if generator is not None:
        generator.shuffle(batches)
    return batches


def read_tokens(files: Sequence[TokenFile]) -> Tensor:
    """Tokens (B, N, D) of clips with equally many, in half precision."""
    batch = np.empty((len(files), files[0].tokens, files[0].shape[3]), np.float16)
    for row, file in zip(batch, files):
        embeddings.read(file.path, into=row.reshape(file.shape))
    return torch.from_numpy(batch)


def _refuse_holes(normalized: Tensor, files: Sequence[TokenFile]) -> None:
    """A single value that is not finite leaves none of its token."""
    whole = torch.isfinite(normalized[:, :, 0]).all(dim=1)
    if not bool(whole.all()):
        wrong = files[int((~whole).nonzero()[0])]
        raise ProbeError(
            f"the clip {wrong.clip_id} has tokens that are not finite: run `tubelet check`, and ingest its video again"
        )
