"""Files after -o: whole or as they were, and named where the disk cannot take them."""

import errno
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands import ROOT, environment, tubelet
from tests.stores import synthetic_store
from tests.tiers import thin
from tests.videos import make_video
from tubelet.store.disk import outputs
from tubelet.store.saved_queries import SavedQuery, save_query


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    made = tmp_path_factory.mktemp("outputs") / "store"
    with closing(synthetic_store(made, videos=3, clips=2)) as store:
        save_query(store, SavedQuery(name="one", sql="SELECT 1"))
    return made


@pytest.mark.parametrize("name", ["drawn.txt", "drawn", "drawn.png.jpg"])
def test_a_picture_is_not_written_under_another_ending(root, tmp_path, name):
    done = tubelet("decoder", "show", "--store", root, "--clip", "any", "-o", tmp_path / name)
    assert done.returncode == 2 and "does not end in .png: pass another file" in done.stderr


@pytest.mark.parametrize("target", ["loop.csv", f"{'x' * 260}.csv"])
def test_a_name_that_the_disk_refuses_is_no_unexpected_error(root, tmp_path, target):
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    done = tubelet("sql", "SELECT 1", "--store", root, "-o", tmp_path / target)
    assert done.returncode == 2 and "unexpected" not in done.stderr, done.stderr


WRITERS = {
    "rows.csv": ("sql", "FROM range(100000)"),
    "rows.parquet": ("sql", "FROM range(100000)"),
    "rows.txt": ("sql", "FROM range(100000)"),
    "report.md": ("report", "sensitivity"),
    "kept.toml": ("queries", "export"),
}


@pytest.mark.parametrize("name", thin(WRITERS))
def test_a_file_on_a_full_device_is_named_in_a_sentence(name, root, tmp_path):
    (tmp_path / name).symlink_to("/dev/full")
    done = tubelet(*WRITERS[name], "--store", root, "-o", tmp_path / name)
    assert done.returncode == 2 and f"{name}: no space left on device" in done.stderr, done.stderr
    assert Path("/dev/full").is_char_device() and (tmp_path / name).is_symlink()


def test_a_file_stays_as_it_was_where_the_new_one_cannot_be_whole(tmp_path):
    (tmp_path / "kept").write_bytes(b"older")
    (tmp_path / "kept").chmod(0o640)
    told = pytest.raises(OSError, match="No space left on device: .*kept")
    with told, outputs.open_whole(tmp_path / "kept") as file:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "full")
    assert (tmp_path / "kept").read_bytes() == b"older" and len(list(tmp_path.iterdir())) == 1
    outputs.write_file(tmp_path / "kept", lambda file: file.write(b"newer"))
    assert (tmp_path / "kept").read_bytes() == b"newer"
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o640


LIMITED = {
    "rows.csv": ("sql", "FROM range(100000)", "--store", "{root}", "-o", "{tmp}/rows.csv"),
    "store": ("ingest", "{video}", "--encoder", "toy", "--store", "{tmp}/store"),
    "bank": ("pretrain", "{video}", "-o", "{tmp}/bank", "--size", "64", "--frames", "4", "--bank", "16", "--steps", "1"),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", LIMITED)
def test_a_file_that_may_not_grow_is_named_in_a_sentence(name, root, tmp_path):
    """`ulimit -f` ended commands with `unexpected error: OSError`, to be reported."""
    video = make_video(tmp_path / "video.mp4", frames=60)
    words = [word.format(root=root, tmp=tmp_path, video=video) for word in LIMITED[name]]
    script = 'ulimit -f 4; exec "$0" -m tubelet "$@"'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable, *words],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
    )
    assert done.returncode == 2 and "unexpected" not in done.stderr, done.stderr
    assert f"{tmp_path}/{name}" in done.stderr
    assert "file too large" in done.stderr or "ulimit -f" in done.stderr
    assert not (tmp_path / "rows.csv").exists()
