"""The snapshot: one small file that says which version of every table is complete.

A commit touches several Delta tables. It counts from the moment `tubelet.json` is replaced by one that names
their new versions; readers open the versions it names, so they never see half of a commit. A writer that died
leaves table versions that no snapshot names: the next writer restores the tables to the last snapshot first.

Each commit also leaves an entry in `snapshots/`: what the marker says, and the checksums of the files it added. A marker that is
lost, damaged, from a backup or from another store is noticed by comparing them, and the newest entry replaces it.
"""

import errno
import fcntl
import logging
import os
import random
import re
import secrets
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard, TypeVar

from tubelet.store.disk import checksums, inside, late_files, tables
from tubelet.store.disk.checksums import Sums
from tubelet.store.disk.files import unreadable
from tubelet.store.disk.home import MARKER, UNFINISHED, Outrun, Publication
from tubelet.store.disk.layout import Layout
from tubelet.store.errors import StoreError
from tubelet.store.schema import FORMAT, TABLES

FIRST = "clips"  # the table that every store has from the start
ENTRY = re.compile(r"(\d{10})-([0-9a-f]{16})\.json")
LOGGER = logging.getLogger("tubelet")
READS = 10  # of a marker that changes while it is read
ATTEMPTS = 100  # at a commit, where others are faster
FIRST_PAUSE_S, MOST_PAUSE_S = 0.05, 5.0  # at most, between two of them
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Table versions that belong together; `serial` grows by one per commit, `written_ns` distinguishes a new store from an old one in its place.

    `store_id` is the same for all snapshots of a store, None in older stores; `note` says why an entry replaces the marker.
    """

    versions: dict[str, int]
    serial: int
    written_ns: int = 0
    store_id: str | None = None
    note: str | None = None

    @property
    def name(self) -> str:
        return f"{self.serial}-{self.written_ns}"


class Damaged(Exception):
    """A marker or an entry that cannot be trusted, and why."""


class Newer(StoreError):
    """A store of a later Tubelet."""


def read(layout: Layout) -> Snapshot:
    """The store's current snapshot. Raises StoreError for a missing, foreign, damaged or newer store."""
    layout.home.refresh()
    found = None
    for _ in range(READS):  # another process may commit between two of our file accesses
        before = found
        try:
            found = _load(layout, layout.marker)
        except Damaged as error:
            return _recover(layout, None, str(error))
        if not layout.snapshots.exists() or (found.store_id and _is_newest(layout, found)):
            return found
        if found == before:
            break
    return _recover(layout, found, "is older than the store, or belongs to another one")


def create(layout: Layout) -> None:
    """Make the first snapshot of a new store, and the table by which it is known as one; nothing where it exists already."""
    layout.refuse_links()
    with lock(layout.commit_lock), layout.home.committing(new=True), suppress(Outrun):
        if layout.marker.exists() or _entries(layout):
            return
        _adopt(layout)


def rebuild(layout: Layout) -> str | None:
    """If neither the marker nor an entry leads to complete versions, take the newest of every table; returns what was done, in a sentence.

    Where the marker is sound, and the newest versions lack files of their own, nothing is gained: it stays.
    """
    layout.refuse_links()
    marked = False
    with lock(layout.commit_lock):
        try:
            marked = bool(found := read(layout))
            if _is_whole(layout, found):
                return None
        except Newer:
            raise
        except StoreError:
            if not (layout.table(FIRST) / "_delta_log").is_dir():
                raise
        _require_readable(layout)
        try:
            _adopt(layout)
        except FileNotFoundError:
            if not marked:
                raise
            return None
    return f"{layout.marker} did not lead to a snapshot: rebuilt from the newest version of every table"


def change(layout: Layout, make: Callable[[Snapshot], T]) -> T:
    """Make a commit on top of the newest snapshot; again, where a writer on another machine was faster. Raises StoreError where all of them are."""
    for attempt in range(ATTEMPTS):
        try:
            with _writing(layout) as last:
                return make(last)
        except Outrun:
            pause = random.uniform(0, min(MOST_PAUSE_S, FIRST_PAUSE_S * 2**attempt))
            LOGGER.debug("commit to %s made again: another writer was faster", layout.home)
            time.sleep(pause)
    raise StoreError(
        f"other writers were faster {ATTEMPTS} times, and nothing was committed to {layout.home}: run the command again when fewer of them write"
    )


@contextmanager
def _writing(layout: Layout) -> Iterator[Snapshot]:
    """Be the only writer for a moment: yields the snapshot, with each of its tables restored to it."""
    layout.refuse_links()
    with lock(layout.commit_lock), layout.home.committing():
        last = read(layout)
        versions = {
            name: tables.restore(layout.table(name), version)
            for name, version in last.versions.items()
        }
        if last.note:
            last = publish(layout, replace(last, versions=versions, serial=last.serial + 1), {})
        yield replace(last, versions=versions)


def publish(
    layout: Layout,
    snapshot: Snapshot,
    sums: Sums,
    added: Iterable[str] = (),
    swept: Iterable[str] = (),
) -> Snapshot:
    """Make a snapshot the current one: the moment a commit counts. `sums` are those of its entry, which are at least those of the files that
    it `added` to the tables; of the tables that are `swept`, unused files go."""
    store_id = snapshot.store_id or secrets.token_hex(8)
    named = replace(snapshot, store_id=store_id, note=None)
    content = {
        "format": FORMAT,
        "serial": named.serial,
        "versions": named.versions,
        "store": store_id,
    }
    layout.home.publish(
        Publication(
            content=content,
            sums=sums,
            marker=checksums.sign(content),
            entry=checksums.sign({**content, "files": sums}),
            entry_name=layout.relative(layout.entry(named.serial, store_id)),
            added=tuple(added),
            swept=tuple(swept),
        )
    )
    return named


def forget(layout: Layout, snapshot: Snapshot) -> None:
    """Remove every entry but that of a snapshot: the files they name may be deleted from now on."""
    kept = layout.entry(snapshot.serial, snapshot.store_id or "")
    layout.home.remove([path for path in _entries(layout) if path != kept])


def sums(layout: Layout) -> Sums:
    """Checksums of the tables' files, as every entry has them. Damaged entries are left out."""
    found: Sums = {}
    for path in sorted(_entries(layout)):
        try:
            _load(layout, path)
            found |= _content(layout, path)["files"]
        except Damaged:
            continue
    return found


def find_damaged_entries(layout: Layout) -> Iterator[tuple[Path, str]]:
    """Markers and entries that cannot be trusted, and why."""
    for path in [layout.marker, *sorted(_entries(layout))]:
        try:
            _load(layout, path)
        except Damaged as error:
            yield path, str(error)


@contextmanager
def ingesting(layout: Layout) -> Iterator[None]:
    """Be one of the ingests that run; the first of them deletes what a killed one left half-written, the last one the claims."""
    layout.refuse_links()
    try:
        with lock(layout.writers_lock, wait=False):
            for leftover in inside.walk_files(layout.root, UNFINISHED):
                inside.remove_file(layout.root, leftover)
            layout.home.drop_claims()
    except BlockingIOError:
        pass  # others are writing: the files may be theirs
    try:
        with lock(layout.writers_lock, shared=True):
            yield
    finally:
        with suppress(OSError, StoreError), lock(layout.writers_lock, wait=False):
            layout.home.drop_claims()


@contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Have no ingest run for a while. Raises BlockingIOError where one does."""
    with lock(layout.writers_lock, wait=False):
        layout.home.require_alone()
        yield


@contextmanager
def lock(path: Path, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold a lock file; it is released by the operating system if the process dies. Raises BlockingIOError if `wait` is false and it is taken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        fcntl.flock(
            file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        )
        yield


def _require_readable(layout: Layout) -> None:
    """Raise StoreError where a log may not be read: nothing is known of the table, so nothing is rebuilt from it."""
    for name in TABLES:
        table = layout.table(name)
        for path in (table, table / "_delta_log", *tables.list_log(table)):
            if os.path.lexists(path) and not os.access(path, os.R_OK):
                raise StoreError(unreadable(PermissionError(errno.EACCES, "", str(path))))


def _adopt(layout: Layout) -> None:
    """Publish the newest version of every table that is there."""
    tables.create(layout.table(FIRST), TABLES[FIRST])
    versions = {
        name: tables.create(layout.table(name), table)
        for name, table in TABLES.items()
        if (layout.table(name) / "_delta_log").is_dir()
    }
    sums = checksums.table_sums(layout, {}, versions)
    publish(layout, Snapshot(versions=versions, serial=0), sums, sums)


def _is_newest(layout: Layout, found: Snapshot) -> bool:
    """Whether the marker has its entry, and no later one has: two file accesses, however many commits there were."""
    store_id = found.store_id or ""
    return (
        layout.entry(found.serial, store_id).exists()
        and not layout.entry(found.serial + 1, store_id).exists()
    )


def _recover(layout: Layout, marker: Snapshot | None, why: str) -> Snapshot:
    """The newest complete snapshot among the entries and a doubtful marker. Raises StoreError where there is none."""
    entries = [
        entry for path in sorted(_entries(layout), reverse=True) if (entry := _try(layout, path))
    ]
    if not entries:
        return marker or _refuse(layout, why)
    ours = marker if marker and marker.store_id in (None, entries[0].store_id) else None
    for found in sorted(
        [*([ours] if ours else []), *entries],
        key=lambda entry: (entry.serial, entry is ours),
        reverse=True,
    ):
        if _is_whole(layout, found):
            return (
                found
                if found is ours
                else replace(
                    found,
                    note=f"{layout.marker} {why}: commit {found.serial} in {layout.snapshots} replaces it",
                )
            )
    return _refuse(layout, why)


def _is_whole(layout: Layout, snapshot: Snapshot) -> bool:
    return all(
        late_files.is_whole(layout, name, version) for name, version in snapshot.versions.items()
    )


def _refuse(layout: Layout, why: str) -> Snapshot:
    if not layout.root.exists():
        raise StoreError(
            f"{layout.root} does not exist: run `tubelet ingest VIDEO --store {shlex.quote(str(layout.root))} --encoder NAME` to make it"
        )
    if not (layout.table(FIRST) / "_delta_log").is_dir():
        what = f"no {MARKER} in it" if not layout.marker.exists() else f"its {MARKER} {why}"
        raise StoreError(
            f"{layout.root} is not a Tubelet store ({what}): check the path, or pass an empty folder to `tubelet ingest`"
        )
    raise StoreError(
        f"{layout.marker} {why}: run `tubelet check --repair --store {shlex.quote(str(layout.root))}`, which rebuilds it from the tables"
    )


def _entries(layout: Layout) -> list[Path]:
    return [
        path
        for path in inside.walk_files(layout.root, layout.snapshots.name)
        if ENTRY.fullmatch(path.name)
    ]


def _try(layout: Layout, path: Path) -> Snapshot | None:
    try:
        return _load(layout, path)
    except Damaged:
        return None


def _load(layout: Layout, path: Path) -> Snapshot:
    """What a marker or an entry says. Raises Damaged, and StoreError for a later format."""
    content = _content(layout, path)
    format_, versions, serial, store_id = (
        content.get(name) for name in ("format", "versions", "serial", "store")
    )
    if not _is_count(format_) or not _is_count(serial) or not isinstance(store_id, str | None):
        raise Damaged("is damaged (its format or serial is not a number)")
    if format_ > FORMAT:
        raise Newer(
            f"{layout.root} has store format {format_}, this version of Tubelet reads up to {FORMAT}: upgrade Tubelet"
        )
    if checksums.is_signed(content) is False:
        raise Damaged("is damaged (its bytes have changed)")
    if (
        not isinstance(versions, dict)
        or not all(map(_is_count, versions.values()))
        or not versions.keys() <= TABLES.keys()
    ):
        raise Damaged("is damaged (it does not name one version per table)")
    try:
        written_ns = path.stat().st_mtime_ns
    except FileNotFoundError as error:
        raise Damaged("was deleted while it was read") from error
    return Snapshot(versions=versions, serial=serial, written_ns=written_ns, store_id=store_id)


def _content(layout: Layout, path: Path) -> Mapping:
    try:
        return checksums.parse(inside.resolve_file(layout.root, layout.relative(path)).read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Damaged("is missing") from error
    except (ValueError, RecursionError) as error:
        raise Damaged(f"is damaged ({error})") from error
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror}): check its permissions and its disk"
        ) from error


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
