"""Tracking: is the patch at an object's center found again in every later slice?"""

from dataclasses import dataclass

import torch

from tubelet.training.scenes.scene import Scene


@dataclass(frozen=True)
class TrackScores:
    """Over the slices after the first: the share whose best match lies within one patch of the truth, and the share that hits it exactly."""

    near: float
    exact: float


def track(grid: torch.Tensor, scene: Scene, patch: int) -> TrackScores:
    """Follow the token (S, H, W, D) at the object's center in slice 0 by the greatest cosine in each slice.

    The truth is the patch that the center lies in, on average over the slice's frames; within one patch includes diagonals.
    """
    truth = positions(scene, patch, len(grid))
    unit = torch.nn.functional.normalize(grid, dim=-1)
    likeness = unit[1:] @ unit[0, truth[0, 0], truth[0, 1]]  # (S - 1, H, W)
    best = likeness.flatten(1).argmax(1)
    found = torch.stack([best // grid.shape[2], best % grid.shape[2]], 1)
    apart = (found - truth[1:]).abs().amax(1)
    return TrackScores(float((apart <= 1).float().mean()), float((apart == 0).float().mean()))


def positions(scene: Scene, patch: int, slices: int) -> torch.Tensor:
    """Row and column (S, 2) of the patch that holds the object's center in each slice."""
    centers = torch.from_numpy(scene.motion.centers).reshape(slices, -1, 2).mean(1)
    limits = torch.tensor(scene.frames.shape[2:]) // patch - 1
    return (centers // patch).long().clamp(min=torch.zeros(2, dtype=torch.long), max=limits)
