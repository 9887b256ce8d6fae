"""Questions about maskings: the kept runs of a clip, and everything that is drawn of one of them."""

from tubelet.store.questions.corpus import Question


def maskings_of_clip(clip_id: str) -> Question:
    """One row per masking of a clip, the newest first (`rows.KeptMasking`)."""
    return Question(
        """SELECT masking_id, mask_kind, mask_ratio, seed, painted, seen_tokens, hidden_tokens, l1, near_l1, mean_l1, l1_over_near, l1_over_mean, measured_at
FROM maskings WHERE clip_id = $clip ORDER BY measured_at DESC, masking_id""",
        {"clip": clip_id},
    )


def masked_window(clip_id: str, masking_id: str) -> Question:
    """One row per token of a window under a mask: its colors, and the errors of those that are hidden."""
    return Question(
        """SELECT p.clip_id, p.slice, p.y, p.x, p.hidden, p.c1, p.c2, p.c3, p.own_c1, p.own_c2, p.own_c3, t.l1, t.near_l1, t.mean_l1
FROM masking_projections p LEFT JOIN masked_tokens t USING (clip_id, masking_id, slice, y, x)
WHERE p.clip_id = $clip AND p.masking_id = $masking ORDER BY p.slice, p.y, p.x""",
        {"clip": clip_id, "masking": masking_id},
    )
