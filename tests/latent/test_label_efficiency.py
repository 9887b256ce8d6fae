"""Scores of probes that learned from a share of the labels."""

import numpy as np

from tubelet.latent.probes.options import CLASSES
from tubelet.latent.probes.scoring import Predicted, score_draws
from tubelet.latent.probes.truth import Truth
from tubelet.store.intervals import interval


def test_intervals_of_a_share_of_the_labels_count_what_was_drawn() -> None:
    """Three draws teach more or less. Videos alone, which counted before, cover less."""
    rng, videos, covered, alone = np.random.default_rng(1), 40, [], []
    names, places = tuple(f"v{number:02}" for number in range(videos)), np.arange(videos)
    truth = Truth(name="side", task=CLASSES, video_ids=names, values=np.array(["a", "b"] * 20), groups=np.array(names), sides=None)  # fmt: skip
    for _ in range(250):
        draws = []
        for right in rng.uniform(0.45, 0.95, 3):
            told = np.where(rng.random(videos) < right, truth.values, "c")
            draws.append(Predicted(places, np.zeros(videos, int), told, np.ones(videos)))
        found = score_draws(truth, draws)
        covered.append(found.low <= 0.7 <= found.high)
        right = np.mean([draw.predictions == truth.values for draw in draws], axis=0)
        before = interval(right.tolist(), 0, 1)
        alone.append(before.low <= 0.7 <= before.high)
    assert np.mean(covered) >= 0.86 > 0.75 > np.mean(alone)
