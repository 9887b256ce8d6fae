"""DAVIS's measures of a mask (Perazzi et al. 2016): region similarity J, and boundary accuracy F."""

import math

import numpy as np
from scipy import ndimage

from tubelet.array_types import Bool
from tubelet.latent.masks import iou

BOUND = 0.008  # of the picture's diagonal: how far two boundaries may be apart


def measure_region(mask: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> float:
    """J: intersection over union; 1 where both are empty."""
    return iou(mask, truth)


def measure_boundary(mask: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> float:
    """F: the harmonic mean of the shares of each boundary that lie near the other; 1 where both are empty, 0 where one is."""
    found, wanted = find_boundary(mask), find_boundary(truth)
    if not found.any() or not wanted.any():
        return float(not found.any() and not wanted.any())
    reach = math.ceil(BOUND * math.hypot(*mask.shape))
    precision = (ndimage.distance_transform_edt(~wanted)[found] <= reach).mean()
    recall = (ndimage.distance_transform_edt(~found)[wanted] <= reach).mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def find_boundary(mask: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Pixels that differ from the next one to the right, below, or both; nothing lies beyond the last row and column."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, below, both = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return (mask != right) | (mask != below) | (mask != both)
