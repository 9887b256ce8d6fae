"""Removing: what depends on what goes, goes with it, whole or not at all; the rest stays as it was, and can be brought back."""

import json

import pytest

from tests.commands import run_here
from tests.contents import contents
from tests.stores import Recipe, add_videos, synthetic_store
from tests.tiers import thin
from tubelet.latent import bases, fitting, search_index
from tubelet.latent.scope import Scope
from tubelet.store import Store, StoreError
from tubelet.store.disk import integrity, removal, tables
from tubelet.store.disk.snapshot import lock
from tubelet.store.errors import QueryError
from tubelet.store.schema import ANNOTATIONS, SAVED_QUERIES, TABLES

CLIPS = {"clips": 2, "slices": 4, "side": 4}


@pytest.fixture
def store(tmp_path):
    made = synthetic_store(tmp_path / "store", videos=3, **CLIPS)
    yield made
    made.close()


def count(store: Store, table: str, where: str = "true") -> int:
    return store.query(f"SELECT count(*) AS n FROM {table} WHERE {where}")["n"].to_pylist()[0]


def dangling(store: Store) -> list[str]:
    """Rows that name a video, clip, pair, basis or projection that is not there, read from the schema."""
    found = []
    keys = {
        "video_id": "videos",
        "clip_id": "clips",
        "clip_a": "clips",
        "clip_b": "clips",
        "pair_id": "pairs",
        "encoder_id": "encoders",
        "basis_id": "bases",
        "projection_id": "projections",
    }
    for table in TABLES.values():
        for column, owner in keys.items():
            if (
                column in {c.name for c in table.columns}
                and owner != table.name
                and table.name != "basis_clips"
            ):
                name = TABLES[owner].key[0]
                if count(
                    store,
                    table.name,
                    f"{column} IS NOT NULL AND {column} NOT IN (SELECT {name} FROM {owner})",
                ):
                    found.append(f"{table.name}.{column}")
    return found


def test_a_removed_video_leaves_what_a_store_without_it_holds(store, tmp_path):
    chosen = removal.choose(store, "videos", ["video-00002.mp4"], None)
    told = removal.preview(store, chosen)
    assert (
        (told.videos, told.clips, told.pairs, told.done) == (1, 2, 1, False)
        and told.bytes > 0
        and told.tokens == 2 * 4 * 16
    )
    assert count(store, "videos") == 3
    gone = removal.remove(store, chosen)
    assert (gone.clips, gone.bytes, gone.done) == (told.clips, told.bytes, True)
    assert list(integrity.check(store)) == [] and dangling(store) == []
    other = synthetic_store(tmp_path / "other", videos=2, **CLIPS)
    assert contents(store.root) == contents(other.root)
    assert sorted(p.name for p in store.layout.embeddings.rglob("*.parquet")) == sorted(
        p.name for p in other.layout.embeddings.rglob("*.parquet")
    )
    assert len(list(store.layout.media.iterdir())) == 2
    add_videos(store, Recipe(videos=1, **CLIPS), first=2)  # and it can be ingested again
    assert (count(store, "videos"), count(store, "clips")) == (3, 6)
    other.close()


def test_a_removed_clip_takes_its_pairs_and_projections_and_leaves_the_basis(store):
    basis = fitting.fit_basis(store, Scope.of(store), fitting.BasisSpec(kind="kmeans", clusters=2))
    bases.save_basis(store, basis)
    clip = store.query("SELECT clip_id FROM clips ORDER BY clip_id LIMIT 1")["clip_id"].to_pylist()[
        0
    ]
    removal.remove(store, removal.choose(store, "clips", [clip], None))
    assert (
        count(store, "clips"),
        count(store, "pairs"),
        count(store, "videos"),
        count(store, "bases"),
    ) == (5, 2, 3, 1)
    assert dangling(store) == [] and list(integrity.check(store)) == []


@pytest.mark.long
def test_a_removed_encoder_takes_its_clips_bases_codes_and_failures(store):
    search_index.write_index(store, Scope.of(store).encoder_id)
    assert list(store.root.glob("codes/*/*.npy"))
    gone = removal.remove(store, removal.choose(store, "encoders", ["toy"], None))
    assert (gone.encoders, gone.clips, gone.pairs, gone.bases) == (1, 6, 3, 1)
    assert {name: count(store, name) for name in TABLES if count(store, name)} == {
        "videos": 3,
        "places": 3,
        "labels": 3,  # the folders of the videos
    }
    assert not list(store.root.glob("codes/*")) and not list(
        store.layout.embeddings.rglob("*.parquet")
    )


def test_every_table_goes_with_what_it_names():
    """A table added tomorrow is either owned by another, or names what it depends on by a column that removal knows."""
    known = set(removal.REFERENCES) | {table.key[0] for table in (*removal.KINDS.values(),)}
    # depend on nothing: `tubelet annotate --forget` and `tubelet queries remove` take them away
    imported = {ANNOTATIONS.name, SAVED_QUERIES.name}
    for table in TABLES.values():
        if table.name in imported:
            continue
        assert table.owner or known & {column.name for column in table.columns}, (
            f"{table.name}: say in removal.REFERENCES what it depends on"
        )


@pytest.mark.parametrize(
    "kind, names, where, left",
    thin(
        [
            ("videos", [], "label = 'cooking'", 2),
            ("videos", ["video-00000.mp4", "video-00001.mp4"], "label = 'swimming'", 2),
            ("videos", [], "video_id IN (SELECT video_id FROM clips WHERE first_frame = 4)", 0),
            ("clips", [], "first_frame = 4", 3),
            ("encoders", [], "name = 'toy'", 3),
        ],
        2,
        spread=True,
    ),
)
def test_a_condition_chooses(kind, names, where, left, store):
    removal.remove(store, removal.choose(store, kind, names, where))
    assert count(store, "clips" if kind == "clips" else "videos") == left


@pytest.mark.parametrize(
    "kind, names, where, words",
    thin(
        [
            ("videos", ["nobody"], None, "holds no video nobody"),
            ("clips", ["nobody"], None, "holds no clip nobody"),
            ("encoders", ["nobody"], None, "holds no encoder nobody"),
            ("videos", [], "label = 'nothing'", "no videos of"),
            ("videos", [], None, "--where"),
            ("videos", [], "nothing = 1", "nothing"),
        ],
        3,
        spread=True,
    ),
)
def test_what_chooses_nothing_is_refused_and_nothing_goes(kind, names, where, words, store):
    before = contents(store.root)
    with pytest.raises((StoreError, QueryError), match=words):
        removal.choose(store, kind, names, where)
    assert contents(store.root) == before


def test_a_removal_that_fails_leaves_everything(store, monkeypatch):
    before, files = contents(store.root), sorted(store.layout.embeddings.rglob("*.parquet"))

    def broken(path, column, values):
        if path.name == "pairs":
            raise OSError(28, "No space left on device")
        return delete(path, column, values)

    delete = tables.delete
    monkeypatch.setattr(tables, "delete", broken)
    with pytest.raises(StoreError, match="full"):
        removal.remove(store, removal.choose(store, "videos", [], "true"))
    monkeypatch.undo()
    assert (
        contents(store.root) == before
        and sorted(store.layout.embeddings.rglob("*.parquet")) == files
    )
    assert list(integrity.check(store)) == []


def test_nothing_is_removed_while_an_ingest_runs(store):
    with (
        lock(store.layout.writers_lock, shared=True),
        pytest.raises(StoreError, match="an ingest is writing"),
    ):
        removal.remove(store, removal.choose(store, "videos", [], "true"))
    assert count(store, "videos") == 3


def test_files_outside_the_store_are_never_touched(store, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thumbnail.jpg").write_text("mine")
    video = store.query("SELECT video_id FROM videos ORDER BY video_id LIMIT 1")[
        "video_id"
    ].to_pylist()[0]
    folder = store.layout.media / video
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError, match="leads outside"):
        removal.remove(store, removal.choose(store, "videos", [video], None))
    assert (tmp_path / "precious" / "thumbnail.jpg").read_text() == "mine"


def test_the_command_says_first_and_does_with_yes(store):
    told = run_here(
        "remove", "videos", "--where", "label = 'cooking'", "--store", store.root, check=True
    ).stdout
    assert (
        "would be removed: 1 video, 2 clips, 1 pair (" in told
        and "add --yes" in told
        and count(store, "videos") == 3
    )
    done = json.loads(
        run_here(
            "remove",
            "videos",
            "--where",
            "label = 'cooking'",
            "--store",
            store.root,
            "--yes",
            "--json",
            check=True,
        ).stdout
    )
    assert done["done"] and done["clips"] == 2 and count(store, "videos") == 2
    refused = run_here("remove", "videos", "--store", store.root, "--yes")
    assert refused.returncode == 2 and "--where" in refused.stderr


@pytest.mark.parametrize(
    "where",
    [
        "random() < 0.5",
        'RANDOM /* twice */ () < 0.5 OR "random"() < 0',
        "video_id < gen_random_uuid()::VARCHAR",
        "video_id IN (SELECT video_id FROM videos USING SAMPLE 1)",
        "video_id IN (FROM (SELECT video_id FROM videos) TABLESAMPLE reservoir(1))",
        "video_id IN (SELECT video_id FROM videos ORDER BY uuid() LIMIT 1)",
    ],
)
def test_what_is_listed_is_what_would_be_removed(store, where):
    """Each run would choose other rows by such a condition, so that the list would not be what `--yes` then removes."""
    with pytest.raises(
        QueryError, match=r"those listed would not be those removed.*hash\(video_id\)"
    ):
        removal.choose(store, "videos", [], where)


def test_what_only_looks_like_chance_chooses_as_before(store):
    for where in ("name <> 'random()'", "hash(video_id) % 1 = 0", "added_at < now()"):
        assert len(removal.choose(store, "videos", [], where)["videos"]) == 3
    seeded = (
        "video_id IN (FROM (SELECT video_id FROM videos) TABLESAMPLE reservoir(2) REPEATABLE (7))"
    )
    assert removal.choose(store, "videos", [], seeded) == removal.choose(
        store, "videos", [], seeded
    )
