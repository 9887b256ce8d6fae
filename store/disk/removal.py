"""Removing videos, encoders, clips, fitted models or maskings: chosen, listed, then removed in one commit with every row that depends on them; their files follow.

Which rows depend is read from the schema. A table whose rows are committed and removed with those of another (`Table.owner`) follows it;
any other row is removed if it names something that is removed: a failure its video, a pair one of its clips, a basis its encoder. The
clips of a fit are history, so the basis stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tubelet.store.disk.files import explain_disk_errors
from tubelet.store.disk.inside import is_component
from tubelet.store.disk.layout import CODES, EMBEDDINGS, MASKED, MEDIA, MODELS
from tubelet.store.disk.masked import (
    ID,
    find_masked,
    list_maskings,
    name_rows,
)
from tubelet.store.disk.snapshot import alone
from tubelet.store.encoder_names import find_encoder
from tubelet.store.errors import StoreError
from tubelet.store.sandbox import conditions
from tubelet.store.schema import (
    BASES,
    CLIPS,
    DECODER_SCORES,
    DECODERS,
    ENCODERS,
    KEPT_MODELS,
    MASK_PREDICTIONS,
    MASKINGS,
    PAIRS,
    PER_VIDEO,
    PREDICTIONS,
    TABLES,
    TRANSITION_SCORES,
    TRANSITIONS,
    VIDEOS,
    Table,
)
from tubelet.store.store import Store
from tubelet.store.wording import count

KINDS = {
    "videos": VIDEOS,
    "encoders": ENCODERS,
    "clips": CLIPS,
    "transitions": TRANSITIONS,
    "decoders": DECODERS,
    "maskings": MASKINGS,
}
OWN_KEYS = {MASKINGS.name: ID}  # of rows that are removed without their owner
REFERENCES = {
    "video_id": "videos",
    "encoder_id": "encoders",
    "clip_id": "clips",
    "clip_a": "clips",
    "clip_b": "clips",
    "pair_id": "pairs",
    "basis_id": "bases",
}
ONE = {"bases": "basis"}  # rows whose name is not that of their table without its last letter
COUNTED = (VIDEOS, ENCODERS, CLIPS, PAIRS, BASES, TRANSITIONS, DECODERS, MASKINGS)

Gone = Mapping[
    str, Sequence[str]
]  # table name to the values of its first key column, or table.column to those of another


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What is or was removed: rows of the tables that people know, tokens, and bytes of files."""

    store: str
    videos: int
    encoders: int
    clips: int
    pairs: int
    bases: int
    transitions: int
    decoders: int
    maskings: int
    tokens: int
    bytes: int
    done: bool

    def as_json(self) -> dict:
        return asdict(self)

    def lines(self) -> list[str]:
        counts = [
            count(getattr(self, table.name), ONE.get(table.name, table.name[:-1]), table.name)
            for table in COUNTED
            if getattr(self, table.name)
        ]
        what = f"{', '.join(counts) or 'nothing'} ({count(self.tokens, 'token')}, {self.bytes / 1e6:,.1f} MB of files)"
        return (
            [f"removed: {what}"]
            if self.done
            else [f"would be removed: {what}", "nothing is removed yet: add --yes to remove it"]
        )


def choose(store: Store, kind: str, names: Sequence[str], where: str | None) -> Gone:
    """The videos, encoders or clips of these names, those that meet a condition, or those that do both.

    Raises StoreError where nothing is chosen, or a name is not in the store; QueryError for a mistake in the condition.
    """
    if not names and where is None:
        raise StoreError(
            f'name the {kind} to remove, or choose them with --where, such as --where "{_example(kind)}"'
        )
    table = KINDS[kind]
    chosen = [_find(store, kind, name) for name in names]
    if where is not None:
        met = conditions.lasting_keys(store, table.name, _key_of(kind), where)
        chosen = sorted(set(chosen) & set(met)) if names else met
    if not chosen:
        raise StoreError(
            f'no {kind} of {store.name} are chosen: look at them with `tubelet sql "FROM {kind}" --store {store.shell_name}`'
        )
    ids = sorted(set(chosen))
    return name_rows(ids) if table is MASKINGS else {table.name: ids}


def preview(store: Store, chosen: Gone) -> Removal:
    """What would be removed along with what was chosen. Changes nothing."""
    gone = _dependents(store, chosen)
    return _removal(store, gone, _measure_files(store, gone), done=False)


def remove(store: Store, chosen: Gone) -> Removal:
    """Remove what was chosen in one commit with all that depends on it, then delete the files. Raises StoreError while an ingest runs, and for a damaged table."""
    try:
        with explain_disk_errors(store.root), alone(store.layout):
            gone = _dependents(store, chosen)
            files = _measure_files(store, gone)
            removal = _removal(store, gone, files, done=True)
            store.commit({}, gone)
            store.layout.home.remove(files)
            for path in files:
                _remove_empty_folders(path)
    except BlockingIOError as error:
        raise StoreError(
            f"an ingest is writing to {store.name}: wait until it ends, then run the command again"
        ) from error
    try:
        store.compact()
    except StoreError as error:
        raise StoreError(f"removed, but older files were not merged: {error}") from error
    return removal


def _example(kind: str) -> str:
    return {
        "videos": "label = 'cooking'",
        "encoders": "name = 'toy'",
        "clips": "frame_count = 16",
        "transitions": "control = 'shuffled'",
        "decoders": "psnr < 15",
        "maskings": "mask_kind = 'tube'",
    }[kind]


def _find(store: Store, kind: str, name: str) -> str:
    """The id of a row by its id, a video's file name, or an encoder's name."""
    if kind == "encoders":
        return find_encoder(store, name)
    column = _key_of(kind)
    found = [
        row[column]
        for row in store.rows(f"SELECT DISTINCT {column} FROM {kind} WHERE {column} = $1", [name])
    ]
    if not found and kind == "videos":
        found = [
            row[column]
            for row in store.rows(
                "SELECT video_id FROM videos WHERE name = $1 ORDER BY video_id", [name]
            )
        ]
    if len(found) > 1:
        raise StoreError(
            f"{len(found)} videos are called {name}: name them by their ids: {', '.join(found)}"
        )
    if not found:
        raise StoreError(
            f'{store.name} holds no {kind[:-1]} {name}: look for it with `tubelet sql "FROM {kind}" --store {store.shell_name}`'
        )
    return found[0]


def _key_of(kind: str) -> str:
    """The column that names a row of a kind."""
    return OWN_KEYS.get(kind, KINDS[kind].key[0])


def _maskings_of(store: Store, gone: Gone) -> list[str]:
    """The maskings that are removed, by themselves or with their clips."""
    named = gone.get(f"{MASKINGS.name}.{ID}", ())
    return sorted({*named, *list_maskings(store, gone.get(CLIPS.name, []))})


def _dependents(store: Store, chosen: Gone) -> Gone:
    """All rows that are removed with the chosen ones, in the order of the schema; no table is named twice."""
    gone = dict(chosen)
    for table in TABLES.values():
        if not table.owner and table.name not in chosen and (ids := _naming(store, table, gone)):
            gone[table.name] = ids
    owned = {table.name: gone[table.owner] for table in TABLES.values() if table.owner in gone}
    brought = {
        f"{table.name}.video_id": gone[VIDEOS.name]
        for table in (*PER_VIDEO, PREDICTIONS, MASK_PREDICTIONS, TRANSITION_SCORES, DECODER_SCORES)
        if VIDEOS.name in gone
    }
    return gone | owned | brought


def _naming(store: Store, table: Table, gone: Gone) -> list[str]:
    """Keys of the rows of a table that name something that is removed."""
    columns = [
        (column.name, gone[REFERENCES[column.name]])
        for column in table.columns
        if REFERENCES.get(column.name) in gone
    ]
    if not columns:
        return []
    named = " OR ".join(
        f"{name} IN (SELECT unnest(${number}::VARCHAR[]))"
        for number, (name, _) in enumerate(columns, 1)
    )
    key = table.key[0]
    return store.query(
        f"SELECT DISTINCT {key} AS id FROM {table.name} WHERE {named} ORDER BY id",
        [ids for _, ids in columns],
    )["id"].to_pylist()


def _measure_files(store: Store, gone: Gone) -> dict[Path, int]:
    """Files that belong only to removed rows, all inside the store, and their bytes. An id that is a path names none."""
    layout, bases, ids = store.layout, set(gone.get("bases", [])), list(gone.get("clips", []))
    clips = store.rows(
        "SELECT clip_id, video_id, encoder_id FROM clips WHERE clip_id IN (SELECT unnest($1::VARCHAR[])) ORDER BY ALL",
        [ids],
    )
    paths = [layout.thumbnail(id_) for id_ in filter(is_component, gone.get("videos", []))]
    for clip in clips:
        if all(map(is_component, clip.values())):
            paths += [
                layout.embedding(clip["encoder_id"], clip["video_id"], clip["clip_id"]),
                layout.pictures(clip["video_id"], clip["clip_id"]),
            ]
    coded = {*ids}
    paths += [p for p in layout.walk(CODES) if p.stem in coded or p.parent.name in bases]
    models = [id_ for table in KEPT_MODELS for id_ in gone.get(table.name, [])]
    paths += [layout.model(id_) for id_ in filter(is_component, models)]
    paths += find_masked(store, _maskings_of(store, gone))
    return layout.home.measure(
        path for path in dict.fromkeys(paths) if _is_inside(path, store.root)
    )


def _is_inside(path: Path, root: Path) -> bool:
    """Whether a path made of ids leads to somewhere below the store, links followed."""
    return path.resolve() != root.resolve() and path.resolve().is_relative_to(root.resolve())


def _remove_empty_folders(path: Path) -> None:
    """Remove the parent folders that are empty without a file."""
    for folder in (path.parent, path.parent.parent):
        if folder.name in (EMBEDDINGS, MEDIA, CODES, MODELS, MASKED) or not folder.is_dir():
            return
        if any(folder.iterdir()):
            return
        folder.rmdir()


def _removal(store: Store, gone: Gone, files: Mapping[Path, int], done: bool) -> Removal:
    sql = "SELECT coalesce(sum(slices * grid_height * grid_width), 0)::BIGINT AS tokens FROM clips WHERE clip_id IN (SELECT unnest($1::VARCHAR[]))"
    (tokens,) = store.query(sql, [list(gone.get("clips", []))])["tokens"].to_pylist()
    counts = {table.name: len(gone.get(table.name, [])) for table in COUNTED}
    counts[MASKINGS.name] = len(_maskings_of(store, gone))
    return Removal(store=store.name, **counts, tokens=tokens, bytes=sum(files.values()), done=done)
