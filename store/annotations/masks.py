"""Rows of `masks` from arrays of object numbers: run lengths down the columns, as COCO counts them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from tubelet.store.schema.annotations import MASKS

ASPECT_TOLERANCE = 0.02  # by which a mask's shape may differ from the video's: sizes are rounded


def encode_runs(mask: np.ndarray) -> list[int]:
    """Lengths of runs of a mask ``(h, w)`` of truth values, first those that are false."""
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(np.concatenate([[0], edges, [len(flat)]]))
    return ([0] if flat[0] else []) + lengths.tolist()


def decode_runs(runs: Sequence[int], height: int, width: int) -> np.ndarray:
    """The mask ``(h, w)`` of these runs. Raises ValueError unless they fill it exactly."""
    lengths = np.array(runs)
    if lengths.ndim != 1 or (lengths.size and lengths.dtype.kind not in "iuf"):
        raise ValueError("the run lengths are not a list of numbers")
    whole = lengths.astype(np.int64)
    # Each is bounded before they are added: a sum of 64 bits wraps round, and what it promises is then not what is written.
    if (whole != lengths).any() or ((whole < 0) | (whole > height * width)).any():
        raise ValueError("a run length is not a whole number of pixels")
    if whole.sum() != height * width:
        raise ValueError("the run lengths do not sum to the size")
    return np.repeat(np.arange(len(whole)) % 2 == 1, whole).reshape((height, width), order="F")


def mask_rows(video_id: str, frame: int, objects: np.ndarray) -> Iterator[dict]:
    """Rows of `masks`, without source and number, of one frame ``(h, w)`` of object numbers."""
    height, width = objects.shape
    for number in np.unique(objects):
        if number:
            yield {
                "video_id": video_id,
                "frame": frame,
                "object": int(number),
                "mask_height": height,
                "mask_width": width,
                "runs": encode_runs(objects == number),
            }


def mask_table(rows: Sequence[dict]) -> pa.Table:
    schema = pa.schema(
        [field for field in MASKS.arrow if field.name not in ("annotation_id", "source")]
    )
    return pa.Table.from_pylist([{"row": n, **row} for n, row in enumerate(rows, 1)], schema=schema)


def fault_of_mask(video: Mapping, frame: int, shape: tuple[int, int]) -> str | None:
    """Why a mask cannot lie over a frame of a video, if it cannot."""
    height, width = shape
    if not 0 <= frame < video["frames"]:
        return f"frame {frame} is not one of the video's, 0 to {video['frames'] - 1}: pass --first-frame 1 if the files count from 1"
    shown = video["width"] / video["height"]
    if abs(width / height / shown - 1) > ASPECT_TOLERANCE:
        return f"{width} x {height} pixels do not have the shape of the video, {video['width']} x {video['height']}"
    return None
