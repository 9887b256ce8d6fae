"""What probes do quicker than scikit-learn is equal to it, to the last bit: folds and standardization; and sums equal a plain loop."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from tubelet.latent.probes.folds import splitter
from tubelet.latent.probes.scaling import ROWS, Scaler
from tubelet.latent.probes.scoring import Predicted, score
from tubelet.latent.probes.states import _add_slices
from tubelet.latent.probes.truth import Truth
from tubelet.store.intervals import interval


@pytest.mark.parametrize(
    ("size", "per_group", "classes"), [(40, 1, 2), (300, 1, 10), (200, 3, 4), (120, 7, 3)]
)
@pytest.mark.parametrize("folds", [2, 5])
def test_folds_are_those_of_scikit_learn(size: int, per_group: int, classes: int, folds) -> None:
    generator = np.random.default_rng(size)
    values = (classes * generator.random(size) ** 2).astype(int)  # uneven
    groups = generator.integers(0, size // per_group, size) if per_group > 1 else np.arange(size)
    for seed in range(3):
        plain = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
        wanted = list(plain.split(values, values, groups))
        found = list(splitter("classes", folds, seed).split(values, values, groups))
        for mine, theirs in zip(found, wanted, strict=True):
            for side, other in zip(mine, theirs):
                np.testing.assert_array_equal(side, other)


@pytest.mark.parametrize("rows", [1, 2, ROWS, ROWS + 1, 3 * ROWS - 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardization_is_that_of_scikit_learn(rows: int, dtype) -> None:
    generator = np.random.default_rng(rows)
    vectors = generator.normal([0, 1e4, 3, -1e-3, 7], [1, 1e-2, 1e3, 1e-6, 0], (rows, 5))
    vectors = np.concatenate([vectors, np.full((rows, 1), 1 / 3)], axis=1).astype(dtype)
    mine, theirs = Scaler().fit(vectors), StandardScaler().fit(vectors)
    for name in ("mean_", "var_", "scale_", "n_samples_seen_", "n_features_in_"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name), name)
    np.testing.assert_array_equal(mine.transform(vectors), theirs.transform(vectors))


def test_slices_of_uneven_clips_are_added_in_their_order() -> None:
    sizes = np.array([2, 1, 4, 3])
    vectors = np.random.default_rng(0).standard_normal((sizes.sum(), 6)).astype(np.float32)
    starts = np.r_[0, np.cumsum(sizes)[:-1]]
    plain = np.add.reduceat(vectors, starts, axis=0, dtype=np.float64)
    np.testing.assert_array_equal(_add_slices(vectors, starts, sizes), plain)


def test_groups_of_any_size_count_once_in_an_accuracy() -> None:
    generator = np.random.default_rng(1)
    groups = np.array([f"g{number}" for number in generator.integers(0, 9, 60)])
    values, places = generator.integers(0, 2, 60).astype(str), generator.permutation(60)
    truth = Truth(name="x", task="classes", video_ids=tuple(map(str, range(60))), values=values, groups=groups, sides=None)  # fmt: skip
    told = generator.integers(0, 2, 60).astype(str)
    found = score(truth, Predicted(places, places * 0, told, np.ones(60)))
    right = {group: [] for group in sorted(set(groups))}
    for place, prediction in zip(places, told):
        right[groups[place]].append(values[place] == prediction)
    wanted = interval([np.mean(one) for one in right.values()], 0, 1)
    assert (found.value, found.low, found.high) == pytest.approx((wanted.mean, wanted.low, wanted.high))  # fmt: skip
