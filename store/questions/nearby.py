"""Questions about ids that are not there: what a store holds that reads most like them."""

from tubelet.store.questions.corpus import Question

NEAR = 4  # offered, at most
LIKENESS = "jaro_winkler_similarity({}, lower($text))"


def videos(text: str) -> Question:
    """One row per video whose id or name is most like a text, the most similar first."""
    return Question(
        f"""SELECT video_id, name, label FROM videos
ORDER BY greatest({LIKENESS.format("video_id")}, {LIKENESS.format("lower(name)")}) DESC, name, video_id LIMIT $limit""",
        {"text": text, "limit": NEAR},
    )


def clips(text: str, video_id: str) -> Question:
    """One row per clip, those of a video first, then by how much the id is like a text; without clips that only pairs need."""
    return Question(
        f"""SELECT c.clip_id, c.video_id, c.encoder_id, c.start_s, v.name FROM clips c JOIN videos v USING (video_id)
WHERE c.role IS DISTINCT FROM 'partner'
ORDER BY c.video_id = $video DESC, {LIKENESS.format("c.clip_id")} DESC, c.clip_id LIMIT $limit""",
        {"text": text, "video": video_id, "limit": NEAR},
    )


def pairs(text: str, video_id: str) -> Question:
    """One row per pair, those of a video first, then by how much the id is like a text."""
    return Question(
        f"""SELECT p.pair_id, p.video_id, p.encoder_id, p.shift, a.start_s, v.name
FROM pairs p JOIN clips a ON p.clip_a = a.clip_id JOIN videos v ON p.video_id = v.video_id
ORDER BY p.video_id = $video DESC, {LIKENESS.format("p.pair_id")} DESC, p.pair_id LIMIT $limit""",
        {"text": text, "video": video_id, "limit": NEAR},
    )
