"""The objective: what V-JEPA 2.1 minimizes, in the order in which it is computed.

    student    the encoder that learns; sees only the context tokens of a mask
    target     its exponential moving average; sees all tokens, is never trained, and is what is saved in the end
    predictor  predicts the target's levels at the hidden places from the student's levels at the seen ones
    lessons    optional: a linear head on the student's tokens, all of them seen, predicts what a frozen teacher sees there, and the
               tokens themselves become as similar to each other as the teacher's features

    loss = L1(predicted, target levels) at hidden tokens + weight x the same at seen ones, each divided by the square root
           of its distance to the nearest hidden token + the head's distillation error + the difference in similarity
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from tubelet.ingest import checkpoints
from tubelet.training.pretraining.distillation import Distillation
from tubelet.training.pretraining.token_masks import distances
from tubelet.training.pretraining.settings import Settings
from tubelet.ingest.networks.vjepa import Masks, Predictor, VisionTransformer
from tubelet.ingest.vjepa_encoder import MEAN, STD

MASK_STD = 0.02
LEAST_STD = 1e-3


@dataclass(frozen=True)
class Batch:
    """Clips (B, T, 3, H, W) in 0..255 as floats, as they are and as the student sees them, the masks under which it sees them, and the
    number of the clips."""

    clips: torch.Tensor
    seen: torch.Tensor
    masks: Sequence[Masks]
    source: int


@dataclass(frozen=True)
class Losses:
    """The parts of one step's loss, and tokens (N, D), the student's with a teacher, else the target's, to check that they still differ."""

    masked: torch.Tensor
    context: torch.Tensor
    missed: torch.Tensor
    unlike: torch.Tensor
    tokens: torch.Tensor

    def total(self, masked_weight: float, context_weight: float) -> torch.Tensor:
        return masked_weight * self.masked + context_weight * self.context + self.missed + self.unlike


class Networks(nn.Module):
    """Student, target, predictor and head: everything with weights to save."""

    def __init__(self, settings: Settings, taught: int) -> None:
        super().__init__()
        torch.manual_seed(settings.seed)
        self.student = checkpoints.init_untrained(settings.encoder, settings.seed)
        self.target = checkpoints.init_untrained(settings.encoder, settings.seed).requires_grad_(False)
        self.predictor = Predictor(settings.predictor)
        nn.init.normal_(self.predictor.mask_tokens[0], std=MASK_STD)
        self.head = nn.Linear(settings.dim, taught)
        for last in (self.head, self.predictor.predictor_proj, self.predictor.predictor_proj_context):
            nn.init.zeros_(last.weight)  # noise for an answer is silenced first, and the quickest way is to make all tokens alike
            nn.init.zeros_(last.bias)
        self.register_buffer("taught_mean", torch.zeros(taught))
        self.register_buffer("taught_std", torch.ones(taught))

    @torch.no_grad()
    def calibrate(self, taught: torch.Tensor) -> None:
        """Estimate mean and spread of the targets from a sample (N, C): otherwise tokens first learn what is common to all."""
        self.taught_mean.copy_(taught.mean(0))
        self.taught_std.copy_(taught.std(0).clamp(min=LEAST_STD))

    @torch.no_grad()
    def average(self, momentum: float) -> None:
        """Move the target towards the student."""
        for old, new in zip(self.target.parameters(), self.student.parameters(), strict=True):
            old.lerp_(new, 1 - momentum)


def losses(networks: Networks, batch: Batch, lessons: Distillation | None) -> Losses:
    """One step's losses; a part without masks, or without a teacher, is zero."""
    seen, nothing = normalize(batch.seen), torch.zeros((), device=batch.seen.device)
    masked, context, tokens = _predict(networks, batch, seen) if batch.masks else (nothing, nothing, None)
    missed, unlike, tokens = _distill(networks, batch, seen, lessons) if lessons else (nothing, nothing, tokens)
    return Losses(masked, context, missed, unlike, tokens)


def _distill(networks: Networks, batch: Batch, seen: torch.Tensor, lessons: Distillation) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The head's distillation error, the difference in similarity, and the student's tokens, all visible."""
    taught = (lessons(batch.clips, batch.source) - networks.taught_mean) / networks.taught_std
    tokens = networks.student(seen, wanted=[len(networks.student.config.levels) - 1])[-1]
    return lessons.missed(networks.head(tokens), taught), lessons.unlike(tokens, taught), tokens.detach().float().flatten(0, 1)


def _predict(networks: Networks, batch: Batch, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The masked and the context loss, the mean over the masks, each of which predicts the batch once; and the target's tokens."""
    wanted, tokens = _targets(networks.target, batch.clips)
    parts = [_predict_masked(networks, seen, masks, wanted) for masks in batch.masks]
    masked, context = (torch.stack(part).mean() for part in zip(*parts, strict=True))
    return masked, context, tokens


@torch.no_grad()
def _targets(target: VisionTransformer, clips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The target's levels, each layer-normalized once more, side by side (B, N, 4D); and its last level as tokens (B * N, D)."""
    levels = [level.float() for level in target(normalize(clips))]
    return torch.cat([F.layer_norm(level, level.shape[-1:]) for level in levels], -1), levels[-1].flatten(0, 1)


def _predict_masked(networks: Networks, seen: torch.Tensor, masks: Masks, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The masked and the context loss under one kind of mask."""
    levels = networks.student(seen, masks.context)
    hidden, known = networks.predictor(torch.cat(levels, -1), masks, image=seen.shape[2] == 1)
    clips = torch.arange(len(wanted), device=wanted.device)[:, None]
    masked = F.l1_loss(hidden.float(), wanted[clips, masks.targets])
    missed = (known.float() - wanted[clips, masks.context]).abs().mean(-1)  # (B, K)
    return masked, (missed / distances(masks).to(missed).sqrt()).mean()


def normalize(clips: torch.Tensor) -> torch.Tensor:
    """Clips (B, T, 3, H, W) in 0..255 to the encoder's input (B, 3, T, H, W)."""
    mean, std = (torch.tensor(values, device=clips.device).view(1, 1, 3, 1, 1) * 255 for values in (MEAN, STD))
    return ((clips - mean) / std).transpose(1, 2)
