"""Questions for the comparison of encoders: what each encoder keeps, which clips hold it, and the states of a layer."""

from collections.abc import Sequence

from tubelet.store.questions.corpus import OF_GRID, Question

TOKENS, POOLED, STATISTICS = "tokens", "pooled", "statistics"
HOLDS = {  # what a clip must keep so that its states can be read from there
    TOKENS: "c.embedding_path IS NOT NULL",
    POOLED: "c.clip_id IN (SELECT clip_id FROM pooled)",
    STATISTICS: "c.has_statistics IS DISTINCT FROM false",
}


def kept_states() -> Question:
    """One row per encoder with clips: how many keep tokens and statistics, and the layers with pooled states (NULL: none)."""
    return Question(f"""SELECT e.encoder_id, e.layer, count(c.embedding_path) AS token_clips,
  count(*) FILTER (c.has_statistics IS DISTINCT FROM false) AS statistics_clips, any_value(p.layers) AS layers
FROM encoders e JOIN clips c USING (encoder_id) LEFT JOIN (
  SELECT k.encoder_id, list(DISTINCT p.layer) AS layers FROM pooled p JOIN clips k USING (clip_id) GROUP BY k.encoder_id
) p ON p.encoder_id = e.encoder_id
WHERE {OF_GRID} GROUP BY e.encoder_id, e.layer ORDER BY e.encoder_id""")


def video_names(video_ids: Sequence[str]) -> Question:
    """The file names of these videos."""
    return Question(
        "SELECT video_id, name FROM videos WHERE video_id IN (SELECT unnest($videos::VARCHAR[]))",
        {"videos": list(video_ids)},
    )


def compared_videos(encoder_id: str, source: str) -> Question:
    """One row per video of an encoder whose states can be read from a source."""
    return Question(
        f"SELECT DISTINCT c.video_id FROM clips c WHERE c.encoder_id = $encoder AND {OF_GRID} AND {HOLDS[source]} ORDER BY c.video_id",
        {"encoder": encoder_id},
    )


def compared_clips(
    encoder_id: str, source: str, video_ids: Sequence[str] | None = None
) -> Question:
    """One row per such clip, of some videos only if they are given: when it is, its grid, and what decides which part of a frame it shows."""
    among = "" if video_ids is None else " AND c.video_id IN (SELECT unnest($videos::VARCHAR[]))"
    sql = f"""SELECT c.clip_id, c.video_id, c.encoder_id, c.start_s, c.stop_s, c.slices, c.grid_height, c.grid_width,
  c.geometry, c.crop_height, c.crop_width, c.embedding_path, v.height AS frame_height, v.width AS frame_width
FROM clips c JOIN videos v USING (video_id)
WHERE c.encoder_id = $encoder AND {OF_GRID} AND {HOLDS[source]}{among}
ORDER BY c.video_id, c.start_s, c.clip_id"""
    given = {"encoder": encoder_id}
    return Question(sql, given if video_ids is None else given | {"videos": list(video_ids)})


def slice_states(
    encoder_id: str, source: str, layers: Sequence[str], clip_ids: Sequence[str] | None = None
) -> Question:
    """One row per clip, slice and layer: the mean over the patches, as a list; of some clips only if they are given."""
    among = "" if clip_ids is None else " AND c.clip_id IN (SELECT unnest($clips::VARCHAR[]))"
    given = {"encoder": encoder_id} | ({} if clip_ids is None else {"clips": list(clip_ids)})
    if source == POOLED:
        sql = f"""SELECT p.clip_id, p.slice, p.layer, p.pooled_mean AS state FROM pooled p JOIN clips c USING (clip_id)
WHERE c.encoder_id = $encoder AND p.layer IN (SELECT unnest($layers::VARCHAR[])){among}"""
        return Question(sql, given | {"layers": list(layers)})
    sql = f"""SELECT s.clip_id, s.slice, e.layer, list(s.dim_mean ORDER BY s.dim) AS state
FROM dim_stats s JOIN clips c USING (clip_id) JOIN encoders e USING (encoder_id)
WHERE c.encoder_id = $encoder{among} GROUP BY s.clip_id, s.slice, e.layer"""
    return Question(sql, given)


def sampled_tokens(encoder_id: str) -> Question:
    """One row per token of an encoder: what the report reads from the embedding files, at the moments and places of its sample."""
    return Question(
        "SELECT clip_id, slice, y, x, embedding FROM tokens WHERE encoder_id = $encoder LIMIT 1000",
        {"encoder": encoder_id},
    )
