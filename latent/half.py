"""Half precision to float32, slice by slice, and unit vectors.

NumPy converts 600 million halves a second; shifting their bits into place and scaling once converts twice to three
times as many, exactly. Infinities and NaN have no such shortcut, so a block that holds any goes through NumPy.
"""

from collections.abc import Iterator

import numpy as np

from tubelet.array_types import Float16, Float32

EXPONENT = np.int16(0x7C00)  # all ones in an infinity and in NaN
KEPT = np.int32(-0x70002000)  # sign, and the 15 bits of exponent and mantissa, 13 places up
REBIASED = np.float32(2.0**112)  # float32 counts exponents from 127, half precision from 15


def widen(half: Float16[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """The same numbers in float32, as a new array; denormals, infinities and NaN included."""
    bits = half.view(np.int16)
    if ((bits & EXPONENT) == EXPONENT).any():
        return half.astype(np.float32)
    wide = bits.astype(np.int32)
    wide <<= 13
    wide &= KEPT
    floats = wide.view(np.float32)
    floats *= REBIASED
    return floats


def slices(grid: Float16[np.ndarray, "S H W D"]) -> Iterator[Float32[np.ndarray, "H*W D"]]:
    """Each slice of a half-precision grid ``(S, H, W, D)`` as float32 ``(H*W, D)``; a slice fits the processor's cache, a clip does not."""
    for one in grid:
        yield widen(one.reshape(-1, one.shape[-1]))


def lengths(vectors: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, " n"]:
    """Euclidean length of each row ``(n, D) -> (n,)``, float32; NaN where it is zero or not finite, so that no cosine is computed from it."""
    found = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    return np.where((found > 0) & np.isfinite(found), found, np.float32(np.nan))


def unit(vectors: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, "n D"]:
    """Each row over its length, float32 ``(n, D)``; NaN rows where there is no direction."""
    return vectors / lengths(vectors)[:, None]
