"""Linear prediction of calm scenes: each slice from the slices before it, by ridge regression, with a map of its own for each kind of scene.

What changes in a row of patches is predicted from the tokens of that row and the two beside it: all rows share a map, and each column has its own.
The kind of a scene is the nearer of two centers (k-means) of its first slices: with a bar or without, as it turns out. Nothing is fitted step by step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.cluster import KMeans
from torch.nn import functional as F

from tests.calm_scenes import CONTEXT, HELD, SceneTokens
from tubelet.training.transition.surprise import (
    SMALLEST,
    SliceSurprise,
    UsualErrors,
    summarize_errors,
)

BLOCK = 7  # slices that are seen, at most
KINDS = 2
COMPONENTS = 16  # of the tokens that are seen; all of those that are predicted
RIDGE = 10.0
SAMPLE = 20_000  # tokens that the components are fitted to
BATCH = 100  # scenes at once


@dataclass(frozen=True)
class TokenScaling:
    """Tokens (..., D) in standard deviations, and `components` (D, k) of them."""

    mean: torch.Tensor
    std: torch.Tensor
    components: torch.Tensor

    @classmethod
    def fit(cls, tokens: torch.Tensor) -> "TokenScaling":
        mean, std = tokens.mean((0, 1, 2, 3)), tokens.std((0, 1, 2, 3)).clamp_min(1e-3)
        flat = ((tokens - mean) / std).flatten(0, 3)
        chosen = np.random.default_rng(0).permutation(len(flat))[:SAMPLE]
        _, _, found = torch.linalg.svd(flat[chosen], full_matrices=False)
        return cls(mean, std, found[:COMPONENTS].T)

    def scale(self, tokens: torch.Tensor) -> torch.Tensor:
        return (tokens - self.mean) / self.std

    def list_features(self, scaled: torch.Tensor, context: int) -> torch.Tensor:
        """Of scenes (n, S, H, W, D): all that is seen of a row and of the two beside it before each slice, (n, S - context, H, f)."""
        height = scaled.shape[2]
        padded = F.pad(scaled @ self.components, (0, 0, 0, 0, 1, 1))
        rows = torch.stack([padded[:, :, row : row + height] for row in range(3)], 3)
        seen = rows.unfold(1, context, 1)[:, :-1].flatten(3)
        return torch.cat([seen, torch.ones(*seen.shape[:-1], 1)], -1)


@dataclass(frozen=True)
class LinearModel:
    """`maps` by number of slices that are seen and by kind of scene, (f, W D) each; `explained` of the error of a copy, with the most slices, on scenes held back."""

    scaling: TokenScaling
    kinds: KMeans
    maps: dict[int, Sequence[torch.Tensor]]
    usual: UsualErrors
    explained: float

    @property
    def block(self) -> int:
        return max(self.maps)

    def surprise(self, tokens: torch.Tensor, context: int) -> SliceSurprise:
        scaled = self.scaling.scale(tokens[None])
        ours, copied = _find_errors(self.scaling, self.kinds, self.maps[context], scaled)
        return summarize_errors(context, ours[0], copied[0], self.usual)


def fit_linear(clips: SceneTokens) -> LinearModel:
    tokens = torch.stack(list(clips.tokens))
    held = min(HELD, len(tokens) // 8)
    scaling = TokenScaling.fit(tokens[:-held])
    scaled = scaling.scale(tokens)
    learn, rest = scaled[:-held], scaled[-held:]
    kinds = KMeans(KINDS, n_init=4, random_state=0).fit(_describe(learn))
    of = kinds.predict(_describe(learn))
    maps = {
        context: [_fit_map(scaling, learn[of == kind], context) for kind in range(KINDS)]
        for context in range(CONTEXT, BLOCK + 1)
    }
    ours, copied = _find_errors(scaling, kinds, maps[BLOCK], rest)
    usual = [errors.square().mean((0, 1, 2, 3)).clamp_min(SMALLEST) for errors in (ours, copied)]
    explained = 1 - float(ours.square().mean() / copied.square().mean())
    return LinearModel(scaling, kinds, maps, UsualErrors(*usual), explained)


def _describe(scaled: torch.Tensor) -> np.ndarray:
    """What the kind of a scene is told from: its first slices, which every prediction sees."""
    return scaled[:, :CONTEXT].mean(1).flatten(1).numpy()


def _fit_map(scaling: TokenScaling, scenes: torch.Tensor, context: int) -> torch.Tensor:
    """From what is seen to what changes in a row, (f, W D)."""
    products: torch.Tensor | float = 0.0
    answers: torch.Tensor | float = 0.0
    for some in scenes.split(BATCH):
        seen = scaling.list_features(some, context).flatten(0, 2)
        change = (some[:, context:] - some[:, context - 1 : -1]).flatten(0, 2).flatten(1)
        products, answers = products + seen.T @ seen, answers + seen.T @ change
    ridge = RIDGE * torch.eye(len(products), dtype=torch.float64)
    return torch.linalg.solve(products.double() + ridge, answers.double()).float()


def _find_errors(
    scaling: TokenScaling, kinds: KMeans, maps: Sequence[torch.Tensor], scaled: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of predictions and of copies, (n, S - context, H, W, D) each."""
    width, dim = scaled.shape[3:]
    per_slice = 3 * width * min(COMPONENTS, dim)
    context = (len(maps[0]) - 1) // per_slice
    change = scaled[:, context:] - scaled[:, context - 1 : -1]
    seen = scaling.list_features(scaled, context)
    of = kinds.predict(_describe(scaled))
    found = torch.stack([one @ maps[kind] for one, kind in zip(seen, of)])
    return found.unflatten(-1, (width, dim)) - change, -change
