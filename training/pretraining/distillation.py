"""Distillation: features that every token learns from outside: those of a frozen image network, color, and motion.

A student that only predicts its own average learns slowly; the features of a network that was trained on a million photographs say
what looks alike, the colors of its four quarters what a patch shows, and displacements what moves. All are computed from the clip
before augmentation, and only once: the bank keeps them.
"""

import torch
from torch.nn import functional as F

from tubelet.ingest.flow import displacements
from tubelet.training.pretraining import teacher
from tubelet.training.pretraining.settings import Settings
from tubelet.training.pretraining.teacher import CHANNELS, STRIDE, Teacher

TEACHERS = ("efficientnet-lite0",)
COLOR, DISPLACEMENT, APART = 12, 2, 1  # numbers per token
SIZES = (
    *CHANNELS,
    COLOR,
    DISPLACEMENT,
    APART,
)  # of the parts, each of equal weight in the loss of the head
MOTION = slice(
    sum(SIZES) - APART - DISPLACEMENT, sum(SIZES) - APART
)  # where the displacement stands
COMPARED = (
    0.5,
    0.0,
    0.6,
    0.0,
    0.5,
    0.0,
    0.3,
)  # how much each part counts in the cosines by which tokens are compared, whatever its width
CLEAR = 2.0  # pixels per frame by which what moves apart does so clearly
LIMIT = 5.0  # spreads: what is further off counts as that far
SHARPNESS = 0.1  # what a cosine is divided by
ASKED = 3  # of that many tokens, one is compared with all others


class Distillation:
    """A clip to the features that its tokens learn."""

    def __init__(self, teacher: Teacher, tubelet: int) -> None:
        self.teacher, self.tubelet = teacher, tubelet

    @torch.no_grad()
    def __call__(self, clip: torch.Tensor) -> torch.Tensor:
        """A clip (T, 3, H, W) in 0..255 to (S, H, W, sum of SIZES). A slice takes the teacher's features of its first frame, and its mean color and motion."""
        device = next(self.teacher.parameters()).device
        features = self.teacher(clip[:: self.tubelet].to(device).float()).float().cpu()
        flow = (
            displacements(clip.float(), STRIDE).unflatten(0, (-1, self.tubelet)).mean(1)
        )  # (S, H, W, 2)
        return torch.cat(
            [features, _colors(clip.float(), self.tubelet), flow, _apart(flow[None])[0]], -1
        )


def load_distillation(settings: Settings, device: torch.device) -> Distillation | None:
    """What a run learns from, where it has a teacher. Raises CheckpointError where that one's weights are missing."""
    if not settings.teacher:
        return None
    return Distillation(teacher.load(device), settings.encoder.tubelet)


def measure_distillation(predicted: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """Mean over the parts of the smooth L1 distance between predicted features (B, N, C) and the teacher's."""
    parts = zip(predicted.float().split(SIZES, -1), features.split(SIZES, -1), strict=True)
    return torch.stack([F.smooth_l1_loss(ours, theirs) for ours, theirs in parts]).mean()


def measure_similarity(tokens: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """How far the similarities among tokens (B, N, D) of the batch are from those among their features (B, N, C).

    The divergence, for every third token, of a softmax over its cosines with all others: there is no head in between, so the tokens
    themselves take on the similarities of the features.
    """
    wanted, own = _likeness(weigh_parts(features)), _likeness(F.normalize(tokens.float(), dim=-1))
    return F.kl_div(own, wanted, reduction="batchmean", log_target=True)


def weigh_parts(features: torch.Tensor) -> torch.Tensor:
    """Unit vectors (..., C) of what tokens are compared by, from parts of which each number has unit spread."""
    parts = features.clamp(-LIMIT, LIMIT).split(SIZES, -1)
    weighted = [
        part * (weight / part.shape[-1] ** 0.5)
        for part, weight in zip(parts, COMPARED, strict=True)
    ]
    return F.normalize(torch.cat(weighted, -1), dim=-1)


def _colors(frames: torch.Tensor, tubelet: int) -> torch.Tensor:
    """Frames (T, 3, H, W) to the mean color of each quarter of each patch, (S, H/16, W/16, 12)."""
    quarters = F.avg_pool2d(frames.unflatten(0, (-1, tubelet)).mean(1), STRIDE // 2)
    return quarters.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).permute(0, 2, 4, 1, 3, 5).flatten(3)


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
