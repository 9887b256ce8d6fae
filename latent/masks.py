"""Scores of patches as pixels: masks, PNG and .npz files, and how well a mask fits another."""

import io
import math
import struct
import zlib
from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import IO
from zipfile import BadZipFile, ZipFile

import numpy as np
from PIL import Image

from tubelet.array_types import Bool, Float, Float32, Int
from tubelet.latent import mask_images, mask_json, mask_objects
from tubelet.latent.errors import LatentError
from tubelet.latent.mask_objects import MaskObjects
from tubelet.latent.segmentation import THRESHOLD
from tubelet.store.placement import place_picture
from tubelet.store.rows import ClipRow, VideoRow, list_fed_frames

UNREADABLE = (
    ValueError, TypeError, AttributeError, IndexError, OSError, EOFError, KeyError, SyntaxError, RuntimeError, OverflowError, NotImplementedError,
    BadZipFile, zlib.error, struct.error, Image.DecompressionBombError,
)  # fmt: skip
HEADING_MOST = 10_000  # bytes before an array's values, as NumPy reads
MOST = 1 << 28  # bytes or pixels that a mask may unpack to


def upsample(
    scores: Float32[np.ndarray, "S H W"], height: int, width: int
) -> Float32[np.ndarray, "S {height} {width}"]:
    """Scores of patches ``(S, H, W)`` at each pixel ``(S, height, width)``, float32: bilinear between patch centers, level beyond the outermost."""
    return (
        _weights(scores.shape[1], height)
        @ scores.astype(np.float32)
        @ _weights(scores.shape[2], width).T
    )


def threshold_pixels(
    scores: Float32[np.ndarray, "S H W"], height: int, width: int, threshold: float = THRESHOLD
) -> Bool[np.ndarray, "S {height} {width}"]:
    """Which pixels are foreground, ``(S, height, width)``: the enlarged scores above the threshold."""
    return upsample(scores, height, width) > threshold


def write_png(mask: Bool[np.ndarray, "h w"]) -> bytes:
    """One slice's mask ``(h, w)`` as a black and white PNG."""
    sink = io.BytesIO()
    Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0))).save(sink, "PNG")
    return sink.getvalue()


def write_npz(
    mask: Bool[np.ndarray, "S h w"], scores: Float32[np.ndarray, "S H W"], **about: np.ndarray
) -> bytes:
    """A mask ``(S, h, w)`` and the scores of its patches ``(S, H, W)`` as a compressed .npz with these names, and further information."""
    sink = io.BytesIO()
    np.savez_compressed(sink, allow_pickle=False, mask=mask, scores=scores, **about)
    return sink.getvalue()


def read_mask(data: bytes, name: str | None = None) -> Bool[np.ndarray, "S h w"]:
    """A mask that a user uploads, of one of its objects by name or of all: truth values ``(S, h, w)``. Raises LatentError."""
    return read_objects(data).select(name)


def read_objects(data: bytes) -> MaskObjects:
    """The objects of a mask that a user uploads: a .npz with `mask`, an .npy, one slice's PNG, or COCO's JSON. Raises LatentError.

    The size in the file's header is checked before its values are read: a few bytes can unpack to any number."""
    try:
        if data[:4] == b"\x89PNG":
            picture = Image.open(io.BytesIO(data), formats=["PNG"])
            _bound(picture.width * picture.height, "pixels")
            return mask_images.read_image(picture)
        if data.removeprefix(BOM_UTF8).lstrip()[:1] in (b"{", b"["):
            return mask_json.read_json(data, _bound)
        mask = _array(data)
    except UNREADABLE as error:
        raise LatentError(
            "this is not a mask: pass a PNG, an .npy, an .npz with an array named `mask`, or COCO's JSON"
        ) from error
    if mask.ndim not in (2, 3) or mask.dtype.kind not in "biuf":
        raise LatentError(
            f"a mask has slices, rows and columns of numbers, not {mask.shape} of {mask.dtype}: pass such an array"
        )
    return mask_objects.read_values(mask if mask.ndim == 3 else mask[None])


def _array(data: bytes) -> np.ndarray:
    if data[:4] != b"PK\x03\x04":
        return _npy(io.BytesIO(data), len(data))
    with ZipFile(io.BytesIO(data)) as archive:
        entry = archive.getinfo("mask.npy")
        with archive.open(entry) as file:
            return _npy(file, entry.file_size)


def _npy(file: IO[bytes], held: int) -> np.ndarray:
    """An array whose heading promises no more than is allowed, and no more than the file holds."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):  # whose heading may be as long as four bytes can say
        (length,) = struct.unpack("<I", file.read(4))
        if length > HEADING_MOST:
            raise ValueError("the heading is too long")
        file.seek(-4, io.SEEK_CUR)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, columns_first, dtype = read(file)
    values = math.prod(shape)
    if min(shape, default=0) < 0:
        raise ValueError("a side is negative")
    _bound(values * max(dtype.itemsize, 1), "bytes")
    if dtype.hasobject or values * dtype.itemsize > held:
        raise ValueError("the file holds less than its heading says, or objects")
    found = np.frombuffer(file.read(values * dtype.itemsize), dtype).reshape(
        shape[::-1] if columns_first else shape
    )
    return found.T if columns_first else found


def _bound(size: int, noun: str) -> None:
    if size > MOST:
        raise LatentError(
            f"this mask unpacks to {size:,} {noun}, more than the {MOST:,} that are read: pass one of this window alone, in one byte per pixel"
        )


@dataclass(frozen=True)
class Agreement:
    """How well a mask fits one that was supplied: `overall` and of each slice ``(n,)``, at `pixels` or else at patches."""

    overall: float
    slices: Float[np.ndarray, " n"]
    pixels: bool


def agreement(
    scores: Float32[np.ndarray, "S H W"], truth: np.ndarray, size: tuple[int, int], shown: int
) -> Agreement:
    """Compare scores of patches ``(S, H, W)`` with a mask of all slices, or of the one that is `shown`, either of the patches or of
    a picture of `size` (height, width). Raises LatentError for any other shape."""
    count, *grid = scores.shape
    if len(truth) not in (1, count) or truth.shape[1:] not in (tuple(grid), tuple(size)):
        fitting = " or ".join(f"{count} x {height} x {width}" for height, width in (size, grid))
        shape = " x ".join(map(str, truth.shape))
        raise LatentError(
            f"the mask is {shape} (slices, rows, columns) and cannot be compared: pass one of {fitting}, or one slice of it"
        )
    own = scores if len(truth) == count else scores[shown : shown + 1]
    at_pixels = truth.shape[1:] == tuple(size)
    mask = threshold_pixels(own, *size) if at_pixels else own > THRESHOLD
    return Agreement(
        iou(mask, truth), np.array([iou(*pair) for pair in zip(mask, truth)]), at_pixels
    )


def fit_to_clip(truth: np.ndarray, video: VideoRow, clip: ClipRow) -> np.ndarray:
    """A mask ``(S, h, w)`` of whole frames as one of the encoder's picture, by the crop of a `clips` row: of the frames of the video or of the
    window those at which the slices begin. A mask of the picture, or of its patches, comes back as it is."""
    truth = truth[_pick_frames(len(truth), video, clip)]
    size, grid = (
        (clip["crop_height"], clip["crop_width"]),
        (clip["grid_height"], clip["grid_width"]),
    )
    frame = video["height"], video["width"]
    height, width = truth.shape[1:]
    if (height, width) in (size, grid) or not _is_scaled((height, width), frame):
        return truth
    top, left, high, wide = place_picture(frame, size, clip["geometry"]).seen
    y = np.clip(((np.arange(size[0]) + 0.5) / size[0] * high + top) * height, 0, height - 1).astype(
        int
    )
    x = np.clip(((np.arange(size[1]) + 0.5) / size[1] * wide + left) * width, 0, width - 1).astype(
        int
    )
    return truth[:, y[:, None], x]


def _is_scaled(size: tuple[int, int], frame: tuple[int, int]) -> bool:
    """Whether a size is a frame's at some scale, to a pixel."""
    return (
        abs(size[0] - frame[0] * size[1] / frame[1]) <= 1
        or abs(size[1] - frame[1] * size[0] / frame[0]) <= 1
    )


def _pick_frames(count: int, video: VideoRow, clip: ClipRow) -> Int[np.ndarray, " S"]:
    """Which of so many masks belong to the slices; all of them unless there is one per frame."""
    fed = np.arange(clip["slices"]) * clip["frame_count"] // clip["slices"]
    starts = np.array(list_fed_frames(clip))[fed]
    if count > clip["slices"] and count == video["frames"]:
        return np.minimum(starts, count - 1)
    return fed if count > clip["slices"] and count == clip["frame_count"] else np.arange(count)


def iou(mask: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of two masks of one shape, all slices together; 1 where both are empty. Raises LatentError for two shapes."""
    if mask.shape != truth.shape:
        raise LatentError(
            f"masks of {mask.shape} and {truth.shape} cannot be compared: pass one of {mask.shape} (slices, rows, columns)"
        )
    union = np.count_nonzero(mask | truth)
    return np.count_nonzero(mask & truth) / union if union else 1.0


def _weights(patches: int, side: int) -> Float32[np.ndarray, "{side} {patches}"]:
    """The weight of each patch at each pixel of a side, float32 ``(side, patches)``; rows sum to 1."""
    centers = np.clip((np.arange(side) + 0.5) * patches / side - 0.5, 0, patches - 1)
    return np.maximum(1 - np.abs(centers[:, None] - np.arange(patches)), 0).astype(np.float32)
