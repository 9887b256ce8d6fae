"""Linear CKA (Kornblith et al. 2019) from the unbiased estimate of HSIC (Song et al. 2012): unrelated states give 0 on average, however many dimensions they have."""

import numpy as np

from tubelet.array_types import Float
from tubelet.latent.comparison.kernels import center_unbiased, make_gram


def linear_cka(first: Float[np.ndarray, "n D"], second: Float[np.ndarray, "n E"]) -> float:
    """Linear CKA of the same units, four or more, in two spaces; NaN where one of them does not vary."""
    a, b = (center_unbiased(make_gram(states)) for states in (first, second))
    product, own, other = ((x * y).sum(dtype=np.float64) for x, y in ((a, b), (a, a), (b, b)))
    return float(product / np.sqrt(own * other)) if own * other > 0 else float("nan")


def normalize(products: Float[np.ndarray, "*s p p"]) -> Float[np.ndarray, "*s p p"]:
    """CKA between all places from the sums of their products; NaN where a place does not vary."""
    own = np.diagonal(products, axis1=-2, axis2=-1)
    return normalize_by(products, own)


def normalize_by(
    products: Float[np.ndarray, "*s p p"], own: Float[np.ndarray, "*o p"]
) -> Float[np.ndarray, "*s p p"]:
    """The same with the places' own products beside them."""
    known = np.sqrt(np.where(own > 0, own, np.nan))
    return products / (known[..., :, None] * known[..., None, :])
