"""Small files that unpack to gigabytes in FFmpeg: each is a failure of its own, and the ones beside it are encoded."""

import struct
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.commands import ROOT
from tests.tiers import thin
from tests.videos import make_video
from tubelet.media.allocations import MOST_BESIDE, bound_allocations
from tubelet.media.errors import VideoError
from tubelet.media.video import open_video
from tubelet.store import Store

SIDE = 32
HUGE = 4200  # a side whose square is more than BOUND
FRAMES = 9
BOUND = 16 << 20  # bytes of one allocation, in the process of a test
NAMES = {b"zTXt": b"Comment\0\0", b"iCCP": b"profile\0\0", b"iTXt": b"Comment\0\1\0en\0title\0"}


def write_png(path: Path, *beside: tuple[bytes, bytes], side: int = SIDE) -> Path:
    """A gray picture with chunks before its pixels."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)),
        *beside,
        (b"IDAT", zlib.compress(bytes((side + 1) * side))),
        (b"IEND", b""),
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, parts)))
    return path


def _chunk(part: tuple[bytes, bytes]) -> bytes:
    name, content = part
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def packed(name: bytes, size: int) -> tuple[bytes, bytes]:
    """A chunk that unpacks to so many bytes."""
    packer = zlib.compressobj(9)
    block, whole = b"a" * 2**20, size >> 20
    body = b"".join(packer.compress(block) for _ in range(whole))
    return name, NAMES[name] + body + packer.compress(block[: size % 2**20]) + packer.flush()


def count_frames(path: Path) -> int:
    with open_video(path) as video:
        return sum(1 for _ in video.frames())


@pytest.mark.parametrize("name", thin(NAMES))
def test_a_picture_with_much_beside_its_pixels_is_refused(name: bytes, tmp_path: Path) -> None:
    assert count_frames(write_png(tmp_path / "small.png", packed(name, MOST_BESIDE - 1))) == 1
    large = write_png(tmp_path / "large.png", packed(name, MOST_BESIDE + 1))
    assert large.stat().st_size < 100_000
    with pytest.raises(VideoError, match="unpack to more than 64 MB"):
        count_frames(large)


def test_many_small_texts_count_together(tmp_path: Path) -> None:
    part = packed(b"zTXt", MOST_BESIDE // 4)
    assert count_frames(write_png(tmp_path / "three.png", *[part] * 3)) == 1
    with pytest.raises(VideoError, match="unpack to more than"):
        count_frames(write_png(tmp_path / "five.png", *[part] * 5))


def test_damaged_texts_and_a_picture_that_ends_early_are_ffmpeg_s_to_judge(tmp_path: Path) -> None:
    assert count_frames(write_png(tmp_path / "damaged.png", (b"zTXt", b"Comment\0\0nothing"))) == 1
    cut = write_png(tmp_path / "cut.png", packed(b"iCCP", 1000))
    cut.write_bytes(cut.read_bytes()[:60])
    with pytest.raises(VideoError):
        count_frames(cut)


INGEST = f"""
import sys
from tests.ingest.test_ingest import run
from tubelet.media import allocations
allocations.MOST_AT_ONCE = {BOUND}
assert allocations.bound_allocations()
run([sys.argv[1]], sys.argv[2])
"""


@pytest.mark.long
@pytest.mark.skipif(not bound_allocations(), reason="PyAV is not built with its own FFmpeg here")
def test_a_video_of_such_pictures_is_read_and_one_of_huge_pictures_is_a_failure(
    tmp_path: Path,
) -> None:
    """By a lower bound, in a process of its own; with none, 1 GiB ends it by signal 11.

    What its pictures hold beside their pixels is never unpacked: of 200 MB each, 40 frames took 8.9 GB, and take nothing now.
    """
    videos = tmp_path / "videos"
    make_video(videos / "good.mp4", frames=8)
    write_video(videos / "bomb.mov", write_png(tmp_path / "bomb.png", packed(b"iCCP", BOUND)))
    write_video(videos / "text.avi", write_png(tmp_path / "text.png", packed(b"zTXt", BOUND)))
    write_video(videos / "huge.mov", write_png(tmp_path / "huge.png", side=HUGE))
    words = [sys.executable, "-c", INGEST, str(videos), str(tmp_path / "store")]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    store = Store(tmp_path / "store")
    frames = {row["name"]: row["frames"] for row in store.rows("SELECT name, frames FROM videos")}
    [failure] = store.rows("SELECT path, error FROM failures")
    store.close()
    assert frames == {"good.mp4": 8, "bomb.mov": FRAMES, "text.avi": FRAMES}
    assert failure["path"] == str(videos / "huge.mov")
    assert "more memory than there is" in failure["error"]


def write_video(path: Path, picture: Path) -> None:
    """A video whose every frame is the same PNG."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=10)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "gray"
        for number in range(FRAMES):
            packet = av.Packet(picture.read_bytes())
            packet.pts = packet.dts = number
            packet.time_base, packet.stream = Fraction(1, 10), stream
            container.mux(packet)
