"""A store that was opened read-only refuses every write, whoever asks, and stays as it is to the byte; reading goes on."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

import tubelet
from tests.stores import synthetic_store
from tubelet.dashboard import caching
from tubelet.dashboard.access import READ_ONLY
from tubelet.latent.workspace import Workspace
from tubelet.store import Store
from tubelet.store.annotations.importing import ImportOptions, TableFile, import_sources
from tubelet.store.annotations.kept import keep_videos
from tubelet.store.annotations.tags import TagMember, add_tag, remove_tag
from tubelet.store.disk import integrity, removal
from tubelet.store.errors import ReadOnly
from tubelet.store.jobs.claims import Claims
from tubelet.store.jobs.listing import stop_job
from tubelet.store.jobs.starting import start_job
from tubelet.store.saved_queries import SavedQuery, remove_query, save_query


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("read_only")
    made = synthetic_store(folder / "films", videos=3, clips=2)
    add_tag(made, "odd", [TagMember(video_id=first_video(made))], "kept")
    save_query(made, SavedQuery(name="all", sql="FROM videos"))
    made.close()
    (folder / "labels.csv").write_text("video,split\nvideo-00000.mp4,test\n")
    yield folder / "films"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store(path, read_only=True)
    yield opened
    opened.close()


def first_video(store: Store) -> str:
    return store.rows("SELECT video_id FROM videos ORDER BY name")[0]["video_id"]


def first_clip(store: Store) -> dict:
    return store.rows("FROM clips ORDER BY clip_id")[0]


def begin_ingest(store: Store) -> None:
    with store.ingesting():
        pass


def remove_first(store: Store) -> None:
    removal.remove(store, removal.choose(store, "videos", [first_video(store)], None))


def write_grid(store: Store) -> None:
    clip = first_clip(store)
    size = clip["slices"], clip["grid_height"], clip["grid_width"], clip["embed_dim"]
    store.write_embedding(clip, np.zeros(size, np.float16))


WRITES: dict[str, Callable[[Store], object]] = {
    "commit": lambda store: store.commit({}, {"videos": [first_video(store)]}),
    "commit of nothing": lambda store: store.commit({}),
    "compact": lambda store: store.compact(),
    "ingest": begin_ingest,
    "embedding": write_grid,
    "thumbnail": lambda store: store.write_thumbnail(first_video(store), b"jpeg"),
    "pictures": lambda store: store.write_pictures(first_clip(store), b"jpeg"),
    "codes": lambda store: store.write_codes("b", first_clip(store)["clip_id"], memoryview(b"x")),
    "sealed": lambda store: store.write_sealed(store.root / "media" / "x", b"x"),
    "tag": lambda store: add_tag(store, "new", [TagMember(video_id=first_video(store))]),
    "note": lambda store: add_tag(
        store, "odd", [TagMember(video_id=first_video(store))], "another"
    ),
    "no tag": lambda store: remove_tag(store, "odd"),
    "selection": lambda store: keep_videos(store, [first_video(store)]),
    "query": lambda store: save_query(store, SavedQuery(name="new", sql="FROM clips")),
    "no query": lambda store: remove_query(store, "all"),
    "labels": lambda store: import_sources(
        store, [TableFile(store.root.parent / "labels.csv")], ImportOptions()
    ),
    "removal": remove_first,
    "claim": lambda store: Claims(store.layout).take("0" * 16, "video"),
    "job": lambda store: start_job(store, ["compact"], store.root, {}),
    "job that runs": lambda store: stop_job(store, "20261129-000000-abcdef"),
    "repair": lambda store: integrity.repair(store, list(integrity.check(store))),
}


def content(path: Path) -> dict[str, str]:
    """Every file and folder below the store, with a hash of its bytes."""
    return {
        str(entry.relative_to(path)): sha256(entry.read_bytes()).hexdigest()
        if entry.is_file()
        else ""
        for entry in path.rglob("*")
    }


@pytest.mark.parametrize("name", WRITES)
def test_every_write_is_refused_and_nothing_changes(store: Store, path: Path, name: str) -> None:
    before = content(path)
    with pytest.raises(ReadOnly, match="was opened read-only, and nothing is written to it: open it"):  # fmt: skip
        WRITES[name](store)
    assert content(path) == before


def test_no_write_of_the_store_is_left_out_here() -> None:
    """Each public method that writes has a row in `WRITES`, by the name behind `write_`."""
    written = {name.removeprefix("write_") for name in dir(Store) if name.startswith("write_")}
    assert written <= WRITES.keys()


def test_reading_goes_on(store: Store, path: Path) -> None:
    before = content(path)
    clip = first_clip(store)
    assert store.grid(clip["clip_id"]).shape[0] == clip["slices"]
    assert store.rows("SELECT note FROM tags") == [{"note": "kept"}]
    assert len(Workspace(store).video_vectors(clip["encoder_id"])) == 3
    assert not list(integrity.check(store))
    assert content(path) == before


def test_python_and_the_dashboard_open_read_only(path: Path, monkeypatch) -> None:
    opened = tubelet.open(path, read_only=True)
    with pytest.raises(ReadOnly):
        opened.compact()
    opened.close()
    monkeypatch.setenv(READ_ONLY, "1")
    with pytest.raises(ReadOnly):
        add_tag(caching.open_store(str(path)), "new", [TagMember(video_id=first_video(opened))])
    monkeypatch.delenv(READ_ONLY)
    assert not caching.open_store(str(path)).layout.read_only
