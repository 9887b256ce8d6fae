"""Measuring: the hidden tokens of a window as predicted from the seen ones, beside two guesses without a predictor.

near   a copy of the seen token that is nearest in slices, rows and columns: how much of a prediction is copying from a neighbor?
mean   the mean of all seen tokens
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from tubelet.ingest.networks.vjepa import Masks
from tubelet.ingest.networks.vjepa.positions import Grid, coordinates
from tubelet.ingest.prediction.networks import EncoderWithPredictor

CHUNK = 2_048  # hidden tokens whose distances are computed at once


@dataclass(frozen=True)
class MaskedWindow:
    """Tokens by place, (N, D): as they are and as predicted or seen; `hidden` (S, H, W); errors of the hidden tokens by column, (n,)."""

    hidden: np.ndarray
    truth: torch.Tensor
    filled: torch.Tensor
    errors: dict[str, np.ndarray]

    @property
    def means(self) -> dict[str, float]:
        """Means over the hidden tokens, and the ratios of these means."""
        means = {name: float(values.mean(dtype=np.float64)) for name, values in self.errors.items()}
        for other in ("near", "mean"):
            theirs = means[f"{other}_l1"]
            means[f"l1_over_{other}"] = means["l1"] / theirs if theirs else float("nan")
        return means


def measure_mask(
    networks: EncoderWithPredictor, frames: torch.Tensor, hidden: np.ndarray
) -> MaskedWindow:
    """Frames (T, 3, h, w) in uint8 of one window under a mask (S, H, W)."""
    patches = networks.embed(networks.encoder.normalize(frames[None]))
    grid = patches.grid
    flat = torch.from_numpy(np.ascontiguousarray(hidden).ravel()).to(networks.device)
    context, targets = (~flat).nonzero().T, flat.nonzero().T  # (1, Nc), (1, Nt)
    seen = networks.see(patches, context)
    predicted = networks.predict(seen, Masks(context, targets, grid))[0]
    truth, known = networks.view(patches)[0], networks.normalize(seen)[0]
    near = known[find_nearest(context[0], targets[0], grid)]
    guesses = {"": predicted, "near_": near, "mean_": known.mean(0).expand_as(predicted)}
    errors = {}
    for name, guess in guesses.items():
        own = truth[targets[0]]
        errors[f"{name}l1"] = (own - guess).abs().mean(-1).cpu().numpy()
        errors[f"{name}cosine"] = F.cosine_similarity(own, guess, dim=-1).cpu().numpy()
    filled = torch.empty_like(truth)
    filled[context[0]], filled[targets[0]] = known, predicted
    return MaskedWindow(hidden, truth.cpu(), filled.cpu(), errors)


def find_nearest(context: torch.Tensor, targets: torch.Tensor, grid: Grid) -> torch.Tensor:
    """For each target the number of the nearest token of the context; of those as near, the first."""
    seen, asked = (torch.stack(coordinates(ids, grid), 1).float() for ids in (context, targets))
    return torch.cat([torch.cdist(some, seen).argmin(1) for some in asked.split(CHUNK)])
