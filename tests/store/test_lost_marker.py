"""A store whose `tubelet.json` is lost, damaged, old or another one's: the newest commit is found, and nothing of it is missing."""

import json
import shutil
from pathlib import Path

import pytest

from tests.commands import run_here
from tests.markers import edit_marker
from tests.stores import Recipe, add_videos, synthetic_store
from tests.tiers import thin
from tubelet.store import Store, StoreError
from tubelet.store.disk import integrity

COUNTS = "SELECT (SELECT count(*) FROM clips) AS clips, (SELECT count(*) FROM token_stats) AS stats, (SELECT count(*) FROM tokens) AS tokens"


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A store of many commits, merged in between, and its marker as a backup kept it before."""
    folder = tmp_path_factory.mktemp("grown")
    store = synthetic_store(folder / "store", videos=1)
    shutil.copy(store.layout.marker, folder / "backup.json")
    for number in range(1, 4):
        add_videos(store, Recipe(videos=1), first=number)
    store.compact()
    add_videos(store, Recipe(videos=1), first=4)
    store.close()
    other = synthetic_store(folder / "other", videos=2)
    other.close()
    return folder


@pytest.fixture
def root(grown, tmp_path):
    return Path(shutil.copytree(grown / "store", tmp_path / "store"))


HARMS = {
    "deleted": lambda marker, grown: marker.unlink(),
    "empty": lambda marker, grown: marker.write_bytes(b""),
    "cut off": lambda marker, grown: marker.write_bytes(marker.read_bytes()[:50]),
    "garbage": lambda marker, grown: marker.write_bytes(bytes(range(256))),
    "from a backup": lambda marker, grown: shutil.copy(grown / "backup.json", marker),
    "of another store": lambda marker, grown: shutil.copy(grown / "other" / "tubelet.json", marker),
    "a list": lambda marker, grown: marker.write_text("[1, 2]"),
    "deep": lambda marker, grown: marker.write_text("[" * 100_000),
    "format text": lambda marker, grown: marker.write_text(
        json.dumps(json.loads(marker.read_text()) | {"format": "1"})
    ),
    "versions list": lambda marker, grown: marker.write_text(
        '{"format": 1, "serial": 3, "versions": ["clips"]}'
    ),
    "versions text": lambda marker, grown: marker.write_text(
        '{"format": 1, "serial": 99, "versions": {"clips": "1"}}'
    ),
    "versions unknown": lambda marker, grown: marker.write_text(
        '{"format": 1, "serial": 99, "versions": {"../clips": 1}}'
    ),
    "serial negative": lambda marker, grown: marker.write_text(
        '{"format": 1, "serial": -1, "versions": {}}'
    ),
    "versions to come": lambda marker, grown: marker.write_text(
        '{"format": 1, "serial": 99, "versions": {"clips": 1000}}'
    ),
}


@pytest.mark.parametrize("harm", thin(HARMS.values(), 7), ids=HARMS)
def test_the_newest_commit_stands_in_for_the_marker_until_the_next_one_writes_it(
    harm, root, grown, caplog
):
    with_all = Store(root).rows(COUNTS)
    harm(root / "tubelet.json", grown)
    store = Store(root)
    assert "replaces it" in caplog.text
    assert store.rows(COUNTS) == with_all == [{"clips": 5, "stats": 500, "tokens": 500}]
    integrity.repair(store, list(integrity.check(store)))
    caplog.clear()
    assert list(integrity.check(Store(root))) == [] and caplog.text == ""
    add_videos(store, Recipe(videos=1), first=5)
    assert Store(root).rows("SELECT count(*) AS n FROM clips") == [{"n": 6}]
    store.close()


@pytest.mark.parametrize("harm", thin(["deleted", "garbage", "from a backup", "versions to come"]))
def test_a_store_without_entries_is_rebuilt_from_its_tables(harm, root, grown):
    edit_marker(root)
    HARMS[harm](root / "tubelet.json", grown)
    if harm == "from a backup":
        edit_marker(root)
    with pytest.raises(StoreError, match="check --repair"):
        Store(root).rows(COUNTS)
    process = run_here("check", "--store", root, "--repair", check=True)
    assert "rebuilt from the newest version of every table" in process.stdout
    assert Store(root).rows(COUNTS) == [{"clips": 5, "stats": 500, "tokens": 500}]
    assert "is whole" in run_here("check", "--store", root, check=True).stdout


@pytest.mark.parametrize(
    "content",
    [
        '{"format": "1", "serial": 0, "versions": {}}',
        '{"format": 1, "serial": 0, "versions": 3}',
        "null",
        '"x"',
    ],
)
def test_a_marker_of_wrong_types_is_a_sentence(content, root):
    edit_marker(root)
    (root / "tubelet.json").write_text(content)
    process = run_here("sql", "FROM clips", "--store", root)
    assert (
        process.returncode == 2
        and "tubelet.json is damaged" in process.stderr
        and "Traceback" not in process.stderr
    )


def test_a_later_format_is_refused_and_nothing_is_changed(root):
    marker = root / "tubelet.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"format": 99}))
    before = sorted(root.rglob("*")), marker.read_bytes()
    for use in (Store, Store.create, Store.recover):
        with pytest.raises(StoreError, match="upgrade Tubelet"):
            use(root)
    assert (sorted(root.rglob("*")), marker.read_bytes()) == before


@pytest.mark.long
def test_what_a_kept_entry_names_is_never_deleted(root):
    store = Store(root)
    for first in (6, 7):
        add_videos(store, Recipe(videos=1), first=first)
        store.compact()
        add_videos(store, Recipe(videos=1), first=first + 10)
    for entry in sorted((root / "snapshots").iterdir(), reverse=True):
        (root / "tubelet.json").unlink(missing_ok=True)
        assert "NULL" not in str(Store(root).rows(COUNTS))
        assert Store(root).rows(COUNTS)[0]["stats"] >= 100
        entry.unlink()
        if len(list((root / "snapshots").iterdir())) == 0:
            break
    store.close()
