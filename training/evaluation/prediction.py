"""Prediction: does the predictor predict the next slices better than copying the last one seen?

A window's last two slices are hidden; the encoder sees the slices before them and nothing else, and the predictor predicts the hidden
tokens from that. The error is the mean absolute difference to the encoder's output for them when it sees the whole window, in the space
that predictors are trained in: the last level, layer-normalized. Two baselines need no predictor: a copy of the last
slice that the encoder saw, and the mean token of all that it saw. Where nothing moves, a copy is hard to beat and proves little, so
tokens whose pixels change are also scored separately.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

from tubelet.ingest.networks.vjepa import Masks, Predictor, VisionTransformer
from tubelet.ingest.vjepa_encoder import MEAN, STD

HIDDEN = 2  # slices
CHANGE = 10.0  # gray levels by which the pixels of a moving token differ on average from those of the same patch in the last slice seen
FEWEST = 4  # moving tokens of a window that are worth a figure

Predict = Callable[[torch.Tensor], "PredictedTokens"]  # frames (T, 3, H, W) in uint8


@dataclass(frozen=True)
class PredictedTokens:
    """Tokens of a window's hidden slices, (HIDDEN, H, W, D), layer-normalized: as they `are`, as `predicted`; and those `seen` before,
    (S, H, W, D). `moving` (HIDDEN, H, W) are the hidden tokens whose pixels differ from those of the last slice seen."""

    are: torch.Tensor
    predicted: torch.Tensor
    seen: torch.Tensor
    moving: torch.Tensor

    @property
    def over_copying(self) -> float:
        """The predictor's error over that of a copy of the last slice seen, NaN where that has no error."""
        return self._ratio(self.seen[-1:], torch.ones_like(self.moving))

    @property
    def moving_over_copying(self) -> float:
        """The same of the moving tokens alone."""
        return self._ratio(self.seen[-1:], self.moving)

    @property
    def moving_over_mean(self) -> float:
        """The predictor's error over that of the mean token, of the moving tokens."""
        return self._ratio(self.seen.mean((0, 1, 2), keepdim=True), self.moving)

    def _ratio(self, guess: torch.Tensor, where: torch.Tensor) -> float:
        ours, theirs = (
            (self.are - each).abs().mean(-1)[where].mean() for each in (self.predicted, guess)
        )
        return float(ours / theirs) if theirs else math.nan


def split_grid(slices: int, rows: int, columns: int) -> Masks:
    """Context: all tokens of the slices but the last HIDDEN, which are the targets."""
    ids = torch.arange(slices * rows * columns)[None]
    first = (slices - HIDDEN) * rows * columns
    return Masks(ids[:, :first], ids[:, first:], (slices, rows, columns))


def find_moving(frames: torch.Tensor, tubelet: int, patch: int) -> torch.Tensor:
    """Frames (T, 3, H, W) to which tokens of the hidden slices are moving, (HIDDEN, H / patch, W / patch)."""
    slices = frames.float().unflatten(0, (-1, tubelet))[-HIDDEN - 1 :]
    change = (slices[1:] - slices[:1]).abs().mean((1, 2))
    return F.avg_pool2d(change, patch) > CHANGE


def normalize_tokens(tokens: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Tokens (N, D) as a layer-normalized grid (S, H, W, D) in float32."""
    return F.layer_norm(tokens.float(), tokens.shape[-1:]).unflatten(0, (-1, rows, columns)).cpu()


def prepare_prediction(model: VisionTransformer, predictor: Predictor) -> Predict:
    """How an encoder and its predictor predict the end of a window. The predictor's output is in the encoder's levels, the last one last."""
    device = next(model.parameters()).device
    predictor = predictor.to(device).eval()
    mean, std = (
        torch.tensor(values, device=device).view(1, 3, 1, 1) * 255 for values in (MEAN, STD)
    )

    @torch.inference_mode()
    def predict(frames: torch.Tensor) -> PredictedTokens:
        pixels = ((frames.to(device) - mean) / std).transpose(0, 1)[None]
        masks = split_grid(*model.config.grid(*pixels.shape[2:]))
        masks = replace(masks, context=masks.context.to(device), targets=masks.targets.to(device))
        levels = model(pixels, masks.context)
        predicted = predictor(torch.cat(levels, -1), masks)[0][..., -model.config.dim :]
        are = model(pixels, wanted=[len(model.config.levels) - 1])[-1][:, masks.context.shape[1] :]
        are, predicted, seen = (
            normalize_tokens(each[0], *masks.grid[1:]) for each in (are, predicted, levels[-1])
        )
        moving = find_moving(frames, model.config.tubelet, model.config.patch)
        return PredictedTokens(are, predicted, seen, moving)

    return predict
