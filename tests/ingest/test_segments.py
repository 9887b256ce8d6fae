"""Segments: named stretches in place of the grid, in ids, plan and resume; what is wrong with a file of them is said with its line."""

from pathlib import Path

import pytest

from tests.videos import make_folder
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.segments import SegmentWindowing
from tubelet.ingest.sources import Segment
from tubelet.ingest.windows import Windowing
from tubelet.store import Store

FILE = """video,name,start,stop
video_000.mp4,pour,0.5,2.0
video_000.mp4,stir,1.0,2.5
video_001.mp4,pour,0,1
elsewhere.mp4,pour,0,1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_folder(tmp_path_factory.mktemp("segments") / "in", 3, frames=75)  # 3 s


def job(folder: Path, text: str, **asked) -> Job:
    path = folder.parent / "segments.csv"
    path.write_text(text)
    given = {"frames": 4, "fps": 4.0, "size": "96", "segments": path} | asked
    return Job.of(paths=[str(folder)], encoder="toy", device="cpu", **given)


def windows(segments: list[Segment], **asked) -> list[tuple]:
    windowing = Windowing(frames=4, step=1, hop=4, tubelet=2, rate=4.0, **asked)
    found = SegmentWindowing.of(windowing, tuple(segments)).windows(12)
    return [(w.first, w.frames, w.segment) for w in found]


def test_windows_lie_inside_their_segments():
    assert windows([Segment("a", 0.5, 2.5)]) == [(2, 4, "a"), (6, 4, "a")]
    assert windows([Segment("a", 0.5, 2.4)], tail=True) == [(2, 4, "a"), (6, 4, "a")]
    assert windows([Segment("a", 0.5, 2.0)], tail=True) == [(2, 4, "a"), (6, 2, "a")]
    assert windows([Segment("b", 1, 2), Segment("a", 0.9, 2.1)]) == [(4, 4, "b")]
    assert (
        windows([Segment("a", 2, 3.5)]) == [(8, 4, "a")] and windows([Segment("a", 2.5, 9)]) == []
    )


def test_a_window_that_overlapping_segments_share_is_encoded_once_and_neither_is_too_short():
    shared = [Segment("b", 1, 2), Segment("a", 0.9, 2.1)]
    assert windows(shared) == [(4, 4, "b")]
    assert windows([Segment("a", 0, 2), Segment("b", 1, 3)]) == [(0, 4, "a"), (4, 4, "a"), (8, 4, "b")]  # fmt: skip
    for segments, short in ((shared, []), ([*shared, Segment("c", 1, 1.5)], ["segment 'c' (1 to 1.5 s) is too short"])):  # fmt: skip
        faults = SegmentWindowing.of(
            Windowing(frames=4, step=1, hop=4, tubelet=2, rate=4.0), tuple(segments)
        ).faults(12)
        assert [str(fault).partition(":")[0] for fault in faults] == short


@pytest.mark.parametrize("start, stop", [(0, 1e9), (0, 1e300), (1e300, 1e308)])
@pytest.mark.parametrize("tail", [False, True])
def test_a_stretch_that_never_ends_costs_no_more_than_its_video(start, stop, tail):
    endless = [Segment("a", start, stop), Segment("b", 1, 2)]
    found = windows(endless, tail=tail)
    assert found == ([(0, 4, "a"), (4, 4, "a"), (8, 4, "a")] if not start else [(4, 4, "b")])
    windowing = SegmentWindowing.of(
        Windowing(frames=4, step=1, hop=4, tubelet=2, rate=4.0, tail=tail), tuple(endless)
    )
    assert "ends after the video" in str(windowing.faults(12)[0])


def test_named_stretches_are_encoded_in_place_of_the_grid(folder, tmp_path):
    asked = job(folder, FILE, tail=True)
    assert [(Path(one.path).name, one.reason) for one in asked.skipped] == [
        ("video_002.mp4", "no segment names it"),
        ("elsewhere.mp4", "segments.csv names it, and it is not here"),
    ]
    assert asked.plan().clips == 5
    summary = asked.run(str(tmp_path / "store")).execute(asked.sources)
    assert not summary.failures
    store = Store(tmp_path / "store")
    sql = "SELECT v.name, segment, first_frame, frame_count FROM clips JOIN videos v USING (video_id) ORDER BY ALL"
    found = [tuple(row.values()) for row in store.rows(sql)]
    assert found == [
        ("video_000.mp4", "pour", 12, 4), ("video_000.mp4", "pour", 37, 2),
        ("video_000.mp4", "stir", 25, 4), ("video_000.mp4", "stir", 50, 2),
        ("video_001.mp4", "pour", 0, 4),
    ]  # fmt: skip
    assert store.rows("SELECT count(*) AS n FROM pairs")[0]["n"] == 0
    store.close()
    again = asked.run(str(tmp_path / "store")).execute(asked.sources)
    assert (again.clips, again.clips_kept, again.videos_decoded) == (0, 5, 0)


def test_segments_without_a_window_are_failures_beside_good_ones(folder, tmp_path):
    text = "video,name,start,stop\nvideo_000.mp4,late,2,9\nvideo_000.mp4,brief,0.5,1\nvideo_000.mp4,good,1,2\n"
    asked = job(folder, text)
    summary = asked.run(str(tmp_path / "store")).execute(asked.sources)
    assert summary.clips == 2  # one of them in the part of `late` that there is
    errors = [failure.error for failure in summary.failures]
    assert errors[0] == "segment 'late' (2 to 9 s) ends after the video, which is 3.00 s long"
    assert errors[1].startswith(
        "segment 'brief' (0.5 to 1 s) is too short: a window of 4 frames at 4 fps lasts 1.00 s"
    )


@pytest.mark.parametrize(
    ("text", "asked", "why"),
    [
        (FILE, {"fps": None}, "--segments needs --fps"),
        (FILE, {"pairs": "1"}, "--segments measures no pairs of windows"),
        ("video,name,start,stop\nx.mp4,a,0,1\n", {}, "names none of these videos, but 'x.mp4'"),
        ("video,name,start,stop\n\nvideo_000.mp4,a,2,1\n", {}, "line 3: start and stop do not enclose a stretch of time"),
        ("video,name,start,stop\nvideo_000.mp4,a,soon,1\n", {}, "line 2: start is 'soon', not a number"),
        ("video,name\nvideo_000.mp4,a\n", {}, "needs the columns `video`, `name`, `start` and `stop`"),
        ("video,name,start,stop\nvideo_000.mp4,,0,1\n", {}, "line 2: the video or the name is empty"),
    ],
)  # fmt: skip
def test_a_bad_file_of_segments_is_refused(folder, text, asked, why):
    with pytest.raises(UsageError, match=why):
        job(folder, text, **asked)
