"""The report `changes`: planted reactions come back with their intervals, beside shifts and windows that share no frame."""

import pytest

from tests.planted_changes import plant_changes
from tests.stores import synthetic_store
from tubelet.reports.blocks import Picture, Table, Text
from tubelet.reports.changes.request import ChangesOptions
from tubelet.reports.changes.sections import changes_report
from tubelet.reports.errors import NoPairs, ReportError


def table_of(store, **options):
    blocks = list(changes_report(store, ChangesOptions(**options)))
    (table,) = (one for one in blocks if isinstance(one, Table) and one.name == "changes")
    return {row["what"]: row for row in table.rows.to_pylist()}, blocks


def test_planted_reactions_come_back_with_their_intervals(planted_everything):
    rows, blocks = table_of(planted_everything)
    assert list(rows) == ["disjoint", "flip", "noise 0.1", "noise 0.3", "shift 1"]
    for what, level in (("flip", 0.2), ("noise 0.1", 0.1), ("noise 0.3", 0.3)):
        row = rows[what]
        assert row["videos"] == 6 and row["reaction"] == pytest.approx(level, rel=1e-5)
        assert level * 0.9 < row["low"] < level < row["high"] < level * 1.1
        assert row["pixel_change"] == pytest.approx(level / 4)
        assert row["token_cosine"] == pytest.approx(1 - level, rel=1e-5)
    assert rows["shift 1"]["videos"] == 40 and rows["shift 1"]["pixel_change"] is None
    assert rows["disjoint"]["of_disjoint"] == pytest.approx(1)
    said = next(block.markdown for block in blocks if isinstance(block, Text))
    assert (
        "most after **`noise 0.3`**: by 0.300 (" in said
        or "most after **noise 0.3**: by 0.300 (" in said
    )
    assert f"share no frame differ by {rows['disjoint']['reaction']:.3f}" in said
    picture = next(block for block in blocks if isinstance(block, Picture))
    assert picture.numbers().num_rows == 5


def test_a_reaction_is_compared_with_disjoint_windows_of_the_same_videos(planted_everything):
    rows, _ = table_of(planted_everything)
    question = next(
        block.questions["Reactions"]
        for block in table_of(planted_everything)[1]
        if isinstance(block, Table) and block.name == "changes"
    )
    found = question.answer(planted_everything).to_pylist()
    apart = {row["video_id"]: row["relative"] for row in found if row["change"] == "disjoint"}
    shift = {row["video_id"]: row["relative"] for row in found if row["change"] == "shift"}
    assert len(apart) == 3 < len(shift)
    expected = sum(shift[video] for video in apart) / sum(apart.values())
    assert rows["shift 1"]["of_disjoint"] == pytest.approx(expected)


def test_two_videos_and_one_say_what_cannot_be_concluded(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=2)
    with pytest.raises(NoPairs, match="measure some with `tubelet ingest PATH"):
        table_of(store)
    plant_changes(store, {("flip", None): 0.2}, videos=1)
    rows, blocks = table_of(store)
    assert rows["flip"]["low"] is None and rows["flip"]["of_disjoint"] is None
    said = next(block.markdown for block in blocks if isinstance(block, Text))
    assert "in 1 video, without an interval" in said and "No windows without a common frame" in said
    with pytest.raises(ReportError, match="there are those of: toy"):
        table_of(store, frames=3)
    store.close()
