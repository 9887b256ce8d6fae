"""`tubelet check` names what is wrong; `--repair` and a rerun make it right."""

import shutil

import pytest

from tests.commands import run_here
from tests.contents import contents
from tests.tiers import thin
from tests.videos import make_folder
from tubelet.store import Store, StoreError
from tubelet.store.disk.integrity import check, repair

FAST = ("--encoder", "toy", "--size", "64", "--frames", "4")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with videos and their store, to be copied."""
    folder = tmp_path_factory.mktemp("whole")
    videos = make_folder(folder / "videos", 2, frames=12)
    run_here("ingest", videos, "--store", folder / "store", *FAST, check=True)
    return folder


@pytest.fixture
def ingested(whole, tmp_path):
    store = Store(shutil.copytree(whole / "store", tmp_path / "store"))
    yield whole / "videos", store
    store.close()


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-7])


def remove(path):
    path.unlink()


@pytest.mark.parametrize(
    "harm,words",
    thin(
        [(flip, "SHA-256 differs"), (truncate, "bytes instead of"), (remove, "is missing")],
        spread=True,
    ),
)
def test_damage_names_the_clip_and_is_repaired_by_a_rerun(harm, words, ingested):
    videos, store = ingested
    before = contents(store.root)
    clip = store.rows("FROM clips ORDER BY embedding_path")[0]
    harm(store.root / clip["embedding_path"])
    process = run_here("check", "--store", store.root)
    assert process.returncode == 1
    assert (
        clip["clip_id"] in process.stdout
        and words in process.stdout
        and len(process.stdout.splitlines()) == 1
    )
    assert run_here("check", "--store", store.root, "--repair").returncode == 0
    assert store.rows("SELECT count(*) AS n FROM clips") == [{"n": 7}]
    assert (
        "1 clip encoded"
        in run_here("ingest", videos, "--store", store.root, *FAST, check=True).stdout
    )
    assert run_here("check", "--store", store.root).returncode == 0
    assert contents(store.root) == before


def test_an_orphan_is_named_and_swept(ingested):
    _, store = ingested
    orphan = store.layout.embedding("other", "video", "clip")
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"left over")
    process = run_here("check", "--store", store.root)
    assert (
        process.returncode == 1
        and str(orphan) in process.stdout
        and "no clip refers to" in process.stdout
    )
    assert run_here("check", "--store", store.root, "--repair").returncode == 0
    assert not orphan.exists() and list(check(store)) == []


def test_missing_derived_rows_are_noticed(ingested):
    videos, store = ingested
    before = contents(store.root)
    clip_id = store.rows("SELECT clip_id FROM clips LIMIT 1")[0]["clip_id"]
    store.commit({}, {"dim_stats": [clip_id]})
    (problem,) = check(store)
    assert problem.clip_id == clip_id and "dim_stats has 0 of its 32 rows" in str(problem)
    repair(store, [problem])
    run_here("ingest", videos, "--store", store.root, *FAST, check=True)
    assert contents(store.root) == before


def test_a_repair_keeps_away_from_a_running_ingest(ingested):
    _, store = ingested
    with store.ingesting(), pytest.raises(StoreError, match="an ingest is writing"):
        repair(store, [])
