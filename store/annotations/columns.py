"""Which columns of an annotation file mean what."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tubelet.store.annotations.text_table import TextTable
from tubelet.store.errors import AnnotationError

VIDEO = (
    "video_id",
    "video",
    "path",
    "video_path",
    "file",
    "filename",
    "file_name",
    "stem",
    "clip",
    "name",
)
START = ("start_s", "start", "begin", "start_seconds", "start_time")
STOP = ("stop_s", "stop", "end_s", "end", "end_seconds", "end_time")
POINT = ("point", "point_id", "track", "track_id")
FRAME, SECONDS = ("frame", "frame_index"), ("seconds", "time", "time_s", "at_s")
VISIBLE = ("visible", "occluded")
NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"


@dataclass(frozen=True, kw_only=True)
class ColumnRoles:
    """Columns by what they mean, None where the file has none; `others` are left."""

    video: str
    start: str | None
    stop: str | None
    point: str | None
    frame: str | None
    seconds: str | None
    visible: str | None
    others: tuple[str, ...]

    @property
    def holds_points(self) -> bool:
        return self.point is not None and {"x", "y"} <= set(self.others)


def name_columns(table: TextTable) -> ColumnRoles:
    """Raises AnnotationError where no column names the video."""
    names = table.columns.column_names
    video = _find(names, VIDEO)
    if video is None:
        raise AnnotationError(
            f"{table.path}: no column names the video: call one {', '.join(VIDEO[:-1])} or {VIDEO[-1]}; its columns are {', '.join(names[:20])}"
        )
    rest = [name for name in names if name != video]
    point = _find(rest, POINT)
    points = point is not None and {"x", "y"} <= set(rest)
    start, stop = _find(rest, START), _find(rest, STOP)
    found: dict[str, str | None] = {
        "start": start if stop and not points else None,
        "stop": stop if start and not points else None,
        "point": point if points else None,
        "frame": _find(rest, FRAME) if points else None,
        "seconds": _find(rest, SECONDS) if points else None,
        "visible": _find(rest, VISIBLE) if points else None,
    }
    taken = {video, *found.values()}
    others = tuple(name for name in names if name not in taken)
    return ColumnRoles(video=video, others=others, **found)


def _find(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    lower = {name.lower(): name for name in reversed(names)}
    return next((lower[name] for name in wanted if name in lower), None)


def trim(column: pa.ChunkedArray) -> pa.Array:
    """Text without blanks around it; null where nothing is left."""
    trimmed = pc.utf8_trim_whitespace(column.combine_chunks().cast(pa.string()))
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def read_numbers(column: pa.ChunkedArray, what: str) -> tuple[np.ndarray, dict[int, str]]:
    """Finite numbers, NaN where nothing is written, and what is wrong with the rows that hold something else."""
    text = trim(column)
    good = pc.fill_null(pc.match_substring_regex(text, NUMBER), True)
    bad = np.flatnonzero(~np.asarray(good))
    faults = {int(row): f"{what} is {text[row].as_py()!r}, not a number" for row in bad}
    numbers = pc.if_else(good, text, pa.scalar(None, pa.string())).cast(pa.float64())
    values = np.array(pc.fill_null(numbers, float("nan")))
    infinite = np.flatnonzero(np.isinf(values))
    return values, faults | {int(row): f"{what} is not a finite number" for row in infinite}
