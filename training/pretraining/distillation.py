"""Distillation: external targets for every token: dense features of a frozen image network, and motion.

A student that only predicts its own average learns slowly; a teacher that has seen a million photographs tells it what looks similar,
and displacements computed from the pixels tell it what moves. Both are computed from the clip as it is, not as the student sees it.
"""

import torch
from torch.nn import functional as F

from tubelet.training.flow import displacements
from tubelet.training.pretraining.teacher import CHANNELS, STRIDE, Teacher

TEACHERS = ("efficientnet-lite0",)
DISPLACEMENT, APART = 2, 1  # numbers per token
COMPARED = 0.0, 0.7, 0.7, 0.1, 0.4  # weights of the parts in the cosines by which tokens are compared: levels as unit vectors, then motion
CLEAR = 2.0  # pixels per frame by which what moves apart does so clearly
SHARPNESS = 0.1  # what a cosine is divided by
ASKED = 3  # of that many tokens, one is compared with all others


class Distillation:
    """Clips to the distillation targets of their tokens; `sizes` are the widths of its parts, each of equal weight in the loss."""

    def __init__(self, teacher: Teacher, tubelet: int, kept: int = 0) -> None:
        self.teacher, self.tubelet, self.kept = teacher, tubelet, kept
        self._known: dict[int, torch.Tensor] = {}
        self.sizes = (*CHANNELS, DISPLACEMENT, APART)

    def __call__(self, clips: torch.Tensor, number: int) -> torch.Tensor:
        """Set `number` of clips (B, T, 3, H, W) in 0..255 to (B, N, sum of sizes); the last `kept` lots are remembered.

        The target of a slice comes from its first frame and its mean motion.
        """
        taught = self._known.pop(number, None)
        self._known[number] = self._compute(clips) if taught is None else taught
        while len(self._known) > max(1, self.kept):
            del self._known[next(iter(self._known))]
        return self._known[number]

    @torch.no_grad()
    def _compute(self, clips: torch.Tensor) -> torch.Tensor:
        count, frames = clips.shape[:2]
        slices = max(1, frames // self.tubelet)
        features = self.teacher(clips[:, :: self.tubelet].flatten(0, 1)).float()  # (B * S, H/16, W/16, C)
        features = features.unflatten(0, (count, slices)).flatten(1, 3)
        return torch.cat([features, self._motion(clips, slices).to(features)], -1)

    def _motion(self, clips: torch.Tensor, slices: int) -> torch.Tensor:
        """(B, N, 3): the displacement of each token, and whether it moves apart from most of the picture."""
        if clips.shape[1] == 1:
            return clips.new_zeros(len(clips), (clips.shape[3] // STRIDE) * (clips.shape[4] // STRIDE), DISPLACEMENT + APART)
        flow = displacements(clips, STRIDE).unflatten(1, (slices, self.tubelet)).mean(2)  # (B, S, H, W, 2)
        return torch.cat([flow, _apart(flow)], -1).flatten(1, 3)

    def missed(self, told: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
        """Mean over the parts of the smooth L1 distance between the student's prediction (B, N, C) and its targets."""
        parts = zip(told.float().split(self.sizes, -1), taught.split(self.sizes, -1), strict=True)
        return torch.stack([F.smooth_l1_loss(said, true) for said, true in parts]).mean()

    def unlike(self, tokens: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
        """How differently tokens (B, N, D) and their targets (B, N, C) rank the other tokens of the batch by similarity.

        The divergence, for every third token, of a softmax over its cosines with all others: there is no head in between: the tokens themselves
        become similar where the targets are.
        """
        wanted, own = _likeness(self._comparison_vectors(taught)), _likeness(F.normalize(tokens.float(), dim=-1))
        return F.kl_div(own, wanted, reduction="batchmean", log_target=True)

    def _comparison_vectors(self, taught: torch.Tensor) -> torch.Tensor:
        """Unit vectors (B, N, C) by which tokens are compared."""
        *levels, displacement, apart = taught.split(self.sizes, -1)
        parts = [*(F.normalize(level, dim=-1) for level in levels), displacement.clamp(-3, 3), apart]
        return F.normalize(torch.cat([part * weight for part, weight in zip(parts, COMPARED, strict=True)], -1), dim=-1)


def _apart(flow: torch.Tensor) -> torch.Tensor:
    """Displacements (B, S, H, W, 2) to 0..1 (B, S, H, W, 1): how clearly a neighborhood moves differently from its slice."""
    usual = flow.flatten(2, 3).median(2).values[:, :, None, None]
    energy = (flow - usual).square().sum(-1)[:, None]
    smooth = F.avg_pool3d(F.pad(energy, (1,) * 6, mode="replicate"), 3, 1)[:, 0, ..., None]
    return torch.tanh(smooth.sqrt() / CLEAR)


def _likeness(vectors: torch.Tensor) -> torch.Tensor:
    """Logarithms of the shares of likeness of every third of the unit vectors (B, N, C) to all others: (B * N / 3, B * N)."""
    flat = vectors.flatten(0, 1)
    places = torch.arange(len(flat), device=flat.device)
    itself = places[::ASKED, None] == places
    return (flat[::ASKED] @ flat.T / SHARPNESS).masked_fill(itself, -1e4).log_softmax(-1)
