"""Frames that a demuxer passes over without an error: known by a jump in time and bytes that no packet accounts for, never by one of them alone."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.media.test_damage import decode
from tests.numbered import HEIGHT, WIDTH, numbered_frame, numbered_video
from tests.tiers import thin
from tubelet.media import video
from tubelet.media.container_bytes import read_declared_size
from tubelet.media.demuxing import read_packets

FRAMES = 120
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
CLUSTER = b"\x1f\x43\xb6\x75"


def positions(path: Path) -> list[int]:
    """Where the packets of the video begin."""
    with av.open(str(path)) as container:
        return [packet.pos for packet in container.demux(video=0) if packet.size]


def overwrite(path: Path, start: int, size: int) -> Path:
    data = bytearray(path.read_bytes())
    data[start : start + size] = bytes(size)
    path.write_bytes(data)
    return path


def write_frames(path: Path, times: Iterable[int], **options: str) -> Path:
    """Numbered frames at multiples of 1/25 s."""
    with av.open(str(path), "w", options=options) as container:
        codec = "mpeg4" if path.suffix == ".avi" else "libx264"
        stream = container.add_stream(
            codec, rate=25, options={"g": "25", "bf": "0", "sc_threshold": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number), format="rgb24")
            frame.pts = time
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("codec", "suffix", "share"),
    thin(
        [
            ("libx264", "mkv", 0),
            ("libx264", "mkv", 0.1),
            ("libx264", "flv", 0),
            ("libx264", "ts", 0),
            ("mpeg2video", "mpg", 0),
            ("mpeg4", "avi", 0),
            ("mpeg4", "avi", 0.1),
        ],
        3,
        spread=True,
    ),
)
def test_where_headers_of_packets_are_damaged_the_gap_is_known(codec, suffix, share, tmp_path):
    options = {"bf": "2"} if codec == "libx264" else {}
    path = numbered_video(tmp_path / f"film.{suffix}", FRAMES, codec, g="30", **options)
    overwrite(path, positions(path)[50] - 12, max(16, int(share * path.stat().st_size)))
    timeline, numbers, error = decode(path)
    assert error is None and len(numbers) < FRAMES and numbers[-1] == FRAMES - 1
    assert timeline.gaps and all(46 <= gap <= 54 for gap in timeline.gaps), timeline.gaps


def test_a_lost_cluster_of_matroska_and_a_lost_fragment_of_mp4_are_gaps(tmp_path):
    path = numbered_video(tmp_path / "film.mkv", FRAMES, g="30", bf="2")
    second = path.read_bytes().find(CLUSTER, path.read_bytes().find(CLUSTER) + 4)
    timeline, numbers, error = decode(overwrite(path, second, 4))
    assert error is None and len(timeline.gaps) == 1
    assert numbers[timeline.gaps[0]] > numbers[timeline.gaps[0] - 1] + 20

    path = write_frames(tmp_path / "film.mp4", range(FRAMES), **FRAGMENTS)
    fragment = path.read_bytes().find(b"moof", path.read_bytes().find(b"moof") + 4)
    timeline, numbers, error = decode(overwrite(path, fragment, 4))
    assert error is None and timeline.gaps == [25] and numbers[24:26] == [24, 50]


@pytest.mark.parametrize("name", ["film.mkv", "film.flv", "film.avi", "film.mp4", "film.ts"])
def test_a_rate_that_varies_is_no_damage(name, tmp_path):
    """In AVI empty chunks, and in MP4 the headers of fragments, lie where the time jumps."""
    times = [time for time in range(200) if time % 50 < 25 and time % 7 not in (3, 4)]
    path = write_frames(tmp_path / name, times, **(FRAGMENTS if name.endswith("mp4") else {}))
    timeline, numbers, error = decode(path)
    steps = [round(25 * (later - time)) for time, later in pairwise(timeline.times_s)]
    assert error is None and timeline.gaps == [] and numbers == list(range(len(times)))
    assert max(steps) >= 25, "the time jumps"


def test_where_the_demuxer_stops_early_the_file_ends_with_a_reason(tmp_path):
    """All of one cluster, so that it finds no other to go on with."""
    path = numbered_video(tmp_path / "film.mkv", FRAMES, g="300", bf="0", sc_threshold="0")
    whole = path.read_bytes()
    _, numbers, error = decode(overwrite(path, positions(path)[50] - 12, 16))
    assert numbers == list(range(len(numbers))) and 40 < len(numbers) < 60
    assert error.first_frame == len(numbers) and "bytes of the file cannot be read" in str(error)
    path.write_bytes(whole[: len(whole) // 2])
    _, numbers, error = decode(path)
    assert 40 < len(numbers) < 80 and "the file is cut off: " in str(error)
    assert f"{len(whole) // 2:,} of {len(whole):,} bytes" in str(error)


def test_pages_of_ogg_that_are_lost_leave_no_jump_in_time_and_are_a_gap(tmp_path):
    """Its demuxer numbers the frames of the last page as if they came next: 55 of 120 were lost without a word."""
    path = numbered_video(tmp_path / "film.ogv", FRAMES, "libvpx", g="30")
    timelines = []
    for _ in range(2):
        timelines.append(video.Timeline())
        with video.open_video(path) as opened:
            for frame in opened.frames():
                timelines[-1].add(frame)
        size = path.stat().st_size
        overwrite(path, int(0.6 * size), int(0.3 * size))
    whole, damaged = timelines
    assert (whole.frames, whole.gaps) == (FRAMES, [])
    assert damaged.frames < FRAMES - 40 and damaged.gaps == [61]


@pytest.mark.parametrize("name", ["film.mkv", "film.avi", "film.mp4"])
def test_headers_declare_the_size_of_a_whole_file(name, tmp_path):
    path = write_frames(tmp_path / name, range(30))
    assert read_declared_size(path) == path.stat().st_size
    path.write_bytes(path.read_bytes()[:-300])
    assert read_declared_size(path) == path.stat().st_size + 300


def test_a_stream_that_turns_up_late_is_passed_over(tmp_path):
    """Damage makes an audio stream up, at which PyAV raises IndexError."""
    path = write_frames(tmp_path / "film.flv", range(FRAMES))
    data = bytearray(path.read_bytes())
    data[find_tags(data)[60]] = 8
    path.write_bytes(data)
    little = {"probesize": "2048", "analyzeduration": "1"}
    with av.open(str(path), options=little) as container, pytest.raises(IndexError):
        list(container.demux(video=0))
    with av.open(str(path), options=little) as container:
        packets = [packet for packet in read_packets(container) if packet.size]
        assert sum(packet.stream.type == "video" for packet in packets) == FRAMES - 1
    with video.open_video(path) as opened:
        assert opened.packets == FRAMES - 1


def find_tags(data: bytes) -> list[int]:
    """Where the tags of an FLV begin."""
    at, found = 13, []
    while at + 11 < len(data):
        found.append(at)
        at += 15 + int.from_bytes(data[at + 1 : at + 4], "big")
    return found
