"""The report `changes`: planted reactions come back with their intervals, beside shifts and windows that share no frame."""

import numpy as np
import pyarrow as pa
import pytest

from tests.planted_changes import plant_changes, plant_prefixes
from tests.stores import synthetic_store
from tubelet.reports.blocks import Picture, Table, Text
from tubelet.reports.changes.request import ChangesOptions
from tubelet.reports.changes.sections import changes_report
from tubelet.reports.errors import NoPairs, ReportError
from tubelet.store.schema import TABLES


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
    assert f"Shifting the window by 1 slice moves the tokens of shared frames by {rows['shift 1']['reaction']:.3f} (" in said  # fmt: skip
    assert "These are figures of" not in said  # six videos are enough
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
    assert "**These are figures of one video or group**: nothing is concluded" in said
    plant_changes(store, {("blur", 2.0): 0.3}, videos=2)
    said = next(block.markdown for block in table_of(store)[1] if isinstance(block, Text))
    assert "**These are figures of 2 videos or groups**" in said and "is not tested" in said
    with pytest.raises(ReportError, match="there are those of: toy"):
        table_of(store, frames=3)
    store.close()


def test_what_tokens_know_of_later_frames_comes_back_by_distance_and_by_dimension(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=7, slices=4, side=2, dim=6)
    curve, dims = [0.4, 0.2, 0.1], np.array([0.1, 0.9, 0.2, 0.3, 0.1, 0.1])
    plant_prefixes(store, [2, 3], curve, dims)
    blocks = list(changes_report(store, ChangesOptions()))
    names = [block.name for block in blocks if isinstance(block, Picture | Table)]
    assert len(set(names)) == len(names), "a page draws the parts of a report by their names"
    tables = {block.name: block for block in blocks if isinstance(block, Table)}
    rows = tables["prefixes"].rows.to_pylist()
    assert [row["distance"] for row in rows] == [0, 1, 2]
    for row, level in zip(rows, curve):
        assert row["reaction"] == pytest.approx(level, rel=1e-5) and row["videos"] == 7
        assert level * 0.9 < row["low"] < level < row["high"] < level * 1.1
    first = tables["prefix_dimensions"].rows.to_pylist()[0]
    assert first["dim"] == 1 and first["reaction"] == pytest.approx(0.9, rel=1e-4)
    assert first["low"] < 0.9 < first["high"]
    said = "\n".join(block.markdown for block in blocks if isinstance(block, Text))
    assert "in the whole window by **0.400** (" in said and "2 slices before the end by 0.100" in said  # fmt: skip
    assert {row["what"] for row in tables["changes"].rows.to_pylist()} == {"prefix 0.5", "prefix 0.75"}  # fmt: skip
    store.close()


def test_a_causal_encoder_is_said_to_know_nothing_and_no_prefix_means_no_section(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=5, slices=4, side=2, dim=6)
    plant_changes(store, {("flip", None): 0.2}, videos=5)
    blocks = list(changes_report(store, ChangesOptions()))
    assert not [block for block in blocks if isinstance(block, Table) and "prefix" in block.name]
    plant_prefixes(store, [2], [0.0, 0.0], np.full(6, 0.0))
    said = "\n".join(block.markdown for block in changes_report(store, ChangesOptions()) if isinstance(block, Text))  # fmt: skip
    assert "Tokens know nothing of later frames" in said
    store.close()


def test_another_precision_stands_beside_on_the_videos_of_both(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=8, slices=4, side=2, dim=6)
    plant_changes(store, {("flip", None): 0.2, ("noise", 0.1): 0.1}, videos=8)
    names = [block.name for block in table_of(store)[1] if isinstance(block, Table)]
    assert "beside" not in names, "one setting stands alone"
    pairs = store.rows("FROM pairs WHERE kind = 'changed' AND change = 'flip' ORDER BY video_id")[:6]  # fmt: skip
    again = [row | {"pair_id": f"half-{row['pair_id']}", "precision": "bf16", "pixel_change": 0.03} for row in pairs]  # fmt: skip
    slices = [
        row | {"pair_id": f"half-{row['pair_id']}", "relative": 1.5 * row["relative"]}
        for pair in pairs
        for row in store.rows("FROM slice_sensitivity WHERE pair_id = ?", [pair["pair_id"]])
    ]
    commit = {"pairs": again, "slice_sensitivity": slices}
    store.commit({name: pa.Table.from_pylist(rows, TABLES[name].arrow) for name, rows in commit.items()})  # fmt: skip
    (block,) = (one for one in table_of(store)[1] if isinstance(one, Table) and one.name == "beside")  # fmt: skip
    first, noise, other = block.rows.to_pylist()
    assert first["what"] == "flip" and first["videos"] == 8 and first["times"] is None
    assert noise["what"] == "noise 0.1" and noise["pixel_change"] == pytest.approx(0.025)
    assert "bf16" in other["setting"] and other["what"] == "flip" and other["videos"] == 6
    assert other["times"] == pytest.approx(1.5) and other["pixel_change"] == pytest.approx(0.03)
    assert other["times_low"] == pytest.approx(1.5) == pytest.approx(other["times_high"])
    store.close()
