"""Questions about dense scores: what the tokens of each encoder reached on the masks and points of each video."""

from collections.abc import Sequence

from tubelet.store.questions.corpus import Question

FOR = {
    "segmentation": ("J&F", "J", "F"),
    "tracking": ("AJ", "delta_avg", "OA"),
}  # measures of a task, the one that counts first
MEASURES = tuple(measure for measures in FOR.values() for measure in measures)


def video_scores(encoders: Sequence[str]) -> Question:
    """One row per encoder, measure and video, what staying in place reaches beside it; of some encoders only, if any are named."""
    return Question(
        """SELECT o.task, o.measure, o.encoder_id, o.layer, o.video_id, v.name, coalesce(g.value, o.video_id) AS unit,
  o.score, s.score AS still, o.thing_count, o.frame_count, o.clip_count, o.settings
FROM scores o JOIN videos v USING (video_id)
LEFT JOIN scores s ON s.encoder_id = o.encoder_id AND s.video_id = o.video_id AND s.measure = o.measure AND s.control = 'still'
LEFT JOIN (SELECT video_id, 'group ' || min(value) AS value FROM labels WHERE name = 'group' GROUP BY video_id) g ON g.video_id = o.video_id
WHERE o.control IS NULL AND (len($encoders) = 0 OR list_contains($encoders, o.encoder_id))
ORDER BY o.task, list_position($measures, o.measure), o.encoder_id, v.name, o.video_id""",
        {"encoders": list(encoders), "measures": list(MEASURES)},
    )


def hardest_scores(encoder_id: str, measure: str, limit: int) -> Question:
    """One row per video of an encoder, those with the lowest score first, and what staying in place reaches there."""
    return Question(
        """SELECT v.name, o.score, s.score AS still, o.thing_count, o.frame_count, o.video_id
FROM scores o JOIN videos v USING (video_id)
LEFT JOIN scores s ON s.encoder_id = o.encoder_id AND s.video_id = o.video_id AND s.measure = o.measure AND s.control = 'still'
WHERE o.encoder_id = $encoder AND o.measure = $measure AND o.control IS NULL AND o.score IS NOT NULL
ORDER BY o.score, o.video_id LIMIT $limit""",
        {"encoder": encoder_id, "measure": measure, "limit": limit},
    )
