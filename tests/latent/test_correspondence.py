"""The same place in two pictures of one moment, by hand: other grids, other crops, other windows."""

from dataclasses import replace

import numpy as np
import pytest

from tests.plain_rows import clip_row, video_row
from tubelet.latent.correspondence import (
    FollowedPlace,
    View,
    carry_marks,
    compare_tracks,
    find_moment,
)
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.null_similarity import Level
from tubelet.latent.tracking import Track
from tubelet.store.rows import TimelineRow


def view(clip_id: str, grid: int, slices: int, spans: list[tuple[float, float]]) -> View:
    """A video of 100 x 200 pixels, seen in its middle square on a grid of so many patches per side."""
    video = video_row(height=100, width=200)
    row = clip_row(
        clip_id=f"{clip_id}0", grid_height=grid, grid_width=grid, slices=slices, crop_height=100,
        crop_width=100, geometry="crop",
    )  # fmt: skip
    windows = [
        TimelineRow.of({**row.columns, "clip_id": f"{clip_id}{n}", "start_s": start, "stop_s": stop, "embedded": True})
        for n, (start, stop) in enumerate(spans)
    ]  # fmt: skip
    return View(video, row, windows)


def test_a_patch_is_carried_by_its_middle_in_time_and_on_the_frame() -> None:
    fine, coarse = view("a", 8, 8, [(0, 1), (1, 2)]), view("b", 2, 2, [(0, 1), (1, 2)])
    marked = MarkedPatches("a1", ((4, 0, 7), (4, 3, 3)))
    assert carry_marks(marked, fine, coarse) == MarkedPatches("b1", ((1, 0, 1), (1, 0, 0)))
    back = carry_marks(MarkedPatches("b0", ((0, 1, 1),)), coarse, fine)
    assert back == MarkedPatches("a0", ((2, 6, 6),))
    assert carry_marks(MarkedPatches("a0", ((0, 0, 0), (1, 0, 1))), fine, coarse).patches == ((0, 0, 0),), "two patches within one are one"  # fmt: skip


def test_the_whole_frame_holds_places_that_a_crop_does_not() -> None:
    middle = view("a", 4, 4, [(0, 1)])
    whole = view("c", 4, 4, [(0, 1)])
    whole = View(whole.video, replace(whole.clip, geometry="fit"), whole.windows)
    assert carry_marks(MarkedPatches("a0", ((0, 0, 0),)), middle, whole).patches == ((0, 0, 1),)
    assert carry_marks(MarkedPatches("c0", ((0, 0, 0),)), whole, middle) == MarkedPatches()
    assert carry_marks(MarkedPatches("c0", ((0, 2, 2),)), whole, middle).patches == ((0, 2, 3),)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, ("d0", 0)),
        (0.6, ("d0", 2)),
        (0.99, ("d1", 0)),
        (1.2, ("d1", 1)),
        (1.7, ("d2", 0)),
        (9.0, None),
    ],
)
def test_of_overlapping_windows_the_nearest_middle_tells_a_moment(seconds: float, expected) -> None:
    overlapping = view("d", 4, 4, [(0, 1), (0.75, 1.75), (1.5, 2.5)])
    assert find_moment(overlapping, seconds) == expected


def test_marks_of_no_window_have_no_counterpart() -> None:
    one = view("a", 4, 4, [(0, 1)])
    assert carry_marks(MarkedPatches("ff", ((0, 0, 0),)), one, one) == MarkedPatches()
    assert carry_marks(MarkedPatches(), one, one) == MarkedPatches()
    later = view("b", 4, 4, [(5, 6)])
    assert carry_marks(MarkedPatches("a0", ((0, 0, 0),)), one, later) == MarkedPatches()


def follow(seen: View, places: list[tuple[int, int]], lost: tuple[int, ...] = ()) -> FollowedPlace:
    """A track of the first window whose best patches are these."""
    y, x = np.array(places, np.int16).T
    count, gone = len(places), np.isin(np.arange(len(places)), lost)
    ones = np.ones(count, np.float32)
    grid = seen.clip.grid_height, seen.clip.grid_width
    track = Track(
        clip_id=seen.clip.clip_id, heat=np.zeros((count, *grid), np.float32), y=y, x=x, score=ones, margin=ones,
        returned=~gone, lost=gone, measured=Level(value=0.5, exceeded=0.05, low=0.4, high=0.6, slices=10, videos=3),
    )  # fmt: skip
    return FollowedPlace(track, seen.windows[0], seen)


def test_two_tracks_are_compared_where_both_find_the_place_at_the_same_time() -> None:
    """Two slices of the fine one lie in one of the coarse one; a coarse patch's middle is half a fine patch (6.25 pixels) from that of a fine one in it."""
    fine, coarse = view("a", 8, 4, [(0, 1)]), view("b", 4, 2, [(0, 1)])
    near = follow(fine, [(0, 0), (1, 1), (4, 4), (7, 7)], lost=(1,))
    far = follow(coarse, [(0, 0), (2, 2)])
    half = 6.25 * np.sqrt(2) / np.hypot(100, 200)
    wanted = [half, half, half + np.sqrt(2) * 25 / np.hypot(100, 200)]
    assert compare_tracks(near, far) == pytest.approx(wanted)
    assert compare_tracks(near, follow(coarse, [(0, 0), (2, 2)], lost=(0, 1))) == []
    later = FollowedPlace(far.track, view("b", 4, 2, [(2, 3)]).windows[0], far.view)
    assert compare_tracks(near, later) == []
