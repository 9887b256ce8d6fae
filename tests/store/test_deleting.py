"""Many rows go in one commit: delta-rs would end the process over a list of so many values."""

from pathlib import Path

import pytest

from tests.stores import Recipe, add_videos, fill_store, synthetic_store
from tubelet.store import Store
from tubelet.store.disk import deleting, integrity, removal, tables
from tubelet.store.saved_queries import SavedQuery, list_queries, save_queries
from tubelet.store.schema import TABLES


def rows_of(store: Store) -> dict[str, list]:
    held = store.snapshot().versions
    return {name: sorted(map(repr, store.rows(f"FROM {name}"))) for name in held}


@pytest.mark.long
def test_many_rows_go_as_few_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = []
    for number, few in enumerate((deleting.FEW, 0)):
        monkeypatch.setattr(deleting, "FEW", few)
        store = synthetic_store(tmp_path / str(number), videos=6, clips=3)
        store.compact(whole=True)
        add_videos(store, Recipe(videos=3, clips=3), first=6)
        ids = [row["video_id"] for row in store.rows("SELECT video_id FROM videos ORDER BY ALL")]
        before = set(
            tables.open_table(store.layout.table("clips"), store.snapshot().versions["clips"]).files
        )
        removal.remove(store, removal.choose(store, "videos", ids[::3], None))
        assert list(integrity.check(store)) == []
        stores.append((store, before))
    (one, _), (other, before) = stores
    assert rows_of(one) == rows_of(other)
    held = tables.open_table(other.layout.table("clips"), other.snapshot().versions["clips"])
    assert not before & set(held.files) and set(held.ranges) <= set(held.files)
    other.compact(whole=True)
    assert rows_of(one) == rows_of(other)
    for store, _ in stores:
        store.close()


@pytest.mark.long
def test_sixty_thousand_values_are_no_end(tmp_path: Path) -> None:
    """An import of saved queries takes out those of the same names first."""
    store = Store.create(tmp_path / "store")
    fill_store(store, Recipe(videos=1))
    many = [SavedQuery(name=f"q{number}", sql="SELECT 1") for number in range(60_000)]
    save_queries(store, many[:3])
    save_queries(store, many)
    assert len(list_queries(store)) == len(many)
    store.close()


def test_files_without_a_row_to_delete_stay(tmp_path: Path) -> None:
    store = synthetic_store(tmp_path / "store", videos=2)
    table = TABLES["videos"]
    path, version = store.layout.table("videos"), store.snapshot().versions["videos"]
    absent = [f"{number:016x}" for number in range(deleting.FEW + 1)]
    assert deleting.delete_rows(path, table, "video_id", absent) == version
    store.close()
