"""Dense scores that are made up, for any store with videos and an encoder."""

import numpy as np

from tubelet.latent.dense.keeping import save_scores
from tubelet.latent.dense.options import ScoringOptions
from tubelet.latent.dense.run import STILL, DenseScore, EncoderScore
from tubelet.store import Store

MEASURES = {"segmentation": ("J", "F", "J&F"), "tracking": ("AJ", "delta_avg", "OA")}


def plant_scores(store: Store, videos: int = 8) -> None:
    """Scores about 0.7 of the first encoder on some videos; what stays in place reaches 0.3."""
    (encoder, *_) = store.rows("SELECT encoder_id, layer FROM encoders ORDER BY ALL")
    ids = [row["video_id"] for row in store.rows("SELECT video_id FROM videos ORDER BY ALL")]
    generator = np.random.default_rng(2)
    scores = [
        EncoderScore(
            **encoder,
            video_id=video,
            task=task,
            reached=DenseScore(control=control, values=dict(zip(MEASURES[task], generator.uniform(level - 0.1, level + 0.1, 3).tolist())), things=2, frames=12, clips=1),
        )
        for video in ids[:videos]
        for task in MEASURES
        for control, level in ((None, 0.7), (STILL, 0.3))
    ]  # fmt: skip
    save_scores(store, scores, ScoringOptions())
