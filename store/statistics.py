"""Token statistics: numbers computed from embeddings alone.

Each is one function from a token grid ``(S, H, W, D)`` in float32 to ``(S, H, W)``, written against the
array API, so that the same code runs on the GPU tensor during an ingest and on a NumPy array afterwards.
Registering a function with ``@statistic`` creates its column in ``token_stats`` and ``slice_stats``.
A value that is not defined (no earlier slice, a zero vector) is NaN here and NULL in the store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace, device

from tubelet.array_types import Float32

Array = Any  # a torch tensor or a NumPy array
Grid = Float32[Array, "S H W D"]
PerToken = Float32[Array, "S H W"]


@dataclass(frozen=True)
class Statistic:
    """A registered token statistic: its name is the column's name."""

    name: str
    meaning: str
    unit: str
    compute: Callable[[Grid], PerToken]


TOKEN_STATISTICS: dict[str, Statistic] = {}


def statistic(meaning: str, unit: str = "") -> Callable:
    """Register ``(S, H, W, D) -> (S, H, W)`` under the function's own name."""

    def register(compute: Callable[[Grid], PerToken]) -> Callable[[Grid], PerToken]:
        TOKEN_STATISTICS[compute.__name__] = Statistic(compute.__name__, meaning, unit, compute)
        return compute

    return register


def token_statistics(grid: Grid) -> dict[str, PerToken]:
    """Every registered statistic of a grid ``(S, H, W, D)``, each ``(S, H, W)``."""
    return {name: entry.compute(grid) for name, entry in TOKEN_STATISTICS.items()}


def dimension_statistics(grid: Grid) -> dict[str, Float32[Array, "S D"]]:
    """Mean, population standard deviation, min and max over the patches of each slice: ``(S, D)`` each."""
    xp = array_namespace(grid)
    tokens = xp.reshape(grid, (grid.shape[0], -1, grid.shape[-1]))  # (S, H*W, D)
    return {
        "dim_mean": xp.mean(tokens, axis=1),
        "dim_std": xp.std(tokens, axis=1),
        "dim_min": xp.min(tokens, axis=1),
        "dim_max": xp.max(tokens, axis=1),
    }


@statistic("Euclidean length of the embedding")
def norm(grid: Grid) -> PerToken:
    xp = array_namespace(grid)
    return xp.sqrt(xp.sum(grid * grid, axis=-1))


@statistic("mean over the embedding's dimensions")
def mean(grid: Grid) -> PerToken:
    return array_namespace(grid).mean(grid, axis=-1)


@statistic("population standard deviation over the embedding's dimensions")
def std(grid: Grid) -> PerToken:
    return array_namespace(grid).std(grid, axis=-1)


@statistic(
    "fourth standardized moment over the embedding's dimensions (3 for a normal distribution)"
)
def kurtosis(grid: Grid) -> PerToken:
    xp = array_namespace(grid)
    centered = grid - xp.mean(grid, axis=-1, keepdims=True)
    squared = centered * centered
    return xp.mean(squared * squared, axis=-1) / xp.mean(squared, axis=-1) ** 2


@statistic(
    "cosine to the token of the same patch one slice earlier; NULL in the first slice", "-1 to 1"
)
def previous_cosine(grid: Grid) -> PerToken:
    xp = array_namespace(grid)
    unit = _unit(grid)
    first = xp.full((1, *grid.shape[1:3]), xp.nan, dtype=grid.dtype, device=device(grid))
    return xp.concat([first, xp.sum(unit[1:] * unit[:-1], axis=-1)], axis=0)


@statistic("mean cosine to the patches above, below, left and right in the same slice", "-1 to 1")
def neighbour_cosine(grid: Grid) -> PerToken:
    xp = array_namespace(grid)
    unit = _unit(grid)
    total = xp.zeros(grid.shape[:3], dtype=grid.dtype, device=device(grid))
    count = xp.zeros(grid.shape[1:3], dtype=grid.dtype, device=device(grid))
    vertical = xp.sum(unit[:, 1:] * unit[:, :-1], axis=-1)
    horizontal = xp.sum(unit[:, :, 1:] * unit[:, :, :-1], axis=-1)
    for rows, cosines in ((slice(1, None), vertical), (slice(None, -1), vertical)):
        total[:, rows] += cosines
        count[rows] += 1
    for columns, cosines in ((slice(1, None), horizontal), (slice(None, -1), horizontal)):
        total[:, :, columns] += cosines
        count[:, columns] += 1
    return total / count


def _unit(grid: Grid) -> Grid:
    return grid / norm(grid)[..., None]
