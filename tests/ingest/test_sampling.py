"""Sampling by time: one scene at several frame rates gives windows of the same moments, read from the pixels; ids, pairs, plan and resume follow the frames."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tubelet.ingest.job import Job
from tubelet.ingest.pipeline.decoding import Decoding, WantedClips
from tubelet.ingest.sampling import sample_times, spacing
from tubelet.media.overlay import number_slice
from tubelet.media.sources import steady
from tubelet.media.video import open_video
from tubelet.store import Store
from tubelet.store.rows import ClipRow, list_fed_frames

SIDE, SECONDS, FPS = 96, 3.0, 4
RATES = {"15": Fraction(15), "24": Fraction(24), "29.97": Fraction(30000, 1001), "50": Fraction(50), "60": Fraction(60)}  # fmt: skip


def clock(path: Path, times: list[Fraction]) -> Path:
    """A video whose frames show when they are shown: the share of white on a black picture is the share of `SECONDS`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1000, options={"crf": "0", "preset": "ultrafast", "threads": "1"})  # fmt: skip
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        stream.codec_context.time_base = base = Fraction(1, 120_000)
        for time in times:
            edge = float(time) / SECONDS * SIDE
            row = np.clip(edge - np.arange(SIDE), 0, 1) * 255
            pixels = np.repeat(np.tile(row, (SIDE, 1))[..., None], 3, 2).round().astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = round(time / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> dict[str, Path]:
    """The scene at every rate, and at a rate that varies from frame to frame."""
    folder = tmp_path_factory.mktemp("clocks")
    made = {
        name: clock(
            folder / f"{name}.mp4", [number / rate for number in range(int(SECONDS * rate))]
        )
        for name, rate in RATES.items()
    }
    steps = np.random.RandomState(2).choice([15, 30, 45, 70], 90)
    varying = [Fraction(int(ms), 1000) for ms in np.cumsum(steps) - steps[0] if ms < 2900]
    return made | {"varying": clock(folder / "varying.mp4", varying)}


def job(path: Path, **asked) -> Job:
    return Job.of(paths=[str(path)], encoder="toy", size=str(SIDE), device="cpu", **({"frames": 4, "pairs": "0", "fps": FPS} | asked))  # fmt: skip


def windows(path: Path) -> list[np.ndarray]:
    """The moments that each window shows, in s, read from its pixels."""
    recipe = job(path).recipe
    with open_video(path) as video:
        decoding = Decoding(recipe, video, job(path).sources[0], "0" * 16, WantedClips())
        clips = [*decoding.clips(), *decoding.tail()]
    return [clip.pixels.float().mean((1, 2, 3)).numpy() / 255 * SECONDS for clip in clips]


@pytest.mark.parametrize("name", [*RATES, "varying"])
def test_windows_of_every_rate_show_the_same_moments_within_half_a_frame(videos, name):
    found = windows(videos[name])
    half = 0.5 * float(1 / RATES[name]) if name in RATES else 0.035
    assert len(found) == 3 if name != "varying" else len(found) >= 2
    for number, moments in enumerate(found):
        wanted = (4 * number + np.arange(4)) / FPS
        assert np.abs(moments - wanted).max() <= half + 0.002, moments - wanted


def test_the_nearest_frame_counts_and_of_two_the_earlier():
    assert sample_times([0, 0.1, 0.2, 0.3, 0.4, 0.5], 4, 10).numbers == [0, 2, 5]
    assert sample_times([0, 0.2, 0.1, 0.3, 0.5, 0.7], 4, 5).numbers == [
        0,
        1,
        4,
        5,
    ]  # one runs backwards
    assert sample_times([0, 1.0, 2.0], 2, 1).numbers == [0, 0, 1, 1, 2, 2]  # shown for long
    assert sample_times([0, 0.25, 0.5, 0.75], 4, 4, gaps=[2]).gaps == (2,)
    assert sample_times([n / 8 for n in range(9)], 4, 8, gaps=[3]).gaps == (2,)
    assert list(sample_times([0, 1, 2], None, 1, gaps=[1]).numbers) == [0, 1, 2]
    assert (spacing([3, 5, 7]), spacing([3, 5, 8]), spacing([3, 3]), spacing([4])) == (
        2,
        None,
        None,
        1,
    )


@pytest.fixture(scope="module")
def ingested(videos, tmp_path_factory) -> Store:
    root = tmp_path_factory.mktemp("sampled") / "store"
    for name in ("24", "29.97"):
        asked = job(videos[name], pairs="all", hop=2)
        assert not asked.run(str(root)).execute(asked.sources).failures
    store = Store(root)
    yield store
    store.close()


def clips(store: Store, name: str) -> list[ClipRow]:
    sql = "SELECT c.* FROM clips c JOIN videos v USING (video_id) WHERE v.name = ? AND sample_fps = ? ORDER BY first_frame"
    return [ClipRow.of(row) for row in store.rows(sql, [name, FPS])]


def test_rows_say_which_frames_were_fed(ingested):
    assert [list(list_fed_frames(clip)) for clip in clips(ingested, "24.mp4")][:2] == [
        [0, 6, 12, 18],
        [12, 18, 24, 30],
    ]
    assert all(
        clip.frame_numbers is None and clip.sample_fps == FPS for clip in clips(ingested, "24.mp4")
    )
    first, second = clips(ingested, "29.97.mp4")[:2]
    assert (first.frame_numbers, second.frame_numbers) == ([0, 7, 15, 22], [15, 22, 30, 37])
    assert (first.step, first.first_frame, second.first_frame) == (7, 0, 15)


def test_frames_that_are_equally_far_apart_have_the_id_that_step_gives_them(ingested, videos):
    plain = job(videos["24"], fps=None, step=6, hop=12)
    summary = plain.run(str(ingested.root)).execute(plain.sources)
    assert (summary.clips, summary.clips_kept, summary.videos_decoded) == (
        0,
        len(clips(ingested, "24.mp4")),
        0,
    )


def test_a_rerun_decodes_nothing_and_another_rate_makes_other_clips(ingested, videos):
    again = job(videos["29.97"], pairs="all", hop=2)
    summary = again.run(str(ingested.root)).execute(again.sources)
    held = len(clips(ingested, "29.97.mp4"))
    assert (summary.clips, summary.clips_kept, summary.videos_decoded) == (0, held, 0)
    other = job(videos["29.97"], fps=3)
    assert other.run(str(ingested.root)).execute(other.sources).clips == 2


def test_shared_slices_of_pairs_are_the_same_frames(ingested):
    (level,) = ingested.rows(
        "SELECT max(shared_slices) AS slices, count(DISTINCT video_id) AS videos FROM pairs WHERE kind = 'shifted'"
    )
    assert (level["slices"], level["videos"]) == (1, 2)
    (row,) = ingested.rows(
        "SELECT max(abs(mean_abs)) AS most FROM sensitivity JOIN pairs USING (pair_id) WHERE kind = 'shifted'"
    )
    assert row["most"] < 1e-6  # the toy encoder sees each slice alone


@pytest.mark.long
@pytest.mark.parametrize("name", ["24", "29.97", "60"])
def test_the_plan_counts_the_clips_of_a_run(videos, name, tmp_path):
    asked = job(videos[name], hop=2)
    run = asked.run(str(tmp_path / "store")).execute(asked.sources)
    assert asked.plan().clips == run.clips


def test_a_video_too_short_at_this_rate_says_so(videos, tmp_path):
    asked = job(videos["15"], frames=16)
    (failure,) = asked.run(str(tmp_path / "store")).execute(asked.sources).failures
    assert (
        "too short with 12 frames at 4 fps: a window of 16 frames, 1 apart, needs 16"
        in failure.error
    )


def test_a_frame_belongs_to_the_slice_whose_frames_it_follows(ingested):
    first = clips(ingested, "29.97.mp4")[0]
    assert [number_slice(first, frame) for frame in (0, 7, 14, 15, 22, 29)] == [0, 0, 0, 1, 1, 1]
    assert not steady(first, 29.97) and steady(clips(ingested, "24.mp4")[0], 24.0)
