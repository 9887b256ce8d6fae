"""Questions about one video's clips, for the page that plays them."""

from collections.abc import Sequence

from tubelet.store.questions.corpus import TEXT_MATCHES, Question
from tubelet.store.rows import ClipRow
from tubelet.store.schema import GRID
from tubelet.store.statistics import TOKEN_STATISTICS

TIMELINE = 5_000  # clips on one timeline, at most
SETTINGS = (
    "role",
    "step",
    "geometry",
    "crop_height",
    "crop_width",
    "precision",
)  # clips that agree in these lie on one timeline
SAME_WINDOW = (
    "video_id",
    "first_frame",
    "frame_count",
    "step",
    "geometry",
    "crop_height",
    "crop_width",
)
ROLE = f"coalesce(role, '{GRID}')"  # clips that are older than roles are of the grid

LIKE = f"""FROM clips WHERE video_id = $video AND encoder_id = $encoder{"".join(f" AND {ROLE if name == 'role' else name} = ${name}" for name in SETTINGS)}
ORDER BY first_frame, frame_count, clip_id"""


def clip(clip_id: str) -> Question:
    """One row: a clip."""
    return Question(
        f"SELECT * REPLACE ({ROLE} AS role) FROM clips WHERE clip_id = $clip", {"clip": clip_id}
    )


def clip_of_video(clip_id: str) -> Question:
    """One row: a clip, and the name of its video as `video_name` (`rows.NamedClip`)."""
    return Question(
        f"SELECT c.* REPLACE ({ROLE} AS role), v.name AS video_name FROM clips c JOIN videos v USING (video_id) WHERE clip_id = $clip",
        {"clip": clip_id},
    )


def named_clips(clip_ids: Sequence[str]) -> Question:
    """One row per clip of a list, with the name of its video as `video_name`."""
    return Question(
        f"SELECT c.* REPLACE ({ROLE} AS role), v.name AS video_name FROM clips c JOIN videos v USING (video_id)\nWHERE clip_id IN (SELECT unnest($clips::VARCHAR[])) ORDER BY clip_id",
        {"clips": list(clip_ids)},
    )


def first_clips(video_ids: Sequence[str]) -> Question:
    """One row per video of a list that has clips: its first one, of the grid where there is such, with the name of the video as `video_name`."""
    sql = f"""SELECT c.* REPLACE ({ROLE} AS role), v.name AS video_name FROM clips c JOIN videos v USING (video_id)
WHERE c.video_id IN (SELECT unnest($videos::VARCHAR[]))
QUALIFY row_number() OVER (PARTITION BY c.video_id ORDER BY {ROLE} = '{GRID}' DESC, c.first_frame, c.clip_id) = 1
ORDER BY c.video_id"""
    return Question(sql, {"videos": list(video_ids)})


def videos_with_clips(
    encoder_id: str, limit: int, text: str = "", chosen: list[str] | None = None
) -> Question:
    """One row per video of an encoder, by name; `text` is part of its name or label, or how its id begins; of the `chosen`, None for all."""
    among = "" if chosen is None else " AND v.video_id IN (SELECT unnest($chosen::VARCHAR[]))"
    found = f" AND ({TEXT_MATCHES} OR starts_with(v.video_id, $text))" if text else ""
    sql = f"""SELECT v.video_id, v.name, v.label FROM videos v
WHERE v.video_id IN (SELECT video_id FROM clips WHERE encoder_id = $encoder){found}{among}
ORDER BY v.name, v.video_id LIMIT $limit"""
    given = {"text": text or None, "chosen": chosen}
    given = {name: value for name, value in given.items() if value is not None}
    return Question(sql, {"encoder": encoder_id, "limit": limit, **given})


def first_windows(encoder_id: str, limit: int) -> Question:
    """One row per video of an encoder, by name: its first clip of the grid with embeddings."""
    sql = f"""SELECT c.* REPLACE ({ROLE} AS role) FROM clips c JOIN videos v USING (video_id)
WHERE c.encoder_id = $encoder AND c.embedding_path IS NOT NULL AND {ROLE} = '{GRID}'
QUALIFY row_number() OVER (PARTITION BY c.video_id ORDER BY c.first_frame, c.frame_count, c.clip_id) = 1
ORDER BY v.name, c.video_id LIMIT $limit"""
    return Question(sql, {"encoder": encoder_id, "limit": limit})


def other_layers(of: ClipRow) -> Question:
    """One row per layer of the same encoder that suits something: what it suits, and its clip of the same window, the clip's own included."""
    alike = " AND ".join(f"o.{name} = c.{name}" for name in SAME_WINDOW)
    sql = f"""SELECT e.encoder_id, e.name, e.layer, e.suits, o.clip_id
FROM clips c JOIN encoders mine ON mine.encoder_id = c.encoder_id JOIN encoders e ON e.name = mine.name AND e.suits IS NOT NULL AND NOT coalesce(mine.causal, false)
JOIN clips o ON o.encoder_id = e.encoder_id AND {alike}
WHERE c.clip_id = $clip
QUALIFY row_number() OVER (PARTITION BY e.encoder_id ORDER BY o.precision = c.precision DESC, o.clip_id) = 1
ORDER BY e.layer, e.encoder_id"""
    return Question(sql, {"clip": of.clip_id})


def encoders_of_video(video_id: str) -> Question:
    """One row per encoder that has clips of a video."""
    return Question(
        "SELECT DISTINCT encoder_id FROM clips WHERE video_id = $video ORDER BY encoder_id",
        {"video": video_id},
    )


def timelines(video_id: str, encoder_id: str) -> Question:
    """One row per way of cutting a video into clips, the one with most clips first; after them the clips that only pairs need."""
    settings = ", ".join(SETTINGS[1:])
    sql = f"""SELECT {ROLE} AS role, {settings}, max(frame_count) AS frame_count, count(*) AS clips, min_by(clip_id, first_frame) AS first_clip
FROM clips WHERE video_id = $video AND encoder_id = $encoder
GROUP BY ALL ORDER BY 1, clips DESC, {settings}"""
    return Question(sql, {"video": video_id, "encoder": encoder_id})


def timeline(of: ClipRow) -> Question:
    """One row per clip of the video, encoder and settings of a row of `clip`, in the order of the video."""
    columns = "clip_id, first_frame, frame_count, step, frame_numbers, start_s, stop_s, slices, grid_height, grid_width, embedding_path IS NOT NULL AS embedded"
    return Question(f"SELECT {columns}\n{LIKE} LIMIT {TIMELINE}", _same(of))


def windows(of: ClipRow) -> Question:
    """The same clips, all of them and with every column."""
    return Question(f"SELECT *\n{LIKE}", _same(of))


def _same(of: ClipRow) -> dict:
    """What `LIKE` is asked with."""
    return {"video": of.video_id, "encoder": of.encoder_id, **{name: of[name] for name in SETTINGS}}


STEP = (
    2**-10
)  # of the largest value of a statistic in a clip: closer values are equal, as half precision rounds embeddings


def patches(clip_id: str, tokens: list[int]) -> Question:
    """One row per patch: its statistics, and what share of the clip's patches lies below each: NULL where all of them are equal but for
    rounding. `tokens` counts patches row by row, slice by slice."""
    names = list(TOKEN_STATISTICS)
    scales = ", ".join(f"max(abs(s.{name})) OVER () * {STEP} AS {name}_step" for name in names)
    ranks = ",\n    ".join(
        f"CASE WHEN max({name}) OVER () - min({name}) OVER () > {name}_step THEN percent_rank() OVER (ORDER BY round({name} / {name}_step)) END AS {name}_rank"
        for name in names
    )
    sql = f"""SELECT * FROM (
  SELECT token, slice, y, x, {", ".join(names)},
    {ranks}
  FROM (
    SELECT (s.slice * c.grid_height + s.y) * c.grid_width + s.x AS token, s.slice, s.y, s.x, {", ".join(f"s.{name}" for name in names)},
      {scales}
    FROM token_stats s JOIN clips c USING (clip_id) WHERE s.clip_id = $clip
  )
) WHERE token IN (SELECT unnest($tokens::INTEGER[])) ORDER BY token"""
    return Question(sql, {"clip": clip_id, "tokens": tokens})
