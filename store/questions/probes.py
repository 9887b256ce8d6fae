"""Questions about trained probes: the runs of a label, what each layer and control reached, and the videos that were hardest."""

from tubelet.store.questions.corpus import Question


def probe_runs() -> Question:
    """One row per run, the newest first."""
    return Question("""SELECT run_id, label_name, kind, task, any_value(metric) AS metric, max(created_at) AS trained_at,
  count(*) FILTER (WHERE control IS NULL AND train_share = 100) AS probe_count, max(video_count) AS video_count, max(group_count) AS group_count,
  any_value(class_count) AS class_count, any_value(fold_count) AS fold_count, any_value(settings) AS settings
FROM probes GROUP BY run_id, label_name, kind, task ORDER BY trained_at DESC, run_id""")


def probe_scores(run_id: str) -> Question:
    """One row per probe and control of a run: probes in the order of their layers, then controls."""
    return Question(
        """SELECT probe_id, encoder_id, layer, control, train_share, score, score_low, score_high, video_count, group_count, clip_count, hyperparameter
FROM probes WHERE run_id = $run
ORDER BY control IS NOT NULL, control, train_share DESC, encoder_id, try_cast(regexp_extract(layer, '[0-9]+') AS INTEGER), layer, probe_id""",
        {"run": run_id},
    )


def label_efficiency(run_id: str) -> Question:
    """One row per encoder, layer and share of the training videos, and how far its score is below that of all of them, relative to it."""
    return Question(
        """SELECT s.encoder_id, s.layer, s.train_share, s.score, s.score_low, s.score_high,
  CASE WHEN w.score > 0 THEN (w.score - s.score) / w.score END AS relative_drop
FROM probes s JOIN probes w ON w.run_id = s.run_id AND w.encoder_id = s.encoder_id AND w.layer = s.layer AND w.control IS NULL AND w.train_share = 100
WHERE s.run_id = $run AND s.control IS NULL
ORDER BY s.encoder_id, try_cast(regexp_extract(s.layer, '[0-9]+') AS INTEGER), s.layer, s.train_share""",
        {"run": run_id},
    )


def probe_directions(probe_id: str) -> Question:
    """One row per class of a linear probe of the embeddings, or one of a number: its name as a direction, and how long its weights are."""
    return Question(
        """SELECT class_value, direction, sqrt(list_dot_product(vector, vector)) AS length, bias FROM directions
WHERE source = 'probe' AND owner_id = $probe ORDER BY number""",
        {"probe": probe_id},
    )


def confusion(probe_id: str) -> Question:
    """One row per true and predicted value of a probe."""
    return Question(
        """SELECT truth, prediction, count(*) AS videos FROM predictions
WHERE probe_id = $probe GROUP BY ALL ORDER BY truth, prediction""",
        {"probe": probe_id},
    )


def hardest_videos(probe_id: str, limit: int) -> Question:
    """One row per video that a probe got wrong, the most confident mistakes first; for numbers, the largest errors first."""
    return Question(
        """SELECT v.name, p.video_id, p.truth, p.prediction, p.confidence
FROM predictions p JOIN videos v USING (video_id) WHERE p.probe_id = $probe AND p.correct IS NOT TRUE
ORDER BY p.confidence DESC NULLS LAST, abs(try_cast(p.truth AS DOUBLE) - try_cast(p.prediction AS DOUBLE)) DESC, p.video_id LIMIT $limit""",
        {"probe": probe_id, "limit": limit},
    )


def mask_classes(probe_id: str) -> Question:
    """One row per class of the masks that a patch probe tells: its intersection over union, and the videos that show it or are said to."""
    return Question(
        """SELECT c.class_value, c.iou, c.iou_low, c.iou_high, (SELECT count(DISTINCT video_id) FROM mask_predictions p WHERE p.probe_id = c.probe_id AND p.class_value = c.class_value) AS videos
FROM mask_classes c WHERE c.probe_id = $probe
ORDER BY c.class_value != 'background', try_cast(c.class_value AS INTEGER), c.class_value""",
        {"probe": probe_id},
    )


def hardest_masks(probe_id: str, limit: int) -> Question:
    """One row per video, those with the lowest mean over their classes first, with the class that was told worst."""
    return Question(
        """SELECT v.name, p.video_id, avg(p.iou) AS mean_iou, arg_min(p.class_value, p.iou) AS worst_class, min(p.iou) AS worst_iou, any_value(p.frame_count) AS frames
FROM mask_predictions p JOIN videos v USING (video_id) WHERE p.probe_id = $probe
GROUP BY v.name, p.video_id ORDER BY mean_iou, p.video_id LIMIT $limit""",
        {"probe": probe_id, "limit": limit},
    )


def attentive_probes(encoder_id: str) -> Question:
    """One row per probe of an encoder whose attention is kept, the newest first."""
    return Question(
        """SELECT probe_id, encoder_id, layer, label_name, score FROM probes
WHERE encoder_id = $encoder AND probe_id IN (SELECT probe_id FROM probe_attention) ORDER BY created_at DESC, probe_id""",
        {"encoder": encoder_id},
    )


def attention_vectors(probe_id: str) -> Question:
    """One row per fold and head of an attentive probe."""
    return Question(
        "SELECT fold, head, vector FROM probe_attention WHERE probe_id = $probe ORDER BY fold, head",
        {"probe": probe_id},
    )


def predicted_folds(probe_id: str) -> Question:
    """One row per video that a probe predicted, and the fold whose model did."""
    return Question(
        "SELECT video_id, fold FROM predictions WHERE probe_id = $probe ORDER BY video_id",
        {"probe": probe_id},
    )
