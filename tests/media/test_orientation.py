"""The eight orientations of a display matrix: pictures, sizes and rows as they are displayed."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from PIL import Image, ImageOps

from tests.conftest import shared
from tests.ingest.test_ingest import run
from tests.oriented import (
    COLORS,
    HEIGHT,
    MATRICES,
    WIDTH,
    animated_picture,
    displayed,
    oriented_video,
    quarters,
    write_streams,
)
from tubelet.media.errors import VideoError
from tubelet.media.orientation import Orientation
from tubelet.media.video import open_video
from tubelet.store import Store


@pytest.mark.parametrize("name", MATRICES)
def test_every_orientation_is_shown_as_its_matrix_says(name, tmp_path):
    matrix = MATRICES[name]
    with open_video(oriented_video(tmp_path / "film.mp4", matrix)) as video:
        frame = next(video.frames())
    assert np.abs(quarters(frame.pixels) - displayed(matrix)).max() < 40
    assert (
        frame.pixels.shape[:2]
        == frame.displayed
        == ((HEIGHT, WIDTH) if matrix[0] else (WIDTH, HEIGHT))
    )


def test_orientations_are_eight_and_angles_between_are_rounded():
    fixed = {
        name: Orientation.of_matrix(np.array([a, b, 0, c, d, 0, 0, 0, 1 << 14]) * 65536)
        for name, (a, b, c, d) in MATRICES.items()
    }
    assert len(set(fixed.values())) == 8
    assert (fixed["anticlockwise"].rotation, fixed["clockwise"].rotation) == (90, 270)
    turned = np.array([64000, -14000, 0, 14000, 64000, 0, 0, 0, 1 << 30])
    assert Orientation.of_matrix(turned) == Orientation(0, False)


def test_tokens_and_rows_of_a_mirrored_video_are_those_of_what_is_displayed(tmp_path):
    mirrored = oriented_video(tmp_path / "mirrored.mp4", MATRICES["mirrored"])
    run([mirrored], tmp_path / "store")
    store = Store(tmp_path / "store")
    assert store.rows("SELECT rotation, mirrored, width, height FROM videos") == [
        {"rotation": 0, "mirrored": True, "width": WIDTH, "height": HEIGHT}
    ]
    (clip,) = store.rows("SELECT clip_id FROM clips")
    grid = store.grid(clip["clip_id"]).astype(float)[
        0
    ]  # the toy's first dimensions are the mean color
    assert (
        grid[0, 0, 1] > grid[0, 0, 0] and grid[0, -1, 0] > grid[0, -1, 1]
    )  # green left, red right
    store.close()


def test_the_file_that_was_turned_by_180_degrees_is_mirrored():
    with open_video(shared("faults") / "hflip.mp4") as video:
        assert next(video.frames()).orientation == Orientation(0, True)


def photograph(path: Path, orientation: int) -> Path:
    """A still with the orientation (1 to 8) and a maker in its EXIF, as cameras write it."""
    pixels = np.kron(COLORS, np.ones((HEIGHT // 2, WIDTH // 2, 1), np.uint8))
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112], exif[0x010F] = orientation, "Maker"
    picture.save(path, exif=exif, quality=95)
    return path


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_shown_as_their_exif_says(orientation, ending, tmp_path):
    """FFmpeg hands EXIF on as side data that PyAV does not know: every photograph of a camera failed with `31 is not a valid Type`."""
    path = photograph(tmp_path / f"still.{ending}", orientation)
    with open_video(path) as video:
        frame = next(video.frames())
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    assert frame.pixels.shape == expected.shape
    assert np.abs(quarters(frame.pixels) - quarters(expected)).max() < 10


def test_folders_of_photographs_are_ingested_upright(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(4):
        photograph(folder / f"{number:03d}.jpg", 6)
    run([folder], tmp_path / "store", frames=4, fps_of_frames=25.0)
    store = Store(tmp_path / "store")
    assert not store.rows("FROM failures")
    assert store.rows("SELECT rotation, mirrored, width, height, frames FROM videos") == [
        {"rotation": 270, "mirrored": False, "width": HEIGHT, "height": WIDTH, "frames": 4}
    ]
    store.close()


def test_every_frame_is_turned_as_the_first_one(tmp_path):
    """The EXIF of an animated PNG stands on its first picture alone: the others lay across it, within a clip."""
    path = animated_picture(tmp_path / "film.apng", 6, format="PNG")
    with open_video(path) as video:
        frames = list(video.frames())
    assert [frame.displayed for frame in frames] == [(WIDTH, HEIGHT)] * 3
    shown = displayed(MATRICES["clockwise"])
    assert np.abs(quarters(frames[0].pixels) - shown).max() < 10
    assert np.abs(quarters(frames[1].pixels) - shown[::-1, ::-1]).max() < 10


def turn_inside(source: Path, path: Path, how: str) -> Path:
    """The same video with its orientation in the stream of H.264 as well."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        stream = given.streams.video[0]
        rewrite = BitStreamFilterContext(f"h264_metadata=display_orientation=insert:{how}", stream)
        copied = made.add_stream_from_template(stream)
        for packet in given.demux(stream):
            for one in rewrite.filter(packet if packet.size else None):
                one.stream = copied
                made.mux(one)
    return path


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_the_container_s_orientation_counts_before_the_stream_s(ending, tmp_path):
    """FFmpeg gives both to the frames that repeat the stream's, the container's to the others: clips were turned in two ways."""
    matrix = MATRICES["clockwise" if ending == "mp4" else "upright"]
    path = oriented_video(tmp_path / "film.mp4", matrix)
    with open_video(turn_inside(path, tmp_path / f"both.{ending}", "rotate=180")) as video:
        found = {frame.orientation for frame in video.frames()}
    assert found == {Orientation(270 if ending == "mp4" else 180)}


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_dots_per_inch_do_not_stretch_a_picture(ending, tmp_path):
    """No viewer applies them; a still of 100 x 200 was half as wide as the same picture in a folder of frames."""
    path = tmp_path / f"still.{ending}"
    Image.new("RGB", (WIDTH, HEIGHT)).save(path, dpi=(100, 200))
    with open_video(path) as video:
        assert next(video.frames()).displayed == (HEIGHT, WIDTH)


def test_of_several_videos_in_a_file_the_default_one_is_read(tmp_path):
    """Players show the track that is enabled; the first one was read, also where it is not."""
    path = tmp_path / "both.mp4"
    write_streams(path, [(MATRICES["upright"], 6), (MATRICES["clockwise"], 9)])
    with open_video(path) as video:
        assert sum(1 for _ in video.frames()) == 9


def test_an_animated_webp_is_refused_by_name(tmp_path):
    path = animated_picture(tmp_path / "film.webp", 1)
    with pytest.raises(VideoError, match="animated WebP: convert it"), open_video(path):
        pass
