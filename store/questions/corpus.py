"""Questions about a store: pure functions that return a `Question`, with visible SQL and bound values.

    queries.videos_page(VideoFilter(encoder_id=encoder_id), order="name", limit=25, offset=0).answer(store)

Only names taken from a registry (an order, a state, a statistic) are put into SQL; everything else is bound.
`Question.text` is the same query with its values written in: what a page shows and what the SQL page runs.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pyarrow as pa

from tubelet.store.questions.condition import read_condition
from tubelet.store.rows import Row
from tubelet.store.statistics import TOKEN_STATISTICS
from tubelet.store.store import Store

POINTS = 60  # of a sparkline, at most
LABELS = 500  # offered to choose from, at most

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Question:
    """A query, the values of its ``$name`` parameters, and tables that it names beside those of the store."""

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pa.Table] = field(default_factory=dict)

    def answer(self, store: Store) -> pa.Table:
        return store.query(self.sql, dict(self.values) or None, self.tables)

    def read(self, store: Store, row: type[R]) -> list[R]:
        """The answer as rows of a class that has its columns."""
        return [row.of(found) for found in self.answer(store).to_pylist()]

    @property
    def text(self) -> str:
        """The query with its values written in as literals."""
        return re.sub(r"\$(\w+)", lambda match: _literal(self.values[match[1]]), self.sql)


class VideoSelection(list):
    """Ids of videos selected by a user's condition; written out as that condition."""

    def __init__(self, ids: list[str], where: str) -> None:
        super().__init__(ids)
        self.where = where

    @property
    def sql(self) -> str:
        return f"(SELECT list(video_id) FROM videos WHERE (\n{read_condition(self.where).sql}\n))"


@dataclass(frozen=True, kw_only=True)
class VideoFilter:
    """Which videos; clips and tokens are counted for one encoder. `label` is a value of the label `label_name`, empty for videos without one;
    `chosen` are the only videos that count, None for all."""

    encoder_id: str
    text: str = ""
    label: str | None = None
    state: str = "all"
    label_name: str = "folder"
    chosen: list[str] | None = None

    @property
    def where(self) -> str:
        conditions = [
            TEXT_MATCHES if self.text else None,
            STATES[self.state],
            self._of_label,
            None if self.chosen is None else "v.video_id IN (SELECT unnest($chosen::VARCHAR[]))",
        ]
        kept = [condition for condition in conditions if condition]
        return "\nWHERE " + "\n  AND ".join(kept) if kept else ""

    @property
    def _of_label(self) -> str | None:
        if self.label is None:
            return None
        if self.label_name == "folder":
            return "v.label = $label" if self.label else "v.label IS NULL"
        return "has_label(v.video_id, $label_name, $label)"

    @property
    def values(self) -> dict[str, Any]:
        named = self.label and self.label_name != "folder"
        given = {
            "encoder": self.encoder_id,
            "text": self.text,
            "label": self.label,
            "label_name": self.label_name if named else "",
            "chosen": self.chosen,
        }
        return {name: value for name, value in given.items() if value not in ("", None)}


TEXT_MATCHES = "(contains(lower(v.name), lower($text)) OR contains(lower(coalesce(v.label, '')), lower($text)))"

STATES = {
    "all": None,
    "encoded": "c.clips IS NOT NULL",
    "not encoded": "c.clips IS NULL",
    "with failures": "f.failures IS NOT NULL",
}

ORDERS = {
    "name": "v.name",
    "newest": "v.added_at DESC",
    "longest": "v.duration_s DESC",
    "largest file": "v.bytes DESC",
    "most clips": "clips DESC",
    "most tokens": "tokens DESC",
    "highest curve": "m.mean DESC",
    "lowest curve": "m.mean",
}
UNTRAINED = "coalesce(starts_with(lower(e.weights_source), 'untrained:'), false)"  # a name or path of trained weights may hold the word
WEIGHTLESS = "e.weights_source = 'no weights'"  # an encoder that has nothing to learn
OF_GRID = "c.role IS DISTINCT FROM 'partner'"  # clips that only pairs need are left out

VIDEOS_AND_CLIPS = """FROM videos v
LEFT JOIN (
  SELECT video_id, count(*) AS clips, sum(slices * grid_height * grid_width)::BIGINT AS tokens
  FROM clips WHERE encoder_id = $encoder GROUP BY video_id
) c USING (video_id)
LEFT JOIN (SELECT video_id, count(*) AS failures FROM failures GROUP BY video_id) f USING (video_id)"""


def corpus_summary() -> Question:
    """One row: counts of everything in the store."""
    return Question("""SELECT v.videos, v.seconds, v.bytes, c.clips, c.tokens, c.embedding_bytes, c.encoded_videos,
  (SELECT count(*) FROM encoders) AS encoders,
  (SELECT count(*) FROM failures) AS failures
FROM (SELECT count(*) AS videos, coalesce(sum(duration_s), 0) AS seconds, coalesce(sum(bytes), 0)::BIGINT AS bytes FROM videos) v,
  (SELECT count(*) AS clips, coalesce(sum(slices * grid_height * grid_width), 0)::BIGINT AS tokens,
    coalesce(sum(embedding_bytes), 0)::BIGINT AS embedding_bytes, count(DISTINCT video_id) AS encoded_videos FROM clips) c""")


def videos_page(
    videos: VideoFilter, order: str, limit: int, offset: int, statistic: str = "previous_cosine"
) -> Question:
    """One row per video of a page, with its clips, its tokens and the mean of a statistic over its slices, of the filter's encoder."""
    sql = f"""SELECT v.video_id, v.thumbnail, v.name, v.label, v.duration_s, v.width, v.height, v.fps, v.frames, v.codec,
  coalesce(c.clips, 0) AS clips, coalesce(c.tokens, 0) AS tokens, f.failures, m.mean
{VIDEOS_AND_CLIPS}
LEFT JOIN (
  SELECT c.video_id, avg(s.{_column(statistic)}) AS mean FROM clips c JOIN slice_stats s USING (clip_id)
  WHERE c.encoder_id = $encoder AND {OF_GRID} GROUP BY c.video_id
) m USING (video_id){videos.where}
ORDER BY {ORDERS[order]} NULLS LAST, v.video_id
LIMIT $limit OFFSET $offset"""
    return Question(sql, {**videos.values, "limit": limit, "offset": offset})


def videos_count(videos: VideoFilter) -> Question:
    """One row: how many videos pass the filter."""
    return Question(f"SELECT count(*) AS videos\n{VIDEOS_AND_CLIPS}{videos.where}", videos.values)


def video_ids(videos: VideoFilter) -> Question:
    """One row per video that passes the filter, by name: its id."""
    sql = f"SELECT v.video_id\n{VIDEOS_AND_CLIPS}{videos.where}\nORDER BY v.name, v.video_id"
    return Question(sql, videos.values)


def videos_of(video_ids: Sequence[str], clip_ids: Sequence[str]) -> Question:
    """One row per video of the store among these, or that one of these clips shows, by name: its id."""
    sql = """SELECT video_id FROM videos
WHERE video_id IN (SELECT unnest($videos::VARCHAR[]))
  OR video_id IN (SELECT video_id FROM clips WHERE clip_id IN (SELECT unnest($clips::VARCHAR[])))
ORDER BY name, video_id"""
    return Question(sql, {"videos": list(video_ids), "clips": list(clip_ids)})


def labels() -> Question:
    """Labels by number of videos; NULL where a video has none."""
    return Question(
        "SELECT label, count(*) AS videos FROM videos GROUP BY label ORDER BY videos DESC, label LIMIT $limit",
        {"limit": LABELS},
    )


def sparklines(video_ids: list[str], encoder_id: str, statistic: str) -> Question:
    """One row per video: a statistic over its encoded time (clips that only pairs need left out), the mean of the slices in each of up to 60 equal spans."""
    sql = f"""WITH slices_in_time AS (
  SELECT c.video_id, s.{_column(statistic)} AS value, max(c.stop_s) OVER (PARTITION BY c.video_id) AS until_s,
    c.start_s + (s.slice + 0.5) / c.slices * (c.stop_s - c.start_s) AS at_s
  FROM clips c JOIN slice_stats s USING (clip_id)
  WHERE c.encoder_id = $encoder AND c.video_id IN (SELECT unnest($videos::VARCHAR[])) AND c.role IS DISTINCT FROM 'partner'
), spans AS (
  SELECT video_id, floor(at_s / until_s * {POINTS}) AS span, avg(value) AS value
  FROM slices_in_time WHERE value IS NOT NULL GROUP BY ALL
)
SELECT video_id, list(value ORDER BY span) AS points FROM spans GROUP BY video_id ORDER BY video_id"""
    return Question(sql, {"encoder": encoder_id, "videos": video_ids})


def statistic_range(encoder_id: str, statistic: str) -> Question:
    """One row: the smallest and the largest mean of a slice in all videos of an encoder; NULL where it has none."""
    sql = f"""SELECT min(s.{_column(statistic)}) AS low, max(s.{_column(statistic)}) AS high
FROM clips c JOIN slice_stats s USING (clip_id) WHERE c.encoder_id = $encoder AND {OF_GRID}"""
    return Question(sql, {"encoder": encoder_id})


def statistic_over_time(video_id: str, encoder_id: str, statistic: str) -> Question:
    """One row per slice of a video's clips: the middle of the slice in seconds, and the statistic; without clips that only pairs need."""
    sql = f"""SELECT c.clip_id, s.slice, c.start_s + (s.slice + 0.5) / c.slices * (c.stop_s - c.start_s) AS at_s, s.{_column(statistic)} AS value
FROM clips c JOIN slice_stats s USING (clip_id)
WHERE c.video_id = $video AND c.encoder_id = $encoder AND c.role IS DISTINCT FROM 'partner'
ORDER BY c.start_s, c.clip_id, s.slice"""
    return Question(sql, {"video": video_id, "encoder": encoder_id})


def video(video_id: str) -> Question:
    """One row: what is known about a video's file."""
    return Question("SELECT * FROM videos WHERE video_id = $video", {"video": video_id})


def chosen_videos(video_ids: Sequence[str], encoder_id: str) -> Question:
    """One row per video of these, in their order, with its clips and tokens of an encoder."""
    sql = f"""SELECT v.video_id, v.name, v.label, v.duration_s, count(c.clip_id) AS clips,
  coalesce(sum(c.slices * c.grid_height * c.grid_width), 0)::BIGINT AS tokens
FROM videos v LEFT JOIN clips c ON c.video_id = v.video_id AND c.encoder_id = $encoder AND {OF_GRID}
WHERE list_contains($videos, v.video_id)
GROUP BY v.video_id, v.name, v.label, v.duration_s ORDER BY list_position($videos, v.video_id)"""
    return Question(sql, {"encoder": encoder_id, "videos": list(video_ids)})


def clips_of_video(video_id: str, encoder_id: str) -> Question:
    """One row per clip of a video, in time order; those whose role is `partner` lie between the others, for a pair."""
    sql = """SELECT clip_id, start_s, stop_s, first_frame, frame_count, step, slices, grid_height, grid_width,
  slices * grid_height * grid_width AS tokens, precision, encode_s, role
FROM clips WHERE video_id = $video AND encoder_id = $encoder
ORDER BY first_frame, clip_id"""
    return Question(sql, {"video": video_id, "encoder": encoder_id})


def middle_clips(video_ids: Sequence[str], encoder_id: str) -> Question:
    """One row of `clips` per video of these: the one nearest to the middle of what is encoded of it, never one that only a pair needs."""
    sql = f"""SELECT c.* FROM clips c
WHERE c.encoder_id = $encoder AND c.video_id IN (SELECT unnest($videos::VARCHAR[])) AND {OF_GRID}
QUALIFY row_number() OVER (PARTITION BY c.video_id ORDER BY c.start_s, c.clip_id)
  = (count(*) OVER (PARTITION BY c.video_id) + 1) // 2
ORDER BY c.video_id"""
    return Question(sql, {"encoder": encoder_id, "videos": list(video_ids)})


def failures_of_video(video_id: str) -> Question:
    """One row per failure of a video."""
    return Question(
        "SELECT stage, error, first_frame FROM failures f WHERE video_id = $video ORDER BY f.failed_at, failure_id",
        {"video": video_id},
    )


def failures_page(limit: int, offset: int) -> Question:
    """One row per failure, newest first."""
    sql = """SELECT parse_filename(f.path) AS file, f.stage, f.error, f.first_frame, e.name AS encoder, f.failed_at, f.path
FROM failures f LEFT JOIN encoders e USING (encoder_id)
ORDER BY f.failed_at DESC, f.path, f.failure_id LIMIT $limit OFFSET $offset"""
    return Question(sql, {"limit": limit, "offset": offset})


def failure_stages() -> Question:
    """One row per stage: how many files or clips failed there."""
    return Question(
        "SELECT stage, count(*) AS failures FROM failures GROUP BY stage ORDER BY failures DESC, stage"
    )


def encoders() -> Question:
    """One row per encoder: untrained ones last, those with the most clips first, and of as many clips those that learned something; `untrained` where the weights say so."""
    return Question(f"""SELECT e.encoder_id, e.name, e.family, e.layer, e.embed_dim, e.patch, e.tubelet, e.parameters,
  coalesce(c.videos, 0) AS videos, coalesce(c.clips, 0) AS clips, coalesce(c.tokens, 0) AS tokens,
  {UNTRAINED} AS untrained,
  e.weights_source, e.weights_sha256, e.preprocessing, e.suits, e.side, e.final_norm, e.causal
FROM encoders e LEFT JOIN (
  SELECT encoder_id, count(DISTINCT video_id) AS videos, count(*) AS clips, sum(slices * grid_height * grid_width)::BIGINT AS tokens
  FROM clips GROUP BY encoder_id
) c USING (encoder_id)
ORDER BY untrained, clips DESC, {WEIGHTLESS}, e.encoder_id""")


def _column(statistic: str) -> str:
    """The statistic's column: its registered name, so nothing else reaches the SQL."""
    return TOKEN_STATISTICS[statistic].name


def _literal(value: Any) -> str:
    if hasattr(value, "sql"):
        return value.sql
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return "NULL" if value is None else str(value)
