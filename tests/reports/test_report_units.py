"""Videos that belong together: found by name, content and label, warned of, and counted once where asked."""

import numpy as np
import pyarrow as pa
import pytest

from tests.planted import Planted, add_planted, planted_store, relative_edges, rows
from tests.reports.test_report_statistics import by_video
from tests.stores import _table, encoder_row
from tests.tiers import thin
from tubelet.reports.catalogue import REPORTS
from tubelet.reports.errors import ReportError
from tubelet.reports.sensitivity import findings, narrative, ranking, relations
from tubelet.reports.sensitivity.findings import find
from tubelet.reports.sensitivity.request import SensitivityOptions, SensitivityRequest
from tubelet.store import Store, intervals
from tubelet.store.sandbox.untrusted import Limits, ask


def grouped(groups, each, dims=64, seed=0, correlation=0.7, spread=0.4):
    """Relative sensitivities ``(V, D)`` whose logarithms correlate within a group, and the group of each video."""
    rng = np.random.default_rng(seed)
    own = np.repeat(np.arange(groups), each)
    shared, alone = rng.standard_normal((groups, dims)), rng.standard_normal((groups * each, dims))
    return np.exp(
        spread * (np.sqrt(correlation) * shared[own] + np.sqrt(1 - correlation) * alone)
    ), own


@pytest.mark.parametrize("groups", [5, 10, 40])
def test_intervals_cover_where_groups_count_once_and_not_where_videos_do(groups):
    """In fours whose intra-class correlation is 0.7, over 1,500 dimensions as repetitions."""
    values, _ = grouped(groups, 4, 1500)
    truth = np.exp(0.4**2 / 2)

    def covered(found):
        return ((found.low <= truth) & (truth <= found.high)).mean()

    once = values.reshape(groups, 4, -1).mean(1)
    assert covered(intervals.means(once, positive=True)) > 0.93
    assert covered(intervals.means(values, positive=True)) < 0.82


@pytest.mark.long
def test_specialists_in_grouped_null_stores_are_rare_where_groups_count_once():
    """20 videos of five recordings whose effects spread widely: as videos a fifth of stores or more have a specialist, all of them false."""
    as_videos, as_groups = [], []
    for seed in range(40):
        values, _ = grouped(5, 4, 256, seed, spread=0.8)
        as_videos.append(bool(ranking.rank_dimensions(by_video(values)).specialists))
        as_groups.append(
            bool(ranking.rank_dimensions(by_video(values.reshape(5, 4, -1).mean(1))).specialists)
        )
    assert np.mean(as_groups) <= 0.05 and np.mean(as_videos) > 0.2


@pytest.mark.long
@pytest.mark.parametrize(("groups", "each"), [(5, 4), (10, 4), (20, 3)])
def test_p_values_of_grouped_null_stores_hold_their_level_where_groups_count_once(groups, each):
    """Over 40 stores of 128 dimensions, none of them special. As videos, 8 to 10% of p-values are below 5%, and 3 to 6% below 1%."""
    as_videos, as_groups = [], []
    for seed in range(40):
        values, _ = grouped(groups, each, 128, seed)
        once = values.reshape(groups, each, -1).mean(1)
        as_videos.append(ranking.rank_dimensions(by_video(values)).p)
        as_groups.append(ranking.rank_dimensions(by_video(once)).p)
    for level in (0.01, 0.05):
        assert np.mean(np.array(as_groups) <= level) <= 1.1 * level
        assert np.mean(np.array(as_videos) <= level) > 1.5 * level


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scene1_001.mp4", "scene1"), ("scene1-12.mov", "scene1"), ("talk part 2.mkv", "talk"), ("talk (3).mkv", "talk"), ("talk copy.mkv", "talk"),
        ("v_Surf_g01_c02.avi", "v_Surf_g01_c"), ("0001.mp4", ""), ("walk.mp4", "walk"), ("abc_000010_000020.mp4", "abc_000010"), ("noending", "noending"),
    ],
)  # fmt: skip
def test_the_stem_of_a_name_is_what_its_parts_share(name, expected):
    assert relations.stem(name) == expected


def test_names_tell_only_where_they_tell_videos_apart():
    scenes = [f"scene{scene}_{part:03d}.mp4" for scene in (1, 2) for part in range(3)] + [
        "walk.mp4"
    ]
    assert relations.by_name(scenes, [None] * 7).tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert relations.together(relations.by_name(scenes, [None] * 7)) == (2, 6)
    assert relations.together(relations.by_name(scenes, ["a", "b", "a", "a", "b", "b", "a"])) == (
        2,
        4,
    ), "files of two folders are two recordings"
    for numbered in ([f"video_{n:03d}.mp4" for n in range(9)], [f"{n}.mp4" for n in range(9)]):
        assert relations.together(relations.by_name(numbered, [None] * 9)) == (0, 0)
    assert relations.together(
        relations.by_name([f"match7_{n}.mp4" for n in range(9)], [None] * 9)
    ) == (1, 9), "one recording in parts"


def test_copies_are_found_and_unrelated_videos_are_not():
    values, _ = grouped(40, 1, 64)
    noise = np.exp(0.05 * np.random.default_rng(1).standard_normal((2, 64)))
    found = relations.relations(
        [f"{n}.mp4" for n in range(42)],
        [None] * 42,
        np.concatenate([values, 1.3 * values[[3, 9]] * noise]),
    )
    assert (
        relations.together(found.copies) == (2, 4)
        and found.copies[40] == found.copies[3]
        and found.copies[41] == found.copies[9]
    )
    alone = [
        relations.relations(["a"] * 40, [None] * 40, grouped(40, 1, 64, seed)[0])
        for seed in range(30)
    ]
    assert all(relations.together(one.copies) == (0, 0) for one in alone)


@pytest.mark.long
def test_labels_that_react_alike_are_told_from_labels_that_do_not():
    values, own = grouped(6, 5, 64, correlation=0.5)
    labels = [str(group) for group in own]
    alike = relations.relations([""] * 30, labels, values).labels
    assert alike.related and alike.correlation == pytest.approx(0.5, abs=0.12) and alike.labels == 6
    unlike = [
        relations.relations([""] * 30, labels, grouped(30, 1, 64, seed)[0]).labels.related
        for seed in range(60)
    ]
    assert np.mean(unlike) <= 0.05
    assert relations.relations([""] * 30, ["one"] * 30, values).labels is None
    assert relations.relations([""] * 30, [None] * 30, values).labels is None


def test_labels_count_only_where_there_are_any():
    """Videos without labels were called as many labels."""
    videos = pa.table(
        {"video_id": ["1", "2"], "name": ["a.mp4", "b.mp4"], "label": pa.nulls(2, pa.string())}
    )
    with pytest.raises(ReportError, match="no video of this report has a label"):
        findings.group_videos(videos, "label", None, {})
    some = videos.set_column(2, "label", pa.array(["a", None]))
    assert findings.group_videos(some, "label", None, {}).members == ["1"]


def test_what_hangs_together_by_either_is_one_group():
    joined = relations.join(np.array([0, 0, 1, 2, 3]), np.array([0, 1, 1, 2]))
    assert joined[0] == joined[1] == joined[2] and len(set(joined.tolist())) == 3


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """12 videos of two pairs each: six scenes of two parts, in three labels."""
    made = Store.create(tmp_path_factory.mktemp("units") / "store")
    recipe = Planted(videos=12, dim=40, shared=6, specialists=(3,), controls=2, pairs=2)
    tables = rows(made, recipe, range(12))
    videos = tables["videos"].to_pylist()
    for at, video in enumerate(videos):
        video |= {"name": f"scene{at // 2}_{at % 2}.mp4", "label": ("a", "b", "c")[at // 4]}
    made.commit({"encoders": _table("encoders", [encoder_row(recipe.recipe)])})
    made.commit({**tables, "videos": _table("videos", videos)})
    yield made
    made.close()


def by_id(store):
    """Names and labels of videos, and their relative edges ``(12, D)``, the mean of two pairs, all by name."""
    recipe = Planted(videos=12, dim=40, shared=6, specialists=(3,), controls=2, pairs=2)
    return relative_edges(recipe, range(12)).reshape(12, 2, -1).mean(1)


@pytest.mark.parametrize(("unit", "size"), [("video", 1), ("name", 2), ("group", 2), ("label", 4)])
def test_a_unit_counts_once_in_every_number(scenes, unit, size):
    expected = by_id(scenes).reshape(12 // size, size, -1).mean(1)
    found = find(scenes, SensitivityRequest(unit=unit))
    assert found.count == len(expected) == found.videos.num_rows and found.foundations.videos == 12
    assert found.ranking.relative.value == pytest.approx(expected.mean(0), rel=1e-4)
    shown = {row["dim"]: row["relative"] for row in found.dims.to_pylist()}
    assert [shown[d] for d in range(40)] == pytest.approx(expected.mean(0), rel=1e-4)
    top = ranking.membership(expected, found.ranking.top).mean(0)
    assert found.ranking.top_share == pytest.approx(top) and (found.settling is not None) == (
        len(expected) >= 5
    )
    assert found.videos["videos"].to_pylist() == [size] * len(expected) and found.frame["videos"][
        0
    ].as_py() == len(expected)
    low = intervals.means(expected, positive=True).low
    assert len(expected) < 5 or sorted(found.ranking.relative.low) == pytest.approx(
        sorted(low), rel=0.3
    )


@pytest.mark.parametrize("unit", thin(["video", "name", "label"], ["label"]))
def test_the_sql_of_a_unit_is_the_one_that_ran(scenes, unit):
    found = find(scenes, SensitivityRequest(unit=unit))
    for name, question in found.questions.items():
        shown, ran = ask(scenes, question.text, Limits(rows=None)).table, question.answer(scenes)
        key = [(column, "ascending") for column in ran.column_names]
        for a, b in zip(shown.sort_by(key).to_pylist(), ran.sort_by(key).to_pylist(), strict=True):
            assert all(
                x == y or x == pytest.approx(y, rel=1e-6) for x, y in zip(a.values(), b.values())
            ), name


def test_a_report_warns_of_names_and_says_what_helps(scenes):
    said = narrative.answer(find(scenes, SensitivityRequest()))
    assert (
        "**Not independent:** 12 videos share a name up to a number with others (6 groups)" in said
        and "`--unit group`" in said
    )
    grouped = narrative.answer(find(scenes, SensitivityRequest(unit="group")))
    assert "Over **6 groups of 12 videos**" in grouped and "share a name" not in grouped


def test_the_command_that_repeats_it_names_the_unit_and_files_carry_groups(scenes, tmp_path):
    assert "--unit label" in SensitivityRequest(unit="label").command(
        scenes
    ) and "--unit" not in SensitivityRequest().command(scenes)
    with pytest.raises(ReportError, match="choose video, label, name or group"):
        SensitivityRequest(unit="folder")
    REPORTS["sensitivity"].write(scenes, SensitivityOptions(unit="name"), tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text()
    assert "Do groups agree" in text and "scene0" in text and "1 more" in text


def test_a_map_over_the_frame_averages_videos(tmp_path):
    """One video with four pairs and one with a single pair weigh the same."""
    made = planted_store(tmp_path / "store", videos=1, pairs=4, dim=8, specialists=(), seed=1)
    add_planted(made, Planted(videos=1, dim=8, specialists=(), seed=2), first=1)
    found = find(made, SensitivityRequest())
    sql = """SELECT y, x, avg(l2) AS l2 FROM (SELECT p.video_id, y, x, avg(l2) AS l2 FROM token_sensitivity JOIN pairs p USING (pair_id)
      WHERE p.kind = 'shifted' GROUP BY ALL) GROUP BY ALL ORDER BY y, x"""
    expected = made.query(sql)
    assert found.frame["l2"].to_numpy() == pytest.approx(expected["l2"].to_numpy(), rel=1e-6)
    assert found.frame["videos"][0].as_py() == 2 and found.frame["pairs"][0].as_py() == 5
    made.close()
