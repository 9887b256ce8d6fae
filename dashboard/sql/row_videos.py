"""The videos of an answer's rows as the selected videos: rows name them by `video_id`, or by `clip_id`."""

import pyarrow as pa
import pyarrow.compute as pc

from tubelet.dashboard import caching, selected_videos
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.sandbox.formats import narrow


def offer(store: Store, rows: pa.Table) -> None:
    """Offer the videos that the rows name and the store holds; nothing where there are none."""
    if ids := find_videos(store, rows):
        selected_videos.offer(store, ids, "rows")


def find_videos(store: Store, rows: pa.Table) -> list[str]:
    """The ids of these videos, by name. Where rows have both columns, `video_id` counts."""
    for column in ("video_id", "clip_id"):
        if named := _list_ids(rows, column):
            found = corpus.videos_of(*((named, []) if column == "video_id" else ([], named)))
            return [row["video_id"] for row in caching.rows(store, found)]
    return []


def _list_ids(rows: pa.Table, column: str) -> list[str]:
    """The distinct texts of a column, in order; none if it is missing, ambiguous, or not a column of texts."""
    if rows.column_names.count(column) != 1:
        return []
    values = narrow(rows[column])
    if not pa.types.is_string(values.type) and not pa.types.is_large_string(values.type):
        return []
    return sorted(pc.unique(values).drop_null().to_pylist())
