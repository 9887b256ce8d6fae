"""Rows of `labels` from a table of text: wide (a column per label) or long (columns `name` and `value`), for videos or stretches of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tubelet.store.annotations.columns import ColumnRoles, read_numbers, trim
from tubelet.store.annotations.text_table import TextTable
from tubelet.store.errors import AnnotationError
from tubelet.store.schema.annotations import FOLDER, LABELS

PAST_END_S = 0.5  # by which a stretch may end after its video: annotators round
NAME_MOST = 200  # characters


@dataclass(frozen=True)
class MatchedTable:
    """A table whose rows have found their videos: per row the video's id, null where the store has none, and what is known of the videos."""

    table: TextTable
    named: ColumnRoles
    video_ids: pa.Array
    facts: Mapping[str, Mapping]

    def per_row(self, fact: str) -> np.ndarray:
        """A fact of each row's video; NaN where there is none."""
        ids = self.video_ids.to_pylist()
        return np.array([_number(self.facts[i][fact]) if i else np.nan for i in ids], float)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def label_rows(matched: MatchedTable, wanted: Sequence[str]) -> pa.Table:
    """Rows of `labels` without source; `wanted`: of these columns alone. Raises AnnotationError for the rows at fault."""
    start, stop = _stretches(matched)
    parts = [_rows(matched, name, value, start, stop) for name, value in _values(matched, wanted)]
    rows = pa.concat_tables(parts)
    keys = ["video_id", "name", "value", "start_s", "stop_s"]
    return rows.group_by(keys).aggregate([("row", "min")]).rename_columns([*keys, "row"])


def _values(matched: MatchedTable, wanted: Sequence[str]) -> list[tuple[pa.Array, pa.Array]]:
    """Name and value of each row, once per column of a wide table."""
    table, others = matched.table, matched.named.others
    by_name = {name.lower(): name for name in others}
    if {"name", "value"} <= by_name.keys():
        return [_long(matched, by_name["name"], by_name["value"])]
    if lacking := [name for name in wanted if name not in others]:
        raise AnnotationError(
            f"{table.path} has no column {lacking[0]!r}: its columns are {', '.join(others)}"
        )
    chosen = wanted or others
    if not chosen:
        raise AnnotationError(
            f"{table.path} has no column beside those that say which video and when"
        )
    for name in chosen:
        if reason := _unfit(name):
            raise AnnotationError(f"{table.path}: the column {name[:80]!r} {reason}")
    size = len(table.columns)
    return [(pa.repeat(name, size), trim(table.columns[name])) for name in chosen]


def _long(matched: MatchedTable, name: str, value: str) -> tuple[pa.Array, pa.Array]:
    names = trim(matched.table.columns[name])
    distinct = names.unique().to_pylist()
    reasons = {one: _unfit(one) if one else "is empty" for one in distinct}
    if any(reasons.values()):
        texts = names.to_pylist()
        matched.table.refuse(
            {
                row: f"the name of the label {reasons[text]}"
                for row, text in enumerate(texts)
                if reasons[text]
            }
        )
    return names, trim(matched.table.columns[value])


def _unfit(name: str) -> str | None:
    if name == FOLDER:
        return f"cannot be imported, because `{FOLDER}` is the label that ingest gives: rename it, or choose others with --columns"
    if not name.isprintable():
        return "is not one line of text: rename it"
    return f"is longer than {NAME_MOST} characters: rename it" if len(name) > NAME_MOST else None


def _stretches(matched: MatchedTable) -> tuple[pa.Array, pa.Array]:
    """Begin and end of each row's stretch, null for the whole video."""
    named, table = matched.named, matched.table
    if named.start is None or named.stop is None:
        nothing = pa.nulls(len(table.columns), pa.float64())
        return nothing, nothing
    start, bad_start = read_numbers(table.columns[named.start], named.start)
    stop, bad_stop = read_numbers(table.columns[named.stop], named.stop)
    table.refuse(bad_start | bad_stop)
    end = matched.per_row("duration_s")
    table.refuse(_outside(start, stop, end))
    stop = np.where(stop > end, end, stop)
    return pa.array(start, from_pandas=True), pa.array(stop, from_pandas=True)


def _outside(start: np.ndarray, stop: np.ndarray, end: np.ndarray) -> dict[int, str]:
    """What is wrong with stretches, by row."""
    checks = (
        (np.isnan(start) != np.isnan(stop), "a stretch needs both a start and a stop"),
        (start < 0, "the stretch starts before the video"),
        (stop <= start, "the stretch stops at or before its start"),
        (start >= end, "the stretch starts after the end of the video, at {end:.2f} s"),
        (stop > end + PAST_END_S, "the stretch stops after the end of the video, at {end:.2f} s"),
    )
    return {
        int(row): why.format(end=end[row])
        for wrong, why in reversed(checks)
        for row in np.flatnonzero(wrong)
    }


def _rows(
    matched: MatchedTable, name: pa.Array, value: pa.Array, start: pa.Array, stop: pa.Array
) -> pa.Table:
    rows = pa.table(
        {
            "row": pa.array(np.arange(1, len(value) + 1), pa.int32()),
            "video_id": matched.video_ids,
            "name": name,
            "value": value,
            "start_s": start,
            "stop_s": stop,
        },
        schema=pa.schema(
            [field for field in LABELS.arrow if field.name not in ("annotation_id", "source")]
        ),
    )
    return rows.filter(pc.and_(pc.is_valid(rows["video_id"]), pc.is_valid(rows["value"])))
