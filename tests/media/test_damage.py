"""Damage: a packet costs the windows over it, a destroyed stretch ends the file, and frames that FFmpeg marks are counted."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.conftest import shared
from tests.damaged import blot_packets, damage_packets, scratch
from tests.ingest.test_ingest import run
from tests.numbered import HEIGHT, LEFT, number_in, numbered_video
from tests.tiers import thin
from tests.videos import make_video
from tubelet.media import video
from tubelet.media.errors import VideoError
from tubelet.media.video import Timeline
from tubelet.store import Store

FRAMES = 120


def decode(path: Path) -> tuple[Timeline, list[int], VideoError | None]:
    """The timeline of a numbered video, the numbers that its frames show, and what broke it off."""
    timeline, numbers = Timeline(), []
    try:
        with video.open_video(path) as opened:
            for frame in opened.frames():
                timeline.add(frame)
                numbers.append(number_in(frame.pixels[:, LEFT : LEFT + HEIGHT]))
    except VideoError as error:
        return timeline, numbers, error
    return timeline, numbers, None


@pytest.mark.parametrize(
    ("codec", "suffix", "options"),
    [
        ("libx264", "mp4", {"bf": "2", "g": "30"}),
        ("libx265", "mp4", {"x265-params": "log-level=0:keyint=30"}),
        ("mpeg4", "avi", {"g": "30"}),
    ],
)
@pytest.mark.parametrize("damaged", thin([[20, 90], [33], [50, 51]]))
def test_what_decodes_after_damaged_packets_is_kept_and_the_gaps_are_known(
    codec, suffix, options, damaged, tmp_path
):
    path = damage_packets(
        numbered_video(tmp_path / f"film.{suffix}", FRAMES, codec, **options), damaged
    )
    timeline, numbers, error = decode(path)
    assert error is None and timeline.frames == len(numbers) >= FRAMES - 32
    jumps = [
        index for index, (before, after) in enumerate(pairwise(numbers), 1) if after != before + 1
    ]
    assert set(jumps[:1]) <= set(timeline.gaps) and 1 <= len(timeline.gaps) <= len(damaged) + 1
    if (
        codec != "mpeg4"
    ):  # whose decoder shows what it can after a loss, up to the next frame that stands alone
        assert set(jumps) <= set(timeline.gaps) and numbers == sorted(numbers)


def test_a_destroyed_stretch_ends_the_file_at_its_first_error(tmp_path):
    path = damage_packets(
        numbered_video(tmp_path / "film.mp4", FRAMES, bf="0", g="300"), range(40, 60)
    )
    timeline, numbers, error = decode(path)
    assert numbers == list(range(40)) and timeline.gaps == [] and error.first_frame == 40


@pytest.mark.parametrize("damaged", [118, 119])
def test_a_damaged_packet_at_the_end_costs_its_own_frame(damaged, tmp_path):
    path = damage_packets(numbered_video(tmp_path / "film.mp4", FRAMES, bf="2", g="30"), [damaged])
    timeline, numbers, error = decode(path)
    assert timeline.frames == FRAMES - 1 and (error is None or error.first_frame == FRAMES - 1)
    assert len(set(range(FRAMES)) - set(numbers)) == 1 and (timeline.gaps or error)


def test_damage_at_the_beginning_costs_what_depends_on_it(tmp_path):
    path = damage_packets(numbered_video(tmp_path / "film.mp4", FRAMES, bf="0", g="30"), [0])
    timeline, numbers, error = decode(path)
    assert (
        error is None
        and numbers[-1] == FRAMES - 1
        and timeline.frames >= 90
        and timeline.gaps[0] == 0
    )


@pytest.mark.long
def test_one_damaged_packet_of_300_costs_one_frame_and_the_window_over_it(tmp_path):
    path = shared("faults") / "one_bad_packet.mp4"
    summary = run([path], tmp_path / "store", frames=8, pairs="2")
    assert summary.exit_code == 1 and "frames are lost before frame 40" in summary.failures[0].error
    store = Store(tmp_path / "store")
    assert store.rows("SELECT frames, gaps FROM videos") == [{"frames": 299, "gaps": [40]}]
    assert store.rows("SELECT count(*) AS n FROM clips WHERE role = 'grid'") == [
        {"n": 37}
    ]  # 40 is where a window begins
    store.close()
    assert run([path], tmp_path / "store", frames=8, pairs="2").videos_decoded == 0
    other = run([path], tmp_path / "other", frames=16, pairs="0")
    assert other.clips == 17
    store = Store(tmp_path / "other")
    assert store.rows(
        "SELECT count(*) AS n FROM clips WHERE first_frame < 40 AND first_frame + frame_count > 40"
    ) == [{"n": 0}]
    store.close()
    assert run([path], tmp_path / "other", frames=16, pairs="0").videos_decoded == 0


def marked(path: Path) -> list[bool]:
    """Which frames FFmpeg marks, by a decoder without any of our code."""
    with av.open(str(path)) as container:
        return [frame.is_corrupt for frame in container.decode(video=0)]


def test_frames_that_ffmpeg_marks_are_counted(tmp_path):
    path = scratch(
        numbered_video(tmp_path / "film.mpg", FRAMES, "mpeg1video", g="12"), every=40_000
    )
    flags = marked(path)
    assert 0 < sum(flags) < len(flags) / 4
    summary = run([path], tmp_path / "store", frames=8)
    assert (summary.exit_code, summary.damaged_videos, summary.corrupt_frames) == (0, 1, sum(flags))
    assert any("damaged by what FFmpeg marks" in line for line in summary.lines())
    store = Store(tmp_path / "store")
    assert store.rows("SELECT corrupt_frames FROM videos") == [{"corrupt_frames": sum(flags)}]
    clips = store.rows("SELECT first_frame, corrupt_frames FROM clips ORDER BY first_frame")
    assert [clip["corrupt_frames"] for clip in clips] == [
        sum(flags[clip["first_frame"] : clip["first_frame"] + 8]) for clip in clips
    ]
    store.close()


def test_a_video_that_is_mostly_damaged_is_refused_and_nothing_of_it_is_kept(tmp_path):
    path = scratch(numbered_video(tmp_path / "film.mpg", FRAMES, "mpeg1video", g="12"), every=1_000)
    assert sum(marked(path)) > FRAMES / 4
    summary = run([path, make_video(tmp_path / "good.mp4")], tmp_path / "store")
    (failure,) = summary.failures
    assert failure.stage == "decode" and "frames as damaged, more than 25%" in failure.error
    store = Store(tmp_path / "store")
    assert store.rows("SELECT name, corrupt_frames FROM videos") == [
        {"name": "good.mp4", "corrupt_frames": 0}
    ]
    assert store.rows("SELECT count(*) AS n FROM clips c ANTI JOIN videos v USING (video_id)") == [
        {"n": 0}
    ]
    assert not list((tmp_path / "store").glob(f"embeddings/*/{failure.video_id}/*"))
    store.close()
    assert run([path], tmp_path / "store").videos_decoded == 0


def noise(seed: int) -> np.ndarray:
    """A picture of coarse noise, RGB."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 12, 3), np.uint8)
    return coarse.repeat(16, 0).repeat(16, 1)


def noise_video(path: Path, codec: str, **options: str) -> Path:
    """A video of 20 such pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height = 192, 128
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(noise(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("film.mkv", "ffv1", {"level": "3", "slicecrc": "1", "g": "1", "slices": "4"}),
        ("film.avi", "mjpeg", {}),
        ("film.mov", "mjpeg", {}),
    ],
)
def test_frames_that_ffmpeg_only_complains_about_are_counted(name, codec, options, tmp_path):
    """The decoder returns them unmarked and writes a line to its log: those are the frames whose pixels changed, and no others."""
    path = noise_video(tmp_path / name, codec, **options)
    with video.open_video(path) as opened:
        whole = [(frame.corrupt, frame.pixels) for frame in opened.frames()]
    assert not any(corrupt for corrupt, _ in whole)
    blot_packets(path, damaged := [3, 11, 19])
    assert not any(marked(path))
    timeline = Timeline()
    with video.open_video(path) as opened:
        for frame, (_, pixels) in zip(opened.frames(), whole, strict=True):
            timeline.add(frame)
            assert frame.corrupt == (frame.pixels != pixels).any() == (frame.index in damaged)
    assert (timeline.corrupt, timeline.marked, timeline.gaps) == (len(damaged), 0, [])


def test_ffv1_without_checksums_has_none_that_could_be_wrong(tmp_path):
    path = noise_video(tmp_path / "film.mkv", "ffv1", level="3", slicecrc="0", g="1")
    blot_packets(path, [3])
    with video.open_video(path) as opened:
        assert not any(frame.corrupt for frame in opened.frames())


def test_a_damaged_picture_of_a_folder_is_counted(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(6):
        Image.fromarray(noise(number)).save(folder / f"{number:04}.jpg")
    bad = folder / "0003.jpg"
    data = bad.read_bytes()
    bad.write_bytes(data[: len(data) // 2] + bytes(200) + data[len(data) // 2 + 200 :])
    with video.open_source(folder, frame_rate=25.0) as opened:
        assert [frame.corrupt for frame in opened.frames()] == [False] * 3 + [True] + [False] * 2
