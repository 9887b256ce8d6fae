"""The most surprising moments of a corpus: slices, one per stretch of a video, with pictures of what the encoder saw."""

import io
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from PIL import Image

from tubelet.store import Store
from tubelet.store.placement import Sheet
from tubelet.store.questions.clips import named_clips
from tubelet.store.rows import ClipRow

PICTURES = 24  # moments that are shown as pictures
QUALITY = 75
RANKED = ("pixel_change", "motion", "copy_l1")


def find_moments(rows: pa.Table, column: str, count: int) -> pa.Table:
    """The rows with the highest surprise, and per control the share of slices that are below; of slices of one video that touch, the highest."""
    values = rows[column].to_numpy(zero_copy_only=False)
    order = np.argsort(-np.where(np.isfinite(values), values, -np.inf), kind="stable")
    kept = _keep_apart(rows, order[: int(np.isfinite(values).sum())], count)
    found = rows.take(pa.array(kept))
    for name in RANKED:
        shares = _rank(rows[name].to_numpy(zero_copy_only=False))
        found = found.append_column(f"{name}_rank", pa.array(shares[kept]))
    return found


def _keep_apart(rows: pa.Table, order: np.ndarray, count: int) -> list[int]:
    """Numbers of rows in their order, none that lies within a slice of one before it in the same video."""
    videos = rows["video_id"].to_pylist()
    starts, lengths = (rows[name].to_numpy() for name in ("at_s", "slice_s"))
    kept: list[int] = []
    taken: dict[str, list[float]] = {}
    for number in map(int, order):
        at, near = starts[number], taken.setdefault(videos[number], [])
        if all(abs(at - other) > 1.01 * lengths[number] for other in near):
            near.append(at)
            kept.append(number)
        if len(kept) == count:
            break
    return kept


def _rank(values: np.ndarray) -> np.ndarray:
    """The share of known values that are lower; NaN where unknown."""
    known = np.sort(values[np.isfinite(values)])
    shares = np.searchsorted(known, values) / max(1, len(known))
    return np.where(np.isfinite(values), shares, np.nan)


def draw_moments(store: Store, moments: pa.Table) -> Mapping[int, bytes]:
    """JPEGs of the slices by the number of the row, where the store has pictures of their clips."""
    wanted = moments.slice(0, PICTURES).to_pylist()
    question = named_clips(sorted({row["clip_id"] for row in wanted}))
    clips = {row["clip_id"]: ClipRow.of(row) for row in question.answer(store).to_pylist()}
    found = {}
    for number, row in enumerate(wanted):
        clip = clips.get(row["clip_id"])
        if clip and (picture := _crop(store, clip, row["slice"])):
            found[number] = picture
    return found


def _crop(store: Store, clip: ClipRow, slice_: int) -> bytes | None:
    """One slice of a clip's sheet; None where there is no sheet, or it cannot be read."""
    path, sheet = store.layout.pictures_file(clip.video_id, clip.clip_id), Sheet.of(clip)
    top, left = sheet.corner(slice_)
    try:
        with Image.open(path) as whole:
            part = whole.convert("RGB").crop((left, top, left + sheet.tile[1], top + sheet.tile[0]))
    except (OSError, ValueError):
        return None
    sink = io.BytesIO()
    part.save(sink, "JPEG", quality=QUALITY)
    return sink.getvalue()
