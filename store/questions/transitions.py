"""Questions about transition models: the runs, and what each model reached on its test videos."""

from tubelet.store.questions.corpus import Question


def transition_runs() -> Question:
    """One row per run, the newest first."""
    return Question("""SELECT run_id, count(*) AS models, max(train_videos) AS train_videos, max(test_videos) AS test_videos,
  any_value(block_slices) AS block_slices, any_value(grid_side) AS grid_side, any_value(network_width) AS network_width,
  any_value(network_depth) AS network_depth, any_value(seed) AS seed, max(created_at) AS fitted_at
FROM transitions GROUP BY run_id ORDER BY fitted_at DESC, run_id""")


def transition_scores(run_id: str) -> Question:
    """One row per model, horizon and test video of a run: trained encoders first, then controls; `unit` is the video, or its group."""
    return Question(
        """SELECT t.transition_id, t.encoder_id, t.layer, t.control, s.video_id, v.name, coalesce(g.name, s.video_id) AS unit, s.horizon, s.predicted_slices, s.squared_error, s.copy_error,
  s.mean_error, s.explained, s.rank_within, s.rank_between, s.copy_rank_within, s.copy_rank_between, s.candidates_within, s.candidates_between
FROM transitions t JOIN transition_scores s USING (transition_id) JOIN videos v USING (video_id)
LEFT JOIN (SELECT video_id, 'group ' || min(value) AS name FROM labels WHERE name = 'group' AND start_s IS NULL GROUP BY video_id) g USING (video_id)
WHERE t.run_id = $run
ORDER BY t.control IS NOT NULL, t.control, t.encoder_id, t.transition_id, s.horizon, s.video_id""",
        {"run": run_id},
    )


def transition_models(run_id: str) -> Question:
    """One row per model of a run, with how it was fitted and where its weights are."""
    return Question(
        """SELECT transition_id, encoder_id, layer, control, embed_dim, network_parameters, steps, best_step, held_explained, train_videos,
  test_videos, settings, model_path, model_bytes, created_at
FROM transitions WHERE run_id = $run ORDER BY control IS NOT NULL, control, encoder_id, transition_id""",
        {"run": run_id},
    )


def hardest_transitions(transition_id: str, limit: int) -> Question:
    """One row per test video of a model, those first of whose next slices it explains least."""
    return Question(
        """SELECT v.name, s.explained, s.mean_explained, s.squared_error, s.copy_error, s.rank_within, s.predicted_slices, s.video_id
FROM transition_scores s JOIN videos v USING (video_id) WHERE s.transition_id = $transition AND s.horizon = 1
ORDER BY s.explained NULLS LAST, s.video_id LIMIT $limit""",
        {"transition": transition_id, "limit": limit},
    )
