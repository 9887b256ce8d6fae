"""Files that may not be read: every command says which in one sentence, and a repair takes nothing out for it.

Root reads everything, so the command runs as a root without that right, where this machine can take it away.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands import ROOT, environment, tubelet
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.store import Store

WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
FILES = {
    "marker": "tubelet.json",
    "table": "clips/*.parquet",
    "log": "clips/_delta_log/*.json",
    "folder": "clips",
    "embedding": "embeddings/*/*/*.parquet",
}
COMMANDS = {
    "sql": ("SELECT sum(embedding[1]), count(DISTINCT clip_id) FROM tokens JOIN clips USING (clip_id)",),
    "check": (),
    "check --repair": (),
    "compact": (),
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    try:
        probe = subprocess.run([*WITHOUT_RIGHTS, "true"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("no setpriv here, which takes root's right to read everything away")
    if probe.returncode:
        pytest.skip(f"cannot take rights away here: {probe.stderr.decode().strip()}")
    store = synthetic_store(tmp_path_factory.mktemp("store") / "store", videos=2, clips=2)
    store.close()
    yield store.root
    with closing(Store(store.root)) as found:
        assert len(found.rows("FROM clips")) == 4, "a repair took clips out"


def run(command: str, root: Path) -> subprocess.CompletedProcess:
    name, *flags = command.split()
    arguments = [*flags, *COMMANDS[command], "--store", str(root)]
    return subprocess.run(
        [*WITHOUT_RIGHTS, sys.executable, "-m", "tubelet", name, *arguments],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        timeout=120,
    )


@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize("command", thin(["check --repair", "sql"]))
def test_what_may_not_be_read_is_named_and_kept(command: str, what: str, root: Path) -> None:
    path = min(root.glob(FILES[what]))
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        done = run(command, root)
    finally:
        path.chmod(mode)
    told = done.stdout + done.stderr
    assert "Traceback" not in told and "unexpected error" not in told, told
    if (command, what) != ("check --repair", "marker"):  # which it replaces
        assert done.returncode in (1, 2) or command == "check --repair", told
        assert path.name in told and "ermission" in told, told


@pytest.mark.parametrize("command", ["compact"])
def test_a_store_that_may_not_be_written_says_so(command: str, root: Path) -> None:
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    files = [path for path in root.iterdir() if path.is_file()]
    for path in (*folders, *files):
        path.chmod(0o555)
    try:
        done = run(command, root)
    finally:
        for path in (*folders, *files):
            path.chmod(0o755)
    assert done.returncode == 2 and "is not writable for this user" in done.stderr, done.stderr


@pytest.fixture(scope="module")
def broken_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store whose marker the disk cannot give: memory at address 0 of this process lies over it, and reading that is a real input or output error."""
    store = synthetic_store(tmp_path_factory.mktemp("disk") / "store", videos=1, clips=1)
    store.close()
    marker = store.root / "tubelet.json"
    memory = f"/proc/{os.getpid()}/mem"
    mounted = subprocess.run(["mount", "--bind", memory, marker], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount here: {mounted.stderr.decode().strip()}")
    try:
        yield store.root
    finally:
        subprocess.run(["umount", marker], check=True)


@pytest.mark.parametrize("command", ["sql", "check", "compact"])
def test_an_error_of_the_disk_is_a_sentence(command: str, broken_disk: Path) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        (broken_disk / "tubelet.json").read_bytes()
    done = tubelet(command, *COMMANDS[command], "--store", broken_disk)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert (
        "Input/output error" in done.stderr and "check its permissions and its disk" in done.stderr
    )
