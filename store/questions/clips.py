"""Questions about one video's clips, for the page that plays them."""

from collections.abc import Mapping

from tubelet.store.questions.corpus import Question
from tubelet.store.schema import GRID
from tubelet.store.statistics import TOKEN_STATISTICS

TIMELINE = 5_000  # clips on one timeline, at most
SETTINGS = ("role", "step", "geometry", "crop_height", "crop_width", "precision")  # clips that agree in these lie on one timeline
ROLE = f"coalesce(role, '{GRID}')"  # clips that are older than roles are of the grid


def clip(clip_id: str) -> Question:
    """One row: a clip."""
    return Question(f"SELECT * REPLACE ({ROLE} AS role) FROM clips WHERE clip_id = $clip", {"clip": clip_id})


def videos_with_clips(encoder_id: str, limit: int) -> Question:
    """One row per video of an encoder, by name."""
    sql = """SELECT v.video_id, v.name, v.label FROM videos v
WHERE v.video_id IN (SELECT video_id FROM clips WHERE encoder_id = $encoder)
ORDER BY v.name, v.video_id LIMIT $limit"""
    return Question(sql, {"encoder": encoder_id, "limit": limit})


def timelines(video_id: str, encoder_id: str) -> Question:
    """One row per way of cutting a video into clips, the one with most clips first; after them the clips that only pairs need."""
    settings = ", ".join(SETTINGS[1:])
    sql = f"""SELECT {ROLE} AS role, {settings}, max(frames) AS frames, count(*) AS clips, min_by(clip_id, first_frame) AS first_clip
FROM clips WHERE video_id = $video AND encoder_id = $encoder
GROUP BY ALL ORDER BY 1, clips DESC, {settings}"""
    return Question(sql, {"video": video_id, "encoder": encoder_id})


def timeline(of: Mapping) -> Question:
    """One row per clip of the video, encoder and settings of a row of `clip`, in the order of the video."""
    same = "".join(f" AND {ROLE if name == 'role' else name} = ${name}" for name in SETTINGS)
    sql = f"""SELECT clip_id, first_frame, frames, step, start_s, stop_s, slices, height, width, embedding_path IS NOT NULL AS embedded
FROM clips WHERE video_id = $video AND encoder_id = $encoder{same}
ORDER BY first_frame, frames, clip_id LIMIT {TIMELINE}"""
    return Question(sql, {"video": of["video_id"], "encoder": of["encoder_id"], **{name: of[name] for name in SETTINGS}})


def patches(clip_id: str, tokens: list[int]) -> Question:
    """One row per patch: its statistics, and what share of the clip's patches lies below each. `tokens` counts patches row by row, slice by slice."""
    names = list(TOKEN_STATISTICS)
    ranks = ",\n    ".join(f"percent_rank() OVER (ORDER BY s.{name}) AS {name}_rank" for name in names)
    sql = f"""SELECT * FROM (
  SELECT (s.slice * c.height + s.y) * c.width + s.x AS token, s.slice, s.y, s.x, {", ".join(f"s.{name}" for name in names)},
    {ranks}
  FROM token_stats s JOIN clips c USING (clip_id) WHERE s.clip_id = $clip
) WHERE token IN (SELECT unnest($tokens::INTEGER[])) ORDER BY token"""
    return Question(sql, {"clip": clip_id, "tokens": tokens})
