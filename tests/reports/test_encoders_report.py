"""The report on encoders: the answer first, chance beside every number, and SQL that answers."""

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.compared import Other, add_pooled, compared_store
from tubelet.reports.blocks import Picture, Table, Text
from tubelet.reports.catalogue import REPORTS
from tubelet.reports.encoders import figures
from tubelet.reports.encoders.findings import find_encoders
from tubelet.reports.encoders.request import EncodersOptions
from tubelet.reports.errors import ReportError
from tubelet.store import Store
from tubelet.store.questions.comparison import kept_states


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = compared_store(
        tmp_path_factory.mktemp("encoders") / "store", Other("coarse"), Other("random", noise=1000.0), videos=20
    )  # fmt: skip
    yield made
    made.close()


def write(store: Store, folder: Path, **asked) -> str:
    path = folder / "report.md"
    REPORTS["encoders"].write(store, EncodersOptions(**asked), path)
    return path.read_text()


def test_the_answer_names_the_pair_its_interval_and_chance(store, tmp_path) -> None:
    answer, subject = write(store, tmp_path).split("\n\n")[1:3]
    closest = find_encoders(store, EncodersOptions()).closest
    assert {closest.a.encoder_id.split("-")[0], closest.b.encoder_id.split("-")[0]} == {"coarse", "toy"}  # fmt: skip
    assert re.match(
        r"\*\*layer last of \w+ and layer last of \w+ are most alike\*\*: CKA 1.000", answer
    )
    assert closest.a.encoder_id not in answer
    assert "over 20 videos. Its interval lies above chance: shuffled videos reach" in answer
    assert "Of the 9 nearest neighbors of a moment they share 100%" in answer
    assert "They are chosen among 3 pairs" in answer
    assert "Tokens are compared" in subject and "averaged over it" in subject and "20 of 20" in subject  # fmt: skip


def test_readers_see_names_and_units_and_programs_see_ids(store, tmp_path) -> None:
    said = write(store, tmp_path)
    assert "CKA (0 to 1)" in said and "effective rank (dimensions)" in said
    assert re.search(r"\| (coarse|toy|random) \| last \| (coarse|toy|random) \| last \|", said)
    assert "| video-00000.mp4 |" in said
    pairs = next(b for b in REPORTS["encoders"].blocks(store, EncodersOptions()) if isinstance(b, Table) and b.name == "pairs")  # fmt: skip
    assert {"cka"} <= set(pairs.rows["measure"].to_pylist())
    assert all("-" in one for one in pairs.rows["encoder_a"].to_pylist())


def test_a_pair_that_shares_nothing_is_said_to_be_that(store, tmp_path) -> None:
    answer = write(store, tmp_path, encoder="random,toy").split("\n\n")[1]
    assert "**That is not above chance**" in answer and "chosen among" not in answer


@pytest.mark.long
def test_every_number_is_in_parquet_and_every_query_answers(store, tmp_path) -> None:
    blocks = list(REPORTS["encoders"].blocks(store, EncodersOptions()))
    tables = {block.name: block for block in blocks if isinstance(block, Table)}
    pictures = [block for block in blocks if isinstance(block, Picture)]
    assert set(tables) == {"pairs", "alone", "units", "moments"} and len(pictures) == 3
    for block in (*tables.values(), *pictures):
        assert block.questions
    units = tables["units"]
    ends = {units.rows[name][0].as_py() for name in ("encoder_a", "encoder_b")}
    assert ends == {units.player["encoder"], units.player["beside-encoder"]} and len(ends) == 2
    assert units.rows["video_id"].to_pylist() == units.rows["unit"].to_pylist()
    for question in tables["pairs"].questions.values():
        assert len(store.query(question.text))
    REPORTS["encoders"].write(store, EncodersOptions(), tmp_path / "r.parquet")
    rows = pq.read_table(tmp_path / "r.parquet").to_pylist()
    ckas = [row for row in rows if row["part"] == "pairs" and row["measure"] == "cka"]
    assert len(ckas) == 3 and all(row["low"] <= row["value"] <= row["high"] for row in ckas)
    assert sum(row["part"] == "moments" for row in rows) == 8 * 20 * 3


def test_a_matrix_holds_both_triangles_and_becomes_a_raster_when_cells_are_small(store, monkeypatch) -> None:  # fmt: skip
    found = find_encoders(store, EncodersOptions())
    cells = figures.list_cells(found, "cka").to_pylist()
    value = {(row["a"], row["b"]): row["value"] for row in cells}
    assert len(value) == 9 and all(value[a, b] == value[b, a] for a, b in value)
    monkeypatch.setattr(figures, "MOST", 2)
    raster = figures.draw_matrix(found, "cka").drawing
    assert raster.square and np.allclose(raster.values, raster.values.T)
    assert (np.diagonal(raster.values) == 1).all()


def test_what_cannot_be_compared_is_a_sentence_of_the_report(store) -> None:
    for asked, told in (
        ({"encoder": "toy"}, "only layer last of toy-"),
        ({"encoder": "toi"}, "holds no encoder toi; its encoders are"),
        ({"layer": "block:1"}, "has states of layer 'block:1': available are last"),
    ):
        with pytest.raises(ReportError, match=told):
            list(REPORTS["encoders"].blocks(store, EncodersOptions(**asked)))
    with pytest.raises(ReportError, match="--videos is 4: it must be 5 or more"):
        EncodersOptions(videos=4)


def test_names_are_data_and_never_markup(tmp_path) -> None:
    store = compared_store(tmp_path / "store", videos=6)
    (row,) = kept_states().answer(store).to_pylist()
    states = np.random.default_rng(0).standard_normal((6, 4))
    add_pooled(store, row["encoder_id"], {"*x*[y](z)": states, "only": states})
    texts = [b.markdown for b in REPORTS["encoders"].blocks(store, EncodersOptions()) if isinstance(b, Text)]  # fmt: skip
    assert "`*x*[y](z)`" in texts[0] and all("*x*" not in text.replace("`*x*[y](z)`", "") for text in texts)  # fmt: skip
    assert re.search(r"toy (and|are) ", texts[0]), "an encoder's only layer goes without saying"
    store.close()
