"""A flipped bit is noticed wherever it is, and what it hit is named, taken out and restored."""

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.markers import edit_marker
from tests.stores import Recipe, add_videos, synthetic_store
from tests.tiers import thin
from tubelet import cli
from tubelet.latent import search_index
from tubelet.store import Store, StoreError
from tubelet.store.disk import deleting, integrity, removal, verification
from tubelet.store.disk.checksums import SEAL, is_sound, seal
from tubelet.store.schema import TABLES

KINDS = {
    "embeddings": "embeddings/*/*/*.parquet",
    "tables": "*/*.parquet",
    "logs": "*/_delta_log/*",
    "pictures": "media/*/*.jpg",
    "codes": "codes/*/*.npy",
    "marker": "tubelet.json",
    "snapshots": "snapshots/*.json",
}
FLIPS = {
    "marker": 12,
    "snapshots": 12,
}  # of each kind of file; the others are compared with one checksum
FEW = 6


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    store = synthetic_store(tmp_path_factory.mktemp("sound") / "store", videos=2, clips=2)
    for row in store.rows("FROM clips"):
        store.write_pictures(row, b"a JPEG")
    search_index.write_index(store, store.rows("FROM encoders")[0]["encoder_id"])
    store.close()
    return store.root


@pytest.fixture
def root(sound, tmp_path):
    return Path(shutil.copytree(sound, tmp_path / "store"))


def flip(path, rng):
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def problems(root):
    """What `check` says; a sentence of its own where the store does not open."""
    try:
        store = Store(root)
        try:
            return list(integrity.check(store))
        finally:
            store.close()
    except StoreError as error:
        return [error]


def test_a_store_is_whole_as_it_is_written(sound):
    assert problems(sound) == []
    assert verification.count_unchecked(Store(sound)) == 0


def test_a_column_whose_name_changed_is_a_sentence(root):
    path = next(root.glob("token_stats/*.parquet"))
    path.write_bytes(path.read_bytes().replace(b"neighbour_cosine", b"ndighbour_cosine"))
    assert any(
        "token_stats" in str(problem) and "other columns than its log says" in str(problem)
        for problem in problems(root)
    )


@pytest.mark.parametrize("kind", thin(KINDS, ["tables", "pictures"]))
def test_a_flipped_bit_is_noticed_in_every_kind_of_file(kind, sound):
    rng = random.Random(kind)
    files = [path for path in sorted(sound.glob(KINDS[kind])) if path.is_file()]
    assert files
    for path in (rng.choice(files) for _ in range(FLIPS.get(kind, FEW))):
        before = path.read_bytes()
        flip(path, rng)
        try:
            found = problems(sound)
        finally:
            path.write_bytes(before)
        assert found, f"{path} has changed, and nobody noticed"
    assert problems(sound) == []


def harm_footer(path):
    """Change a byte of the footer that no reader needs: the rows can still be read."""
    data = bytearray(path.read_bytes())
    data[data.find(b"parquet-rs version")] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("table", ["token_stats", "clips", "videos", "failures"])
def test_rows_of_a_damaged_table_are_named(table, root):
    path = next((root / table).glob("*.parquet"))
    harm_footer(path)
    (problem,) = problems(root)
    assert (
        problem.rows.table == (TABLES[table].owner or table)
        and path.name in str(problem)
        and len(problem.rows.keys) > 0
    )


def test_a_damaged_table_is_not_merged_into_one_that_looks_sound(root):
    store = Store(root)
    add_videos(store, Recipe(videos=1), first=5)
    harm_footer(next((root / "token_stats").glob("*.parquet")))
    with pytest.raises(StoreError, match="merging it would hide that"):
        store.compact()
    assert len(problems(root)) == 1
    store.close()


@pytest.mark.long
@pytest.mark.parametrize("few", [1000, 0])
def test_what_is_removed_does_not_make_a_damaged_table_look_sound(few, root, monkeypatch):
    monkeypatch.setattr(deleting, "FEW", few)
    store = Store(root)
    add_videos(store, Recipe(videos=2), first=5)
    held, ids = (
        store.fingerprint,
        [row["video_id"] for row in store.rows("FROM videos ORDER BY name")],
    )
    harm_footer(max((root / "token_stats").glob("*.parquet"), key=os.path.getmtime))
    with pytest.raises(StoreError, match="writing the rest of its rows would hide that"):
        removal.remove(store, removal.choose(store, "videos", ids[-1:], None))
    assert store.fingerprint == held and len(store.rows("FROM videos")) == len(ids)
    assert len(problems(root)) == 1
    with pytest.raises(
        StoreError, match="^removed, but older files were not merged: .* is damaged"
    ):
        removal.remove(store, removal.choose(store, "videos", ids[:1], None))
    assert len(store.rows("FROM videos")) == len(ids) - 1
    integrity.repair(store, list(integrity.check(store)))
    assert list(integrity.check(store)) == []
    store.close()


@pytest.mark.parametrize("change", thin([None, lambda data: data[: len(data) // 2]]))
@pytest.mark.parametrize("table", thin(["token_stats", "dim_sensitivity"]))
def test_rows_of_a_file_that_cannot_be_read_are_those_that_lack_elsewhere(table, change, tmp_path):
    store = synthetic_store(tmp_path / "store", videos=2, clips=2, shift=1)
    path = next((store.root / table).glob("*.parquet"))
    add_videos(store, Recipe(videos=1, clips=2, shift=1), first=5)
    path.write_bytes(change(path.read_bytes())) if change else path.unlink()
    ids = [row["video_id"] for row in store.rows("SELECT video_id FROM videos ORDER BY name")]
    with pytest.raises(StoreError, match="is damaged, and writing the rest of its rows"):
        removal.remove(store, removal.choose(store, "videos", ids[:1], None))
    found = CliRunner().invoke(cli.main, ["check", "--repair", "--store", str(store.root)])
    assert found.exit_code == 0 and "repaired 1 problem" in found.output, found.output
    assert problems(store.root) == []
    owners = "clips" if table == "token_stats" else "pairs"
    left = store.rows(f"SELECT DISTINCT video_id FROM {owners}")
    assert left == [{"video_id": ids[2]}]
    store.close()


def test_a_damaged_table_that_nothing_restores_needs_a_backup(root):
    path = next((root / "clips").glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-100])
    found = CliRunner().invoke(cli.main, ["check", "--repair", "--store", str(root)])
    assert found.exit_code == 1 and "problems need a backup" in found.output, found.output
    assert "repaired" not in found.output


@pytest.mark.parametrize("table", ["clips", "token_samples"])
def test_a_repair_of_something_else_leaves_a_table_that_only_a_backup_restores(table, root):
    path = next((root / table).glob("*.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    flip(next((root / "embeddings").rglob("*.parquet")), random.Random(1))  # its clip is to go
    found = CliRunner().invoke(cli.main, ["check", "--repair", "--store", str(root)])
    assert found.exit_code in (1, 2), found.output
    path.write_bytes(whole)
    store = Store(root)
    assert store.rows(f"SELECT count(*) > 0 AS held FROM {table}") == [{"held": True}]
    store.close()


def test_a_repair_takes_out_what_a_damaged_file_holds(root):
    path = next((root / "token_stats").glob("*.parquet"))
    harm_footer(path)
    store = Store(root)
    integrity.repair(store, list(integrity.check(store)))
    assert list(integrity.check(store)) == []
    assert store.rows("SELECT count(*) AS n FROM clips") == [{"n": 0}]
    store.close()


def test_a_damaged_encoder_is_told_and_left(root):
    path = next((root / "encoders").glob("*.parquet"))
    harm_footer(path)
    (problem,) = problems(root)
    assert "restore" in str(problem) and "toy-" in str(problem)
    integrity.repair(Store(root), [problem])
    assert path.exists()


def test_damaged_pictures_go_and_their_video_is_made_again(root):
    path = next((root / "media").glob("*/thumbnail.jpg"))
    flip(path, random.Random(1))
    store = Store(root)
    integrity.repair(store, list(integrity.check(store)))
    assert not path.exists() and list(integrity.check(store)) == []
    assert store.rows("SELECT video_id FROM videos WHERE video_id = ?", [path.parent.name]) == []
    store.close()


def test_a_store_from_before_opens_and_gets_its_checksums(root):
    edit_marker(root)
    for path in [*root.glob("media/*/*.jpg"), *root.glob("codes/*/*.npy")]:
        path.write_bytes(path.read_bytes()[:-SEAL])
    store = Store(root)
    before = store.rows("SELECT count(*) AS n, sum(norm) AS s FROM token_stats")
    assert verification.count_unchecked(store) > 30 and list(integrity.check(store)) == []
    store.compact()
    verification.add_seals(store)
    assert verification.count_unchecked(store) == 0 and list(integrity.check(store)) == []
    assert store.rows("SELECT count(*) AS n, sum(norm) AS s FROM token_stats") == before
    store.close()


def test_a_seal_is_behind_what_readers_need(root, tmp_path):
    path = tmp_path / "file"
    for data in (b"", b"x", bytes(range(256)) * 99):
        path.write_bytes(data)
        assert is_sound(path) is None
        path.write_bytes(seal(data))
        assert is_sound(path) is True
        for place in range(len(data), len(data) + SEAL):
            whole = bytearray(seal(data))
            whole[place] ^= 4
            path.write_bytes(whole)
            assert is_sound(path) is False
    assert np.load(next((root / "codes").glob("*/*.npy"))).dtype == np.int8
