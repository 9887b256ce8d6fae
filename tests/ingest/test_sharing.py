"""Several ingests at once: they share the sources, a killed one's are taken over, and the store is that of one run."""

import json
import shutil
import time

import pytest

from tests.commands import started, tubelet
from tests.contents import contents, rows
from tests.videos import make_folder
from tubelet.ingest.job import Job
from tubelet.ingest.pipeline.messages import VideoDone

ARGUMENTS = ("--encoder", "toy", "--size", "64", "--frames", "4", "--json")
SMALL = {"encoder": "toy", "size": "64", "frames": 4, "device": "cpu"}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = make_folder(tmp_path_factory.mktemp("videos"), 6, frames=60)
    (folder / "broken.mp4").write_bytes(b"no video")
    shutil.copy(folder / "video_003.mp4", folder / "copy.mp4")
    return folder


@pytest.fixture(scope="module")
def whole(videos, tmp_path_factory):
    """What one run makes of them, and how many clips it encodes."""
    root = tmp_path_factory.mktemp("whole") / "store"
    done = json.loads(tubelet("ingest", videos, "--store", root, *ARGUMENTS).stdout)
    return contents(root), done["clips"]


def start(videos, root):
    return started("ingest", videos, "--store", root, *ARGUMENTS)


def end(process):
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors  # one source is broken
    return json.loads(output)


@pytest.mark.long
def test_processes_share_the_work_encode_nothing_twice_and_end_in_the_store_of_one(
    videos, whole, tmp_path
):
    root = tmp_path / "store"
    done = [end(process) for process in [start(videos, root) for _ in range(3)]]
    assert sum(summary["clips"] for summary in done) == whole[1]
    assert all(summary["videos"] == 8 for summary in done)
    assert contents(root) == whole[0]
    assert not list((root / "claims").rglob("*.*")), "the last one removes the claims"
    assert tubelet("check", "--store", root).returncode == 0
    again = end(start(videos, root))
    assert (again["clips"], again["videos_shared"], again["videos_decoded"]) == (0, 0, 0)


@pytest.mark.long
def test_what_a_killed_process_had_claimed_is_taken_over_by_one_that_runs(videos, whole, tmp_path):
    root = tmp_path / "store"
    killed = start(videos, root)
    deadline = time.monotonic() + 60
    while not list(root.glob("embeddings/**/*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    job = Job.of(paths=[str(videos)], **SMALL)
    run = job.run(str(root))
    counted, run._count = run._count, lambda done: (kill_at_first(done), counted(done))

    def kill_at_first(done: VideoDone) -> None:
        if killed.poll() is None:
            killed.kill()
            killed.communicate()

    summary = run.execute(job.sources)
    assert killed.returncode == -9, "it was at work"
    assert summary.exit_code == 1 and contents(root) == whole[0]
    assert rows(root, "SELECT count(*) AS n FROM clips")[0]["n"] == whole[1]


@pytest.mark.long
def test_a_stopped_process_leaves_its_sources_to_another(videos, whole, tmp_path):
    root = tmp_path / "store"
    jobs = [Job.of(paths=[str(videos)], **SMALL) for _ in range(2)]
    first, second = (job.run(str(root)) for job in jobs)
    counted = first._count_clip
    first._count_clip = lambda clip: (counted(clip), first.stop())
    assert first.execute(jobs[0].sources).interrupted
    assert second.execute(jobs[1].sources).exit_code == 1
    assert contents(root) == whole[0]
