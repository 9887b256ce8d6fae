"""Lessons: what is taught about every token from outside: dense features of a frozen image network, and motion.

A student that only foretells its own average learns slowly; a teacher that has seen a million photographs tells it what looks alike,
and displacements read off the pixels tell it what moves. Both are computed from the clip as it is, not as the student sees it.
"""

import torch
from torch.nn import functional as F

from ingest.flow import displacements
from ingest.pretraining.teacher import CHANNELS, STRIDE, Teacher

TEACHERS = ("efficientnet-lite0",)
MOTION = 2  # numbers a token


class Lessons:
    """Clips to what is taught about their tokens; `sizes` are the widths of its parts, each of equal weight in the loss."""

    def __init__(self, teacher: Teacher, tubelet: int) -> None:
        self.teacher, self.tubelet = teacher, tubelet
        self.sizes = (*CHANNELS, MOTION)

    @torch.no_grad()
    def __call__(self, clips: torch.Tensor) -> torch.Tensor:
        """Clips (B, T, 3, H, W) in 0..255 to (B, N, sum of sizes): a slice is taught by its first frame, and by its mean motion."""
        count, frames = clips.shape[:2]
        slices = max(1, frames // self.tubelet)
        features = self.teacher(clips[:, :: self.tubelet].flatten(0, 1)).float()  # (B * S, H/16, W/16, C)
        features = features.unflatten(0, (count, slices)).flatten(1, 3)
        return torch.cat([features, self._motion(clips, slices).to(features)], -1)

    def _motion(self, clips: torch.Tensor, slices: int) -> torch.Tensor:
        if clips.shape[1] == 1:
            return clips.new_zeros(len(clips), (clips.shape[3] // STRIDE) * (clips.shape[4] // STRIDE), MOTION)
        flow = displacements(clips, STRIDE)
        return flow.unflatten(1, (slices, self.tubelet)).mean(2).flatten(1, 3)

    def loss(self, told: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
        """Mean over the parts of the smooth L1 distance between what the student says (B, N, C) and what it is taught."""
        parts = zip(told.float().split(self.sizes, -1), taught.split(self.sizes, -1), strict=True)
        return torch.stack([F.smooth_l1_loss(said, true) for said, true in parts]).mean()
