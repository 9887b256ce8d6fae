"""Questions about changed windows: how far the tokens of a window move when its pixels are changed, by video, beside shifts and controls."""

from tubelet.store.questions.corpus import Question
from tubelet.store.questions.sensitivity import SETTING


def change_scopes() -> Question:
    """One row per encoder, window length and setting in which changed windows were measured; those of the most videos first."""
    return Question(f"""SELECT p.encoder_id, e.name AS encoder, a.frame_count, {SETTING} AS setting, count(DISTINCT p.video_id) AS videos
FROM pairs p JOIN clips a ON a.clip_id = p.clip_a JOIN encoders e ON e.encoder_id = p.encoder_id
WHERE p.kind = 'changed'
GROUP BY ALL ORDER BY videos DESC, encoder_id, frame_count, setting""")


def reactions(encoder_id: str, frames: int, setting: str) -> Question:
    """One row per change, strength and video, means over slices, then over the pairs of the video: how far its tokens moved, and its pixels.

    A window shift counts as a change whose strength is in slices; windows that share no frame are the change `disjoint`.
    """
    sql = f"""WITH chosen AS (
  SELECT p.pair_id, p.video_id, p.pixel_change, CASE p.kind WHEN 'changed' THEN p.change WHEN 'shifted' THEN 'shift' ELSE p.kind END AS change,
    CASE p.kind WHEN 'shifted' THEN p.shift ELSE p.strength END AS strength
  FROM pairs p JOIN clips a ON a.clip_id = p.clip_a
  WHERE p.encoder_id = $encoder AND a.frame_count = $frames AND {SETTING} = $setting AND p.kind IN ('changed', 'shifted', 'disjoint')
), measured AS (
  SELECT pair_id, avg(relative) AS relative, avg(token_cosine) AS token_cosine FROM slice_sensitivity GROUP BY pair_id
)
SELECT c.change, c.strength, c.video_id, avg(m.relative) AS relative, avg(m.token_cosine) AS token_cosine, avg(c.pixel_change) AS pixel_change
FROM chosen c JOIN measured m USING (pair_id)
GROUP BY ALL ORDER BY c.change, c.strength, c.video_id"""
    return Question(sql, {"encoder": encoder_id, "frames": frames, "setting": setting})
