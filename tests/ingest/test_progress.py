"""Progress: an estimate that headers begin and decoded videos correct."""

import io
import re
import sys

import pytest

from tubelet.ingest.folders import Skipped
from tubelet.ingest.pipeline.messages import Failure
from tubelet.ingest.pipeline.progress import Progress, duration, shorten
from tubelet.ingest.pipeline.summary import Summary
from tubelet.store import backfill
from tubelet.store.pairs import stored
from tubelet.store.wording import count


def test_the_estimate_follows_the_headers_then_what_was_decoded():
    progress = Progress(3, quiet=True)
    assert progress.expected_clips == 0
    progress.clip("a", tokens=100, of=10)
    assert progress.expected_clips == 30  # ten in this video, and two more like it
    progress.clip("a", tokens=100, of=10)
    progress.video("a", failures=1)  # the header lied: two clips
    assert progress.expected_clips == 6
    progress.clip("b", tokens=100, of=4)
    assert progress.expected_clips == 9  # two, four, and their average
    for _ in range(5):
        progress.clip("b", tokens=100, of=4)
    assert (
        progress.expected_clips == 12
    )  # more than promised: eight so far, and one more video of the average
    progress.video("b", failures=0)
    progress.video("c", failures=0)
    assert (progress.expected_clips, progress.clips, progress.tokens, progress.failures) == (
        8,
        8,
        800,
        1,
    )


def test_a_run_that_encodes_nothing_expects_nothing():
    progress = Progress(5, quiet=True)
    for number in range(5):
        progress.video(number, failures=0)
    assert progress.expected_clips == 0


def test_videos_that_are_read_at_the_same_time_are_estimated_each():
    progress = Progress(4, quiet=True)
    progress.clip("a", tokens=1, of=3)
    progress.clip("b", tokens=1, of=5)
    assert progress.expected_clips == 16  # three and five, and two more of the average
    progress.video("a", failures=0)
    assert progress.expected_clips == 12  # one and five


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_is_steady_where_clips_come_in_batches():
    clock = Clock()
    progress = Progress(1, quiet=True, clock=clock)
    assert progress.seconds_left is None
    for batch in range(1, 100):
        clock.now += 8  # eight clips at once every eight seconds: one per second
        for _ in range(8):
            progress.clip("a", tokens=100, of=800)
        if batch > 3:
            assert progress.seconds_left == pytest.approx(800 - 8 * batch, rel=0.15)
    for _ in range(20):  # half as fast from here on
        clock.now += 16
        progress.clip("a", tokens=100, of=840)
    assert progress.seconds_left > 100


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_whole_at_80_columns(monkeypatch):
    terminal, clock = Terminal(), Clock()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    progress = Progress(12_345, clock=clock)
    for number in range(3):
        clock.now += 100
        progress.clip(number, tokens=10**8, of=3)
        progress.video(number, failures=41)
    progress._bar.refresh()
    progress.close()
    line = terminal.getvalue().replace("\n", "\r").split("\r")[-2].rstrip()
    assert (
        len(line) <= 80
        and line.endswith("1.0M tok/s")
        and "h left" in line
        and "3/12,345 videos" in line
        and "123 failed" in line
    ), line


def test_durations_and_rates_are_short():
    assert [duration(seconds) for seconds in (1, 44, 89, 91, 3000, 7200)] == [
        "10 s",
        "40 s",
        "90 s",
        "2 min",
        "50 min",
        "2.0 h",
    ]
    assert [shorten(number) for number in (12, 1234, 123_456, 7_654_321)] == [
        "12",
        "1.2k",
        "123k",
        "7.7M",
    ]


def test_the_summary_counts_each_video_once():
    failures = [
        Failure(
            path="a.mp4", video_id=None, encoder_id="e", stage="open", error="no", first_frame=None
        ),
        Failure(
            path="b.mp4",
            video_id=None,
            encoder_id="e",
            stage="decode",
            error="no",
            first_frame=None,
        ),
        Failure(
            path="b.mp4",
            video_id=None,
            encoder_id="e",
            stage="decode",
            error="no",
            first_frame=None,
        ),
    ]
    summary = Summary(
        store="store",
        encoder_id="e",
        videos=10,
        videos_decoded=5,
        videos_unchanged=3,
        duplicates=1,
        videos_failed=1,
        videos_partly=1,
        failures=failures,
    )
    summary.seconds = dict.fromkeys(("wall", "decode", "encode", "write", "wait"), 1.0)
    assert (
        summary.lines()[0]
        == "10 videos: 4 encoded, 3 already stored, 1 duplicate of another, 1 failed, 1 failed after some of their clips"
    )


ONES_MANY = re.compile(
    r"\b1 (?:\w+ )?(?:clips|tokens|videos|frames|windows|pairs|files|paths|ones)\b(?!/)|\b1 \w+ (?:are|were|have)\b"
)


def test_one_of_a_thing_is_called_one():
    ones = dict.fromkeys(("videos", "videos_decoded", "clips", "tokens", "dropped_windows", "dropped_frames", "pairs", "partner_clips", "again", "pairless", "damaged_videos", "corrupt_frames", "hdr_videos"), 1)  # fmt: skip
    summary = Summary(store="s", encoder_id="e", pair_frames=9, **ones)
    summary.seconds = dict.fromkeys(("wall", "decode", "encode", "write", "wait"), 1.0)
    summary.skipped = [Skipped("a.txt", "an ending")]
    told = "\n".join(summary.lines())
    assert not ONES_MANY.search(told), told
    assert "1 video is HDR and was taken" in told and "1 clip encoded (1 token" in told
    for outcome in (
        backfill.BackfillOutcome(computed=1, undefined=1, bare=1),
        stored.PairsOutcome(measured=1, kept=1),
    ):
        assert not ONES_MANY.search("\n".join(outcome.lines())), outcome.lines()
    assert [count(n, "clip has", "clips have") for n in (0, 1, 2_000)] == [
        "0 clips have",
        "1 clip has",
        "2,000 clips have",
    ]
