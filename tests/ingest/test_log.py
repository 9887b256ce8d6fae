"""The log of an ingest: every video, commit and error is a line of JSON, and Python's logging hears of them too."""

import json
import logging
import os
import shutil
from collections import Counter

import pytest

from tests.commands import tubelet
from tests.videos import make_folder
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job

SMALL = {"encoder": "toy", "size": "64", "frames": 4, "pairs": "0", "device": "cpu"}
ARGUMENTS = ("--encoder", "toy", "--size", "64", "--frames", "4", "--pairs", "0")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = make_folder(tmp_path_factory.mktemp("videos"), 2, frames=9)
    (folder / "broken\n.mp4").write_bytes(b"no video")
    shutil.copy(folder / "video_000.mp4", folder / "video_copy.mp4")
    return folder


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_video_commit_and_error_is_a_line_and_a_rerun_appends(videos, tmp_path):
    log, command = tmp_path / "log.jsonl", ("ingest", videos, "--store", tmp_path / "store")
    process = tubelet(*command, *ARGUMENTS, "--log", log, "--quiet")
    assert (process.returncode, process.stderr) == (1, "") and "4 videos" in process.stdout
    found = lines(log)
    outcomes = Counter(line["outcome"] for line in found if line["event"] == "video")
    assert outcomes == {"encoded": 2, "failed": 1, "duplicate": 1}
    assert sum(line["clips"] for line in found if line["event"] == "video") == 4
    (error,) = [line for line in found if line["event"] == "error"]
    assert error["path"] == str(videos / "broken\n.mp4") and error["stage"] == "open"
    commits = [line for line in found if line["event"] == "commit"]
    assert sum(line["clips"] for line in commits) == 4 == sum(line["sources"] for line in commits)
    assert all(line["seconds"] >= 0 and line["at"] and line["pid"] for line in commits)
    tubelet(*command, *ARGUMENTS, "--log", log)
    again = lines(log)[len(found) :]
    outcomes = Counter(line["outcome"] for line in again if line["event"] == "video")
    assert outcomes == {"already stored": 2, "failed": 1, "duplicate": 1}


def test_python_s_logging_hears_of_videos_and_errors(videos, tmp_path, caplog):
    caplog.set_level(logging.INFO, "tubelet.ingest")
    job = Job.of(paths=[str(videos)], **SMALL)
    job.run(str(tmp_path / "store")).execute(job.sources)
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("INFO", f"{videos / 'video_001.mp4'}: encoded") in said
    assert [level for level, words in said if words.endswith("[open]")] == ["WARNING"]
    assert any(words.startswith("committed 4 clips in ") for _, words in said)


@pytest.mark.parametrize("kind", ["folder", "absent folder", "fifo"])
def test_a_log_that_cannot_be_written_is_refused_before_anything_is_made(kind, videos, tmp_path):
    path = {"folder": tmp_path, "absent folder": tmp_path / "a" / "b", "fifo": tmp_path / "f"}[kind]
    if kind == "fifo":
        os.mkfifo(path)  # which nobody reads
    job = Job.of(paths=[str(videos)], log=path, **SMALL)
    with pytest.raises(UsageError, match="--log .* cannot be written"):
        job.run(str(tmp_path / "store"))
    assert not (tmp_path / "store").exists()


def test_a_full_disk_ends_the_log_and_not_the_run(videos, tmp_path):
    job = Job.of(paths=[str(videos)], log="/dev/full", **SMALL)
    assert job.run(str(tmp_path / "store")).execute(job.sources).clips == 4
