"""The report `prediction`: planted correlations and differences come back beside their chance levels, and a poor predictor is called one."""

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from scipy import stats

from tests.planted_surprise import pair_by_label, plant_surprise
from tests.stores import synthetic_store
from tubelet.dashboard.sensitivity.gallery import render_moments
from tubelet.reports.blocks import Picture, Table, Text
from tubelet.reports.catalogue import REPORTS
from tubelet.reports.errors import ReportError
from tubelet.reports.prediction.correlation import correlate_between, correlate_within
from tubelet.reports.prediction.lockstep import average_steps
from tubelet.reports.prediction.matching import compare_sides, flip_signs
from tubelet.reports.prediction.moments import find_moments
from tubelet.reports.prediction.request import PredictionOptions
from tubelet.reports.prediction.sections import prediction_report
from tubelet.store import Store
from tubelet.store.errors import NoVideos
from tubelet.store.placement import Sheet
from tubelet.store.rows import ClipRow


def draw_sheet(store: Store, clip_id: str) -> None:
    """A sheet whose slices are each a gray of their own."""
    clip = ClipRow.of(store.rows("FROM clips WHERE clip_id = ?", [clip_id])[0])
    sheet = Sheet.of(clip)
    image = Image.new("L", sheet.size[::-1])
    for slice_ in range(clip.slices):
        top, left = sheet.corner(slice_)
        image.paste(20 * slice_, (left, top, left + sheet.tile[1], top + sheet.tile[0]))
    sink = io.BytesIO()
    image.convert("RGB").save(sink, "JPEG", quality=95)
    store.write_pictures(clip, sink.getvalue())


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = synthetic_store(tmp_path_factory.mktemp("predicted") / "store", videos=12, slices=10)
    videos = plant_surprise(made, ratio=1.5, follows=1.0)
    pair_by_label(made, videos, ("possible", "impossible"))
    yield made
    made.close()


def blocks_of(store: Store, **asked) -> tuple[list, dict[str, Table], str]:
    blocks = list(prediction_report(store, PredictionOptions(**asked)))
    tables = {block.name: block for block in blocks if isinstance(block, Table)}
    return blocks, tables, next(b.markdown for b in blocks if isinstance(b, Text))


def videos_of(store: Store, side: str) -> set[str]:
    sql = "SELECT v.name FROM videos v JOIN labels l USING (video_id) WHERE l.name = 'side' AND value = ?"
    return {row["name"] for row in store.rows(sql, [side])}


def test_a_predictor_that_is_worse_than_copying_is_called_so_first(store):
    _, tables, said = blocks_of(store)
    assert said.startswith("**The predictor's error is 1.50 times that of a copy")
    assert "over 12 videos: it predicts worse than copying, and its surprise says little.**" in said
    assert "rank correlation of 1.00" in said and "not more than chance" not in said
    assert set(tables) == {"moments", "correlations"}


def test_correlations_stand_beside_their_chance_level(store):
    _, tables, _ = blocks_of(store)
    rows = {(row["control"], row["over"]): row for row in tables["correlations"].rows.to_pylist()}
    change, motion = (rows[name, "within videos"] for name in ("pixel change", "motion"))
    assert change["value"] == pytest.approx(1) and change["videos"] == 12
    assert change["chance_low"] < 0 < change["chance_high"] < 0.6
    assert motion["chance_low"] < motion["value"] < motion["chance_high"]
    assert motion["low"] < motion["value"] < motion["high"]
    assert rows["pixel change", "between videos"]["value"] > 0.99
    assert rows["error of copying", "within videos"]["value"] is None, "it is constant in a video"


def test_chance_ranges_hold_what_chance_gives():
    """Of curves that have nothing in common, about one mean in twenty lies outside."""
    generator = np.random.default_rng(3)
    outside = []
    for _ in range(60):
        curves = [tuple(np.cumsum(generator.standard_normal((2, 12)), 1)) for _ in range(8)]
        found = correlate_within(curves)
        outside.append(not found.chance_low <= found.value <= found.chance_high)
    assert np.mean(outside) < 0.15
    alone = correlate_between(*generator.standard_normal((2, 30)))
    assert alone.chance_high == pytest.approx(0.364, abs=1e-3) and alone.low < alone.value
    assert correlate_between(np.arange(4.0), np.arange(4.0)).value is None
    assert correlate_within([(np.arange(3.0), np.arange(3.0))]).value is None


def test_moments_are_the_highest_ones_and_none_touches_another(store):
    _, tables, _ = blocks_of(store, moments=6)
    rows = tables["moments"].rows.to_pylist()
    values = [row["l1"] for row in rows]
    assert len(rows) == 6 and values == sorted(values, reverse=True)
    assert rows[0]["l1"] == pytest.approx(store.rows("SELECT max(l1) AS l1 FROM slice_surprise")[0]["l1"])  # fmt: skip
    assert rows[0]["pixel_change_rank"] > 0.95, "the change of pixels says the same"
    every = find_moments(tables["moments"].rows, "l1", 99)
    assert every["l1"].to_pylist() == values
    near = {"video_id": ["v"] * 3, "at_s": [0.0, 0.1, 0.3], "slice_s": [0.1] * 3}
    touching = pa.table({**near, **{name: [3.0, 2.0, 1.0] for name in ("l1", "pixel_change", "motion", "copy_l1")}})  # fmt: skip
    assert find_moments(touching, "l1", 9)["at_s"].to_pylist() == [0.0, 0.3]


def test_moments_are_pictures_that_lead_to_the_player(store, tmp_path):
    top = blocks_of(store)[1]["moments"].rows.to_pylist()[0]
    draw_sheet(store, top["clip_id"])
    block = blocks_of(store)[1]["moments"]
    shown = {number for number, row in enumerate(block.rows.to_pylist()) if row["clip_id"] == top["clip_id"]}  # fmt: skip
    assert set(block.pictures) == shown and 0 in shown
    for number in shown:
        gray = np.asarray(Image.open(io.BytesIO(block.pictures[number])).convert("L"))
        assert abs(gray.mean() - 20 * block.rows["slice"][number].as_py()) < 3
    drawn = render_moments(block)
    assert drawn.count("<a href=") == len(shown)
    assert f"video?video={top['video_id']}&amp;clip={top['clip_id']}" in drawn
    assert f"slice={top['slice']}" in drawn and "over copy: " in drawn
    REPORTS["prediction"].write(store, PredictionOptions(), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().count("data:image/jpeg") == len(shown)


def test_matched_pairs_are_tested_with_the_pair_as_unit(store):
    _, tables, _ = blocks_of(store, match="scene", side="side")
    tests = {(row["measure"], row["of"]): row for row in tables["tests"].rows.to_pylist()}
    assert len(tests) == 8 and all(row["pairs"] == 6 for row in tests.values())
    found, same = tests["surprise", "mean"], tests["pixel change", "mean"]
    assert found["difference"] == pytest.approx(same["difference"], rel=1e-3), (
        "one follows the other"
    )
    pairs = tables["matched"].rows.to_pylist()
    differences = [row["second_mean"] - row["first_mean"] for row in pairs]
    assert [row["difference"] for row in pairs] == pytest.approx(differences)
    assert found["difference"] == pytest.approx(np.mean(differences))
    assert found["higher"] == np.mean(np.array(differences) > 0)
    expected = stats.ttest_rel([row["second_mean"] for row in pairs], [row["first_mean"] for row in pairs])  # fmt: skip
    assert (found["t"], found["p_t"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert {row["second"] for row in pairs} <= videos_of(store, "possible"), "sides by the alphabet"


def test_pairs_named_by_hand_are_those_of_the_labels(store):
    _, tables, _ = blocks_of(store, match="scene", side="side")
    labeled = {row["pair"]: row for row in tables["matched"].rows.to_pylist()}
    sides = "SELECT m.value AS pair, s.value AS side, v.name FROM labels m JOIN labels s USING (video_id) JOIN videos v USING (video_id) WHERE m.name = 'scene' AND s.name = 'side' ORDER BY ALL"
    names = {(row["pair"], row["side"]): row["name"] for row in store.rows(sides)}
    text = ", ".join(f"{names[pair, 'impossible']}={names[pair, 'possible']}" for pair in labeled)
    blocks, tables, _ = blocks_of(store, pairs=text)
    named = tables["matched"].rows.to_pylist()
    assert [row["difference"] for row in named] == [row["difference"] for row in labeled.values()]
    assert any(isinstance(one, Picture) and one.name == "lockstep" for one in blocks)


def test_matched_videos_are_drawn_in_lockstep(store):
    blocks, _, _ = blocks_of(store, match="scene", side="side")
    (drawn,) = [one for one in blocks if isinstance(one, Picture) and one.name == "lockstep"]
    steps = drawn.numbers().to_pylist()
    each = {row["pair"] for row in steps}
    assert len(each) == 6 and len(steps) % 6 == 0
    means = average_steps(drawn.numbers()).to_pylist()
    assert len(means) == len(steps) // 6 and all(row["pairs"] == 6 for row in means)
    first = [row["difference"] for row in steps if row["step"] == 0]
    assert means[0]["difference"] == pytest.approx(np.mean(first))
    assert means[0]["low"] < means[0]["difference"] < means[0]["high"]
    assert all(row["difference"] == row["second"] - row["first"] for row in steps)


def test_pairs_that_all_differ_alike_have_no_t(store):
    alike = compare_sides(np.full(4, 0.5))
    assert alike.t is None and alike.p_t is None and alike.difference == 0.5
    assert compare_sides(np.array([0.5])).t is None


def test_signs_are_flipped_exactly_where_that_is_possible():
    assert flip_signs(np.full(6, 1.0)) == 2 / 64
    assert flip_signs(np.array([1.0, -1.0])) == 1
    strong = compare_sides(np.linspace(0.5, 1.5, 20))
    assert strong.p == pytest.approx(1 / 20_001) and strong.higher == 1 and strong.low > 0
    generator = np.random.default_rng(1)
    ps = [flip_signs(generator.standard_normal(8)) for _ in range(200)]
    assert 0.01 < np.mean(np.array(ps) <= 0.05) < 0.1


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"match": "scene"}, ReportError, "--side is missing"),
        ({"match": "scene", "side": "nothing"}, ReportError, "no video has both labels"),
        ({"match": "side", "side": "scene"}, ReportError, "and has 6: scene 00"),
        ({"pairs": "a.mp4"}, ReportError, "--pairs 'a.mp4' is not a pair: write FIRST=SECOND"),
        ({"pairs": "a.mp4=b.mp4"}, ReportError, "holds no videos a.mp4: list them"),
        ({"pairs": "a=b", "side": "side"}, ReportError, "come from labels or by hand"),
        ({"context": 9}, ReportError, "there are those of: toy, context 2, horizon 1"),
        ({"where": "name = 'nobody'"}, NoVideos, "matches no video"),
        ({"measure": "l2"}, ReportError, "--measure"),
    ],
)
def test_what_cannot_be_reported_is_said_in_a_sentence(store, asked, error, said):
    with pytest.raises(error, match=said):
        blocks_of(store, **asked)


def test_one_video_and_none_say_what_cannot_be_concluded(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=1, slices=5)
    with pytest.raises(ReportError, match="holds no predictions: make some with `tubelet surprise"):
        blocks_of(store)
    plant_surprise(store, ratio=0.5)
    blocks, _, said = blocks_of(store, measure="cosine")
    assert (
        "0.50 times that of a copy of the last slice seen over 1 video: it predicts better" in said
    )
    assert "No video has enough predicted slices" in said
    (picture,) = (block for block in blocks if isinstance(block, Picture))
    assert picture.numbers().num_rows == 3 and picture.numbers()["angle"].null_count == 0
    store.close()
