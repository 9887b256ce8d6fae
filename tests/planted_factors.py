"""Tokens that are sums of a few planted factors each: what a sparse autoencoder should find again."""

import numpy as np

ACTIVE = 3


def draw_factors(seed: int, count: int = 48, dim: int = 32) -> np.ndarray:
    """Unit vectors ``(count, dim)``, more than dimensions."""
    factors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return factors / np.linalg.norm(factors, axis=1, keepdims=True)


def draw_sums(seed: int, tokens: int, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tokens ``(n, D)`` around a mean of their own with a little noise, and how much of each factor is in them ``(n, k)``."""
    rng = np.random.default_rng([seed, 1])
    amounts = np.zeros((tokens, len(factors)), np.float32)
    chosen = np.argsort(rng.random(amounts.shape), axis=1)[:, :ACTIVE]
    np.put_along_axis(amounts, chosen, rng.uniform(2, 6, chosen.shape).astype(np.float32), 1)
    dim = factors.shape[1]
    noise = 0.05 * rng.standard_normal((tokens, dim))
    return (amounts @ factors + 3 * rng.standard_normal(dim) + noise).astype(np.float32), amounts


def count_found(factors: np.ndarray, decoder: np.ndarray) -> float:
    """The share of factors that some feature matches at a cosine above 0.9, each feature for one factor at most."""
    from scipy.optimize import linear_sum_assignment

    cosines = factors @ decoder.T
    rows, columns = linear_sum_assignment(-cosines)
    return float((cosines[rows, columns] > 0.9).mean())
