"""The objective: what V-JEPA 2.1 minimizes, in the order in which it is computed.

student    the encoder that learns; sees only the context tokens of a mask
target     its exponential moving average; sees all tokens, is never trained, and is what is kept in the end
predictor  predicts the target's levels at the hidden places from the student's levels at the seen ones
teacher    optional: a linear head predicts a frozen teacher's features from the student's tokens, and the tokens
           themselves keep the similarities that these features have to each other; for all tokens in steps without
           masks, else for those that are seen

With `--objective pixels` the predictor predicts the pixels of the hidden places instead, normalized per patch; the target is still averaged.

loss = L1(predicted, target levels) at hidden tokens + weight x the same at seen ones, each divided by the square root
       of its distance to the nearest hidden token + the head's distillation error + the difference in similarity
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from tubelet.ingest import checkpoints
from tubelet.ingest.networks.vjepa import (
    Masks,
    Piece,
    Predictor,
    VisionTransformer,
    VisionTransformerConfig,
)
from tubelet.ingest.vjepa_encoder import MEAN, STD
from tubelet.training.pretraining import distillation
from tubelet.training.pretraining.settings import PIXELS, Settings
from tubelet.training.pretraining.token_masks import distances

MASK_STD = 0.02
LEAST_STD = 1e-3


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Clips (B, T, 3, H, W) in 0..255 as floats, as they are and as the student sees them, the masks under which it sees them, the piece
    of a picture that they are, and the teacher's features of their tokens (B, N, C), if there is a teacher."""

    clips: torch.Tensor
    seen: torch.Tensor
    masks: Sequence[Masks]
    piece: Piece
    features: torch.Tensor | None


@dataclass(frozen=True, kw_only=True)
class Losses:
    """The parts of one step's loss, and tokens (N, D), the target's under masks, else the student's: do they still differ?"""

    masked: torch.Tensor
    context: torch.Tensor
    distillation: torch.Tensor
    similarity: torch.Tensor
    tokens: torch.Tensor

    def total(self, masked_weight: float, context_weight: float) -> torch.Tensor:
        return (
            masked_weight * self.masked
            + context_weight * self.context
            + self.distillation
            + self.similarity
        )


class Networks(nn.Module):
    """Student, target, predictor and head: everything with weights to save."""

    taught_mean: torch.Tensor
    taught_std: torch.Tensor
    level_weights: torch.Tensor  # of each number of a target, (4D); (1,) for pixels

    def __init__(self, settings: Settings, features: int) -> None:
        super().__init__()
        torch.manual_seed(settings.seed)
        self.student = checkpoints.init_untrained(settings.encoder, settings.seed)
        self.target = checkpoints.init_untrained(settings.encoder, settings.seed).requires_grad_(
            False
        )
        self.predictor = Predictor(settings.predictor)
        nn.init.normal_(self.predictor.mask_tokens[0], std=MASK_STD)
        self.head = nn.Linear(settings.dim, features)
        for last in (
            self.head,
            self.predictor.predictor_proj,
            self.predictor.predictor_proj_context,
        ):
            nn.init.zeros_(
                last.weight
            )  # noise for an answer is silenced first, and the quickest way is to make all tokens alike
            nn.init.zeros_(last.bias)
        self.pixels = settings.objective == PIXELS
        weights = torch.tensor(settings.weights).repeat_interleave(settings.dim)
        self.register_buffer(
            "level_weights", weights[: 1 if self.pixels else None], persistent=False
        )
        self.register_buffer("taught_mean", torch.zeros(features))
        self.register_buffer("taught_std", torch.ones(features))

    @torch.no_grad()
    def calibrate(self, features: torch.Tensor) -> None:
        """Estimate mean and spread of the targets from a sample (N, C): otherwise tokens first learn what is common to all."""
        self.taught_mean.copy_(features.mean(0))
        self.taught_std.copy_(features.std(0).clamp(min=LEAST_STD))

    @torch.no_grad()
    def average(self, momentum: float) -> None:
        """Move the target towards the student."""
        for old, new in zip(self.target.parameters(), self.student.parameters(), strict=True):
            old.lerp_(new, 1 - momentum)


def losses(networks: Networks, batch: Batch) -> Losses:
    """One step's losses; a part without masks, or without a teacher, is zero."""
    features = (
        None
        if batch.features is None
        else (batch.features - networks.taught_mean) / networks.taught_std
    )
    if batch.masks:
        return _predict(networks, batch, features)
    tokens = networks.student(
        normalize_clips(batch.seen),
        wanted=[len(networks.student.config.levels) - 1],
        piece=batch.piece,
    )[-1]
    nothing = tokens.new_zeros(())
    distilled, similarity = _distill(networks, tokens, features)
    return Losses(
        masked=nothing,
        context=nothing,
        distillation=distilled,
        similarity=similarity,
        tokens=tokens.detach().float().flatten(0, 1),
    )


def _distill(
    networks: Networks, tokens: torch.Tensor, features: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The distillation loss of tokens (B, N, D), and the loss of their similarities to each other."""
    if features is None:
        return tokens.new_zeros(()), tokens.new_zeros(())
    return distillation.measure_distillation(
        networks.head(tokens), features
    ), distillation.measure_similarity(tokens, features)


def _predict(networks: Networks, batch: Batch, features: torch.Tensor | None) -> Losses:
    """The losses under masks, the mean over the masks, each of which predicts the batch once; and the target's tokens."""
    wanted, tokens = _targets(networks.target, batch)
    wanted = cut_pixels(batch.clips, networks.target.config) if networks.pixels else wanted
    parts = [_predict_under(networks, batch, masks, wanted, features) for masks in batch.masks]
    masked, context, distilled, similarity = (
        torch.stack(part).mean() for part in zip(*parts, strict=True)
    )
    return Losses(
        masked=masked, context=context, distillation=distilled, similarity=similarity, tokens=tokens
    )


@torch.no_grad()
def _targets(target: VisionTransformer, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The target's levels, each layer-normalized once more, side by side (B, N, 4D); and its last level as tokens (B * N, D)."""
    levels = [level.float() for level in target(normalize_clips(batch.clips), piece=batch.piece)]
    return torch.cat([F.layer_norm(level, level.shape[-1:]) for level in levels], -1), levels[
        -1
    ].flatten(0, 1)


def _predict_under(
    networks: Networks,
    batch: Batch,
    masks: Masks,
    wanted: torch.Tensor,
    features: torch.Tensor | None,
) -> tuple[torch.Tensor, ...]:
    """The masked loss, the context loss, and both of the teacher's at the seen tokens, under one kind of mask."""
    levels = networks.student(normalize_clips(batch.seen), masks.context, piece=batch.piece)
    placed = Masks(batch.piece.ids[masks.context], batch.piece.ids[masks.targets], batch.piece.grid)
    hidden, known = networks.predictor(
        torch.cat(levels, -1), placed, image=batch.seen.shape[1] == 1
    )
    clips = torch.arange(len(wanted), device=wanted.device)[:, None]
    weights = networks.level_weights
    masked = ((hidden.float() - wanted[clips, masks.targets]).abs() * weights).mean()
    errors = ((known.float() - wanted[clips, masks.context]).abs() * weights).mean(-1)  # (B, K)
    context = (errors / distances(masks).to(errors).sqrt()).mean()
    return (
        masked,
        context,
        *_distill(
            networks, levels[-1], None if features is None else features[clips, masks.context]
        ),
    )


def cut_pixels(clips: torch.Tensor, config: VisionTransformerConfig) -> torch.Tensor:
    """The pixels of each token of clips (B, T, 3, H, W), of mean 0 and spread 1 each, (B, N, 3 * tubelet * patch * patch); a single frame is shown twice."""
    frames = clips.expand(-1, config.tubelet, -1, -1, -1) if clips.shape[1] == 1 else clips
    cells = (
        frames.unflatten(4, (-1, config.patch))
        .unflatten(3, (-1, config.patch))
        .unflatten(1, (-1, config.tubelet))
    )  # (B, S, tubelet, 3, rows, patch, columns, patch)
    cells = cells.permute(0, 1, 4, 6, 3, 2, 5, 7).flatten(4).flatten(1, 3)
    return F.layer_norm(cells, cells.shape[-1:])


def normalize_clips(clips: torch.Tensor) -> torch.Tensor:
    """Clips (B, T, 3, H, W) in 0..255 to the encoder's input (B, 3, T, H, W)."""
    mean, std = (
        torch.tensor(values, device=clips.device).view(1, 1, 3, 1, 1) * 255
        for values in (MEAN, STD)
    )
    return ((clips - mean) / std).transpose(1, 2)
