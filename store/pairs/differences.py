"""The signed differences of a pair, cell by cell, in 8 bits: what a browser draws and reads values from.

From the half-precision files: the tables keep reductions alone. A difference is B minus A; its range is symmetric and
holds 99.5% of the cells, so that a few large ones do not wash out the rest; they are drawn at the end of the range.
"""

from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float32
from tubelet.store.errors import StoreError
from tubelet.store.pairs.rows import ENCODED_AGAIN, SHIFTED
from tubelet.store.store import Store

QUANTILE = 0.995
STEPS = 127  # on either side of zero
SAMPLED = 4_000_000  # cells that decide the range, at most


@dataclass(frozen=True, kw_only=True)
class Differences:
    """Slices of the same frames, ``(n, H, W, D)`` each: difference = (code - 128) * range / 127, A = low + code * step of its dimension."""

    shape: tuple[int, int, int, int]
    range: float
    differences: bytes  # uint8, 1 to 255, 128 is none; 1 and 255 are that or more
    values: bytes  # uint8, of A; empty where they would be too many
    low: bytes  # float32 little-endian, (D,)
    step: bytes  # float32 little-endian, (D,)


def measure_differences(store: Store, pair_id: str, most_bytes: int) -> Differences:
    """The differences of a pair; A's values too where both fit into `most_bytes`.

    Raises StoreError for a pair that does not exist, of a changed window, or whose embeddings were not stored or are damaged.
    """
    found = store.rows("SELECT clip_a, clip_b, kind, shift FROM pairs WHERE pair_id = ?", [pair_id])
    if not found:
        raise StoreError(
            f'{store.name} holds no pair {pair_id}: list them with `tubelet sql "FROM pairs" --store {store.shell_name}`'
        )
    pair = found[0]
    if pair["kind"] in ENCODED_AGAIN:
        raise StoreError(
            f"the changed window of pair {pair_id} is not stored: its differences are in sensitivity and token_sensitivity"
        )
    offset = pair["shift"] if pair["kind"] == SHIFTED else 0
    try:
        a, b = (
            store.grid(pair["clip_a"])[offset:].astype(np.float32),
            store.grid(pair["clip_b"]).astype(np.float32),
        )
    except (OSError, ValueError) as error:
        raise StoreError(
            f"an embedding file of this pair cannot be read ({error}): run `tubelet check --repair --store {store.shell_name}`, then ingest again"
        ) from error
    return quantize_differences(a, b[: len(a)], values=2 * a.size <= most_bytes)


def quantize_differences(
    a: Float32[np.ndarray, "n H W D"], b: Float32[np.ndarray, "n H W D"], values: bool = True
) -> Differences:
    """Two float32 arrays ``(n, H, W, D)`` of the same frames as codes."""
    difference = b - a
    sample = np.abs(difference.ravel()[:: max(1, difference.size // SAMPLED)])
    limit = float(np.quantile(sample, QUANTILE)) or float(sample.max())
    scaled = difference * np.float32(STEPS / limit if limit else 0)
    codes = (np.clip(np.rint(scaled), -STEPS, STEPS) + 128).astype(np.uint8)
    low, high = a.min(axis=(0, 1, 2)), a.max(axis=(0, 1, 2))
    step = (high - low) / np.float32(255)
    held = (
        np.rint((a - low) / np.where(step, step, 1)).astype(np.uint8).tobytes() if values else b""
    )
    return Differences(
        shape=a.shape,
        range=limit,
        differences=codes.tobytes(),
        values=held,
        low=low.astype("<f4").tobytes(),
        step=step.astype("<f4").tobytes(),
    )
