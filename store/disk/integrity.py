"""Check: is everything that the store claims present, complete and unchanged? Repair: remove what is damaged, for a rerun to restore."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tubelet.store.disk.files import explain_disk_errors, unreadable
from tubelet.store.disk.home import UNFINISHED
from tubelet.store.disk.inside import DISTRUST, UnsafePath, is_component
from tubelet.store.disk.layout import EMBEDDINGS, MEDIA, THUMBNAIL
from tubelet.store.disk.masked import find_masked, list_maskings, name_rows
from tubelet.store.disk.row_counts import OF_CLIPS, OF_PAIRS
from tubelet.store.disk.snapshot import alone
from tubelet.store.disk.verification import Rows, find_damaged_files
from tubelet.store.errors import StoreError
from tubelet.store.schema import (
    BASES,
    CLIPS,
    ENCODERS,
    MASKINGS,
    PAIRS,
    PROJECTIONS,
    TABLES,
    VIDEOS,
)
from tubelet.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a clip, a pair, a video, or a file that no clip refers to (every id None); `path` is the file, if it is about one."""

    clip_id: str | None
    path: Path | None
    what: str
    pair_id: str | None = None
    rows: Rows | None = None
    video_id: str | None = None

    @property
    def is_mendable(self) -> bool:
        """Whether a repair can take out what is wrong; else only a backup helps."""
        about = (self.clip_id, self.path, self.pair_id, self.rows, self.video_id)
        return any(one is not None for one in about)

    def __str__(self) -> str:
        ids = {"clip": self.clip_id, "pair": self.pair_id, "video": self.video_id}
        about = next((f"{noun} {id_}: " for noun, id_ in ids.items() if id_ is not None), "")
        return f"{about}{self.what}" + (f" ({self.path})" if self.path else "")


def check(store: Store) -> Iterator[Problem]:
    """Every problem: embedding files read in full and compared with their hashes, rows of clips and pairs counted, orphans named."""
    try:
        yield from _find_changed_files(store)
        yield from _contradictions(store)
    except (StoreError, duckdb.Error) as error:  # what is damaged keeps the rest from being read
        yield Problem(clip_id=None, path=None, what=str(error))
    except OSError as error:  # nothing is known to be damaged, so nothing is removed
        what = f"{unreadable(error)}; what comes after it was not checked"
        yield Problem(clip_id=None, path=None, what=what)


def _find_changed_files(store: Store) -> Iterator[Problem]:
    for file in find_damaged_files(store):
        yield Problem(
            clip_id=None,
            path=file.path if file.disposable else None,
            what=file.what,
            rows=file.rows,
            video_id=file.video_id,
        )


def _contradictions(store: Store) -> Iterator[Problem]:
    """Where rows and files contradict each other."""
    claimed: set[Path] = set()
    yield from _find_damaged_embeddings(store, claimed)
    yield from _find_unsafe_ids(store)
    yield from _unsafe_videos(store)
    yield from _find_wrong_counts(store)
    yield from _find_damaged_pairs(store)
    yield from _find_unclaimed(store, claimed)
    yield from _find_unclaimed_pictures(store)


def repair(store: Store, problems: list[Problem]) -> None:
    """Delete what no clip refers to and un-commit the damaged clips and pairs; ingesting again restores them.

    Raises StoreError while an ingest runs: its files look like orphans until they are committed.
    """
    try:
        with explain_disk_errors(store.root), alone(store.layout):
            lost = _rows_in(problems)
            damaged = sorted(
                {problem.clip_id for problem in problems if problem.clip_id is not None}
                | set(lost.pop(CLIPS.name, []))
            )
            videos = sorted(
                {problem.video_id for problem in problems if problem.video_id is not None}
                | set(lost.pop(VIDEOS.name, []))
            )
            files = _pictures_of(store, damaged) + _embeddings_of(store, damaged)
            files += _masked_of(store, damaged)
            pairs = {problem.pair_id for problem in problems if problem.pair_id} | set(
                lost.pop(PAIRS.name, [])
            )
            pairs.update(_pairs_of(store, damaged))
            gone = {
                **lost,
                CLIPS.name: damaged,
                PAIRS.name: sorted(pairs),
                PROJECTIONS.name: sorted(
                    {*_projections_of(store, damaged), *lost.pop(PROJECTIONS.name, [])}
                ),
                VIDEOS.name: videos,
            }
            rows = {
                name: gone[table.owner or name]
                for name, table in TABLES.items()
                if (table.owner or name) in gone
            }
            left_out = {**rows, **name_rows(lost.get(MASKINGS.name, []))}
            store.commit({}, left_out, repairing=(*OF_CLIPS, *OF_PAIRS))
            store.layout.home.remove([p.path for p in problems if p.path] + files)
    except BlockingIOError as error:
        raise StoreError(
            f"an ingest is writing to {store.name}: wait until it ends, then run `tubelet check --repair --store {store.shell_name}` again"
        ) from error


def _rows_in(problems: list[Problem]) -> dict[str, list[str]]:
    """Keys of the rows that lie in damaged files, by the table that owns them."""
    found: dict[str, set[str]] = {}
    for problem in problems:
        if problem.rows:
            found.setdefault(problem.rows.table, set()).update(problem.rows.keys)
    return {table: sorted(keys) for table, keys in found.items()}


def ingesting(store: Store) -> bool:
    """Whether an ingest is running, whose files are not committed yet; of a store that is only read, nothing is known of it."""
    if store.layout.read_only:
        return False
    try:
        with alone(store.layout):
            return False
    except BlockingIOError:
        return True


def _pairs_of(store: Store, clips: list[str]) -> list[str]:
    """Pairs that one of the clips is part of: a measurement without its clips could not be examined."""
    sql = "SELECT pair_id FROM pairs WHERE clip_a IN (SELECT unnest($1::VARCHAR[])) OR clip_b IN (SELECT unnest($1::VARCHAR[])) ORDER BY ALL"
    return store.query(sql, [clips])["pair_id"].to_pylist()


def _pictures_of(store: Store, clips: list[str]) -> list[Path]:
    """Slice pictures go with their clips."""
    rows = store.rows(
        "SELECT video_id, clip_id FROM clips WHERE clip_id IN (SELECT unnest($1::VARCHAR[])) ORDER BY ALL",
        [clips],
    )
    return [
        path
        for row in rows
        if (path := _path_of(store.layout.pictures, row["video_id"], row["clip_id"]))
    ]


def _embeddings_of(store: Store, clips: list[str]) -> list[Path]:
    rows = store.rows(
        "SELECT clip_id, embedding_path FROM clips WHERE embedding_path IS NOT NULL AND clip_id IN (SELECT unnest($1::VARCHAR[]))",
        [clips],
    )
    return [
        path
        for row in rows
        if (path := _path_of(store.layout.embedding_path, row["embedding_path"], row["clip_id"]))
    ]


def _masked_of(store: Store, clips: list[str]) -> list[Path]:
    """Tokens of maskings go with their clips."""
    try:
        return find_masked(store, list_maskings(store, clips))
    except UnsafePath:  # `find_damaged_files` names it
        return []


def _projections_of(store: Store, clips: list[str]) -> list[str]:
    """Stored coordinates and clusters of one of the clips."""
    sql = "SELECT projection_id FROM projections WHERE clip_id IN (SELECT unnest($1::VARCHAR[])) ORDER BY ALL"
    return store.query(sql, [clips])["projection_id"].to_pylist()


def find_damage(path: Path, size: int, sha256: str) -> str | None:
    """What is wrong with an embedding file, in words; None where it is the one that was committed."""
    if not path.is_file():
        return "its embedding file is missing"
    if path.stat().st_size != size:
        return f"its embedding file has {path.stat().st_size:,} bytes instead of {size:,}"
    with open(path, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            return "its embedding file has changed: the SHA-256 differs"
    return None


def _find_damaged_embeddings(store: Store, claimed: set[Path]) -> Iterator[Problem]:
    """Clips whose embedding file is not what was committed, or is where no store keeps one; the others' files are `claimed`."""
    for clip in store.rows(
        "SELECT clip_id, video_id, encoder_id, embedding_path, embedding_bytes, embedding_sha256 FROM clips ORDER BY ALL"
    ):
        try:
            store.layout.pictures(clip["video_id"], clip["clip_id"])
            store.layout.embedding(clip["encoder_id"], clip["video_id"], clip["clip_id"])
            path = (
                store.layout.embedding_file(clip["embedding_path"], clip["clip_id"])
                if clip["embedding_path"] is not None
                else None
            )
        except UnsafePath as error:
            yield Problem(clip_id=clip["clip_id"], path=None, what=str(error))
            continue
        if path:
            claimed.add(path)
            if what := find_damage(path, clip["embedding_bytes"], clip["embedding_sha256"]):
                yield Problem(clip_id=clip["clip_id"], path=path, what=what)


def _find_unsafe_ids(store: Store) -> Iterator[Problem]:
    """Rows whose id names folders or files of the store, and is more than a name; those of clips are named with their files."""
    for table in (VIDEOS, ENCODERS, BASES):
        key = table.key[0]
        for row in store.rows(f"SELECT {key} AS id FROM {table.name} ORDER BY ALL"):
            if not is_component(row["id"]):
                yield Problem(
                    clip_id=None,
                    path=None,
                    what=f"a row of {table.name} has the id {row['id']!r}, which is a path: {DISTRUST}",
                    rows=Rows(table.name, (row["id"],)),
                )


def _unsafe_videos(store: Store) -> Iterator[Problem]:
    """Videos whose thumbnail is where no store keeps one."""
    for video in store.rows(
        "SELECT video_id, thumbnail FROM videos WHERE thumbnail IS NOT NULL ORDER BY ALL"
    ):
        try:
            store.layout.thumbnail_file(video["thumbnail"])
        except UnsafePath as error:
            yield Problem(clip_id=None, path=None, what=str(error), video_id=video["video_id"])


def _path_of(resolve: Callable[..., Path], *names: str) -> Path | None:
    """A path that may be used; None for one that leads elsewhere, which `_damaged_embeddings` names."""
    try:
        return resolve(*names)
    except UnsafePath:
        return None


def _find_wrong_counts(store: Store) -> Iterator[Problem]:
    """Clips whose derived rows are too few or too many."""
    for name, expected in OF_CLIPS.items():
        rows = store.rows(f"""
            SELECT clip_id, embedding_path, {expected} AS expected, coalesce(found, 0) AS found
            FROM clips LEFT JOIN (SELECT clip_id, count(*) AS found FROM {name} GROUP BY clip_id) USING (clip_id)
            WHERE expected IS DISTINCT FROM coalesce(found, 0) ORDER BY clip_id""")
        for row in rows:
            path = (
                _path_of(store.layout.embedding_path, row["embedding_path"])
                if row["embedding_path"]
                else None
            )
            yield Problem(
                clip_id=row["clip_id"],
                path=path,
                what=f"{name} has {row['found']:,} of its {row['expected']:,} rows",
            )


def _find_damaged_pairs(store: Store) -> Iterator[Problem]:
    """Pairs whose clips are missing, or whose rows are too few or too many."""
    lost = """SELECT pair_id, clip_a, clip_b FROM pairs
        WHERE clip_a NOT IN (SELECT clip_id FROM clips) OR clip_b NOT IN (SELECT clip_id FROM clips) ORDER BY pair_id"""
    for row in store.rows(lost):
        yield Problem(
            clip_id=None,
            path=None,
            what=f"one of its clips, {row['clip_a']} and {row['clip_b']}, is not in the store",
            pair_id=row["pair_id"],
        )
    for name, expected in OF_PAIRS.items():
        rows = store.rows(f"""
            SELECT pair_id, {expected} AS expected, coalesce(found, 0) AS found
            FROM pairs JOIN clips ON clip_a = clip_id LEFT JOIN (SELECT pair_id, count(*) AS found FROM {name} GROUP BY pair_id) USING (pair_id)
            WHERE expected IS DISTINCT FROM coalesce(found, 0) ORDER BY pair_id""")
        for row in rows:
            yield Problem(
                clip_id=None,
                path=None,
                what=f"{name} has {row['found']:,} of its {row['expected']:,} rows",
                pair_id=row["pair_id"],
            )


def _find_unclaimed(store: Store, claimed: set[Path]) -> Iterator[Problem]:
    for path in store.layout.walk(EMBEDDINGS):
        if path not in claimed:
            yield Problem(clip_id=None, path=path, what="an embedding file that no clip refers to")
    for path in store.layout.walk(UNFINISHED):
        yield Problem(clip_id=None, path=path, what="left half-written")


def _find_unclaimed_pictures(store: Store) -> Iterator[Problem]:
    """Slice pictures are a cache: missing ones are not a problem, those without a clip are."""
    claimed = set(
        _pictures_of(store, store.query("SELECT clip_id FROM clips")["clip_id"].to_pylist())
    )
    for path in store.layout.walk(MEDIA):
        if path not in claimed and path.suffix == ".jpg" and path.name != THUMBNAIL:
            yield Problem(
                clip_id=None, path=path, what="slice pictures of a clip that is not there"
            )
