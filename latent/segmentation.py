"""Labels spread from a few tokens to all tokens of a clip: each token goes to the marks with the cheapest path to it.

The cost of a path is how much its tokens differ, step by step along the graph of neighbors and most alike tokens; its first step may go from a mark to any
token of the clip, at the cost of their difference. So labels spread over connected regions and find what was hidden for a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from tubelet.array_types import Bool, Float, Float32, Int
from tubelet.latent.errors import LatentError
from tubelet.latent.graph import TokenGraph, squares

THRESHOLD = 0.5
BLOCK = 256  # marks compared with a clip's tokens at once


@dataclass(frozen=True)
class Segmentation:
    """`scores` float32 ``(S, H, W)``: 1 at the foreground marks, 0 at the background marks, one half where both are equally far."""

    clip_id: str
    scores: Float32[np.ndarray, "S H W"]

    def mask(self, threshold: float = THRESHOLD) -> Bool[np.ndarray, "S H W"]:
        """Which patches are foreground, ``(S, H, W)``."""
        return self.scores > threshold


def segment(
    graph: TokenGraph,
    foreground: Sequence[tuple[int, int, int]],
    background: Sequence[tuple[int, int, int]],
) -> Segmentation:
    """Spread marks at tokens ``(slice, y, x)``, on any slices. Raises LatentError without marks of both kinds, for a mark outside the grid,
    for a token that is marked both ways, and where no mark of a kind is on a token that is finite."""
    inside, outside = (
        _numbers(graph, foreground, "foreground"),
        _numbers(graph, background, "background"),
    )
    if both := np.intersect1d(inside, outside).tolist():
        raise LatentError(
            f"patch {_address(graph, both[0])} is marked as foreground and as background: remove one of the marks"
        )
    near, far = (_cheapest(graph, marks) for marks in (inside, outside))
    scores = np.divide(far, near + far, out=np.zeros(len(near)), where=graph.finite)
    return Segmentation(graph.clip_id, scores.astype(np.float32).reshape(graph.positions))


def _cheapest(graph: TokenGraph, marks: Int[np.ndarray, " m"]) -> Float[np.ndarray, " n"]:
    """The cost of the cheapest path from any mark to each token ``(n,)``, 0 at the marks; infinite for a token that is not finite."""
    count, sound = len(graph.codes), np.flatnonzero(graph.finite)
    straight = _differences(graph.codes, graph.codes[marks])[sound] + graph.step
    source = sparse.csr_array((straight, (np.zeros_like(sound), sound)), shape=(1, count))
    ways = sparse.block_array(
        [[graph.costs, None], [source, sparse.csr_array((1, 1))]], format="csr"
    )
    costs = csgraph.dijkstra(ways, directed=False, indices=count)[:count]
    costs[marks] = 0
    return costs


def _differences(
    codes: Float32[np.ndarray, "n d"], marked: Float32[np.ndarray, "k d"]
) -> Float32[np.ndarray, " n"]:
    """The squared distance of each code ``(n, d)`` to the nearest of the marked ones ``(k, d)``: ``(n,)``."""
    blocks = (marked[first : first + BLOCK] for first in range(0, len(marked), BLOCK))
    nearest = np.min(
        [(squares(block) - 2 * codes @ block.T).min(axis=1) for block in blocks], axis=0
    )
    return np.maximum(nearest + squares(codes), 0)


def _numbers(
    graph: TokenGraph, marks: Sequence[tuple[int, int, int]], kind: str
) -> Int[np.ndarray, " m"]:
    """Numbers of marked tokens that are finite, each once."""
    if not len(marks):
        raise LatentError(f"no {kind} patch is marked: mark one or more")
    for mark in marks:
        if any(not 0 <= number < side for number, side in zip(mark, graph.positions)):
            raise LatentError(
                f"patch {tuple(mark)} lies outside the clip's grid of {' x '.join(map(str, graph.positions))} (slice, y, x)"
            )
    numbers = np.unique(np.ravel_multi_index(np.array(marks).T, graph.positions))
    finite = numbers[graph.finite[numbers]]
    if not len(finite):
        raise LatentError(
            f"the embeddings of the {kind} patches are not finite, so nothing is similar to them: mark another patch"
        )
    return finite


def _address(graph: TokenGraph, number: int) -> tuple[int, ...]:
    return tuple(int(n) for n in np.unravel_index(number, graph.positions))
