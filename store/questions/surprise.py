"""Questions about surprise: what was predicted with which context and horizon, every slice of it, and labels that pair videos."""

from collections.abc import Sequence

from tubelet.store.questions.corpus import Question


def surprise_scopes() -> Question:
    """One row per encoder, context and horizon of which slices were predicted; those of the most videos first."""
    return Question("""SELECT c.encoder_id, e.name AS encoder, s.context, s.horizon, count(DISTINCT c.video_id) AS videos, count(*) AS slice_count,
  any_value(s.target) AS target, string_agg(DISTINCT s.precision, ', ' ORDER BY s.precision) AS arithmetic,
  contains(any_value(e.weights_source), 'untrained') AS untrained
FROM slice_surprise s JOIN clips c USING (clip_id) JOIN encoders e USING (encoder_id)
GROUP BY c.encoder_id, e.name, s.context, s.horizon ORDER BY videos DESC, slice_count DESC, encoder_id, context, horizon""")


def surprising_slices(
    encoder_id: str, context: int, horizon: int, video_ids: Sequence[str] | None
) -> Question:
    """One row per predicted slice, in the order of a video's time; `video_ids` are the only videos that count, None for all."""
    chosen = (
        "" if video_ids is None else "\n  AND c.video_id IN (SELECT unnest($videos::VARCHAR[]))"
    )
    sql = f"""SELECT c.video_id, v.name, c.encoder_id, s.clip_id, s.slice, c.start_s + (c.stop_s - c.start_s) * s.slice / c.slices AS at_s,
  (c.stop_s - c.start_s) / c.slices AS slice_s, s.l1, 1 - s.cosine AS angle, s.copy_l1, s.mean_l1, s.l1_over_copy, s.pixel_change, s.motion
FROM slice_surprise s JOIN clips c USING (clip_id) JOIN videos v USING (video_id)
WHERE c.encoder_id = $encoder AND s.context = $context AND s.horizon = $horizon{chosen}
ORDER BY c.video_id, at_s, s.clip_id, s.slice"""
    values = {"encoder": encoder_id, "context": context, "horizon": horizon}
    return Question(sql, values if video_ids is None else {**values, "videos": list(video_ids)})


def surprise_of_video(encoder_id: str, video_id: str) -> Question:
    """One row per predicted slice of a video, of the context and horizon with the most slices (then the longest context), in the order of time."""
    return Question(
        """WITH predicted AS (
  SELECT s.*, c.start_s + (c.stop_s - c.start_s) * s.slice / c.slices AS at_s FROM slice_surprise s JOIN clips c USING (clip_id)
  WHERE c.encoder_id = $encoder AND c.video_id = $video
), chosen AS (SELECT context, horizon FROM predicted GROUP BY ALL ORDER BY count(*) DESC, context DESC, horizon LIMIT 1)
SELECT clip_id, slice, at_s, context, horizon, l1, copy_l1, mean_l1, pixel_change, motion FROM predicted JOIN chosen USING (context, horizon)
ORDER BY at_s, clip_id, slice""",
        {"encoder": encoder_id, "video": video_id},
    )


def surprise_of_clip(clip_id: str, context: int, horizon: int) -> Question:
    """One row per token of the predicted slices of a clip."""
    return Question(
        """SELECT clip_id, slice, y, x, l1, copy_l1, l1_over_copy FROM surprise
WHERE clip_id = $clip AND context = $context AND horizon = $horizon ORDER BY slice, y, x""",
        {"clip": clip_id, "context": context, "horizon": horizon},
    )


def largest_surprise(clip_id: str, context: int, horizon: int) -> Question:
    """One row: the largest error of a patch among all clips of the same video and encoder."""
    return Question(
        """SELECT max(s.l1) AS largest FROM clips mine JOIN clips c USING (video_id, encoder_id) JOIN surprise s ON s.clip_id = c.clip_id
WHERE mine.clip_id = $clip AND s.context = $context AND s.horizon = $horizon""",
        {"clip": clip_id, "context": context, "horizon": horizon},
    )


def labels_for_matching(match: str, side: str) -> Question:
    """One row per video that has both labels: the value that it shares with its partner, and the value that tells them apart."""
    return Question(
        """SELECT m.video_id, m.value AS match_value, s.value AS side_value FROM labels m JOIN labels s USING (video_id)
WHERE m.name = $match AND s.name = $side AND m.start_s IS NULL AND s.start_s IS NULL GROUP BY ALL ORDER BY match_value, side_value, video_id""",
        {"match": match, "side": side},
    )
