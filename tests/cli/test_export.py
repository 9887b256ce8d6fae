"""`tubelet export` as a person types it: every kind of file, and one sentence where it cannot be."""

from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest
from click.testing import CliRunner

from tests.player import clips
from tubelet.cli import main
from tubelet.store import Store


def run(store: Store, *arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(
        main,
        ["export", arguments[0], "--store", str(store.root), *map(str, arguments[1:])],
        standalone_mode=False,
    )
    return result.exit_code, result.output + str(result.exception or "")


def test_every_kind_of_file_is_written(numbered_store: Store, tmp_path: Path) -> None:
    clip = clips(numbered_store, "plays.mp4")[1]
    marks = ["--patch", "0.0.0", "--background", "0.4.4"]
    for kind, name, more in (
        ("track", "t.csv", ["--patch", "0.0.0"]), ("mask", "m.npz", marks), ("mask", "pngs", marks), ("mask", "m.mp4", marks),
        ("colors", "c.npy", ["--colors", "dimensions-0.1.2"]), ("mp4", "w.mp4", ["--view", "over", "--over", "heat", "--patch", "0.0.0", "--opacity", "0.5"]),
    ):  # fmt: skip
        code, said = run(
            numbered_store, kind, "--clip", clip["clip_id"], *more, "-o", tmp_path / name
        )
        assert code == 0 and said.startswith(f"{tmp_path / name}: ") and "plays.mp4" in said, said
        assert (tmp_path / name).exists()
    assert pyarrow.csv.read_csv(tmp_path / "t.csv")["frame"].to_pylist() == list(range(16, 32))
    assert min(path.name for path in (tmp_path / "pngs").iterdir()) == "00016.png"
    assert np.load(tmp_path / "c.npy").shape == (8, 6, 6, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["track", "--video", "plays.mp4", "--patch", "0.0", "-o", "{}/t.csv"],
            "0.0 is not a patch",
        ),
        (
            ["track", "--video", "plays.mp4", "--patch", "0.0.-1", "-o", "{}/t.csv"],
            "is not a patch",
        ),
        (
            ["track", "--video", "plays.mp4", "--patch", "0.0.0", "-o", "{}/none/t.csv"],
            "is not a folder",
        ),
        (["mp4", "--video", "plays.mp4", "--over", "heat", "-o", "{}/w.mp4"], "--patch SLICE.Y.X"),
        (
            ["mp4", "--video", "plays.mp4", "--over", "fog", "-o", "{}/w.mp4"],
            "choose heat, mask or colors",
        ),
        (
            ["mp4", "--video", "plays.mp4", "--opacity", "2", "-o", "{}/w.mp4"],
            "it must be 1 or less",
        ),
        (["mp4", "--video", "plays.mp4", "-o", "{}/w.avi"], "name FILE.mp4"),
        (["mask", "--video", "plays.mp4", "--patch", "0.0.0", "-o", "{}"], "is not empty"),
    ],
)
def test_wrong_use_is_one_sentence(
    numbered_store: Store, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "held").write_text("")
    code, said = run(numbered_store, *(argument.format(tmp_path) for argument in arguments))
    assert code == 1 and words in said and [path.name for path in tmp_path.iterdir()] == ["held"], (
        said
    )
