"""What every two places have in common: CKA and neighbors, from products of matrices, each with its interval and its chance level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tubelet.latent.comparison import cka
from tubelet.latent.comparison.figures import AGREEMENT, CKA, MUTUAL, IntervalEstimate
from tubelet.latent.comparison.kernels import (
    center_unbiased,
    make_gram,
    multiply_rows,
    shuffle_marks,
    shuffle_products,
    stack_rows,
)
from tubelet.latent.comparison.neighbors import mark_neighbors
from tubelet.latent.comparison.resampling import resample_products
from tubelet.store.intervals import means

Matrix = dict[tuple[int, int], IntervalEstimate]


@dataclass(frozen=True)
class ComparisonSettings:
    neighbors: int
    shuffles: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Products:
    """For each unit and every two places: products of U-centered matrices, of neighbors, and of neighbors of whole units; and squared distances from the mean."""

    centered: np.ndarray
    mutual: np.ndarray
    agreement: np.ndarray
    lengths: np.ndarray
    shuffled: dict[str, np.ndarray]


def multiply_places(states: Sequence[np.ndarray], settings: ComparisonSettings) -> Products:
    """Multiply the states ``(moments, units, D)`` of every two places. Units are shuffled within the first moment: of one place, all its moments would go along."""
    places, units, moments = len(states), states[0].shape[1], len(states[0])
    centered, mutual = (np.zeros((units, places, places)) for _ in range(2))
    lengths, shuffled = np.zeros((units, places)), {}
    for moment in range(moments):
        grams = [make_gram(one[moment]) for one in states]
        lengths += np.stack([np.diagonal(gram) for gram in grams], axis=1)
        marked = [mark_neighbors(gram, settings.neighbors) for gram in grams]
        mutual += multiply_rows(stack_rows(marked))
        if not moment:
            shuffled[MUTUAL] = shuffle_marks(marked, settings.shuffles, settings.seed)
        del marked
        stack = stack_rows([center_unbiased(gram) for gram in grams])
        centered += multiply_rows(stack)
        if not moment:
            shuffled[CKA] = shuffle_products(stack, settings.shuffles, settings.seed)
    whole = [make_gram(one.mean(axis=0, dtype=np.float64)) for one in states]
    marked = [mark_neighbors(gram, settings.neighbors) for gram in whole]
    shuffled[AGREEMENT] = shuffle_marks(marked, settings.shuffles, settings.seed)
    agreement = multiply_rows(stack_rows(marked)) / settings.neighbors
    return Products(centered=centered / moments, mutual=mutual / moments / settings.neighbors, agreement=agreement, lengths=lengths / moments, shuffled=shuffled)  # fmt: skip


def estimate_pairs(
    products: Products, settings: ComparisonSettings
) -> Iterator[tuple[str, Matrix]]:
    """The matrix of each measure."""
    yield CKA, _estimate_cka(products)
    for measure, found in ((MUTUAL, products.mutual), (AGREEMENT, products.agreement)):
        per_unit = products.shuffled[measure] / (len(found) * settings.neighbors)
        yield measure, _estimate_shares(found, per_unit)


def _estimate_cka(products: Products) -> Matrix:
    total = products.centered.sum(axis=0, dtype=np.float64)
    low, high = resample_products(products.centered, cka.normalize)
    own = np.diagonal(products.centered.sum(axis=0, dtype=np.float64))
    shuffled = cka.normalize_by(products.shuffled[CKA], own)
    return _read_matrix(cka.normalize(total), (low, np.minimum(high, 1)), shuffled)


def _estimate_shares(found: np.ndarray, shuffled: np.ndarray) -> Matrix:
    """Means over units, which neither resampling nor rounding takes out of 0 to 1."""
    estimates = means(found.reshape(len(found), -1).astype(np.float64))
    shaped = partial(np.reshape, shape=found.shape[1:])
    ends = [np.clip(shaped(end), 0, 1) for end in (estimates.low, estimates.high)]
    return _read_matrix(shaped(estimates.value), (ends[0], ends[1]), shuffled)


def _read_matrix(
    value: np.ndarray, ends: tuple[np.ndarray, np.ndarray], shuffled: np.ndarray
) -> Matrix:
    """Every two places once, the earlier first."""
    chance, highest = shuffled.mean(axis=0), shuffled.max(axis=0)
    layers = (value, *ends, chance, highest)
    return {
        (a, b): IntervalEstimate.of(layer[a, b] for layer in layers)
        for a in range(len(value))
        for b in range(a + 1, len(value))
    }
