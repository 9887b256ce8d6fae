"""Which tokens count as foreground: those on one side of a threshold on the first component, or those of some clusters."""

from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Bool, Float, Float32
from tubelet.latent.clusters import Clusters
from tubelet.latent.errors import LatentError
from tubelet.latent.linear import pca

BINS = 256


@dataclass(frozen=True)
class Foreground:
    """A token is foreground when the largest of its scores ``x @ directions.T - offsets`` is one of the chosen ones.

    `directions` float32 ``(k, D)``, `offsets` ``(k,)``: for a threshold one of the two directions is zero, for clusters they are the centers.
    """

    directions: Float32[np.ndarray, "k D"]
    offsets: Float32[np.ndarray, " k"]
    chosen: tuple[int, ...]

    def mask(self, vectors: Float32[np.ndarray, "n D"]) -> Bool[np.ndarray, " n"]:
        """Whether each prepared token ``(n, D)`` is foreground, ``(n,)``; False where it is not finite."""
        scores = vectors @ self.directions.T - self.offsets
        return np.isin(scores.argmax(axis=1), self.chosen) & np.isfinite(scores).all(axis=1)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Rows of numbers: the offset, then the direction."""
        return {"foreground": np.column_stack([self.offsets, self.directions])}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], parameters: dict) -> "Foreground | None":
        """Read it from the output of `arrays`; None where the basis takes all tokens."""
        if "foreground" not in arrays:
            return None
        rows = arrays["foreground"]
        return cls(
            rows[:, 1:].astype(np.float32),
            rows[:, 0].astype(np.float32),
            tuple(parameters["foreground_chosen"]),
        )


def first_component(
    vectors: Float32[np.ndarray, "n D"], border: Bool[np.ndarray, " n"]
) -> Foreground:
    """Otsu's threshold on the first principal component of tokens ``(n, D)``; the side with less of the frame's border is foreground.

    `border` ``(n,)``: whether a token lies at the edge of its grid. If both sides touch it equally, the smaller side is foreground.
    """
    linear, _ = pca(vectors, 1)
    axis = linear.components[0]
    values = vectors @ axis
    level = otsu(values)
    above = values > level
    if above.all() or not above.any():
        raise LatentError(
            "the first component does not separate these tokens: leave --foreground out, or choose clusters"
        )
    shares = border[above].mean(), border[~above].mean()
    chosen = int(shares[0] < shares[1] or (shares[0] == shares[1] and above.mean() <= 0.5))
    return Foreground(
        np.stack([np.zeros_like(axis), axis]), np.array([0, level], np.float32), (chosen,)
    )


def choose_clusters(centers: Clusters, chosen: tuple[int, ...]) -> Foreground:
    """The tokens of some clusters. Raises LatentError for a cluster that does not exist."""
    if wrong := [c for c in chosen if not 0 <= c < len(centers.centers)]:
        raise LatentError(
            f"there is no cluster {wrong[0]}: choose from 0 to {len(centers.centers) - 1}"
        )
    return Foreground(centers.centers, centers.offsets, chosen)


def otsu(values: Float[np.ndarray, " n"]) -> float:
    """The threshold that leaves the least variance within both sides, of 256 equal steps (Otsu 1979)."""
    counts, edges = np.histogram(values, BINS)
    middles = (edges[1:] + edges[:-1]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + np.nan_to_num(between[:-1]).argmax()])
