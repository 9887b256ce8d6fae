"""Windows are arithmetic: checked against a list written out by hand and against every small case."""

import pytest

from tubelet.ingest.errors import UsageError
from tubelet.ingest.windows import Window, Windowing


def firsts(windowing, total):
    return [(w.first, w.frames) for w in windowing.windows(total)]


def test_windows_of_a_short_video_by_hand():
    windowing = Windowing(frames=4, step=2, hop=8, tubelet=2)
    assert firsts(windowing, 18) == [(0, 4), (8, 4)]
    assert list(windowing.windows(18)[1].indices) == [8, 10, 12, 14]
    assert windowing.partial(18) is None  # one frame is left: less than a tubelet
    assert windowing.partial(20) == Window(16, 2, 2)
    assert windowing.count_unused(18) == 3


def test_the_tail_is_a_shorter_window_of_whole_tubelets():
    assert firsts(Windowing(frames=4, step=1, hop=4, tubelet=2, tail=True), 11) == [
        (0, 4),
        (4, 4),
        (8, 2),
    ]
    assert firsts(Windowing(frames=4, step=1, hop=4, tubelet=2, tail=True), 9) == [(0, 4), (4, 4)]
    assert firsts(Windowing(frames=4, step=1, hop=4, tubelet=2, tail=True), 3) == [(0, 2)]


def test_a_video_of_one_frame_is_an_image():
    assert firsts(Windowing(frames=16, step=1, hop=16, tubelet=2, tail=True), 1) == [(0, 1)]
    assert firsts(Windowing(frames=16, step=1, hop=16, tubelet=2), 1) == []
    assert firsts(Windowing(frames=1, step=1, hop=1, tubelet=2), 3) == [(0, 1), (1, 1), (2, 1)]


def test_overlapping_windows_leave_no_tail_that_shows_nothing_new():
    windowing = Windowing(frames=8, step=1, hop=2, tubelet=2, tail=True)
    assert firsts(windowing, 12) == [(0, 8), (2, 8), (4, 8)]
    assert firsts(windowing, 13) == [
        (0, 8),
        (2, 8),
        (4, 8),
    ]  # the window from 6 on would end at 12: six whole frames
    assert windowing.windows(14)[-1].stop == 14


@pytest.mark.parametrize(
    "frames,step,hop", [(2, 1, 1), (4, 1, 4), (4, 3, 5), (6, 2, 3), (16, 4, 64)]
)
@pytest.mark.parametrize("tail", [False, True])
def test_every_window_lies_inside_the_video_and_whole_ones_start_every_hop(frames, step, hop, tail):
    windowing = Windowing(frames=frames, step=step, hop=hop, tubelet=2, tail=tail)
    for total in range(80):
        windows = windowing.windows(total)
        assert all(w.indices[-1] < total and len(w.indices) == w.frames for w in windows)
        assert [w.first for w in windows] == [k * hop for k in range(len(windows))]
        assert sum(w.frames == frames for w in windows) >= windowing.whole(total)
        expected = len([k for k in range(total) if k * hop + (frames - 1) * step < total])
        assert windowing.whole(total) == expected


@pytest.mark.parametrize(
    "values,words",
    [
        ((15, 1, 16), "multiple of the encoder's tubelet"),
        ((0, 1, 1), "--frames"),
        ((4, 0, 1), "--step"),
        ((4, 1, 0), "--stride"),
    ],
)
def test_impossible_windows_are_refused_with_what_to_use(values, words):
    with pytest.raises(UsageError, match=words):
        frames, step, hop = values
        Windowing(frames=frames, step=step, hop=hop, tubelet=2)


@pytest.mark.parametrize(
    "total,step,fitting", [(20, 1, 20), (7, 1, 6), (7, 2, 4), (1, 1, 1), (3, 4, 1)]
)
def test_a_video_that_is_too_short_is_told_frames_that_fit(total, step, fitting):
    error = Windowing(frames=64, step=step, hop=64, tubelet=2).too_short(total)
    fewer = " or fewer" if fitting > 1 else ""
    assert f"use --frames {fitting}{fewer}, or --tail" in str(error) and (
        error.stage,
        error.first_frame,
    ) == (
        "window",
        0,
    )
    assert Windowing(frames=fitting, step=step, hop=64, tubelet=2).windows(total)


def test_encoders_without_an_image_path_have_no_window_of_one_frame():
    with pytest.raises(
        UsageError, match="--frames 1 is not a multiple of the encoder's tubelet of 2 frames: use 2"
    ):
        Windowing(frames=1, step=1, hop=1, tubelet=2, images=False)
    windowing = Windowing(frames=4, step=1, hop=4, tubelet=2, tail=True, images=False)
    assert windowing.windows(1) == [] and windowing.windows(3) == [Window(0, 2, 1)]
    assert "an encoder of single frames" in str(windowing.too_short(1))
