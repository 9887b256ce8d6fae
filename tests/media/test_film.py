"""Frames out of video files, and into them: each frame says its own number."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.numbered import HEIGHT, LEFT, WIDTH, number_in, numbered_frame, numbered_video
from tests.tiers import thin
from tubelet.media import recording, video
from tubelet.media.errors import VideoError

FRAMES, FPS = 120, 25


def number(pixels: np.ndarray) -> int:
    return number_in(pixels[:, LEFT : LEFT + HEIGHT])


@pytest.fixture(scope="module", params=["mp4", "mkv", "mpg"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video in which a seek leads somewhere: a frame that stands alone every twelfth, others that depend on later ones."""
    codec = {"mpg": "mpeg1video"}.get(request.param, "libx264")
    return numbered_video(
        tmp_path_factory.mktemp("film") / f"film.{request.param}",
        FRAMES,
        codec,
        FPS,
        g="12",
        bf="2",
    )


@pytest.mark.parametrize("first", thin([61, 0, 49, 60, 97, 119], 3))
def test_frames_from_a_number_on_are_the_same_by_a_seek_as_by_counting(
    path: Path, first: int
) -> None:
    for start_s in (first / FPS, None):
        frames = list(video.frames_from(path, first, start_s))
        assert [frame.index for frame in frames] == list(range(first, FRAMES))
        assert [number(frame.pixels) for frame in frames[:3]] == list(range(first, FRAMES))[:3]
        assert frames[0].time_s == pytest.approx(first / FPS, abs=1e-3)


def test_a_seek_leads_there_where_the_file_has_an_index(path: Path) -> None:
    with video.open_video(path) as opened:
        frames = opened.seek_frames(100, 100 / FPS)
        assert path.suffix == ".mpg" or number(next(frames).pixels) == 100


@pytest.mark.parametrize("start_s", [2.017, 60.0])
def test_a_seek_that_leads_to_no_such_frame_is_no_answer(path: Path, start_s: float) -> None:
    """Half way between two frames there is none, and behind the end neither."""
    with video.open_video(path) as opened:
        assert opened.seek_frames(50, start_s) is None
    assert number(next(video.frames_from(path, 50, start_s)).pixels) == 50


@pytest.mark.parametrize("fps", [25.0, 12.5, 30000 / 1001])
def test_recorded_frames_come_back_in_order_at_their_rate(fps: float) -> None:
    sink = io.BytesIO()
    assert recording.write_mp4(sink, (numbered_frame(n) for n in range(10)), fps) == 10
    sink.seek(0)
    with av.open(sink) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert (
            stream.average_rate == Fraction(fps).limit_denominator(1001)
            and stream.codec_context.name == "h264"
        )
        assert (stream.codec_context.pix_fmt, stream.width, stream.height) == (
            "yuv420p",
            WIDTH,
            HEIGHT,
        )
    assert [number(frame.to_ndarray(format="rgb24")) for frame in frames] == list(range(10))
    assert [frame.time for frame in frames] == pytest.approx([n / fps for n in range(10)], abs=1e-3)


def test_a_file_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoError, match="empty"):
        next(video.frames_from(tmp_path / "empty.mp4", 0, None))
