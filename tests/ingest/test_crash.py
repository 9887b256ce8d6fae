"""Whole or absent: whatever kills an ingest, and however many run at once, the store ends up the same."""

import random
import signal
import time

import pytest

from tests.commands import started, tubelet
from tests.contents import contents
from tests.videos import make_folder
from tubelet.store import Store
from tubelet.store.disk.integrity import check

KILLS = 4
ARGUMENTS = ("--encoder", "toy", "--size", "64", "--frames", "4")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = make_folder(tmp_path_factory.mktemp("videos"), 5, frames=18)
    (folder / "broken.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def uninterrupted(videos, tmp_path_factory):
    """Contents of the store that nothing disturbed."""
    root = tmp_path_factory.mktemp("whole") / "store"
    assert tubelet("ingest", videos, "--store", root, *ARGUMENTS).returncode == 1
    return contents(root)


def problems(root):
    store = Store(root)
    try:
        return list(check(store))
    finally:
        store.close()


def consistent(root):
    """Whether every table agrees with `clips`, as a reader sees them at this moment."""
    if not (root / "tubelet.json").exists():
        return True
    store = Store(root)
    try:
        (row,) = (
            store.rows("""SELECT (SELECT coalesce(sum(slices * grid_height * grid_width), 0) FROM clips) AS promised,
            (SELECT count(*) FROM token_stats) AS present, (SELECT count(*) FROM tokens) AS embedded,
            (SELECT coalesce(sum(shared_slices * embed_dim), 0) FROM pairs JOIN clips ON clip_a = clip_id JOIN (SELECT clip_id AS clip_b FROM clips) USING (clip_b)) AS paired,
            (SELECT count(*) FROM sensitivity) AS measured""")
        )
        return (
            row["promised"] == row["present"] == row["embedded"]
            and row["paired"] == row["measured"]
        )
    finally:
        store.close()


@pytest.mark.long
def test_killed_again_and_again_the_store_ends_as_if_nothing_had_happened(
    videos, uninterrupted, tmp_path
):
    root = tmp_path / "store"
    moments = random.Random(7)
    killed_at_work = 0
    for _ in range(KILLS):
        process = started("ingest", videos, "--store", root, *ARGUMENTS, commits_at_once=True)
        _wait_for_work(process, root)
        time.sleep(moments.uniform(0, 0.9))
        process.kill()
        process.communicate()
        killed_at_work += process.returncode == -signal.SIGKILL
        assert consistent(root)
    assert killed_at_work >= KILLS // 2, "most kills should have met a working ingest"
    assert tubelet("ingest", videos, "--store", root, *ARGUMENTS).returncode == 1
    assert tubelet("check", "--store", root).returncode == 0
    assert contents(root) == uninterrupted
    assert problems(root) == []


@pytest.mark.long
def test_two_ingests_at_once_make_one_store(videos, uninterrupted, tmp_path):
    root = tmp_path / "store"
    processes = [
        started("ingest", videos, "--store", root, *ARGUMENTS, commits_at_once=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [1, 1], outputs
    assert contents(root) == uninterrupted
    assert problems(root) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_commits_what_is_encoded_and_says_how_to_go_on(number, tmp_path):
    root = tmp_path / "store"
    videos = make_folder(tmp_path / "videos", 3, frames=400)
    process = started(
        "ingest", videos, "--store", root, "--encoder", "toy", "--size", "224", "--frames", "2"
    )
    _wait_for_work(process, root)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "run the same command again to continue" in output
    assert consistent(root) and problems(root) == []
    assert Store(root).rows("SELECT count(*) AS n FROM clips")[0]["n"] > 0


@pytest.mark.long
def test_readers_see_whole_commits_while_an_ingest_runs(videos, tmp_path):
    root = tmp_path / "store"
    process = started("ingest", videos, "--store", root, *ARGUMENTS, commits_at_once=True)
    looked = 0
    while process.poll() is None:
        began = time.perf_counter()
        assert consistent(root)
        looked += (root / "tubelet.json").exists()
        time.sleep(time.perf_counter() - began)  # the ingest has its turn, too
    process.communicate()
    assert looked > 3


def _wait_for_work(process, root):
    """Until the ingest writes its first embedding of this run, or ends."""
    before = _embedding_files(root)
    while process.poll() is None and _embedding_files(root) <= before:
        time.sleep(0.02)


def _embedding_files(root):
    return (
        sum(1 for _ in (root / "embeddings").rglob("*.parquet"))
        if (root / "embeddings").exists()
        else 0
    )
