"""Questions about texts that were searched for, and the heads that compare tokens with them."""

from tubelet.store.questions.corpus import Question


def searched_texts(encoder_id: str) -> Question:
    """One row per text of an encoder, the newest first."""
    return Question(
        "SELECT text_id, encoder_id, text, text_vector FROM texts WHERE encoder_id = $encoder ORDER BY created_at DESC, text_id",
        {"encoder": encoder_id},
    )


def text_head(encoder_id: str) -> Question:
    """The head of an encoder: one row, or none."""
    return Question(
        "SELECT text_head_id, encoder_id, head_kind, text_dim FROM text_heads WHERE encoder_id = $encoder ORDER BY created_at DESC, text_head_id LIMIT 1",
        {"encoder": encoder_id},
    )


def text_encoders() -> Question:
    """One row per encoder with clips that keep their tokens: what says whether texts can be searched for with it."""
    return Question("""SELECT encoder_id, name, family, layer, weights_sha256, weights_source FROM encoders
WHERE encoder_id IN (SELECT encoder_id FROM clips WHERE embedding_path IS NOT NULL) ORDER BY name, encoder_id""")
