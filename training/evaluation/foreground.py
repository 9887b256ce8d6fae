"""Foreground: do the first components of a clip's tokens, what a color map shows, tell the object from its background?"""

import torch

from tubelet.training.scenes.scene import Scene

COMPONENTS = 3
ITERATIONS = 10


def principal(grid: torch.Tensor, count: int = COMPONENTS) -> torch.Tensor:
    """The first components of a token grid (S, H, W, D) over its own tokens, (S, H, W, count); by subspace iteration, seeded."""
    tokens = grid.flatten(0, 2).float()
    centered = tokens - tokens.mean(0)
    wider = min(count + 5, *centered.shape)
    axes = torch.randn(centered.shape[1], wider, generator=torch.Generator().manual_seed(0))
    for _ in range(ITERATIONS):
        axes = torch.linalg.qr(centered.T @ (centered @ axes))[0]
    turn = torch.linalg.svd(centered @ axes, full_matrices=False)[2].T
    return (centered @ axes @ turn[:, :count]).reshape(*grid.shape[:3], -1)


def auc(scores: torch.Tensor, positive: torch.Tensor) -> float:
    """The share of (positive, negative) pairs that the scores order correctly, ties counting half: the area under the ROC curve."""
    values, ranks = torch.unique(scores, return_inverse=True)
    counts = torch.bincount(ranks, minlength=len(values)).double()
    middle = counts.cumsum(0) - (counts - 1) / 2  # rank of a value, ties sharing theirs
    positives = positive.sum()
    area = middle[ranks[positive]].sum() - positives * (positives + 1) / 2
    return float(area / (positives * (len(scores) - positives)))


def foreground(grid: torch.Tensor, scene: Scene, patch: int) -> float:
    """The best AUC among the first three components, of either sign: chance is a little over one half, equally for every encoder."""
    inside = mark_covered(scene, patch, len(grid)).flatten()
    areas = [auc(component, inside) for component in principal(grid).flatten(0, 2).T]
    return max(max(area, 1 - area) for area in areas)


def mark_covered(scene: Scene, patch: int, slices: int) -> torch.Tensor:
    """Whether the object covers more than half of a tubelet: (S, H, W) in bool."""
    share = torch.nn.functional.avg_pool2d(scene.masks[:, None].float(), patch)[:, 0]
    return share.unflatten(0, (slices, -1)).mean(1) > 0.5
