"""Window sensitivity: how far two token grids differ on the slices they share.

    a = Side.of(grid_a)                 # (S, H, W, D), float32
    measure(a, b, shift).mean_abs       # (n, D), n = S - shift: slice k + shift of A against slice k of B

Written against the array API like `statistics`: the same code takes the live tensors of an ingest on their device and
NumPy arrays read from files. A difference is the value in B minus the value in A. Only reductions leave the device, one slice at a time,
so no second array of the grids' size is created.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, to_device

from tubelet.array_types import Bool, Float, Float32
from tubelet.store.errors import MeasurementError
from tubelet.store.statistics import Array, dimension_statistics


@dataclass(frozen=True)
class Side:
    """One clip of a pair: its float32 grid ``(S, H, W, D)`` and its `dimension_statistics`, ``(S, D)`` each."""

    grid: Float[Array, "S H W D"]
    by_dimension: Mapping[str, Array]

    @classmethod
    def of(cls, grid: Float[Array, "S H W D"]) -> "Side":
        return cls(grid, dimension_statistics(grid))


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Reductions of one pair, float32 on the CPU; NaN where a zero vector leaves a cosine undefined, and by patch where nothing is compared."""

    mean_abs: Float32[np.ndarray, "n D"]  # (n, D), over patches
    rms: Float32[np.ndarray, "n D"]  # (n, D)
    mean_signed: Float32[np.ndarray, "n D"]  # (n, D)
    max_abs: Float32[np.ndarray, "n D"]  # (n, D)
    l2: Float32[np.ndarray, "n H W"]  # (n, H, W)
    cosine: Float32[np.ndarray, "n H W"]  # (n, H, W)
    relative_l2: Float32[
        np.ndarray, "n H W"
    ]  # (n, H, W): distance over the mean length of the two embeddings
    std: Float32[
        np.ndarray, " D"
    ]  # (D,): over all tokens of both clips; exactly 0 for a dimension that never varies

    def __post_init__(self) -> None:
        finite = all(np.isfinite(values).all() for values in (self.rms, self.std))
        if not finite or np.isinf(self.l2).any():
            raise MeasurementError(
                "the differences of the two clips are not finite: check the encoder's weights, or use --precision fp32"
            )


def measure(a: Side, b: Side, shift: int, inside: Bool[Array, "H W"] | None = None) -> Measurement:
    """Compare slice k + shift of A with slice k of B, for every k that both have; at the patches `inside` alone, where given.

    Raises ValueError for grids that do not match, MeasurementError for differences that are not finite.
    """
    if a.grid.shape != b.grid.shape or not 0 <= shift < a.grid.shape[0]:
        raise ValueError(
            f"a pair has two grids of one shape and shares a slice: {a.grid.shape = }, {b.grid.shape = }, {shift = }"
        )
    if inside is not None and not inside.any():
        raise MeasurementError(
            "the change leaves no patch to compare: use a larger --size, or a weaker change"
        )
    xp = array_namespace(a.grid)
    pairs = ((a.grid[k + shift], b.grid[k]) for k in range(a.grid.shape[0] - shift))
    slices = [
        _compare_slice(*pair) if inside is None else _compare_inside(*pair, inside)
        for pair in pairs
    ]
    reduced = {
        name: _on_cpu(xp.stack([compared[name] for compared in slices])) for name in slices[0]
    }
    return Measurement(**reduced, std=_deviation(a, b))


def _compare_slice(a: Array, b: Array) -> dict[str, Array]:
    """Reductions of one shared slice, ``(H, W, D)`` twice: over patches ``(D,)``, over dimensions ``(H, W)``.

    Temporary arrays cost more than the arithmetic: lengths are computed as norms, which need none.
    """
    xp = array_namespace(a)
    length = xp.linalg.vector_norm
    difference = b - a
    magnitude = xp.abs(difference)
    length_a, length_b, distance = (length(vectors, axis=-1) for vectors in (a, b, difference))
    with np.errstate(invalid="ignore"):
        cosine = xp.linalg.vecdot(a, b, axis=-1) / (length_a * length_b)
        relative = 2 * distance / (length_a + length_b)
    return {
        "mean_abs": xp.mean(magnitude, axis=(0, 1)),
        "rms": xp.sqrt(xp.mean(difference * difference, axis=(0, 1))),
        "mean_signed": xp.mean(difference, axis=(0, 1)),
        "max_abs": xp.max(magnitude, axis=(0, 1)),
        "l2": distance,
        "cosine": xp.clip(cosine, -1.0, 1.0),
        "relative_l2": relative,
    }


def _compare_inside(a: Array, b: Array, inside: Array) -> dict[str, Array]:
    """The same over some of the patches: they are laid in one row, and come back to their places among NaN."""
    xp = array_namespace(a)
    compared = _compare_slice(a[inside][None], b[inside][None])
    for name in ("l2", "cosine", "relative_l2"):
        found = xp.full_like(a[..., 0], xp.nan)
        found[inside] = compared[name][0]
        compared[name] = found
    return compared


def _deviation(a: Side, b: Side) -> np.ndarray:
    """Population standard deviation of each dimension over all tokens of both clips, ``(D,)``, from its moments by slice."""
    mean, std, low, high = (
        np.concatenate([_on_cpu(side.by_dimension[name]) for side in (a, b)])
        for name in ("dim_mean", "dim_std", "dim_min", "dim_max")
    )
    total = np.sqrt(
        (std.astype(np.float64) ** 2).mean(axis=0) + mean.astype(np.float64).var(axis=0)
    )
    varies = high.max(axis=0) > low.min(axis=0)
    return np.where(varies, total, 0).astype(np.float32)


def _on_cpu(values: Array) -> np.ndarray:
    return np.asarray(to_device(values, "cpu"))
