"""Whatever goes wrong is one sentence, an exit code, and a file with the details where nobody expected it: never a bare traceback."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.commands import ROOT, environment, tubelet
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet import cli
from tubelet.cli import failures
from tubelet.cli.printing import print_result
from tubelet.store.disk import integrity
from tubelet.store.errors import StoreError
from tubelet.store.options import SEED_MOST
from tubelet.store.pairs import stored


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "store"
    synthetic_store(path, videos=2, clips=3, shift=1).close()
    return path


def run(
    *arguments: object, shell: str = "exec {command}", **settings
) -> subprocess.CompletedProcess:
    """`tubelet ARGUMENTS` by way of a shell, whose line may do something around it."""
    command = " ".join(
        [sys.executable, "-m", "tubelet", *(f"'{argument}'" for argument in arguments)]
    )
    settings = {"cwd": ROOT, "timeout": 60, "env": environment(), **settings}
    return subprocess.run(
        ["bash", "-c", shell.format(command=command)], capture_output=True, text=True, **settings
    )


def is_a_sentence(done: subprocess.CompletedProcess, words: str, code: int = 2) -> bool:
    assert done.returncode == code, (done.returncode, done.stderr)
    assert words in done.stderr and "Traceback" not in done.stderr, done.stderr
    return len(done.stderr.strip().splitlines()) <= 4


def test_what_nobody_expected_is_written_to_a_file(root, tmp_path, monkeypatch):
    def broken(store):
        raise ZeroDivisionError("a number\nby nothing of https://ann:secret@host/")

    monkeypatch.setattr(integrity, "check", broken)
    monkeypatch.setattr(failures.tempfile, "tempdir", str(tmp_path))
    answer = CliRunner().invoke(cli.main, ["check", "--store", str(root)])
    assert (
        answer.exit_code == 70
        and "unexpected error: ZeroDivisionError: a number (details: " in answer.stderr
    )
    details = Path(re.search(r"details: (\S+\.log)", answer.stderr)[1]).read_text()
    assert (
        "Traceback" in details
        and "ZeroDivisionError: a number\nby nothing" in details
        and "python 3" in details
        and "secret" not in details
    )


def test_what_is_said_holds_no_escape_sequence(root, monkeypatch, capsys):
    def broken(store):
        raise StoreError("the store has: a\x1b]0;x\x07, b\nLINE 1: c\u202e")

    monkeypatch.setattr(integrity, "check", broken)
    answer = CliRunner().invoke(cli.main, ["check", "--store", str(root)], color=True)
    assert answer.stderr == "tubelet: the store has: a\\x1b]0;x\\x07, b\nLINE 1: c\\u202e\n"
    print_result(Lines(), as_json=False)
    assert capsys.readouterr().out == "one\\x1b[2J\ntwo\n"


class Lines:
    def lines(self) -> list[str]:
        return ["one\x1b[2J", "two"]

    def as_json(self) -> None:
        return None


EXPORTS = {
    "t.csv": ("track", "--patch", "0.0.0"),
    "t.parquet": ("track", "--patch", "0.0.0"),
    "c.npy": ("colors", "--colors", "dimensions-0.1.2"),
    "m.npz": ("mask", "--patch", "0.0.0", "--background", "0.1.1"),
}


@pytest.mark.parametrize("name", thin(EXPORTS))
def test_an_export_writes_through_a_link_and_leaves_a_device_as_it_is(name, root, tmp_path):
    """It replaced what the link was, and would have replaced the device."""
    (tmp_path / name).symlink_to("/dev/full")
    kind, *options = EXPORTS[name]
    command = ("export", kind, "--store", root, "--video", "video-00000.mp4", *options, "-o")
    assert is_a_sentence(tubelet(*command, tmp_path / name), f"{name}: no space left on device")
    assert (tmp_path / name).is_symlink() and Path("/dev/full").is_char_device()
    other = tmp_path / f"linked.{name.split('.')[1]}"
    other.symlink_to(tmp_path / f"real.{name.split('.')[1]}")
    tubelet(*command, other, check=True)
    assert other.is_symlink() and (tmp_path / os.readlink(other)).stat().st_size > 100


def test_a_device_is_not_where_weights_or_a_folder_go(root):
    for command in (
        ("pretrain", root, "-o", "/dev/full"),
        ("export", "mask", "--store", root, "-o", "/dev/full"),
    ):
        answer = CliRunner().invoke(cli.main, [*map(str, command)])
        assert answer.exit_code == 2 and "/dev/full is not a" in answer.output
        assert Path("/dev/full").is_char_device()


def test_a_reader_that_leaves_is_no_error(root):
    done = run(
        "sql",
        "FROM range(1000000)",
        "--store",
        root,
        "--format",
        "csv",
        shell="{command} | head -1",
    )
    assert done.stdout == '"range"\n' and done.stderr == ""


def test_a_current_folder_that_is_gone_is_a_sentence(root, tmp_path):
    (tmp_path / "gone").mkdir()
    for arguments in (
        ("schema",),
        ("check", "--store", root),
        ("sql", "FROM clips", "--store", root),
    ):
        done = run(
            *arguments,
            shell=f"mkdir -p {tmp_path}/gone; cd {tmp_path}/gone; rmdir {tmp_path}/gone; exec {{command}}",
            env=environment(),
        )
        assert is_a_sentence(done, "the current folder no longer exists")


OUTPUTS = {
    "{tmp}/absent/a.csv": "is not a folder: create it",
    "{tmp}/file/a.csv": "is not a folder",
    "{tmp}/folder.csv": "is a folder: pass a file in it",
    "": "is not a file name",
}


@pytest.mark.parametrize("name, words", OUTPUTS.items())
@pytest.mark.parametrize(
    "command",
    [
        ("sql", "FROM clips", "--store", "{root}"),
        ("report", "sensitivity", "--store", "{root}"),
        ("pretrain", "{root}"),
    ],
    ids=lambda c: c[0],
)
def test_an_output_that_cannot_be_is_refused_before_any_work(command, name, words, root, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.csv").mkdir()
    arguments = [part.format(root=root) for part in command]
    answer = CliRunner().invoke(cli.main, [*arguments, "-o", name.format(tmp=tmp_path)])
    assert answer.exit_code == 2 and words in " ".join(answer.output.split()), answer.output


ABSURD = [
    (
        ("ingest", "{root}", "--encoder", "toy", "--frames", "1000000000"),
        "--frames is 1000000000: it must be 65,536 or less",
    ),
    (
        ("ingest", "{root}", "--encoder", "toy", "--size", "1000000000"),
        "--size 1000000000: it must be 16,384 or less",
    ),
    (
        ("ingest", "{root}", "--encoder", "toy", "--size", "64x1000000000"),
        "it must be 16,384 or less",
    ),
    (
        ("ingest", "{root}", "--encoder", "toy", "--pairs", "1000000000"),
        "--pairs 1000000000: it must be 1,000,000 or less",
    ),
    (("ingest", "{root}", "--encoder", "toy", "--stride", "1000000000"), "--stride is 1000000000"),
    (("ingest", "{root}", "--encoder", "toy", "--step", "1000000000"), "--step is 1000000000"),
    (
        ("ingest", "{root}", "--encoder", "toy", "--batch", "1000000000"),
        "give a number from 1 to 1,000,000, or auto",
    ),
    (("ingest", "{root}", "--encoder", "toy", "--readers", "9" * 5000), "give a number from 1 to"),
    (
        ("ingest", "{root}", "--encoder", "toy", "--limit", "-3"),
        "--limit is -3: it must be 1 or more",
    ),
    (("plan", "{root}", "--encoder", "toy", "--frames", "1000000000"), "it must be 65,536 or less"),
    (("basis", "fit", "--seed", "-1"), "--seed is -1: it must be 0 or more"),
    (
        ("basis", "fit", "--kind", "umap", "--seed", "99999999999"),
        f"it must be {SEED_MOST:,} or less",
    ),
    (("basis", "fit", "--kind", "magic"), "choose pca, umap, kmeans, dimensions or sae"),
    (("basis", "fit", "--components", "1000000000"), "--components is 1000000000"),
    (("basis", "fit", "--clusters", "1000000000"), "--clusters is 1000000000"),
    (
        ("report", "sensitivity", "-o", "a.html", "--top", "1000000000"),
        "--top is 1000000000: it must be 65,536 or less",
    ),
    (("report", "sensitivity", "-o", "a.html", "--frames", "-1"), "--frames is -1"),
    (
        ("pairs", "--pairs", "1000000000"),
        "--pairs 1000000000 is not a number of pairs per video from 1 to 1,000,000",
    ),
    (("pairs", "--shift", "1000000000"), "shifted by 1 to 1,000,000 slices"),
    (
        ("pretrain", "{root}", "-o", "a.safetensors", "--seed", "-1"),
        "--seed is -1: it must be 0 or more",
    ),
    (("pretrain", "{root}", "-o", "a.safetensors", "--size", "1000000000"), "--size is 1000000000"),
    (("pretrain", "{root}", "-o", "a.safetensors", "--rate", "nan"), "it must be a number"),
    (
        ("pretrain", "{root}", "-o", "a.safetensors", "--teacher", "other"),
        "--teacher is other: choose efficientnet-lite0",
    ),
    (("dashboard", "--port", "99999"), "99999 is not in the range 1<=x<=65535"),
    (("demo", "--port", "-1"), "-1 is not in the range"),
    (("basis", "fit", "--dimensions", "0,x"), "0,x is not a list of numbers"),
]


@pytest.mark.parametrize(
    "arguments, words",
    ABSURD,
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)
def test_absurd_values_are_refused_at_once(arguments, words, root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [part.format(root=root) for part in arguments]
    store = [] if arguments[0] in ("plan", "pretrain", "demo") else ["--store", str(root)]
    answer = CliRunner().invoke(cli.main, [*arguments, *store])
    assert answer.exit_code == 2 and words in " ".join(answer.output.split()), answer.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["new\nline", "bell\a", "a*b"])
def test_a_store_whose_path_no_query_could_name_is_refused(path, tmp_path):
    answer = CliRunner().invoke(cli.main, ["check", "--store", str(tmp_path / path)])
    assert answer.exit_code == 2 and "pass another path as --store" in answer.output


def test_a_taken_port_and_a_missing_store_are_said_before_an_address(root, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for arguments, words in (
            (("dashboard", "--store", root, "--port", port), "pass another --port"),
            (("demo", "--store", tmp_path / "new", "--port", port), "pass another --port"),
            (("dashboard", "--store", root, "--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),
            (("dashboard", "--store", tmp_path / "absent"), "does not exist"),
        ):
            answer = CliRunner().invoke(cli.main, list(map(str, arguments)))
            assert (
                answer.exit_code == 2 and words in answer.output and "http://" not in answer.output
            ), answer.output
    assert not (tmp_path / "new").exists()


@pytest.mark.long
def test_ctrl_c_inside_pairs_keeps_what_was_measured(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=1, clips=4, shift=1)
    asked = stored.StoredPairs(pairs="all")

    class AfterOne:
        """Set once one pair was taken; those that are measured already are not asked about."""

        asked = 0

        def is_set(self):
            self.asked += 1
            return self.asked > 1

    outcome = stored.measure_stored(store, asked, AfterOne())
    assert (outcome.measured, outcome.interrupted, outcome.exit_code) == (1, True, 130)
    assert store.query("SELECT count(*) AS n FROM pairs")["n"].to_pylist() == [4]
    rest = stored.measure_stored(store, asked)
    assert (rest.kept, rest.measured, rest.interrupted) == (4, 2, False)
    store.close()


def catches(process: int, number: int) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{process}/status").read_text()
    return bool(int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize(
    "command",
    [
        ("pairs", "--pairs", "all"),
        ("check",),
        ("check", "--repair"),
        ("compact",),
        ("sql", "SELECT sum(norm) FROM token_stats"),
    ],
)
@pytest.mark.parametrize("seconds", thin([0, 0.8]))
def test_ctrl_c_is_never_a_traceback(command, seconds, root):
    """Before the command has its handlers, Python itself answers, by a traceback that no program can prevent."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tubelet", *command, "--store", str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=ROOT,
    )
    while process.poll() is None and not catches(process.pid, signal.SIGTERM):
        time.sleep(0.01)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert "Traceback" not in told and process.returncode in (0, 2, 130, -signal.SIGINT), (
        process.returncode,
        told,
    )
    assert os.path.exists(root / "tubelet.json")
