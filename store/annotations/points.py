"""Rows of `points` from a table of text: tracks of points, by frame or by seconds."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tubelet.store.annotations.columns import read_numbers, trim
from tubelet.store.annotations.labels import MatchedTable
from tubelet.store.errors import AnnotationError

TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def point_rows(matched: MatchedTable) -> pa.Table:
    """Rows of `points` without source; seconds become the frame at the video's mean rate. Raises AnnotationError for the rows at fault."""
    table, named = matched.table, matched.named
    x, bad_x = read_numbers(table.columns["x"], "x")
    y, bad_y = read_numbers(table.columns["y"], "y")
    table.refuse(bad_x | bad_y)
    table.refuse(
        {int(row): "x or y is missing" for row in np.flatnonzero(np.isnan(x) | np.isnan(y))}
    )
    frame = _frames(matched)
    visible = _visible(matched)
    point = trim(table.columns[str(named.point)])
    table.refuse(
        {
            int(row): "the point has no name"
            for row in np.flatnonzero(~np.asarray(pc.is_valid(point)))
        }
    )
    table.refuse(_outside(matched, x, y, frame, visible))
    rows = pa.table(
        {
            "row": pa.array(np.arange(1, len(x) + 1), pa.int32()),
            "video_id": matched.video_ids,
            "point": point,
            "frame": pa.array(np.nan_to_num(frame, nan=-1).astype(np.int32)),
            "pixel_x": x,
            "pixel_y": y,
            "visible": visible,
        }
    )
    return rows.filter(pc.is_valid(rows["video_id"]))


def _frames(matched: MatchedTable) -> np.ndarray:
    """The frame of each row; NaN where its video is not in the store."""
    table, named = matched.table, matched.named
    name = named.frame or named.seconds
    if name is None:
        raise AnnotationError(f"{table.path}: points need a column `frame` or `seconds`")
    numbers, bad = read_numbers(table.columns[name], name)
    table.refuse(bad)
    table.refuse({int(row): f"{name} is missing" for row in np.flatnonzero(np.isnan(numbers))})
    if named.frame:
        broken = np.flatnonzero(numbers != np.round(numbers))
        table.refuse(
            {int(row): f"{name} is {numbers[row]:g}, not a whole number" for row in broken}
        )
        return np.where(np.isnan(matched.per_row("frames")), np.nan, numbers)
    return np.floor(numbers * matched.per_row("fps") + 1e-6)


def _visible(matched: MatchedTable) -> np.ndarray:
    """Whether each point can be seen; all of them where no column says so."""
    table, name = matched.table, matched.named.visible
    if name is None:
        return np.ones(len(table.columns), bool)
    texts = [text and text.lower() for text in trim(table.columns[name]).to_pylist()]
    table.refuse(
        {
            row: f"{name} is {text!r}: write 1 or 0"
            for row, text in enumerate(texts)
            if text not in TRUTH
        }
    )
    said = np.array([TRUTH[text] for text in texts], bool)
    return ~said if name.lower() == "occluded" else said


def _outside(
    matched: MatchedTable, x: np.ndarray, y: np.ndarray, frame: np.ndarray, visible: np.ndarray
) -> dict[int, str]:
    """Points of frames that the video lacks, and points that are visible outside the picture."""
    frames, width, height = (matched.per_row(fact) for fact in ("frames", "width", "height"))
    off = visible & ((x < 0) | (x > width) | (y < 0) | (y > height))
    faults = {
        int(
            row
        ): f"the point lies at {x[row]:g}, {y[row]:g}, outside the picture of {width[row]:.0f} x {height[row]:.0f}"
        for row in np.flatnonzero(off)
    }
    late = np.flatnonzero((frame < 0) | (frame >= frames))
    return faults | {
        int(row): f"frame {frame[row]:.0f} is not one of the video's, 0 to {frames[row] - 1:.0f}"
        for row in late
    }
