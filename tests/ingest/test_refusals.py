"""Bad input: each a sentence that says what to do, exit code 2 or a failure row, no traceback, nothing half-written."""

import json
import os
import subprocess

import pytest

from tests.commands import tubelet
from tests.contents import contents
from tests.tiers import thin
from tests.videos import make_folder, make_video
from tubelet.store import Store

FAST = ("--encoder", "toy", "--size", "64", "--frames", "4", "--pairs", "0")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("videos") / "a.mp4", frames=20)


@pytest.mark.parametrize(
    "arguments,words",
    [
        (("--encoder", "resnet"), "choose one of toy"),
        (("--encoder", "toy", "--size", "100"), "use 96"),
        (("--encoder", "toy", "--size", "64x100"), "width 100 is not a multiple"),
        (("--encoder", "toy", "--size", "16"), "use 32 or more"),
        (("--encoder", "toy", "--size", "huge"), "is not a size"),
        (
            ("--encoder", "toy", "--size", "64x64", "--fit"),
            "--framing fit takes only the short side",
        ),
        (("--encoder", "toy", "--frames", "7"), "use 6 or 8"),
        (("--encoder", "toy", "--step", "0"), "must be 1 or more"),
        (("--encoder", "toy", "--stride", "0"), "must be 1 or more"),
        (("--encoder", "toy", "--device", "cuda"), "use --device cpu"),
        (("--encoder", "toy", "--device", "abacus"), "choose auto, cpu, cuda, cuda:N or mps"),
        (("--encoder", "toy", "--precision", "fp8"), "choose one of auto, fp32"),
        (("--encoder", "toy", "--weights", "w.pt"), "leave it out"),
        (
            ("--encoder", "vjepa2.1-vitb"),
            "run `tubelet download vjepa2.1-vitb` where there is a network",
        ),
        (("--encoder", "vjepa2.1-vitb", "--size", "100"), "use 96"),
        (("--encoder", "vjepa2.1-VITG"), "did you mean vjepa2.1-vitg or vjepa2.1-vitG"),
        (("--encoder", "toy", "--shift", "8"), "by 1 to 7 of them"),
        (("--encoder", "toy", "--pairs", "all"), "use a smaller --stride"),
        (("--encoder", "toy", "--frames", "2", "--shift", "1"), "leave --shift and --pairs out"),
        (("--encoder", "toy", "--keep", "pixels"), "choose embeddings, statistics or pooled"),
        (("--encoder", "vjepa2.1-vitb", "--weights", "absent.pt"), "absent.pt is not a file"),
        (("--encoder", "vjepa2-vitl"), "run `tubelet download vjepa2-vitl`"),
        (("--encoder", "vjepa1-vitl", "--frames", "1"), "use 2"),
        (("--encoder", "vjepa2-vith", "--frames", "5"), "use 4 or 6"),
        (("--encoder", "vjepa2-vitg", "--layer", "all"), "has one level: leave --layer out"),
        (
            ("--encoder", "vjepa2.1-untrained", "--layer", "4"),
            "levels 0 to 3: choose one of them, a range such as 0-1, last or all",
        ),
    ],
)
def test_wrong_use_is_a_sentence_and_exit_2_and_makes_no_store(arguments, words, video, tmp_path):
    process = tubelet("ingest", video, "--store", tmp_path / "store", *arguments)
    assert process.returncode == 2, process.stderr
    assert words in process.stderr and "Traceback" not in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "store").exists()


def test_paths_without_videos_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    for path, words in (
        (tmp_path / "empty", "no video file below"),
        (tmp_path / "absent", "does not exist"),
    ):
        process = tubelet("ingest", path, "--store", tmp_path / "store", *FAST)
        assert (
            process.returncode == 2
            and words in process.stderr
            and not (tmp_path / "store").exists()
        )


@pytest.mark.parametrize("command", ["sql", "check", "compact", "ingest"])
def test_a_folder_that_is_no_store_is_refused_and_left_alone(command, video, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    arguments = {"sql": ("FROM clips",), "ingest": (video, *FAST)}.get(command, ())
    process = tubelet(command, *arguments, "--store", tmp_path)
    assert (
        process.returncode == 2
        and "not a Tubelet store" in process.stderr
        and "Traceback" not in process.stderr
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """A store of a format that this version does not know."""
    root = tmp_path_factory.mktemp("newer") / "store"
    Store.create(root).close()
    marker = root / "tubelet.json"
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "format": 99}))
    return root


@pytest.mark.parametrize("command", ["sql", "check", "compact", "ingest"])
def test_a_store_of_a_newer_format_is_refused(command, video, newer):
    arguments = {"sql": ("FROM clips",), "ingest": (video, *FAST)}.get(command, ())
    process = tubelet(command, *arguments, "--store", newer)
    assert (
        process.returncode == 2
        and "upgrade Tubelet" in process.stderr
        and "Traceback" not in process.stderr
    )


def test_a_window_longer_than_the_video_is_a_failure_row_with_advice(video, tmp_path):
    process = tubelet(
        "ingest",
        video,
        "--store",
        tmp_path / "store",
        "--encoder",
        "toy",
        "--size",
        "64",
        "--frames",
        "64",
    )
    assert process.returncode == 1
    assert (
        "too short with 20 frames" in process.stdout
        and "--frames 20 or fewer, or --tail" in process.stdout
    )
    answer = tubelet(
        "sql",
        "SELECT stage, error FROM failures",
        "--store",
        tmp_path / "store",
        "--format",
        "json",
        check=True,
    )
    assert json.loads(answer.stdout)[0]["stage"] == "window"


def test_an_unreadable_file_does_not_stop_the_others(video, tmp_path):
    folder = make_folder(tmp_path / "videos", 2, frames=8)
    (folder / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (folder / "pointer.mp4").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n"
    )
    process = tubelet("ingest", folder, "--store", tmp_path / "store", *FAST, "--json")
    summary = json.loads(process.stdout)
    assert process.returncode == 1 and summary["clips"] == 4
    errors = {
        failure["path"].rpartition("/")[2]: failure["error"] for failure in summary["failures"]
    }
    assert "no such file" in errors["gone.mp4"] and "git lfs pull" in errors["pointer.mp4"]


@pytest.mark.long
def test_a_full_disk_is_a_sentence_and_the_store_stays_whole(small_disk, tmp_path):
    subprocess.run(["mount", "-o", "remount,size=2m", small_disk], check=True)
    folder = make_folder(tmp_path / "videos", 2, frames=60)
    arguments = (
        folder,
        "--store",
        small_disk / "store",
        "--encoder",
        "vjepa2.1-untrained",
        "--size",
        "128",
        "--frames",
        "4",
    )
    process = tubelet("ingest", *arguments)
    assert process.returncode == 2, process.stdout
    assert (
        "is full" in process.stderr
        and "free some space" in process.stderr
        and "Traceback" not in process.stderr
    )
    assert list((small_disk / "store" / "unfinished").iterdir()) == []
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    assert tubelet("check", "--store", small_disk / "store", check=True).returncode == 0
    tubelet("ingest", *arguments, check=True)
    assert tubelet("check", "--store", small_disk / "store", check=True).returncode == 0
    tubelet("ingest", folder, "--store", tmp_path / "whole", *arguments[3:], check=True)
    assert contents(small_disk / "store") == contents(tmp_path / "whole")


@pytest.mark.parametrize("size", thin(["300k", "1000k", "1800k", "2400k"], ["1000k"]))
def test_a_disk_that_fills_up_anywhere_is_one_sentence_and_leaves_nothing(
    size, small_disk, tmp_path
):
    """At some sizes the tables' library panicked, at others DuckDB printed what it had leaked; pictures and embeddings stayed."""
    subprocess.run(["mount", "-o", f"remount,size={size}", small_disk], check=True)
    folder = make_folder(tmp_path / "videos", 6, frames=120)
    arguments = (folder, "--store", small_disk / "store", "--encoder", "toy", "--size", "96")
    process = tubelet("ingest", *arguments, "--frames", "4")
    assert process.returncode == 2 and "is full" in process.stderr, process.stderr
    assert not {"panicked", "leaked", "Traceback"} & set(process.stderr.split()), process.stderr
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    if (small_disk / "store" / "tubelet.json").exists():
        assert "is whole" in tubelet("check", "--store", small_disk / "store", check=True).stdout


def test_a_read_only_store_answers_and_refuses_to_be_written(small_disk, video):
    tubelet("ingest", video, "--store", small_disk / "store", *FAST, check=True)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    answer = tubelet(
        "sql",
        "SELECT count(*) AS n FROM clips",
        "--store",
        small_disk / "store",
        "--format",
        "json",
        check=True,
    )
    assert json.loads(answer.stdout) == [{"n": 5}]
    for command in (("ingest", video, *FAST, "--stride", "2"), ("compact",)):
        process = tubelet(*command, "--store", small_disk / "store")
        assert process.returncode == 2, process.stdout
        assert "read-only file system" in process.stderr and "Traceback" not in process.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_a_sentence(video, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    process = tubelet("ingest", video, "--store", tmp_path / "locked" / "store", *FAST)
    assert (
        process.returncode == 2
        and "not writable" in process.stderr
        and "Traceback" not in process.stderr
    )
