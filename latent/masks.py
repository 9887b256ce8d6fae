"""Scores of patches as pixels: masks, PNG and .npz files, and how well a mask fits another."""

import io
import math
import zlib
from dataclasses import dataclass
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

import numpy as np
from PIL import Image

from tubelet.latent.errors import LatentError
from tubelet.latent.segmentation import THRESHOLD

MOST = 1 << 28  # bytes or pixels that a mask may unpack to


def upsample(scores: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scores of patches ``(S, H, W)`` at each pixel ``(S, height, width)``, float32: bilinear between patch centers, level beyond the outermost."""
    return _weights(scores.shape[1], height) @ scores.astype(np.float32) @ _weights(scores.shape[2], width).T


def threshold_pixels(scores: np.ndarray, height: int, width: int, threshold: float = THRESHOLD) -> np.ndarray:
    """Which pixels are foreground, ``(S, height, width)``: the enlarged scores above the threshold."""
    return upsample(scores, height, width) > threshold


def write_png(mask: np.ndarray) -> bytes:
    """One slice's mask ``(h, w)`` as a black and white PNG."""
    sink = io.BytesIO()
    Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0))).save(sink, "PNG")
    return sink.getvalue()


def write_npz(mask: np.ndarray, scores: np.ndarray, **about: np.ndarray) -> bytes:
    """A mask ``(S, h, w)`` and the scores of its patches ``(S, H, W)`` as a compressed .npz with these names, and further information."""
    sink = io.BytesIO()
    np.savez_compressed(sink, mask=mask, scores=scores, **about)
    return sink.getvalue()


def read_mask(data: bytes) -> np.ndarray:
    """A mask that a user supplies: a .npz with `mask`, an .npy, or one slice's PNG; truth values ``(S, h, w)``. Raises LatentError.

    The size in the file's header is checked before its values are read: a few bytes can unpack to any number."""
    try:
        if data[:4] == b"\x89PNG":
            picture = Image.open(io.BytesIO(data), formats=["PNG"])
            _bound(picture.width * picture.height, "pixels")
            return np.asarray(picture.convert("L"))[None] > 127
        mask = _array(data)
    except (ValueError, OSError, EOFError, KeyError, SyntaxError, RuntimeError, OverflowError, NotImplementedError, BadZipFile, zlib.error, Image.DecompressionBombError) as error:
        raise LatentError("this is not a mask: pass a PNG, an .npy, or an .npz with an array named `mask`") from error
    if mask.ndim not in (2, 3) or mask.dtype.kind not in "biuf":
        raise LatentError(f"a mask has slices, rows and columns of numbers, not {mask.shape} of {mask.dtype}: pass such an array")
    return (mask if mask.ndim == 3 else mask[None]) > 0


def _array(data: bytes) -> np.ndarray:
    if data[:4] != b"PK\x03\x04":
        return _npy(io.BytesIO(data), len(data))
    with ZipFile(io.BytesIO(data)) as archive:
        entry = archive.getinfo("mask.npy")
        with archive.open(entry) as file:
            return _npy(file, entry.file_size)


def _npy(file: BinaryIO, held: int) -> np.ndarray:
    """An array whose header announces no more than is allowed, and no more than the file holds."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, columns_first, dtype = read(file)
    values = math.prod(shape)
    if min(shape, default=0) < 0:
        raise ValueError("a side is negative")
    _bound(values * max(dtype.itemsize, 1), "bytes")
    if dtype.hasobject or values * dtype.itemsize > held:
        raise ValueError("the file holds less than its heading says, or objects")
    found = np.frombuffer(file.read(values * dtype.itemsize), dtype).reshape(shape[::-1] if columns_first else shape)
    return found.T if columns_first else found


def _bound(size: int, noun: str) -> None:
    if size > MOST:
        raise LatentError(f"this mask unpacks to {size:,} {noun}, more than the {MOST:,} that are read: pass one of this window alone, in one byte per pixel")


@dataclass(frozen=True)
class Agreement:
    """How well a mask fits one that was supplied: `overall` and of each slice ``(n,)``, at `pixels` or else at patches."""

    overall: float
    slices: np.ndarray
    pixels: bool


def agreement(scores: np.ndarray, truth: np.ndarray, size: tuple[int, int], shown: int) -> Agreement:
    """Compare scores of patches ``(S, H, W)`` with a mask of all slices, or of the one that is `shown`, either of the patches or of
    a picture of `size` (height, width). Raises LatentError for any other shape."""
    count, *grid = scores.shape
    if len(truth) not in (1, count) or truth.shape[1:] not in (tuple(grid), tuple(size)):
        fitting = " or ".join(f"{count} x {height} x {width}" for height, width in (size, grid))
        shape = " x ".join(map(str, truth.shape))
        raise LatentError(f"the mask is {shape} (slices, rows, columns) and cannot be compared: pass one of {fitting}, or one slice of it")
    own = scores if len(truth) == count else scores[shown : shown + 1]
    at_pixels = truth.shape[1:] == tuple(size)
    mask = threshold_pixels(own, *size) if at_pixels else own > THRESHOLD
    return Agreement(iou(mask, truth), np.array([iou(*pair) for pair in zip(mask, truth)]), at_pixels)


def iou(mask: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of two masks of one shape, all slices together; 1 where both are empty. Raises LatentError for two shapes."""
    if mask.shape != truth.shape:
        raise LatentError(f"masks of {mask.shape} and {truth.shape} cannot be compared: pass one of {mask.shape} (slices, rows, columns)")
    union = np.count_nonzero(mask | truth)
    return np.count_nonzero(mask & truth) / union if union else 1.0


def _weights(patches: int, side: int) -> np.ndarray:
    """The weight of each patch at each pixel of a side, float32 ``(side, patches)``; rows sum to 1."""
    centers = np.clip((np.arange(side) + 0.5) * patches / side - 0.5, 0, patches - 1)
    return np.maximum(1 - np.abs(centers[:, None] - np.arange(patches)), 0).astype(np.float32)
