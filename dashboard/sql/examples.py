"""Queries to begin with, grouped by the question that they answer; every one runs on any store."""

GROUPS = {
    "What is in the store?": {
        "Videos and their clips": """SELECT v.name, v.label, v.duration_s, count(c.clip_id) AS clips
FROM videos v LEFT JOIN clips c USING (video_id)
GROUP BY ALL ORDER BY v.name""",
        "Tokens and bytes by encoder": """SELECT encoder_id, count(*) AS clips, sum(slices * grid_height * grid_width)::BIGINT AS tokens,
  sum(embedding_bytes)::BIGINT AS bytes, round(sum(encode_s), 2) AS encode_s
FROM clips GROUP BY encoder_id ORDER BY clips DESC""",
        "Failures by reason": """SELECT stage, error, count(*) AS files
FROM failures GROUP BY ALL ORDER BY files DESC""",
    },
    "What changes over time?": {
        "Slices that change most": """SELECT v.name, round(c.start_s + s.slice / c.slices * (c.stop_s - c.start_s), 2) AS at_s,
  s.previous_cosine
FROM slice_stats s JOIN clips c USING (clip_id) JOIN videos v USING (video_id)
WHERE s.previous_cosine IS NOT NULL
ORDER BY s.previous_cosine LIMIT 20""",
        "Norm along each slice of the videos": """SELECT v.name, s.slice, avg(s.norm) AS norm
FROM slice_stats s JOIN clips c USING (clip_id) JOIN videos v USING (video_id)
GROUP BY ALL ORDER BY v.name, s.slice""",
    },
    "Which tokens stand out?": {
        "Tokens with the largest norm": """SELECT v.name, t.slice, t.y, t.x, t.norm
FROM token_stats t JOIN clips c USING (clip_id) JOIN videos v USING (video_id)
ORDER BY t.norm DESC LIMIT 20""",
        "Patches like the one of the largest norm": """WITH largest AS (
  SELECT clip_id, token(clip_id, slice, y, x) AS embedding FROM token_stats ORDER BY norm DESC LIMIT 1
)
SELECT t.clip_id, t.slice, t.y, t.x, cosine(t.embedding, l.embedding) AS score
FROM tokens t JOIN largest l USING (clip_id)
ORDER BY score DESC LIMIT 48""",
        "Norm over the frames of one clip": """SELECT clip_id, slice, y, x, norm
FROM token_stats
WHERE clip_id = (SELECT min(clip_id) FROM clips)
ORDER BY slice, y, x""",
        "Embeddings of one clip": """SELECT slice, y, x, embedding
FROM tokens
WHERE clip_id = (SELECT clip_id FROM clips WHERE embedding_path IS NOT NULL ORDER BY clip_id LIMIT 1)
ORDER BY slice, y, x LIMIT 100""",
    },
    "Which dimensions matter?": {
        "Dimensions that vary most": """SELECT c.encoder_id, d.dim, avg(d.dim_std) AS mean_std, min(d.dim_min) AS min, max(d.dim_max) AS max
FROM dim_stats d JOIN clips c USING (clip_id)
GROUP BY ALL ORDER BY mean_std DESC LIMIT 20""",
        "Dimensions that react most to a shift of the window": """SELECT dim, avg(mean_abs) AS reaction, count(DISTINCT pair_id) AS pairs
FROM sensitivity JOIN pairs USING (pair_id) WHERE kind = 'shifted' GROUP BY dim ORDER BY reaction DESC LIMIT 20""",
    },
}
EXAMPLES = {name: sql for group in GROUPS.values() for name, sql in group.items()}
FIRST = next(iter(EXAMPLES.values()))


def label_example(name: str) -> str:
    """An example in the menu, behind the question of its group."""
    question = next(question for question, group in GROUPS.items() if name in group)
    return f":gray[{question}] {name}"
