"""Labels spread from a few tokens to all of a clip: each token goes to the marks it is reached from most cheaply.

The way from token to token costs what they differ; shortest ways over the graph of nearest tokens follow a thing through time even
where its last slice looks little like its first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csgraph

from latent.errors import LatentError
from latent.graph import TokenGraph

THRESHOLD = 0.5


@dataclass(frozen=True)
class Segmentation:
    """`scores` float32 ``(S, H, W)``: 1 at the foreground marks, 0 at the background marks, one half where both are equally far."""

    clip_id: str
    scores: np.ndarray

    def mask(self, threshold: float = THRESHOLD) -> np.ndarray:
        """Which patches are foreground, ``(S, H, W)``."""
        return self.scores > threshold


def segmented(graph: TokenGraph, foreground: Sequence[tuple[int, int, int]], background: Sequence[tuple[int, int, int]]) -> Segmentation:
    """Spread marks at tokens ``(slice, y, x)``, on any slices. Raises LatentError without marks of both kinds, for a mark outside the grid,
    for a token that is marked both ways, and where no mark of a kind is on a token that is finite."""
    inside, outside = _numbers(graph, foreground, "foreground"), _numbers(graph, background, "background")
    if both := set(inside) & set(outside):
        raise LatentError(f"patch {_address(graph, both.pop())} is marked as foreground and as background: take one of the marks away")
    near, far = (csgraph.dijkstra(graph.costs, directed=False, indices=marks, min_only=True) for marks in (inside, outside))
    with np.errstate(invalid="ignore"):
        scores = np.where(np.isinf(near), 0, np.where(np.isinf(far), 1, far / (near + far)))
    return Segmentation(graph.clip_id, scores.astype(np.float32).reshape(graph.positions))


def _numbers(graph: TokenGraph, marks: Sequence[tuple[int, int, int]], kind: str) -> list[int]:
    """Numbers of marked tokens."""
    if not len(marks):
        raise LatentError(f"no {kind} patch is marked: mark one or more")
    for mark in marks:
        if any(not 0 <= number < side for number, side in zip(mark, graph.positions)):
            raise LatentError(f"patch {tuple(mark)} lies outside the clip's grid of {' x '.join(map(str, graph.positions))} (slice, y, x)")
    numbers = np.unique(np.ravel_multi_index(np.array(marks).T, graph.positions))
    if not np.diff(graph.costs.indptr)[numbers].any():
        raise LatentError(f"the embeddings of the {kind} patches are not finite, so that nothing is like them: mark another patch")
    return numbers.tolist()


def _address(graph: TokenGraph, number: int) -> tuple[int, ...]:
    return tuple(int(n) for n in np.unravel_index(number, graph.positions))
