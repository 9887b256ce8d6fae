"""Questions for one vector per video, or per slice of one, of an encoder: means of its tokens, from `dim_stats`; clips that only pairs need are left out."""

from collections.abc import Sequence

from tubelet.store.questions.corpus import OF_GRID, Question
from tubelet.store.statistics import TOKEN_STATISTICS


def video_means(encoder_id: str) -> Question:
    """One row per encoded video, by name: the mean of each dimension over its slices, as a list in the order of the dimensions."""
    sql = f"""WITH means AS (
  SELECT c.video_id, s.dim, avg(s.dim_mean) AS value FROM clips c JOIN dim_stats s USING (clip_id)
  WHERE c.encoder_id = $encoder AND {OF_GRID} GROUP BY c.video_id, s.dim
)
SELECT m.video_id, v.name, list(m.value::FLOAT ORDER BY m.dim) AS vector
FROM means m JOIN videos v USING (video_id) GROUP BY m.video_id, v.name ORDER BY v.name, m.video_id"""
    return Question(sql, {"encoder": encoder_id})


def clips_held(encoder_id: str) -> Question:
    """One row: how many clips of an encoder the store holds, and when the last was made."""
    sql = "SELECT count(*) AS clips, max(created_at)::VARCHAR AS newest, sum(hash(clip_id)::HUGEINT)::VARCHAR AS ids FROM clips WHERE encoder_id = $encoder"
    return Question(sql, {"encoder": encoder_id})


def video_statistics(encoder_id: str, statistic: str) -> Question:
    """One row per encoded video: the mean of a token statistic over its slices."""
    column = TOKEN_STATISTICS[statistic].name
    sql = f"""SELECT c.video_id, avg(s.{column}) AS value FROM clips c JOIN slice_stats s USING (clip_id)
WHERE c.encoder_id = $encoder AND {OF_GRID} GROUP BY c.video_id"""
    return Question(sql, {"encoder": encoder_id})


def video_labels(name: str) -> Question:
    """One row per video that has a label: the first of its values."""
    sql = "SELECT video_id, min(value) AS value FROM labels WHERE name = $name GROUP BY video_id"
    return Question(sql, {"name": name})


def slice_means(
    encoder_id: str, per_video: int, video_ids: Sequence[str] | None = None
) -> Question:
    """One row per slice, at most so many per video and then evenly spaced: its middle in seconds, and the mean of each dimension as a list."""
    among = "" if video_ids is None else " AND c.video_id IN (SELECT unnest($videos::VARCHAR[]))"
    sql = f"""WITH slices AS (
  SELECT c.video_id, c.clip_id, s.slice, c.start_s + (s.slice + 0.5) / c.slices * (c.stop_s - c.start_s) AS at_s,
    row_number() OVER (PARTITION BY c.video_id ORDER BY c.start_s, c.clip_id, s.slice) AS n, count(*) OVER (PARTITION BY c.video_id) AS total
  FROM clips c, LATERAL (SELECT unnest(range(c.slices)) AS slice) s
  WHERE c.encoder_id = $encoder AND {OF_GRID}{among}
), kept AS (
  SELECT * FROM slices WHERE total <= $most OR n * $most // total > (n - 1) * $most // total
)
SELECT k.video_id, any_value(v.name) AS name, any_value(k.at_s) AS at_s, list(d.dim_mean::FLOAT ORDER BY d.dim) AS vector
FROM kept k JOIN dim_stats d USING (clip_id, slice) JOIN videos v ON v.video_id = k.video_id
GROUP BY k.video_id, k.n ORDER BY k.video_id, k.n"""
    given = {"encoder": encoder_id, "most": per_video}
    return Question(sql, given if video_ids is None else given | {"videos": list(video_ids)})
