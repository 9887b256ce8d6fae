"""The snapshot: one small file that says which version of every table is whole.

A commit touches several Delta tables. It counts from the moment `tubelet.json` is replaced by one that names
their new versions; readers open the versions it names, so they never see half of a commit. A writer that died
leaves table versions that no snapshot names: the next writer restores the tables to the last snapshot first.
"""

import fcntl
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tubelet.store.disk import tables
from tubelet.store.errors import StoreError
from tubelet.store.disk.files import write_whole
from tubelet.store.disk.layout import MARKER, Layout
from tubelet.store.schema import FORMAT, TABLES


@dataclass(frozen=True)
class Snapshot:
    """Table versions that belong together; `serial` grows by one a commit, `written_ns` tells a store made anew from the old one."""

    versions: dict[str, int]
    serial: int
    written_ns: int = 0

    @property
    def name(self) -> str:
        return f"{self.serial}-{self.written_ns}"


def read(layout: Layout) -> Snapshot:
    """The store's current snapshot. Raises StoreError for a missing, foreign, damaged or newer store."""
    text = _marker_text(layout)
    try:
        content = json.loads(text)
        format_, versions, serial = content["format"], content["versions"], content["serial"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{layout.marker} is damaged ({error!r}): restore it from a backup, or ingest into a new store") from error
    if format_ > FORMAT:
        raise StoreError(f"{layout.root} has store format {format_}, this Tubelet knows up to {FORMAT}: upgrade Tubelet")
    return Snapshot(versions, serial, layout.marker.stat().st_mtime_ns)


def create(layout: Layout) -> None:
    """Make the tables and the first snapshot of a new store; nothing where it exists already."""
    with lock(layout.commit_lock):
        if layout.marker.exists():
            return
        versions = {name: tables.create(layout.table(name), table) for name, table in TABLES.items()}
        publish(layout, Snapshot(versions, 0))


@contextmanager
def writing(layout: Layout) -> Iterator[Snapshot]:
    """The only writer for a moment: yields the snapshot, with every table restored to it."""
    with lock(layout.commit_lock):
        last = read(layout)
        for name in TABLES.keys() - last.versions.keys():  # of a store made before the table was thought of
            tables.create(layout.table(name), TABLES[name])
        yield Snapshot({name: tables.restore(layout.table(name), last.versions.get(name, 0)) for name in TABLES}, last.serial)


def publish(layout: Layout, snapshot: Snapshot) -> None:
    """Make a snapshot the current one: the moment a commit counts."""
    content = {"format": FORMAT, "serial": snapshot.serial, "versions": snapshot.versions}
    write_whole(layout.marker, json.dumps(content, indent=1).encode(), layout.unfinished)


@contextmanager
def ingesting(layout: Layout) -> Iterator[None]:
    """Be one of the ingests that run; the first of them sweeps what a killed one left half-written."""
    try:
        with lock(layout.writers_lock, wait=False):
            for leftover in layout.unfinished.glob("*"):
                leftover.unlink()
    except BlockingIOError:
        pass  # others are writing: the files may be theirs
    with lock(layout.writers_lock, shared=True):
        yield


@contextmanager
def lock(path: Path, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold a lock file; it is released by the operating system if the process dies. BlockingIOError if not to wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        yield


def _marker_text(layout: Layout) -> str:
    try:
        return layout.marker.read_text()
    except (FileNotFoundError, NotADirectoryError):
        pass
    if not layout.root.exists():
        raise StoreError(f"{layout.root} does not exist: run `tubelet ingest VIDEO --store {shlex.quote(str(layout.root))} --encoder NAME` to make it")
    raise StoreError(f"{layout.root} is no Tubelet store (no {MARKER} in it): check the path, or pass an empty folder to `tubelet ingest`")
