"""A store from somebody else can name whatever it wants: no file outside of it is opened, changed or deleted."""

import json
import os
import shutil
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pytest

from tests.markers import edit_marker
from tests.stores import Recipe, add_videos, synthetic_store
from tests.tiers import thin
from tests.watched import Watch
from tubelet.dashboard.corpus import videos
from tubelet.ingest.errors import CheckpointError
from tubelet.ingest.weights.saved_folder import shards
from tubelet.latent import clips, search_index
from tubelet.media import sources
from tubelet.store import Store, StoreError, TubeletError, ids
from tubelet.store.disk import integrity
from tubelet.store.rows import ClipRow, VideoRow
from tubelet.store.sandbox import untrusted as sandbox
from tubelet.store.schema import TABLES

VIDEO, CLIP = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A store that is whole, to be copied."""
    store = synthetic_store(tmp_path_factory.mktemp("sound") / "store", videos=2, clips=2)
    store.close()
    return store.root


@pytest.fixture
def root(sound, tmp_path):
    return Path(shutil.copytree(sound, tmp_path / "store"))


@pytest.fixture
def outside(sound, tmp_path):
    """Files of the user: what an attack could want to read, replace or delete."""
    folder = tmp_path / "home"
    for name in (
        "keep.txt",
        "thumbnail.jpg",
        f"{CLIP}.jpg",
        f"{CLIP}.npy",
        "tubelet.json",
        f"{VIDEO}/{CLIP}.jpg",
        f"{VIDEO}/thumbnail.jpg",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"private")
    embedding = next((sound / "embeddings").rglob("*.parquet"))
    shutil.copy(embedding, folder / f"{CLIP}.parquet")
    shutil.copy(next((sound / "clips").glob("*.parquet")), folder / "part.parquet")
    return folder


def commit(root, table, **values):
    """Replace a row by one that an attacker wrote."""
    store = Store(root)
    rows = store.query(f"FROM {table} ORDER BY ALL LIMIT 1").to_pylist()
    hostile = pa.Table.from_pylist([{**rows[0], **values}], TABLES[table].arrow)
    store.commit({table: hostile}, {table: [rows[0][TABLES[table].key[0]]]})
    store.close()


def test_the_embedding_file_of_another_clip_is_not_read_as_this_one(root):
    with closing(Store(root)) as store:
        first, other = store.query(
            "FROM clips WHERE embedding_path IS NOT NULL ORDER BY clip_id LIMIT 2"
        ).to_pylist()
    named = ("embedding_path", "embedding_bytes", "embedding_sha256")
    with closing(Store(root)) as store:
        hostile = pa.Table.from_pylist(
            [{**first, **{name: other[name] for name in named}}], TABLES["clips"].arrow
        )
        store.commit({"clips": hostile}, {"clips": [first["clip_id"]]})
    with closing(Store(root)) as store:
        told = [problem for problem in integrity.check(store) if "another clip" in problem.what]
        assert [problem.clip_id for problem in told] == [first["clip_id"]]
        for read in (
            lambda: store.grid(first["clip_id"]),
            lambda: clips.open_clip(store, first["clip_id"]),
        ):
            with pytest.raises(TubeletError, match="names the embedding file of another clip"):
                read()
        counts = store.query(
            "SELECT count(*) AS n, count(DISTINCT (clip_id, slice, y, x)) AS different FROM tokens"
        )
        assert counts.to_pylist()[0]["n"] == counts.to_pylist()[0]["different"] > 0
        integrity.repair(store, list(integrity.check(store)))
        assert not list(integrity.check(store))
        assert (root / other["embedding_path"]).is_file()


def link(root, name, target):
    path = root / name
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def log_entry(root, name):
    folder = root / "clips" / "_delta_log"
    version = len(list(folder.glob("*.json")))
    add = {
        "path": name,
        "partitionValues": {},
        "size": 1,
        "modificationTime": 1,
        "dataChange": True,
    }
    (folder / f"{version:020}.json").write_text(json.dumps({"add": add}))
    edit_marker(root, lambda content: content["versions"].update(clips=version))


def linked_embedding(root, out):
    link(
        root,
        next((root / "embeddings").rglob("*.parquet")).relative_to(root),
        out / f"{CLIP}.parquet",
    )


ATTACKS = {
    "absolute": lambda root, out: commit(root, "clips", embedding_path=str(out / "keep.txt")),
    "absolute embedding": lambda root, out: commit(
        root, "clips", embedding_path=str(out / f"{CLIP}.parquet")
    ),
    "above": lambda root, out: commit(root, "clips", embedding_path=f"../home/{CLIP}.parquet"),
    "above below": lambda root, out: commit(
        root, "clips", embedding_path=f"embeddings/../../home/{CLIP}.parquet"
    ),
    "pattern": lambda root, out: commit(
        root, "clips", embedding_path="embeddings/../../home/*.parquet"
    ),
    "nul": lambda root, out: commit(root, "clips", embedding_path="embeddings/a\0b"),
    "empty": lambda root, out: commit(root, "clips", embedding_path=""),
    "video id": lambda root, out: commit(
        root, "clips", video_id=str(out), clip_id=CLIP, embedding_path="embeddings/a/b/c.parquet"
    ),
    "video id above": lambda root, out: commit(root, "clips", video_id="../../home", clip_id=CLIP),
    "clip id": lambda root, out: commit(root, "clips", clip_id=f"../../../home/{CLIP}"),
    "quoting": lambda root, out: commit(
        root, "clips", clip_id="' OR '1' = '1", embedding_path=str(out / "keep.txt")
    ),
    "thumbnail": lambda root, out: commit(root, "videos", thumbnail=str(out / "thumbnail.jpg")),
    "thumbnail above": lambda root, out: commit(
        root, "videos", thumbnail="media/../../home/thumbnail.jpg"
    ),
    "embeddings link": lambda root, out: link(root, "embeddings", out),
    "embedding folder link": lambda root, out: link(root, "embeddings/toy", out),
    "embedding link": linked_embedding,
    "media link": lambda root, out: link(root, "media", out),
    "pictures link": lambda root, out: link(root, "media/other", out / VIDEO),
    "unfinished link": lambda root, out: link(root, "unfinished", out),
    "snapshots link": lambda root, out: link(root, "snapshots", out),
    "codes link": lambda root, out: link(root, "codes", out),
    "table link": lambda root, out: link(root, "sketches", out),
    "log link": lambda root, out: link(root, "failures/_delta_log", out),
    "link in a table": lambda root, out: link(root, "failures/part", out),
    "marker link": lambda root, out: link(root, "tubelet.json", out / "tubelet.json"),
    "lock link": lambda root, out: link(root, "commit.lock", out / "keep.txt"),
    "log above": lambda root, out: log_entry(root, "../../home/part.parquet"),
    "log escaped": lambda root, out: log_entry(root, "%2e%2e/%2e%2e/home/part.parquet"),
    "log pattern": lambda root, out: log_entry(root, "../../home/*.parquet"),
}


def use(root):
    """Everything that reads, writes, sweeps and repairs; refusals are sentences. What went wrong is returned."""
    refused = []
    for action in ACTIONS:
        try:
            store = Store(root)
            try:
                action(store)
            finally:
                store.close()
        except TubeletError as error:
            refused.append(str(error))
    return refused


def read_all(store):
    for row in store.rows("FROM clips"):
        with suppress(StoreError):
            clips.read(store, ClipRow.of(row))
        with suppress(StoreError):
            store.grid(row["clip_id"])


def show(store):
    for row in store.rows("SELECT thumbnail FROM videos"):
        shown = videos.thumbnail(store, row["thumbnail"])
        assert shown is None or "cHJpdmF0ZQ" not in shown  # "private" in base 64
    for row in store.rows("FROM clips"):
        with suppress(StoreError):
            sources.pictures(store, ClipRow.of(row))


def ingest(store):
    with store.ingesting():
        add_videos(store, Recipe(videos=1), first=7)


def query(store):
    assert (
        store.query("SELECT count(embedding) AS n FROM tokens")["n"][0].as_py() % 100 == 0
    )  # whole clips of the store, and no others


def code(store):
    for encoder_id in store.query("SELECT encoder_id FROM encoders")["encoder_id"].to_pylist():
        search_index.write_index(store, encoder_id)


def repair(store):
    integrity.repair(store, list(integrity.check(store)))


ACTIONS = [
    lambda store: list(integrity.check(store)),
    read_all,
    show,
    query,
    code,
    ingest,
    lambda store: store.compact(),
    repair,
    ingest,
    query,
]


@pytest.mark.parametrize("attack", thin(ATTACKS.values(), 10), ids=ATTACKS)
def test_nothing_outside_is_opened_changed_or_deleted(attack, root, outside):
    attack(root, outside)
    names = sorted(outside.rglob("*"))
    watch = Watch(outside)
    refused = use(root)
    assert not watch.touched()
    assert sorted(outside.rglob("*")) == names
    assert all("\n" not in sentence for sentence in refused)


@pytest.mark.parametrize("name", ["above", "embedding link", "log above"])
def test_other_peoples_sql_reads_nothing_outside(name, root, outside):
    ATTACKS[name](root, outside)
    watch = Watch(outside)
    with pytest.raises(TubeletError, match="malicious"):
        store = Store(root)
        sandbox.ask(store, "SELECT count(*), any_value(embedding) FROM tokens, clips")
    assert not watch.touched()


def test_the_watch_notices_what_is_opened_and_what_is_deleted(outside):
    for harm in (lambda path: path.read_bytes(), lambda path: path.unlink()):
        watch = Watch(outside)
        harm(outside / "keep.txt")
        assert watch.touched()
        (outside / "keep.txt").write_bytes(b"private")


@pytest.mark.parametrize(
    "name",
    thin(
        ["absolute", "above", "video id above", "clip id", "quoting", "embedding link", "thumbnail"]
    ),
)
def test_check_names_the_row_and_a_repair_takes_it_out_alone(name, root, outside):
    ATTACKS[name](root, outside)
    store = Store(root)
    before = (
        store.rows("SELECT count(*) AS n FROM clips")[0]["n"],
        store.rows("SELECT count(*) AS n FROM videos")[0]["n"],
    )
    assert any("malicious" in str(problem) for problem in integrity.check(store))
    integrity.repair(store, list(integrity.check(store)))
    assert not [str(problem) for problem in integrity.check(store) if "malicious" in str(problem)]
    after = (
        store.rows("SELECT count(*) AS n FROM clips")[0]["n"],
        store.rows("SELECT count(*) AS n FROM videos")[0]["n"],
    )
    assert sum(before) - sum(after) == 1
    store.close()


def test_a_link_that_stays_inside_is_followed(root):
    path = next((root / "embeddings").rglob("*.parquet"))
    path.rename(root / "embeddings" / "elsewhere")
    path.symlink_to(root / "embeddings" / "elsewhere")
    store = Store(root)
    assert store.grid(path.stem).shape == (4, 5, 5, 16)
    store.close()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["fifo", "folder"])
@pytest.mark.parametrize("place", thin(["tubelet.json", "commit.lock", "embedding", "table"]))
def test_what_is_not_a_regular_file_is_refused_and_never_waited_for(make, place, root):
    path = {
        "embedding": next((root / "embeddings").rglob("*.parquet")),
        "table": next((root / "clips").glob("*.parquet")),
    }.get(place, root / place)
    path.unlink()
    make(path)
    assert any("not a regular file" in sentence for sentence in use(root))


def video(path, /, **values):
    found = path.stat()
    known = {
        "path": str(path),
        "bytes": found.st_size,
        "modified_ns": found.st_mtime_ns,
        "video_id": ids.video_id(path),
        **values,
    }
    return VideoRow(
        **dict.fromkeys({field.name for field in fields(VideoRow)} - known.keys()), **known
    )


def test_a_source_is_opened_only_where_its_bytes_are_the_ingested_ones(outside, tmp_path):
    path = outside / "keep.txt"
    assert (
        sources.verify(video(path)) == path == sources.verify(video(path, modified_ns=1))
    )  # touched, its bytes as they were
    for row, words in (
        (video(path, video_id=VIDEO), "its bytes differ"),
        (video(path, modified_ns=1, video_id=VIDEO), "has changed"),
        (video(path, path=os.path.relpath(path)), "is missing"),
        (video(path, path="/proc/self/mem"), "has changed"),
        (video(path, path=str(outside)), "is missing"),
        (video(path, path="a\0b"), "is missing"),
    ):
        with pytest.raises(StoreError, match=words):
            sources.verify(row)


def test_a_source_that_is_replaced_with_its_time_kept_is_read_again(outside):
    path = outside / "keep.txt"
    row = video(path)
    assert sources.verify(row) == path
    path.write_bytes(b"PRIVATE")
    os.utime(path, ns=(row.modified_ns, row.modified_ns))
    with pytest.raises(StoreError, match="its bytes differ"):
        sources.verify(row)


@pytest.mark.parametrize(
    "name", ["..", ".", "", "/etc/passwd", "../keep.txt", "a/../b", "a\0b", 7, None]
)
def test_an_index_of_shards_names_files_beside_it_alone(name, tmp_path):
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"weight": name}}))
    with pytest.raises(CheckpointError, match="other folders|not an index"):
        shards(index)
