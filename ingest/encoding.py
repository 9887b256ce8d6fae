"""Encoding: a clip of pixels to a token grid and its statistics, on the encoder's device, and back as arrays."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from ingest.encoders import Encoder
from ingest.errors import EncodeError
from ingest.messages import Clip, now
from ingest.pictures import first_frames
from store.statistics import dimension_statistics, token_statistics


@dataclass(frozen=True)
class EncodedClip:
    """A clip as the writer needs it: half-precision grid ``(S, H, W, D)``, statistics in float32, on the CPU."""

    row: Mapping
    grid: np.ndarray
    token_stats: Mapping[str, np.ndarray]  # (S, H, W)
    dim_stats: Mapping[str, np.ndarray]  # (S, D)
    frames: torch.Tensor  # (S, 3, h, w) in uint8: the first frame of each slice, as the encoder saw it


def encode(encoder: Encoder, clip: Clip) -> EncodedClip:
    """Encode one clip. Raises EncodeError for embeddings that cannot be kept and for a device without memory left."""
    started = time.perf_counter()
    try:
        with torch.inference_mode():
            grid = encoder.encode(clip.pixels[None]).embeddings[0]
            half = _half(grid)
            statistics = {name: value.cpu().numpy() for name, value in token_statistics(grid).items()}
            by_dimension = {name: value.cpu().numpy() for name, value in dimension_statistics(grid).items()}
    except torch.OutOfMemoryError as error:
        raise EncodeError("the device ran out of memory: use a smaller --size or fewer --frames") from error
    slices, height, width, dim = half.shape
    shape = {"slices": slices, "height": height, "width": width, "dim": dim}
    row = {**clip.row, **shape, "encode_s": time.perf_counter() - started, "created_at": now()}
    return EncodedClip(row, half, statistics, by_dimension, first_frames(clip.pixels, slices))


def _half(grid: torch.Tensor) -> np.ndarray:
    """The grid rounded to half precision; refuses what is not finite or does not fit, before anything is stored."""
    half = grid.half()
    if not bool(torch.isfinite(half).all()):
        if not bool(torch.isfinite(grid).all()):
            raise EncodeError("the encoder gave numbers that are not finite: check its weights, or use --precision fp32")
        raise EncodeError(f"embeddings reach {float(grid.abs().max()):.0f}, beyond half precision's 65504: the clip is not stored")
    return half.cpu().numpy()
