"""Which tokens of a clip follow each other in space and time: the graph along which labels spread.

Each token is joined to its neighbors (right, below, the same patch one slice on) and to the token most like it one slice back, so that
paths follow what moves. The graph depends on the clip alone: it is built once and serves every click.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tubelet.array_types import Bool, Float16, Float32, Int
from tubelet.latent import half
from tubelet.latent.clips import Clip

REDUCED = 64  # dimensions in which tokens are compared
SEEN = 1500  # tokens that those are chosen by
FLOOR = 1e-3  # of the largest: directions in which neighbors differ less are not scaled up further
STEP = 1e-3  # of the median cost, added to every edge, so that equal tokens are not reached for nothing


@dataclass(frozen=True, kw_only=True)
class TokenGraph:
    """n tokens in the order of their addresses: whether each is `finite` ``(n,)``; `codes` float32 ``(n, d)``, d at most 64, scaled so that
    neighbors differ alike in every direction; `costs` sparse ``(n, n)``, of an edge the squared distance of its ends, in one direction; and
    `step`, what every edge costs at least."""

    clip_id: str
    positions: tuple[int, int, int]
    finite: Bool[np.ndarray, " n"]
    codes: Float32[np.ndarray, "n d"]
    costs: sparse.csr_array
    step: float


def build_graph(clip: Clip) -> TokenGraph:
    """The graph of a clip's tokens; a token that is not finite is joined to none."""
    tokens = _reduce(clip.grid)
    finite = np.isfinite(tokens).all(axis=1)
    tokens[~finite] = 0
    beside = _select_finite(finite, _beside(clip.positions))
    codes = _whiten(tokens, beside)
    alike = _alike(codes.reshape(clip.positions[0], -1, codes.shape[1]))
    edges = np.concatenate([beside, _select_finite(finite, np.concatenate([*alike, beside[:0]]))])
    costs = squares(_steps(codes, edges))
    step = STEP * (float(np.median(costs)) if costs.any() else 1.0) + float(
        np.finfo(np.float32).tiny
    )
    return TokenGraph(
        clip_id=clip.clip_id,
        positions=clip.positions,
        finite=finite,
        codes=codes,
        costs=sparse.csr_array((costs + step, tuple(edges.T)), shape=(len(codes),) * 2),
        step=step,
    )


def squares(vectors: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, " n"]:
    """Squared length of each row ``(n, d) -> (n,)``."""
    return np.einsum("nd,nd->n", vectors, vectors)


def _reduce(grid: Float16[np.ndarray, "S H W D"]) -> Float32[np.ndarray, "n d"]:
    """Tokens ``(n, D)`` in at most 64 dimensions: about the subspace in which they vary most, found by a random projection
    with one power iteration (a range finder, Halko, Martinsson and Tropp 2011)."""
    if grid.shape[-1] <= REDUCED:
        return np.concatenate(list(half.slices(grid)))
    some = half.widen(grid.reshape(-1, grid.shape[-1])[:: max(grid[..., 0].size // SEEN, 1)])
    some = some[np.isfinite(some).all(axis=1)]
    some -= some.mean(axis=0) if len(some) else 0
    drawn = np.random.RandomState(0).standard_normal((grid.shape[-1], REDUCED)).astype(np.float32)
    axes, _ = np.linalg.qr(some.T @ (some @ drawn))
    return np.concatenate([tokens @ axes for tokens in half.slices(grid)])


def _whiten(
    tokens: Float32[np.ndarray, "n d"], beside: Int[np.ndarray, "m 2"]
) -> Float32[np.ndarray, "n d"]:
    """Tokens ``(n, d)`` turned and scaled so that those beside each other differ alike in every direction: what varies from patch to
    patch says little about what a patch belongs to."""
    steps = _steps(tokens, beside)
    spread, axes = np.linalg.eigh(steps.T @ steps / max(len(steps), 1))
    if spread[-1] <= 0:
        return tokens
    return (tokens - tokens.mean(axis=0)) @ (
        axes / np.sqrt(np.maximum(spread, 0) + FLOOR * spread[-1])
    ).astype(np.float32)


def _select_finite(
    finite: Bool[np.ndarray, " n"], edges: Int[np.ndarray, "m 2"]
) -> Int[np.ndarray, "k 2"]:
    """The edges ``(m, 2)`` whose ends are both finite."""
    return edges if finite.all() else edges[finite[edges].all(axis=1)]


def _steps(
    tokens: Float32[np.ndarray, "n d"], edges: Int[np.ndarray, "m 2"]
) -> Float32[np.ndarray, "m d"]:
    """What the ends of each edge differ by, ``(m, d)``."""
    return tokens[edges[:, 0]] - tokens[edges[:, 1]]


def _beside(positions: tuple[int, int, int]) -> Int[np.ndarray, "m 2"]:
    """Edges ``(m, 2)`` between patches side by side, one above the other, and one slice apart."""
    numbers = np.arange(np.prod(positions)).reshape(positions)
    ends = [
        (numbers[:-1], numbers[1:]),
        (numbers[:, :-1], numbers[:, 1:]),
        (numbers[:, :, :-1], numbers[:, :, 1:]),
    ]
    return np.concatenate([np.column_stack([a.ravel(), b.ravel()]) for a, b in ends])


def _alike(slices: Float32[np.ndarray, "S P d"]) -> Iterator[Int[np.ndarray, "m 2"]]:
    """Edges ``(m, 2)`` from each token of codes ``(S, P, d)`` to the most similar one in the previous slice, unless that is the same patch."""
    count, patches, _ = slices.shape
    patch = np.arange(patches)
    for number in range(1, count):
        before, now = slices[number - 1 : number + 1]
        nearest = (squares(before) / 2 - now @ before.T).argmin(axis=1)
        moved = nearest != patch
        yield np.column_stack(
            [(number - 1) * patches + nearest[moved], number * patches + patch[moved]]
        )
