"""The report on transition models: the answer first, never a figure without copying and controls, and SQL behind every number."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.planted_probes import label, video_ids
from tests.planted_transitions import plant_transitions
from tests.stores import synthetic_store
from tubelet.latent.transition.figures import explain, explain_difference, summarize
from tubelet.reports.blocks import Picture, Table
from tubelet.reports.catalogue import REPORTS
from tubelet.reports.errors import ReportError
from tubelet.reports.transition import narrative
from tubelet.reports.transition.findings import find_transitions
from tubelet.reports.transition.request import TransitionReportOptions
from tubelet.store import Store
from tubelet.store.questions.model_rows import TransitionScore
from tubelet.store.questions.transitions import transition_scores


def make_store(folder: Path, explained: float, videos: int) -> Store:
    made = synthetic_store(folder / f"store-{videos}", videos=videos, slices=2, side=2, dim=4)
    plant_transitions(made, explained, videos)
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = make_store(tmp_path_factory.mktemp("transition-report"), 0.4, 12)
    yield made
    made.close()


def write(store: Store, folder: Path, **asked) -> str:
    path = folder / "report.md"
    REPORTS["transition"].write(store, TransitionReportOptions(**asked), path)
    return path.read_text()


def test_the_answer_names_model_interval_rank_and_controls(store, tmp_path) -> None:
    text = write(store, tmp_path)
    answer, best = text.split("\n\n")[1], find_transitions(store, TransitionReportOptions()).best
    assert (best.control, best.horizon) == (None, 1) and 0.3 < best.explained.low < best.explained.high < 0.5  # fmt: skip
    shown = f"{best.explained.value:.3f} ({best.explained.low:.3f} to {best.explained.high:.3f})"
    assert f"the model explains {shown} of the variance that a copy of the last slice leaves, over 12 test videos.**" in answer  # fmt: skip
    assert "Its interval lies above copying (0)." in answer
    assert "Of the other slices of its clip, 10% are nearer to the prediction than the true one (to a copy 20%; chance 50%)." in answer  # fmt: skip
    controls = {one.control: narrative.show(one.explained) for one in find_transitions(store, TransitionReportOptions()).nearest}  # fmt: skip
    assert f"With shuffled time it is {controls['shuffled']}." in answer
    assert f"The most predictable control is raw pixels, {controls['pixels']}." in answer


def test_what_is_not_above_copying_or_its_controls_is_said_to_be_that(tmp_path) -> None:
    made = make_store(tmp_path, -0.01, 11)
    answer = write(made, tmp_path).split("\n\n")[1]
    assert "**That is not more than copying.**" in answer
    assert "**Its controls are as predictable**: raw pixels, 0.1" in answer
    made.close()
    few = make_store(tmp_path, 0.4, 3)
    assert "There are too few test videos, or groups of them, for an interval" in write(
        few, tmp_path
    )
    few.close()


def test_numbers_come_from_the_rows_that_the_sql_shows(store) -> None:
    blocks = list(REPORTS["transition"].blocks(store, TransitionReportOptions(hardest=4)))
    tables = {block.name: block for block in blocks if isinstance(block, Table)}
    assert set(tables) == {"figures", "differences", "videos", "fits"}
    for name, key in (("videos", "Videos"), ("fits", "Models")):
        assert store.query(tables[name].questions[key].text).equals(tables[name].rows)
    assert len(tables["videos"].rows) == 4
    scores = store.rows(tables["figures"].questions["Scores"].text)
    for row in tables["figures"].rows.to_pylist():
        mine = [s for s in scores if (s["encoder_id"], s["control"], s["horizon"]) == (row["encoder_id"], row["control"], row["horizon"])]  # fmt: skip
        pooled = 1 - sum(s["squared_error"] for s in mine) / sum(s["copy_error"] for s in mine)
        assert row["explained"] == pytest.approx(pooled) and row["low"] < pooled < row["high"]
    models, rollouts = (block for block in blocks if isinstance(block, Picture))
    assert models.numbers()["series"].to_pylist() == ["toy", "raw pixels", "toy, shuffled time"]
    assert set(rollouts.numbers()["horizon"].to_pylist()) == {1, 2, 3}


def test_differences_are_taken_on_the_same_videos(store) -> None:
    """Narrower than what two independent intervals would give, and zero of a model and itself."""
    found = find_transitions(store, TransitionReportOptions())
    rows = {row["second"]: row for row in found.differences.to_pylist()}
    assert rows["raw pixels"]["difference"] == pytest.approx(0.3, abs=0.05)
    assert rows["raw pixels"]["low"] > 0.2 and rows["raw pixels"]["high"] < 0.4
    (run,) = {row["run_id"] for row in store.rows("SELECT run_id FROM transitions")}
    scores = [one for one in transition_scores(run).read(store, TransitionScore) if one.control is None and one.horizon == 1]  # fmt: skip
    same = explain_difference(scores, scores)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_a_video_in_which_nothing_moves_weighs_nothing(store) -> None:
    moving = explain(np.array([1.0, 2, 3, 2, 1]), np.array([2.0, 4, 6, 4, 2]))
    with_still = explain(np.array([1.0, 2, 3, 2, 1, 0]), np.array([2.0, 4, 6, 4, 2, 0]))
    assert moving.value == with_still.value == 0.5
    assert np.isnan(explain(np.zeros(6), np.zeros(6)).value)


def test_what_is_not_there_is_a_sentence(store, tmp_path) -> None:
    empty = synthetic_store(tmp_path / "empty", videos=1)
    for opened, asked, told in (
        (empty, {}, "holds no transition models: fit some with `tubelet transition fit --store"),
        (store, {"run": "0"}, "there is no run '0': the newest are 0123456789abcdef"),
    ):
        with pytest.raises(ReportError, match=told):
            list(REPORTS["transition"].blocks(opened, TransitionReportOptions(**asked)))
    empty.close()


def test_videos_of_a_group_count_once(store, tmp_path) -> None:
    """Twice each video is no more than each video once; and four groups are too few for an interval."""
    run = transition_scores(find_transitions(store, TransitionReportOptions()).run.run_id)
    scores = [one for one in run.read(store, TransitionScore) if (one.control, one.horizon) == (None, 1)]  # fmt: skip
    twice = [replace(one, video_id=f"{one.video_id}{n}") for one in scores for n in range(2)]
    (once,), (grouped,) = summarize(scores), summarize(twice)
    assert (grouped.videos, grouped.units) == (24, 12)
    assert grouped.explained == once.explained and grouped.rank_within == once.rank_within
    same = explain_difference(twice, twice)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    made = make_store(tmp_path, 0.4, 12)
    label(made, "group", {v: f"g{number % 4}" for number, v in enumerate(video_ids(made))})
    answer = write(made, tmp_path).split("\n\n")[1]
    assert (
        "over 12 test videos in 4 groups" in answer and "too few test videos, or groups" in answer
    )
    made.close()
