"""Probes on planted truth: the layer that carries a label is found, chance is chance, no group is on both sides, nothing is made up."""

import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from tests.planted_probes import DIM, label, label_halves, plant, planted_store, video_ids
from tubelet.latent.probes import models
from tubelet.latent.probes.controls import shuffle_labels
from tubelet.latent.probes.folds import make_folds, thin_fold
from tubelet.latent.probes.keeping import save_run
from tubelet.latent.probes.options import ProbeError, ProbeOptions
from tubelet.latent.probes.run import run_probes
from tubelet.latent.probes.scoring import score
from tubelet.latent.probes.states import ClipStates, find_places, read_states
from tubelet.latent.probes.trial import Training, run_trial
from tubelet.latent.probes.truth import Truth, read_truth, refuse_untrainable
from tubelet.latent.probes.weights import read_weights
from tubelet.store import Store
from tubelet.store.disk import integrity, removal
from tubelet.store.questions.probes import label_efficiency

DISTANCE = 2.0  # of the two classes at block:2, in standard deviations of a clip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """60 videos of two clips; the label `action` is in dimension 3 of block:2, `length` a number in dimension 5."""
    made = planted_store(tmp_path_factory.mktemp("probes") / "store")
    classes, ids = label_halves(made), video_ids(made)
    numbers = np.random.default_rng(4).normal(0, 3, len(ids))
    label(made, "length", {video: f"{value:.4f}" for video, value in zip(ids, numbers)})
    shift = np.zeros((len(ids), DIM))
    shift[:, 3], shift[:, 5] = DISTANCE * (classes - 0.5), numbers
    plant(made, shift)
    yield made
    made.close()


@pytest.fixture(scope="module")
def found(store):
    run = run_probes(store, "action", (), ProbeOptions())
    save_run(store, run)
    return run


@pytest.mark.long
def test_the_weights_of_a_linear_probe_are_those_of_its_states(store, found) -> None:
    """What a probe adds up, from the stored weights and a state as it is stored, tells the classes; the weights point along what was planted."""
    (probe,) = [one for one in found.results if one.control is None and one.place.layer == "block:2"]  # fmt: skip
    rows = store.rows(
        "SELECT w.* FROM probe_weights w JOIN probes p USING (probe_id) WHERE p.layer = 'block:2' AND p.label_name = 'action' ORDER BY number"
    )
    weights, biases = np.array([row["weights"] for row in rows]), np.array([row["bias"] for row in rows])  # fmt: skip
    assert np.allclose(weights, probe.trial.weights.weights) and len(rows) == 2
    assert np.allclose(weights[0], -weights[1]) and np.abs(weights[1]).argmax() == 3
    states = read_states(store, probe.place).only(found.truth.video_ids)
    places = np.searchsorted(found.truth.video_ids, states.video_ids)
    told = (states.vectors @ weights.T + biases).argmax(1)
    names = np.array([row["class_value"] for row in rows])
    assert (names[told] == found.truth.values[places]).mean() > 0.75
    held = store.rows("SELECT count(*) AS n FROM probe_weights w JOIN probes p USING (probe_id) WHERE p.control IS NOT NULL")  # fmt: skip
    assert held[0]["n"] == 0, "controls have no directions"


def test_the_weights_of_one_fold_are_exactly_what_its_model_adds_up() -> None:
    generator = np.random.default_rng(3)
    states = generator.normal(2, [1, 5, 0.1, 2], (90, 4))
    for values, task in (
        (np.where(states[:, 0] > 2, "up", "down"), "classes"),
        (np.digitize(states[:, 0], [1.5, 2.5]).astype(str), "classes"),
        (states[:, 1] * 3 + 1, "numbers"),
    ):
        model, _ = models.train("linear", task, (states, values, np.arange(90)), 0)
        found = read_weights(model)
        added = states @ found.weights.T + found.biases
        if task == "numbers":
            assert np.allclose(added[:, 0], model.predict(states)) and found.classes is None
        else:
            raw = model.decision_function(states)
            raw = np.stack([-raw, raw], 1) / 2 if raw.ndim == 1 else raw
            assert np.allclose(added, raw - raw.mean(1, keepdims=True))
            assert found.classes == tuple(model.classes_)
    near, _ = models.train("knn", "numbers", (states, values, np.arange(90)), 0)
    assert read_weights(near) is None


def scores(run) -> dict:
    return {(r.control, r.place and r.place.layer): r.score for r in run.results}


def test_the_probe_finds_the_layer_and_its_accuracy_is_the_one_that_was_planted(found) -> None:
    """Two clips per video are averaged: the classes are then 2 sqrt(2) deviations apart, which the best classifier tells in 92% of videos."""
    reached = scores(found)
    there = reached[None, "block:2"]
    assert there.low <= 0.921 <= there.high
    for layer in ("block:0", "block:1", "block:3"):
        assert reached[None, layer].high < there.low and reached[None, layer].low <= 0.5


def test_controls_stand_beside_every_probe(found) -> None:
    reached = scores(found)
    assert {layer for control, layer in reached if control == "shuffled"} == {"block:0", "block:1", "block:2", "block:3"}  # fmt: skip
    assert {control for control, _ in reached} == {None, "shuffled", "majority", "position", "pixels"} - {"pixels"}  # fmt: skip
    assert all(reached[key].value < 0.75 for key in reached if key[0])
    assert any("raw pixels" in note for note in found.notes)
    assert any("untrained" in note for note in found.notes)


@pytest.mark.long
def test_shuffled_labels_are_at_chance_as_often_as_their_interval_says(store) -> None:
    truth = read_truth(store, "action", ProbeOptions())
    states = read_states(store, find_places(store, (), ("block:2",))[0])
    inside = 0
    for seed in range(40):
        shuffled = shuffle_labels(truth, seed)
        folds = make_folds(shuffled, 2, seed)
        result = score(shuffled, run_trial(shuffled, states, folds, Training("knn", 0)).predicted)
        inside += result.low <= 0.5 <= result.high
    assert inside >= 34  # of 40 intervals of 95%: fewer by chance once in a hundred


@pytest.mark.long
def test_numbers_are_told_by_ridge_regression_at_the_layer_that_has_them(store) -> None:
    run = run_probes(store, "length", (), ProbeOptions(shuffles=2))
    reached = scores(run)
    assert run.truth.task == "numbers" and reached[None, "block:2"].low > 0.7
    assert reached[None, "block:0"].value < 0.2 and reached["shuffled", "block:2"].value < 0.2
    assert reached["majority", None].value <= 0


def test_a_linear_probe_is_scikit_learn_s(store) -> None:
    truth = read_truth(store, "action", ProbeOptions())
    states = read_states(store, find_places(store, (), ("block:2",))[0])
    folds = make_folds(truth, 5, 0)
    trial = run_trial(truth, states, folds, Training("linear", 0))
    where = {video: number for number, video in enumerate(truth.video_ids)}
    places = np.array([where[video] for video in states.video_ids])
    for number, (learned, asked) in enumerate(folds):
        pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        grid = {"logisticregression__C": list(models.STRENGTHS)}
        inner = StratifiedGroupKFold(n_splits=3, shuffle=True, random_state=0)
        search = GridSearchCV(pipeline, grid, cv=inner)
        of_learned = np.isin(places, learned)
        groups, values = truth.groups[places], truth.values[places]
        search.fit(states.vectors[of_learned], values[of_learned], groups=groups[of_learned])
        chances = search.predict_proba(states.vectors)
        wanted = np.array([chances[places == video].mean(axis=0, dtype=float) for video in asked])
        of_fold = trial.predicted.folds == number
        np.testing.assert_array_equal(trial.predicted.places[of_fold], asked)
        np.testing.assert_allclose(trial.predicted.confidence[of_fold], wanted.max(1), rtol=1e-12)
        names = search.classes_[wanted.argmax(1)]
        assert (trial.predicted.predictions[of_fold] == names).all()


@pytest.mark.long
def test_layers_side_by_side_find_what_they_find_one_by_one(store, monkeypatch) -> None:
    layers = "block:0,block:2,block:3"  # more than run beside each other
    options = ProbeOptions(layer=layers, folds=2, shuffles=2, share="50,100", seeds=1)
    one = run_probes(store, "action", (), options)
    monkeypatch.setattr(models, "SMALL", 1)
    monkeypatch.setattr(models.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    limits = threadpool_info()
    together = run_probes(store, "action", (), options)
    assert threadpool_info() == limits
    for first, second in zip(one.results, together.results, strict=True):
        assert (first.place, first.control, first.share) == (second.place, second.control, second.share)  # fmt: skip
        assert (first.score, first.trial.strength) == (second.score, second.trial.strength)
        predictions = [result.trial.predicted.predictions for result in (first, second)]
        np.testing.assert_array_equal(*predictions)


def test_states_are_means_over_slices_of_pooled_means(store) -> None:
    states = read_states(store, find_places(store, (), ("block:1",))[0])
    rows = store.rows("SELECT clip_id, pooled_mean FROM pooled WHERE layer = 'block:1'")
    for clip, vector in zip(states.clip_ids[:5], states.vectors):
        mine = np.mean([row["pooled_mean"] for row in rows if row["clip_id"] == clip], axis=0)
        np.testing.assert_allclose(vector, mine, rtol=1e-6)


def test_without_pooled_states_the_statistics_serve(tmp_path) -> None:
    made = planted_store(tmp_path / "store", videos=4)
    (place,) = find_places(made, (), ())
    states = read_states(made, place)
    assert (place.layer, place.pooled, states.vectors.shape) == ("last", False, (8, 4))
    clip = states.clip_ids[0]
    grid = made.grid(clip).astype(np.float32)
    np.testing.assert_allclose(states.vectors[0], grid.mean(axis=(0, 1, 2)), atol=2e-3)
    made.close()


@pytest.mark.long
def test_groups_are_never_on_both_sides_and_planted_leakage_vanishes(tmp_path) -> None:
    """Videos of a group share a random signature, and a class: without groups it is recognized, with them nothing is left."""
    made = planted_store(tmp_path / "store", videos=60)
    ids, group = video_ids(made), np.arange(60) // 4
    classes = np.random.default_rng(2).permutation(np.arange(15) % 2)[group]
    plant(made, np.random.default_rng(1).normal(0, 4, (15, DIM))[group])
    label(made, "action", {video: ("pour", "cut")[c] for video, c in zip(ids, classes)})
    options = ProbeOptions(kind="knn", layer="block:2")
    leaking = scores(run_probes(made, "action", (), options))[None, "block:2"]
    label(made, "group", {video: f"g{number}" for video, number in zip(ids, group)})
    honest = run_probes(made, "action", (), options)
    reached = scores(honest)[None, "block:2"]
    assert leaking.low > 0.8 and reached.low <= 0.5 <= reached.high
    for train, test in make_folds(honest.truth, 5, 0):
        assert not set(honest.truth.groups[train]) & set(honest.truth.groups[test])
    label(made, "split", {v: ("train", "test")[i % 2] for i, v in enumerate(ids)})
    with pytest.raises(ProbeError, match="has videos on both sides of the label `split`"):
        run_probes(made, "action", (), options)
    made.close()


def test_a_split_is_obeyed(tmp_path) -> None:
    made = planted_store(tmp_path / "store", videos=30)
    classes, ids = label_halves(made), video_ids(made)
    shift = np.zeros((30, DIM))
    shift[:, 0] = 6 * classes
    plant(made, shift)
    sides = {video: "train" if number < 18 else "test" for number, video in enumerate(ids[:28])}
    label(made, "split", sides)
    run = run_probes(made, "action", (), ProbeOptions(layer="block:2"))
    probe = run.probes[0]
    assert run.folds == 1 and probe.score.value == 1
    predicted = {run.truth.video_ids[place] for place in probe.trial.predicted.places}
    assert predicted == set(ids[18:28])
    free = run_probes(made, "action", (), ProbeOptions(layer="block:2", split=False))
    assert free.folds == 5 and len(free.truth.video_ids) == 30
    made.close()


def test_rows_of_a_run_are_kept_once_and_the_hardest_videos_are_a_query(store, found) -> None:
    save_run(store, found)
    rows = store.rows("FROM probes WHERE label_name = 'action'")
    assert len(rows) == 4 + 4 + 2 and len({row["run_id"] for row in rows}) == 1
    best = max((row for row in rows if row["control"] is None), key=lambda row: row["score"])
    assert (best["layer"], best["video_count"], best["clip_count"]) == ("block:2", 60, 120)
    right = store.rows(
        "SELECT avg(correct::INT) AS score, count(*) AS n, count(DISTINCT video_id) AS videos FROM predictions WHERE probe_id = $probe",
        {"probe": best["probe_id"]},
    )
    assert right == [{"score": pytest.approx(best["score"]), "n": 60, "videos": 60}]
    assert list(integrity.check(store)) == []


@pytest.mark.long
def test_predictions_go_with_their_videos_and_probes_with_their_encoder(tmp_path) -> None:
    made = planted_store(tmp_path / "store", videos=12)
    classes = label_halves(made)
    plant(made, np.repeat(classes[:, None], DIM, 1) * 3.0)
    save_run(made, run_probes(made, "action", (), ProbeOptions(folds=3, layer="block:2")))
    (first, *_) = video_ids(made)
    removal.remove(made, {"videos": [first]})
    assert made.rows("SELECT count(*) AS n FROM predictions WHERE video_id = $v", {"v": first}) == [{"n": 0}]  # fmt: skip
    assert made.rows("SELECT count(*) AS n FROM predictions")[0]["n"] > 0
    encoders = made.query("SELECT encoder_id FROM encoders")["encoder_id"].to_pylist()
    removal.remove(made, {"encoders": encoders})
    assert made.rows("SELECT DISTINCT encoder_id FROM probes") == [{"encoder_id": None}]
    made.close()


def labeled(store: Store, name: str, values: list[str]) -> None:
    label(store, name, dict(zip(video_ids(store), values)))


@pytest.mark.parametrize(
    ("values", "options", "told"),
    [
        (["a"] * 60, {}, "60 videos of 60 .* all with the value 'a': a probe needs two classes"),
        (["a"] * 59 + ["b"], {}, "the class 'b' has 1 video or group, fewer than the 5 folds: label more of it or remove it$"),
        (["a", "b", "a"], {}, "3 videos of 60 with stored states have .* fewer than the 5 folds: label more videos$"),
        (["a", "b"] * 2, {}, "4 videos .* fewer than the 5 folds: label more videos, or pass --folds 2$"),
        (["1", "2", "3"], {"task": "numbers"}, "fewer than the 5 folds: label more videos, or pass --folds 3$"),
        (["1", "x"] * 30, {"task": "numbers"}, "has the value 'x', which is not a number: correct it, or pass --task classes$"),
        (["1", "2", "x"], {"task": "numbers"}, "has the value 'x', which is not a number: correct it$"),
        (["1"] * 60, {"task": "numbers"}, "all with the same number"),
        (["a", "b"] * 30, {"layer": "block:9"}, "none of the chosen encoders has stored states of layer 'block:9': available are block:0, block:1, block:2, block:3"),
        (["a", "b"] * 2, {"folds": 3}, "the class 'a' has 2 videos or groups, fewer than the 3 folds: .* --folds 2"),
    ],
)  # fmt: skip
def test_what_gives_no_number_is_a_sentence(values, options, told, store) -> None:
    name = f"case {abs(hash((tuple(values), told)))}"
    labeled(store, name, values)
    with pytest.raises(ProbeError, match=told):
        run_probes(store, name, (), ProbeOptions(**options))


@pytest.mark.parametrize("values", [["a", "b"] * 2, ["a"] * 9 + ["b"] * 3, ["a"] * 9 + ["b"]])
@pytest.mark.parametrize("per_group", [1, 2])
def test_advice_that_names_folds_is_not_refused_in_turn(values, per_group) -> None:
    """Videos of a group have one value, so a class has half as many groups as videos."""
    names = tuple(f"v{number:02d}" for number in range(len(values) * per_group))
    groups = np.repeat([f"g{number}" for number in range(len(values))], per_group)
    truth = Truth(name="x", task="classes", video_ids=names, values=np.repeat(values, per_group), groups=groups, sides=None)  # fmt: skip
    with pytest.raises(ProbeError) as refused:
        refuse_untrainable(truth, len(names), 10)
    found = re.search(r", or pass --folds (\d+)$", str(refused.value))
    assert (found is None) == (values.count("b") < 2)
    if found:
        refuse_untrainable(truth, len(names), int(found[1]))
        assert len(make_folds(truth, int(found[1]), 0)) == int(found[1])


def test_a_label_that_is_not_there_names_those_that_are(store) -> None:
    with pytest.raises(ProbeError, match="has no label 'acton': its labels are action"):
        run_probes(store, "acton", (), ProbeOptions())


def test_states_that_are_not_finite_are_refused(tmp_path) -> None:
    made = planted_store(tmp_path / "store", videos=12)
    label_halves(made)
    plant(made, np.full((12, DIM), np.nan))
    with pytest.raises(
        ProbeError, match="24 clips of layer block:2 of .* have states that are not finite"
    ):
        run_probes(made, "action", (), ProbeOptions(folds=3, layer="block:2"))
    made.close()


def test_a_truth_keeps_its_columns_together() -> None:
    truth = Truth(name="a", task="classes", video_ids=("u", "v", "w"), values=np.array(["x", "y", "x"]), groups=np.array(["u", "g", "g"]), sides=None)  # fmt: skip
    left = truth.only({"u", "w"})
    assert (left.video_ids, left.values.tolist(), left.groups.tolist()) == (("u", "w"), ["x", "x"], ["u", "g"])  # fmt: skip
    assert ClipStates(np.eye(3, dtype=np.float32), ("a", "b", "c"), np.array(["u", "v", "u"])).only(["u"]).clip_ids == ("a", "c")  # fmt: skip


def test_a_share_of_the_labels_keeps_classes_and_groups_and_the_same_videos_to_predict() -> None:
    groups = np.array([f"g{number // 2}" for number in range(40)])
    values = np.array(["a"] * 30 + ["b"] * 10)
    truth = Truth(
        name="x",
        task="classes",
        video_ids=tuple(map(str, range(40))),
        values=values,
        groups=groups,
        sides=None,
    )
    fold = make_folds(truth, 4, 0)[0]
    for share, wanted in ((50, (6, 2)), (1, (1, 1)), (100, (11, 4))):
        train, test = thin_fold(truth, fold, share, 1)
        kept = {(value, group) for value, group in zip(values[train], groups[train])}
        counts = tuple(sum(value == name for value, _ in kept) for name in "ab")
        assert all(abs(a - b) <= 1 for a, b in zip(counts, wanted)), (share, counts)
        assert set(train) <= set(fold[0]) and np.array_equal(test, fold[1])
        assert len(train) == 2 * len(kept), "groups stay whole"
    assert not np.array_equal(thin_fold(truth, fold, 50, 1)[0], thin_fold(truth, fold, 50, 2)[0])


@pytest.mark.long
def test_fewer_labels_tell_less_and_the_drop_is_a_query(store) -> None:
    options = ProbeOptions(layer="block:2", share="5,100", seeds=4)
    run = run_probes(store, "action", (), options)
    run_id = save_run(store, run)
    rows = label_efficiency(run_id).answer(store).to_pylist()
    assert [row["train_share"] for row in rows] == [5, 100] and rows[1]["relative_drop"] == 0
    few, all_ = rows
    assert few["score"] < all_["score"] and few["score_low"] <= few["score"] <= few["score_high"]
    assert few["relative_drop"] == pytest.approx(1 - few["score"] / all_["score"])
    assert len(run.probes) == 1


@pytest.mark.parametrize("share", ["0", "5,", "101", "five"])
def test_a_share_that_is_none_is_refused(share) -> None:
    with pytest.raises(ProbeError, match="is not a number above 0 and up to 100"):
        ProbeOptions(share=share)
