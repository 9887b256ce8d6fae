"""Questions about single pairs of windows: pure functions that return a `Question`, like those in `queries`."""

from tubelet.store.pairs.rows import REPEATED, ROUNDING
from tubelet.store.questions.corpus import UNTRAINED, Question
from tubelet.store.rows import PairRow

TOKENS_OF_BOTH = (
    "FROM tokens a JOIN tokens b ON a.slice = b.slice + $offset AND a.y = b.y AND a.x = b.x"
)
BOTH_CLIPS = "a.clip_id = $clip_a AND b.clip_id = $clip_b"

EDGE_AND_MIDDLE = """SELECT avg(relative) FILTER (shared_slice IN (0, last)) AS edge,
  avg(relative) FILTER (shared_slice >= (last + 1) // 3 AND shared_slice < last + 1 - (last + 1) // 3) AS middle,
  max(relative) AS most, avg(token_cosine) AS token_cosine
FROM slice_sensitivity, (SELECT max(shared_slice) AS last FROM slice_sensitivity WHERE pair_id = $pair)
WHERE pair_id = $pair"""

PAIR = f"""SELECT p.*, v.name AS video, a.first_frame AS first_a, b.first_frame AS first_b, a.frame_count, a.step, a.start_s AS start_a,
  a.stop_s AS stop_a, b.start_s AS start_b, b.stop_s AS stop_b, a.slices, a.grid_height, a.grid_width, a.embed_dim, a.crop_height, a.crop_width, e.name AS encoder, e.tubelet,
  a.embedding_path IS NOT NULL AND b.embedding_path IS NOT NULL AND p.kind NOT IN ('changed', 'nested') AS embeddings,
  {UNTRAINED} AS untrained
FROM pairs p JOIN clips a ON p.clip_a = a.clip_id JOIN clips b ON p.clip_b = b.clip_id
JOIN videos v ON p.video_id = v.video_id JOIN encoders e ON p.encoder_id = e.encoder_id
WHERE p.pair_id = $pair"""

# A control with the arithmetic of the pair. One window encoded twice differs by exactly 0 where the arithmetic is deterministic, in any
# precision; one window in two precisions differs by what rounding does.
CONTROL = """SELECT count(DISTINCT r.pair_id) AS pairs, max(s.max_abs) AS most, avg(s.mean_abs) AS mean
FROM pairs p JOIN pairs r ON r.kind = $kind AND r.encoder_id = p.encoder_id AND r.precision = p.precision
JOIN sensitivity s ON s.pair_id = r.pair_id
WHERE p.pair_id = $pair"""


def paired_videos(
    encoder_id: str, text: str, limit: int, chosen: list[str] | None = None
) -> Question:
    """One row per video that has pairs of an encoder, by name; `text` is part of its name or label; of the `chosen`, None for all."""
    among = "" if chosen is None else " AND v.video_id IN (SELECT unnest($chosen::VARCHAR[]))"
    sql = f"""SELECT v.video_id, v.name, v.label, count(*) AS pairs, count(*) OVER () AS videos
FROM pairs p JOIN videos v USING (video_id)
WHERE p.encoder_id = $encoder AND (contains(lower(v.name), lower($text)) OR contains(lower(coalesce(v.label, '')), lower($text))){among}
GROUP BY ALL ORDER BY v.name, v.video_id LIMIT $limit"""
    given = {} if chosen is None else {"chosen": chosen}
    return Question(sql, {"encoder": encoder_id, "text": text, "limit": limit, **given})


def pairs_of_video(video_id: str, encoder_id: str) -> Question:
    """One row per pair of a video, shifted ones first, in time order."""
    sql = """SELECT p.pair_id, p.kind, p.shift, p.shared_slices, p.source, p.precision, p.change, p.strength,
  a.first_frame, a.frame_count, a.step, a.start_s, a.crop_height, a.crop_width
FROM pairs p JOIN clips a ON p.clip_a = a.clip_id
WHERE p.video_id = $video AND p.encoder_id = $encoder
ORDER BY p.kind = 'shifted' DESC, p.kind, a.first_frame, a.frame_count, p.shift, p.change, p.strength, p.source, p.pair_id"""
    return Question(sql, {"video": video_id, "encoder": encoder_id})


def pair(pair_id: str) -> Question:
    """One row: a pair with its video, its encoder and both windows."""
    return Question(PAIR, {"pair": pair_id})


def edge_and_middle(pair_id: str) -> Question:
    """One row: the relative difference on the outer shared slices and on their middle third."""
    return Question(EDGE_AND_MIDDLE, {"pair": pair_id})


def determinism(pair_id: str) -> Question:
    """One row: the difference of one window encoded twice, for the pair's encoder and precision."""
    return Question(CONTROL, {"pair": pair_id, "kind": REPEATED})


def noise_floor(pair_id: str) -> Question:
    """One row: the difference of one window in the pair's precision and in fp32, for the pair's encoder."""
    return Question(CONTROL, {"pair": pair_id, "kind": ROUNDING})


def slice_curves(pair_id: str) -> Question:
    """One row per shared slice, in order."""
    sql = """SELECT shared_slice, mean_abs, q25, q50, q75, relative, token_cosine, relative_l2
FROM slice_sensitivity WHERE pair_id = $pair ORDER BY shared_slice"""
    return Question(sql, {"pair": pair_id})


def ranked_dimensions(pair_id: str, limit: int) -> Question:
    """One row per dimension, the one whose edge difference is largest in its own standard deviations first; constant ones last."""
    sql = """SELECT dim, relative_edge, middle / nullif(pair_std, 0) AS relative_middle,
  edge / nullif(middle, 0) AS edge_over_middle, edge, middle, edge_signed, pair_std
FROM dim_sensitivity WHERE pair_id = $pair
ORDER BY relative_edge DESC NULLS LAST, dim LIMIT $limit"""
    return Question(sql, {"pair": pair_id, "limit": limit})


def cells_of_slice(pair: PairRow, shared_slice: int) -> Question:
    """One row per patch of a shared slice: both embeddings, from the half-precision files."""
    sql = f"""SELECT a.y, a.x, a.embedding AS a, b.embedding AS b
{TOKENS_OF_BOTH}
WHERE {BOTH_CLIPS} AND b.slice = $slice
ORDER BY a.y, a.x"""
    return Question(sql, {**_clips(pair), "slice": shared_slice})


def cell_over_slices(pair: PairRow, dim: int, y: int, x: int) -> Question:
    """One row per shared slice: the value of one dimension of one patch in both clips, from the half-precision files."""
    sql = f"""SELECT b.slice AS shared_slice, a.embedding[$dim + 1] AS a, b.embedding[$dim + 1] AS b,
  b.embedding[$dim + 1] - a.embedding[$dim + 1] AS difference
{TOKENS_OF_BOTH}
WHERE {BOTH_CLIPS} AND a.y = $y AND a.x = $x
ORDER BY shared_slice"""
    return Question(sql, {**_clips(pair), "dim": dim, "y": y, "x": x})


def _clips(pair: PairRow) -> dict[str, str | int]:
    return {"clip_a": pair.clip_a, "clip_b": pair.clip_b, "offset": pair.offset}


def patch_map(pair_id: str) -> Question:
    """One row per patch: how far its embeddings differ, over all shared slices."""
    sql = """SELECT y, x, avg(l2) AS l2, avg(cosine) AS cosine
FROM token_sensitivity WHERE pair_id = $pair GROUP BY y, x ORDER BY y, x"""
    return Question(sql, {"pair": pair_id})
