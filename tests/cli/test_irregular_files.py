"""What a user names is read only where it is a regular file: a FIFO, which no one writes to, would be waited for for ever."""

import os
from pathlib import Path

import pytest
from PIL import Image

from tests.commands import tubelet
from tests.stores import synthetic_store


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = synthetic_store(tmp_path_factory.mktemp("irregular") / "store", videos=1)
    made.close()
    return made.root


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo.csv")
    return tmp_path / "fifo.csv"


@pytest.mark.parametrize(
    "command", [("annotate",), ("queries", "import")], ids=lambda command: " ".join(command)
)
def test_a_fifo_is_refused_at_once(command: tuple[str, ...], root: Path, fifo: Path) -> None:
    done = tubelet(*command, fifo, "--store", root)
    assert done.returncode == 2 and "not a regular file but a" in done.stderr, done.stderr


def test_a_fifo_among_masks_is_refused_at_once(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "masks" / "video-00000"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "0000.png")
    done = tubelet("annotate", tmp_path / "masks", "--store", root, "--key", "stem")
    assert done.returncode == 2 and "0000.png cannot be read (not a regular file" in done.stderr


def test_a_fifo_among_frames_is_left_out_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "videos" / "frames"
    folder.mkdir(parents=True)
    for number in range(6):
        Image.new("RGB", (64, 64), (40 * number, 0, 0)).save(folder / f"{number:04d}.png")
    os.mkfifo(folder / "0006.png")
    options = ("--encoder", "toy", "--frames", "4", "--size", "64", "--fps-of-frames", "10")
    done = tubelet("ingest", folder.parent, "--store", tmp_path / "store", *options)
    assert done.returncode == 0, done.stderr
    assert "0006.png: not a regular file but a FIFO" in done.stdout + done.stderr


def test_segments_from_a_fifo_are_refused_at_once(fifo: Path, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "videos" / "still.png")
    options = ("--encoder", "toy", "--fps", "4", "--fps-of-frames", "10", "--segments", fifo)
    done = tubelet("ingest", tmp_path / "videos", "--store", tmp_path / "store", *options)
    assert done.returncode == 2 and "not a regular file" in done.stderr, done.stderr
