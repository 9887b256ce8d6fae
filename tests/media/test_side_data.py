"""Side data of frames: read without keeping the frame, and without the color profile of a PNG, which PyAV frees twice."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.oriented import COLORS, MATRICES, oriented_video, quarters
from tubelet.media.video import open_video

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FORMATS = {"png": "PNG", "apng": "PNG", "jpg": "JPEG", "tiff": "TIFF", "webp": "WEBP"}


@contextmanager
def without_collector() -> Iterator[None]:
    """Objects that refer to each other stay."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def count_frames_in_memory() -> int:
    return sum(type(one) is av.VideoFrame for one in gc.get_objects())


@pytest.mark.parametrize("name", ["upright", "mirrored", "clockwise"])
def test_a_frame_is_freed_once_nothing_refers_to_it(name: str, tmp_path: Path) -> None:
    """Each one stayed until Python's collector came by: about a hundred frames, a gigabyte of a 4K video."""
    path = oriented_video(tmp_path / "film.mp4", MATRICES[name], frames=12)
    with without_collector(), open_video(path) as video:
        before = count_frames_in_memory()
        for frame in video.frames():
            assert frame.pixels.shape[:2] == frame.displayed and not frame.color.hdr
        assert count_frames_in_memory() - before <= 3


@pytest.mark.parametrize("ending", FORMATS)
def test_pictures_with_a_color_profile_are_read(ending: str, tmp_path: Path) -> None:
    """A PNG with one, as editors and screenshots have it, ended the process by signal 11."""
    pixels = np.kron(COLORS, np.ones((24, 24, 1), np.uint8))
    picture, path = Image.fromarray(pixels), tmp_path / f"picture.{ending}"
    more = {"save_all": True, "append_images": [picture.rotate(180)]} if ending == "apng" else {}
    picture.save(path, format=FORMATS[ending], icc_profile=PROFILE, **more)
    with open_video(path) as video:
        first, *others = video.frames()
        assert first.orientation.rotation == 0  # reads the side data, twice
    assert np.abs(quarters(first.pixels) - COLORS.astype(int)).max() < 12
    assert len(others) == (ending == "apng")
    del first, others
    gc.collect()


def test_a_stream_of_data_beside_the_video_is_passed_over(tmp_path: Path) -> None:
    """Such as time codes, GPS or captions: it has no codec."""
    with av.open(str(path := tmp_path / "film.ts"), "w") as made:
        film, data = made.add_stream("h264", rate=25), made.add_data_stream()
        film.width, film.height, film.pix_fmt = 64, 64, "yuv420p"
        for number in range(12):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number * 20, np.uint8))
            made.mux(film.encode(frame))
            told = av.Packet(b"12:00:00")
            told.stream, told.time_base = data, Fraction(1, 25)
            told.pts = told.dts = number
            made.mux(told)
        made.mux(film.encode())
    with open_video(path) as video:
        assert len(list(video.frames())) == 12
