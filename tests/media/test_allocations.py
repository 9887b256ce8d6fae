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
from tests.videos import make_video
from tubelet.media.allocations import MOST_BESIDE, bound_allocations
from tubelet.media.errors import VideoError
from tubelet.media.video import open_video
from tubelet.store import Store

SIDE = 32
BOUND = 16 << 20  # bytes of one allocation, in the process of a test
NAMES = {b"zTXt": b"Comment\0\0", b"iCCP": b"profile\0\0", b"iTXt": b"Comment\0\1\0en\0title\0"}


def write_png(path: Path, *beside: tuple[bytes, bytes]) -> Path:
    """A gray picture with chunks before its pixels."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)),
        *beside,
        (b"IDAT", zlib.compress(bytes((SIDE + 1) * SIDE))),
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


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.skipif(not bound_allocations(), reason="PyAV is not built with its own FFmpeg here")
def test_a_video_of_such_pictures_is_a_failure_and_those_beside_it_go_on(tmp_path: Path) -> None:
    """By a lower bound, in a process of its own; with none, 1 GiB ends it by signal 11."""
    picture = write_png(tmp_path / "bomb.png", packed(b"iCCP", BOUND)).read_bytes()
    bomb = tmp_path / "videos" / "bomb.mov"
    make_video(tmp_path / "videos" / "good.mp4", frames=8)
    with av.open(str(bomb), "w") as container:
        stream = container.add_stream("png", rate=10)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "gray"
        for number in range(2):
            packet = av.Packet(picture)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream = Fraction(1, 10), stream
            container.mux(packet)
    words = [sys.executable, "-c", INGEST, str(bomb.parent), str(tmp_path / "store")]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    store = Store(tmp_path / "store")
    clips, [failure] = store.rows("FROM clips"), store.rows("SELECT path, error FROM failures")
    store.close()
    assert len(clips) == 2 and failure["path"] == str(bomb)
    assert "more memory than there is" in failure["error"]
