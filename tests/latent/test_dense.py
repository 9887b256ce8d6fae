"""Dense scores: DAVIS's and TAP-Vid's measures on cases worked by hand, and an object whose place is known in every slice."""

import json

import numpy as np
import pytest
from scipy import ndimage

from tests.commands import run_here
from tests.planted_objects import VIDEOS, object_store
from tests.stores import synthetic_store
from tubelet.latent.dense.davis import find_boundary, measure_boundary, measure_region
from tubelet.latent.dense.options import ScoringError, ScoringOptions
from tubelet.latent.dense.run import score_videos
from tubelet.latent.dense.tap_vid import FollowedPoints, measure_points
from tubelet.latent.dense.truth import measure_cover
from tubelet.store import Store
from tubelet.store.disk import integrity, removal


def columns(stop: int) -> np.ndarray:
    """The columns before `stop` of 20 x 20 pixels."""
    return np.broadcast_to(np.arange(20) < stop, (20, 20))


def test_j_is_intersection_over_union() -> None:
    assert measure_region(columns(10), columns(15)) == pytest.approx(10 / 15)
    assert measure_region(columns(0), columns(0)) == 1
    assert measure_region(columns(0), columns(3)) == 0


def test_the_boundary_of_a_pixel_is_the_four_pixels_above_and_left_of_its_far_corner() -> None:
    mask = np.zeros((4, 4), bool)
    mask[1, 1] = True
    assert np.argwhere(find_boundary(mask)).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_f_counts_boundaries_within_its_bound() -> None:
    """The bound of 20 x 20 pixels is 1 pixel: ceil(0.008 * 28.3)."""
    assert measure_boundary(columns(10), columns(11)) == 1
    assert measure_boundary(columns(10), columns(13)) == 0
    assert measure_boundary(columns(0), columns(0)) == 1
    assert measure_boundary(columns(0), columns(5)) == 0
    half = columns(10).copy()
    half[10:] = columns(15)[
        10:
    ]  # its boundary: column 9 above, row 9 from there to column 14, column 14 below
    assert find_boundary(half).sum() == 9 + 6 + 10
    precision, recall = (9 + 2) / 25, 11 / 20  # columns 9 and 10 of row 9; rows 0 to 10 of column 9
    wanted = 2 * precision * recall / (precision + recall)
    assert measure_boundary(half, columns(10)) == pytest.approx(wanted)


def test_f_equals_the_definition_by_dilation() -> None:
    """As DAVIS's toolkit has it: each boundary against the other, dilated by a disk."""
    generator = np.random.default_rng(0)
    for size in ((60, 90), (240, 320)):
        masks = [ndimage.gaussian_filter(generator.standard_normal(size), 8) > 0 for _ in range(2)]
        reach = int(np.ceil(0.008 * np.linalg.norm(size)))
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        disk = y**2 + x**2 <= reach**2
        found, wanted = map(find_boundary, masks)
        precision = (found & ndimage.binary_dilation(wanted, disk)).sum() / found.sum()
        recall = (wanted & ndimage.binary_dilation(found, disk)).sum() / wanted.sum()
        assert measure_boundary(*masks) == pytest.approx(2 * precision * recall / (precision + recall))  # fmt: skip


def test_points_are_scored_as_worked_by_hand() -> None:
    """Three visible moments, found 0, 3 and 20 pixels off, the last called hidden; one hidden moment, called visible.

    Within 1 and 2 pixels: one of three, Jaccard 1 / (3 visible + 2 false); within 4, 8 and 16: two of three, 2 / (3 + 1).
    """
    points = FollowedPoints(
        np.zeros((4, 2)),
        np.array([True, True, True, False]),
        np.array([[0.0, 0], [3, 0], [0, 20], [0, 0]]),
        np.array([True, True, False, True]),
    )
    found = measure_points(points)
    assert found["delta_avg"] == pytest.approx((2 * 1 / 3 + 3 * 2 / 3) / 5)
    assert found["AJ"] == pytest.approx((2 * 1 / 5 + 3 * 2 / 4) / 5)
    assert found["OA"] == pytest.approx(2 / 4)
    at_bound = FollowedPoints(np.zeros((1, 2)), np.ones(1, bool), np.array([[0.0, 4.0]]), np.ones(1, bool))  # fmt: skip
    assert measure_points(at_bound)["delta_avg"] == pytest.approx(2 / 5), (
        "4 pixels are not within 4"
    )
    none = measure_points(FollowedPoints(np.zeros((0, 2)), np.zeros(0, bool), np.zeros((0, 2)), np.zeros(0, bool)))  # fmt: skip
    assert all(np.isnan(value) for value in none.values())


def test_the_cover_of_patches_is_the_mean_of_their_pixels() -> None:
    mask = np.zeros((6, 8), bool)
    mask[:3, :2] = True
    mask[3, 4] = True
    np.testing.assert_allclose(measure_cover(mask, (2, 2)), [[0.5, 0], [0, 1 / 12]], atol=1e-6)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    made = object_store(tmp_path_factory.mktemp("dense") / "store")
    made.close()
    return made.root


def test_an_object_that_moves_is_cut_out_and_followed_and_what_stays_in_place_is_not(root) -> None:
    done = json.loads(run_here("score", "--store", root, "--encoder", "objects", "--json", check=True).stdout)  # fmt: skip
    found = {row["measure"]: row for row in done["results"]}
    assert list(found) == ["J", "F", "J&F", "AJ", "delta_avg", "OA"]
    assert {row["videos"] for row in found.values()} == {VIDEOS}
    assert found["J"]["score"] > 0.7 and found["J"]["still"]["score"] < 0.3
    assert found["J&F"]["score"] == pytest.approx((found["J"]["score"] + found["F"]["score"]) / 2)
    for measure in ("AJ", "delta_avg", "OA"):
        assert found[measure]["score"] == pytest.approx(1)
    assert found["delta_avg"]["still"]["score"] == 0
    assert found["OA"]["still"]["score"] == pytest.approx((5 + 4 / 6) / 6), "one point is hidden in 2 of its 6 frames"  # fmt: skip
    run_here("score", "--store", root, "--encoder", "objects", "--objects", "3", check=True)
    store = Store(root)
    rows = store.rows("SELECT count(*) AS n, count(DISTINCT video_id) AS videos, min(settings) AS settings, sum((control = 'still')::INT) AS still FROM scores")  # fmt: skip
    assert rows[0]["n"] == VIDEOS * 6 * 2 and rows[0]["videos"] == VIDEOS and rows[0]["still"] == 36
    assert json.loads(rows[0]["settings"])["objects"] == 3, (
        "a run replaces the scores of its encoder"
    )
    counted = store.rows("SELECT task, min(frame_count) AS least, max(frame_count) AS most FROM scores GROUP BY task ORDER BY task")  # fmt: skip
    assert counted == [
        {
            "task": "segmentation",
            "least": 4,
            "most": 6,
        },  # no mask says that two frames show nothing
        {"task": "tracking", "least": 6, "most": 6},
    ]
    assert list(integrity.check(store)) == []
    (first, *_) = [
        row["video_id"] for row in store.rows("SELECT video_id FROM videos ORDER BY ALL")
    ]
    removal.remove(store, {"videos": [first]})
    assert store.rows("SELECT count(DISTINCT video_id) AS n FROM scores") == [{"n": VIDEOS - 1}]
    store.close()


def test_what_cannot_be_scored_is_a_sentence(tmp_path) -> None:
    bare = synthetic_store(tmp_path / "store", videos=2)
    with pytest.raises(ScoringError, match="has no masks and no points: import some with"):
        list(score_videos(bare, (), ScoringOptions()))
    with pytest.raises(ScoringError, match="has no points: import some"):
        list(score_videos(bare, (), ScoringOptions(task="tracking")))
    with pytest.raises(ScoringError, match="--task is flow: choose all, segmentation or tracking"):
        ScoringOptions(task="flow")
    bare.close()
