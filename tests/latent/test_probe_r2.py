"""R2 of numbers that a probe predicts: its interval covers the truth, and there is none where nothing varies."""

import numpy as np
import pytest

from tubelet.latent.probes.options import NUMBERS
from tubelet.latent.probes.scoring import Predicted, score
from tubelet.latent.probes.truth import Truth

LEFT = 0.49  # of the variance, in what follows


@pytest.mark.parametrize("groups", [3, 5, 10, 40])
def test_intervals_of_r2_cover_the_truth(groups: int) -> None:
    """Resamples of the groups, which stood here before, covered 0.59, 0.73, 0.82 and 0.93."""
    rng, covered = np.random.default_rng(groups), []
    for _ in range(120):
        truth = rng.standard_normal(2 * groups) * 3 + 1000  # two videos of each group
        found = truth + 3 * np.sqrt(LEFT) * rng.standard_normal(len(truth))
        told = score(*_numbers(truth, found, np.repeat(np.arange(groups), 2)))
        left, all_ = ((x**2).sum() for x in (truth - found, truth - truth.mean()))
        assert told.value == pytest.approx(1 - left / all_) and told.low < told.value < told.high
        covered.append(told.low <= 1 - LEFT <= told.high)
    assert np.mean(covered) >= 0.9


def test_r2_of_two_groups_or_of_nothing_that_varies_has_no_interval() -> None:
    for truth, found in (([1.0, 2.0], [1.1, 2.3]), ([2.0] * 4, [1.0, 2.0, 3.0, 4.0]), ([1.0, 2, 3], [1.0, 2, 3])):  # fmt: skip
        told = score(*_numbers(np.array(truth), np.array(found), np.arange(len(truth))))
        assert np.isnan([told.low, told.high]).all()


def _numbers(truth: np.ndarray, found: np.ndarray, groups: np.ndarray) -> tuple[Truth, Predicted]:
    names = [f"v{number}" for number in range(len(truth))]
    places = np.arange(len(truth))
    predicted = Predicted(places, np.zeros(len(truth), int), found, np.full(len(truth), np.nan))
    return Truth(
        name="length", task=NUMBERS, video_ids=tuple(names), values=truth, groups=groups, sides=None
    ), predicted
