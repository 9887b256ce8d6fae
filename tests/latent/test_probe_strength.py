"""How strongly a probe is held back: chosen on some of a large training part, which is learned from whole."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tubelet.latent.probes import models
from tubelet.latent.probes.folds import make_folds, splitter
from tubelet.latent.probes.states import ClipStates
from tubelet.latent.probes.trial import Training, run_trial
from tubelet.latent.probes.truth import Truth


def test_a_large_training_part_chooses_its_strength_on_some_of_its_groups_and_learns_from_all(
    monkeypatch,
) -> None:
    """Folds of so many states are fitted at the same time, and give what they give one after another."""
    generator = np.random.default_rng(6)
    size = 5 * models.LARGE // 4
    groups = np.arange(size) // 2
    classes = generator.permutation(size // 2)[groups] % 2
    vectors = generator.standard_normal((size, 6)).astype(np.float32)
    vectors[:, 2] += classes
    values = np.array(["a", "b"])[classes]
    learned = np.arange(models.LARGE)
    ((own, held),) = models._choose_some("classes", values[learned], groups[learned], 0)
    assert len(held) == models.PART and len(own) == 2 * models.PART
    assert abs((values[held] == "a").mean() - (values[learned] == "a").mean()) < 0.01
    assert not set(groups[learned][own]) & set(groups[learned][held])
    data = vectors[learned], values[learned], groups[learned]
    model, strength = models.train("linear", "classes", data, 0)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    grid = {"logisticregression__C": list(models.STRENGTHS)}
    search = GridSearchCV(pipeline, grid, cv=[(own, held)]).fit(*data[:2])
    assert strength == search.best_params_["logisticregression__C"]
    np.testing.assert_array_equal(model.predict_proba(vectors), search.predict_proba(vectors))
    names = tuple(f"{number:05d}" for number in range(size))
    truth = Truth(
        name="x",
        task="classes",
        video_ids=names,
        values=values,
        groups=groups.astype(str),
        sides=None,
    )
    states = ClipStates(vectors, names, np.array(names))
    folds = make_folds(truth, 3, 0)
    one = run_trial(truth, states, folds, Training("linear", 0))
    monkeypatch.setattr(models, "SMALL", 1)
    together = run_trial(truth, states, folds, Training("linear", 0))
    assert (one.predicted.folds == together.predicted.folds).all()
    np.testing.assert_array_equal(one.predicted.confidence, together.predicted.confidence)


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_how_many_neighbors_is_chosen_as_scikit_learn_does(task: str) -> None:
    """Where a group is most of the clips, no more neighbors are asked for than the smallest part has clips."""
    generator = np.random.default_rng(2)
    groups = np.repeat(np.arange(8), [1, 3, 2, 2, 4, 3, 3, 24])
    vectors = generator.standard_normal((42, 4))
    told = vectors[:, 0] + generator.normal(0, 0.5, 42)
    values = np.where(np.arange(42) % 3 > 0, "a", "b") if task == "classes" else told
    near = KNeighborsClassifier if task == "classes" else KNeighborsRegressor
    model, strength = models.train("knn", task, (vectors, values, groups), 0)
    pipeline = make_pipeline(StandardScaler(), near(metric="cosine"))
    parts = list(splitter(task, 3, 0).split(vectors, values, groups))
    fewest = min(len(learned) for learned, _ in parts)
    assert fewest < models.NEIGHBORS[-1] <= len(vectors) // 2
    name = f"{near.__name__.lower()}__n_neighbors"
    grid = {name: [number for number in models.NEIGHBORS if number <= fewest]}
    search = GridSearchCV(pipeline, grid, cv=parts).fit(vectors, values)
    assert strength == search.best_params_[name]
    np.testing.assert_array_equal(model.predict(vectors), search.predict(vectors))
