"""Rows whose id is a path: named, repaired and removed, and nothing outside of the store is touched."""

from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.store import Store
from tubelet.store.disk import integrity, removal
from tubelet.store.schema import TABLES


@pytest.fixture
def root(tmp_path) -> Path:
    store = synthetic_store(tmp_path / "store", videos=2, clips=2)
    store.close()
    return store.root


def add(root, table, **values):
    """One more row, which nothing else names."""
    with closing(Store(root)) as store:
        row = store.query(f"FROM {table} ORDER BY ALL LIMIT 1").to_pylist()[0]
        store.commit({table: pa.Table.from_pylist([{**row, **values}], TABLES[table].arrow)})


PATHS = "../../home", "/etc", "..", "a/b", "", "a\0b"


@pytest.mark.parametrize("kind", thin(["videos", "encoders"]))
def test_a_row_without_clips_whose_id_is_a_path_is_named_repaired_and_removed(kind, root):
    """Such a row was not named by `check`, and the removal of such a video was refused."""
    key = TABLES[kind].key[0]
    kept = root.parent / "home" / "thumbnail.jpg"
    kept.parent.mkdir()
    kept.write_bytes(b"private")
    for id_ in PATHS:
        add(root, kind, **{key: id_}, name="foreign")
    with closing(Store(root)) as store:
        sound = store.rows(f"SELECT count(*) AS n FROM {kind}")[0]["n"] - len(PATHS)
        told = [str(problem) for problem in integrity.check(store)]
        assert len(told) == len(PATHS) and all(kind in one and "malicious" in one for one in told)
        assert all(any(repr(id_) in one for one in told) for id_ in PATHS)
        half = sorted(PATHS)[::2]
        for id_ in half:
            condition = (
                f"{key} = '{id_}'" if "\0" not in id_ else f"{key} LIKE 'a%b' AND {key} != 'a/b'"
            )
            gone = removal.choose(store, kind, (), condition)
            assert gone == {kind: [id_]}
            assert getattr(removal.preview(store, gone), kind) == 1
            removal.remove(store, gone)
        assert len(list(integrity.check(store))) == len(PATHS) - len(half)
        integrity.repair(store, list(integrity.check(store)))
        assert not list(integrity.check(store))
        assert store.rows(f"SELECT count(*) AS n FROM {kind}")[0]["n"] == sound
    assert kept.read_bytes() == b"private"


def test_clips_of_an_encoder_whose_id_is_a_path_are_named_and_go_alone(root):
    with closing(Store(root)) as store:
        row = store.query("FROM clips ORDER BY ALL LIMIT 1").to_pylist()[0]
        foreign = pa.Table.from_pylist([{**row, "encoder_id": "../../home"}], TABLES["clips"].arrow)
        store.commit({"clips": foreign}, {"clips": [row["clip_id"]]})
        clips_before = store.rows("SELECT count(*) AS n FROM clips")[0]["n"]
        assert any("'../../home', which is a path" in str(one) for one in integrity.check(store))
        integrity.repair(store, list(integrity.check(store)))
        assert not list(integrity.check(store))
        assert store.rows("SELECT count(*) AS n FROM clips")[0]["n"] == clips_before - 1
