"""Questions about decoders: which there are, and what each reached on its test videos."""

from tubelet.store.questions.corpus import Question


def fitted_decoders(encoder_id: str | None = None) -> Question:
    """One row per decoder, of one encoder or of all, the newest first."""
    chosen = "" if encoder_id is None else " WHERE encoder_id = $encoder"
    return Question(
        f"""SELECT decoder_id, encoder_id, layer, test_videos, psnr, psnr_low, psnr_high, ssim, perceptual, mean_psnr, mean_ssim, mean_perceptual
FROM decoders{chosen} ORDER BY created_at DESC, decoder_id""",
        {} if encoder_id is None else {"encoder": encoder_id},
    )
