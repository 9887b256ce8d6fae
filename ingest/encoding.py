"""Encoding: a clip of pixels to a token grid and its statistics, on the encoder's device, and back as arrays."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from ingest.encoders import Encoder
from ingest.errors import EncodeError
from ingest.measuring import Measured, Measuring
from ingest.messages import Clip, now
from store.errors import MeasurementError
from store.statistics import dimension_statistics, token_statistics


@dataclass(frozen=True)
class EncodedClip:
    """A clip as the writer needs it: half-precision grid ``(S, H, W, D)``, statistics in float32, on the CPU.

    A `stored` clip brings its measured pairs alone.
    """

    row: Mapping
    grid: np.ndarray
    token_stats: Mapping[str, np.ndarray]  # (S, H, W)
    dim_stats: Mapping[str, np.ndarray]  # (S, D)
    pairs: tuple[Measured, ...] = ()
    stored: bool = False
    strip: bytes | None = None  # JPEG


def encode(encoder: Encoder, clip: Clip, measuring: Measuring) -> EncodedClip:
    """Encode one clip and measure the pairs that it completes.

    Raises EncodeError for embeddings that cannot be kept and for a device without memory left.
    """
    started = time.perf_counter()
    try:
        with torch.inference_mode():
            grid = encoder.encode(clip.pixels).embeddings
            half = _half(grid)
            live = dimension_statistics(grid)
            pairs = measuring.take(clip, grid, live)
            statistics = {name: value.cpu().numpy() for name, value in token_statistics(grid).items()}
            by_dimension = {name: value.cpu().numpy() for name, value in live.items()}
    except MeasurementError as error:
        raise EncodeError(str(error)) from error
    except torch.OutOfMemoryError as error:
        raise EncodeError("the device ran out of memory: use a smaller --size or fewer --frames") from error
    slices, height, width, dim = half.shape
    shape = {"slices": slices, "height": height, "width": width, "dim": dim}
    row = {**clip.row, **shape, "encode_s": time.perf_counter() - started, "created_at": now()}
    return EncodedClip(row, half, statistics, by_dimension, pairs, clip.stored, clip.strip)


def _half(grid: torch.Tensor) -> np.ndarray:
    """The grid rounded to half precision; refuses what is not finite or does not fit, before anything is stored."""
    half = grid.half()
    if not bool(torch.isfinite(half).all()):
        if not bool(torch.isfinite(grid).all()):
            raise EncodeError("the encoder gave numbers that are not finite: check its weights, or use --precision fp32")
        raise EncodeError(f"embeddings reach {float(grid.abs().max()):.0f}, beyond half precision's 65504: the clip is not stored")
    return half.cpu().numpy()
