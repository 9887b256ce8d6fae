"""The report on probes: the answer first, never a score without its controls, and SQL behind every number."""

from pathlib import Path

import altair as alt
import pytest

from tests.planted_probes import keep_planted_run, planted_store, train_planted
from tubelet.latent.probes.keeping import save_run
from tubelet.latent.probes.summary import ProbeSummary
from tubelet.reports.blocks import Picture, Table, Text
from tubelet.reports.catalogue import REPORTS
from tubelet.reports.errors import ReportError
from tubelet.reports.probes import narrative
from tubelet.reports.probes.figures import by_share
from tubelet.reports.probes.findings import find_probes
from tubelet.reports.probes.request import ProbesOptions
from tubelet.reports.series import move_apart, stand_side_by_side
from tubelet.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = planted_store(tmp_path_factory.mktemp("report") / "store", videos=40, clips=1)
    keep_planted_run(made)
    yield made
    made.close()


def write(store: Store, folder: Path, **asked) -> str:
    path = folder / "report.md"
    REPORTS["probes"].write(store, ProbesOptions(**asked), path)
    return path.read_text()


def test_the_answer_names_layer_interval_and_chance(store, tmp_path) -> None:
    text = write(store, tmp_path)
    found = find_probes(store, ProbesOptions())
    best = found.headline
    assert best.layer == "block:1" and 0.5 < best.score_low < found.best.score_low
    answer = text.split("\n\n")[1]
    assert (
        "**action** is predicted best by layer `block:1` of" in answer
        and "over 40 videos" in answer
    )
    assert f"{best.score:.3f} ({best.score_low:.3f} to {best.score_high:.3f})" in answer
    assert "with shuffled labels 0." in answer and "Its interval lies above every control" in answer
    assert "the best of 2 layers; its interval takes that choice into account" in answer


@pytest.mark.long
def test_layers_that_are_equally_good_share_the_answer(tmp_path) -> None:
    """The first of them was called the best, and the picture of the shares showed another one."""
    made = planted_store(tmp_path / "store", videos=20, clips=1)
    run = train_planted(made, 0.0, "10,100", told=(1.0, 1.0))
    lines = ProbeSummary(run, save_run(made, run)).lines()
    (line,) = (line for line in lines if line.startswith("best of 2 layers"))
    assert "block:0, as good as 1 more, 1.000 (0.7" in line and "taken into account" in line
    found = find_probes(made, ProbesOptions())
    assert [one.score for one in found.probes] == [1.0, 1.0]
    text = write(made, tmp_path)
    other = next(one.layer for one in found.probes if one.layer != found.best.layer)
    assert f"layer `{found.best.layer}` of" in text.split(", and equally well by layer")[0]
    assert f", and equally well by layer `{other}` of" in text
    picture = by_share(found)
    assert {row["layer"] for row in picture.numbers().to_pylist()} == {found.best.layer}
    made.close()


def test_a_probe_that_is_no_better_than_its_controls_is_said_to_be_that(tmp_path) -> None:
    made = planted_store(tmp_path / "store", videos=20, clips=1)
    keep_planted_run(made, noise=50.0)
    assert "**That is not above its controls**" in write(made, tmp_path)
    made.close()


def test_every_number_is_answered_by_the_sql_that_stands_behind_it(store) -> None:
    blocks = list(REPORTS["probes"].blocks(store, ProbesOptions()))
    tables = {block.name: block for block in blocks if isinstance(block, Table)}
    assert set(tables) == {"scores", "drops", "confusion", "hardest"}
    for table in tables.values():
        for question in table.questions.values():
            assert store.query(question.text).equals(table.rows)
    picture, shares = (block for block in blocks if isinstance(block, Picture))
    assert {row["train_share"] for row in shares.numbers().to_pylist()} == {10, 100}
    assert shares.drawing.layer[0].encoding.x["scale"]["nice"] is False  # no empty decade
    rules, lines = picture.drawing.to_dict()["layer"][:2]
    assert (
        rules["encoding"]["xOffset"] == lines["encoding"]["xOffset"]
    )  # of probes and shuffled labels
    drawn = picture.numbers().to_pylist()
    assert [(row["layer"], "shuffled" in row["series"]) for row in drawn] == [
        ("block:0", False), ("block:1", False), ("block:0", True), ("block:1", True),
    ]  # fmt: skip
    counted = sum(row["videos"] for row in tables["confusion"].rows.to_pylist())
    wrong = len(tables["hardest"].rows)
    best = find_probes(store, ProbesOptions()).best
    assert counted == 40 and best.score == pytest.approx(1 - wrong / 40)


def test_intervals_of_several_lines_stand_beside_each_other() -> None:
    x = alt.X("layer:N")
    assert stand_side_by_side(x, ["one", "one"]) == {"x": x}
    assert stand_side_by_side(x, ["b", "a", "b"])["xOffset"].to_dict()["sort"] == ["b", "a"]
    assert move_apart([10, 100], ["one", "one"]) == [10, 100]
    first, middle, last = move_apart([10, 10, 10], ["c", "a", "b"])
    assert 9.5 < first < middle == 10 < last < 10.5


def test_a_score_without_an_interval_claims_nothing(store) -> None:
    found = find_probes(store, ProbesOptions())
    alone = next(one for one in found.scores if one.control == "majority")
    assert narrative.show(type(alone)(**{**alone.columns, "score_low": None})) == f"{alone.score:.3f}"  # fmt: skip


def test_what_is_not_there_is_a_sentence(store, tmp_path) -> None:
    empty = planted_store(tmp_path / "empty", videos=1)
    for opened, asked, told in (
        (empty, {}, "holds no probes: train some with `tubelet probe --label NAME"),
        (store, {"label": "acton"}, "no run learned the label 'acton': there are runs of action"),
        (store, {"run": "0"}, "there is no run '0': the newest are"),
    ):
        with pytest.raises(ReportError, match=told):
            list(REPORTS["probes"].blocks(opened, ProbesOptions(**asked)))
    empty.close()


def test_a_label_is_data_and_never_markup(store) -> None:
    texts = [b.markdown for b in REPORTS["probes"].blocks(store, ProbesOptions()) if isinstance(b, Text)]  # fmt: skip
    assert "`block:1`" in texts[0]
