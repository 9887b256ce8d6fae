"""The folder of a store in a bucket: the tables of its newest snapshot, and embedding files as they are needed.

A replica is a store like any other to whoever reads it, SQL from users included, which gets to see neither the bucket nor the credentials.
A commit is made in it as in any folder and then published: the new files of its tables first, which nobody sees, then the marker, if it is
still the one that the commit was made from. Else the commit is undone here, and made again on top of the newer one. What a writer that died
has left are files that no snapshot names; `tubelet compact` removes them.
"""

import atexit
import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from tubelet.store.disk import inside
from tubelet.store.disk.home import MARKER, Outrun, Publication
from tubelet.store.disk.layout import REPLICA
from tubelet.store.disk.roots import resolve_root
from tubelet.store.disk.scratch import make_scratch, remove_scratch
from tubelet.store.errors import FilesGone, StoreError
from tubelet.store.remote.address import BucketAddress
from tubelet.store.remote.bucket import Bucket, Content
from tubelet.store.remote.copies import AT_ONCE, Copies
from tubelet.store.remote.marker import LOG, Marker, read_marker, write_marker
from tubelet.store.remote.presence import Presence
from tubelet.store.remote.snapshots import Snapshots
from tubelet.store.remote.turn import CommitTurn

FRESH_S = 2.0  # for which the newest snapshot is taken to be the newest
CACHE_GB = 20.0


class Replica:
    """The home of a store in a bucket (`tubelet.store.disk.home`). Safe to share between threads and processes."""

    def __init__(
        self, address: BucketAddress, options: Mapping[str, str], fresh: bool = False
    ) -> None:
        """With `fresh`, nothing is taken from what earlier processes copied. Raises StoreError."""
        self._bucket, self._address = Bucket(address, options), address
        cache_bytes = int(_read_size(options.get("cache_gb", str(CACHE_GB))) * 1e9)
        place = _own_folder() if fresh else _cache_folder(options)
        self.root = place / _name(address, options)
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.root / REPLICA).write_text(json.dumps({"store": str(address)}))
        self._copies = Copies(self.root, self._bucket, cache_bytes)
        self._snapshots = Snapshots(self.root, self._bucket, self._copies)
        self._presence, self._turn = Presence(self.root, self._bucket), CommitTurn(self._bucket)
        self._lock, self._committing = threading.RLock(), False
        self._etag = ""
        self._looked = self._expired = float("-inf")  # when the newest snapshot was asked for
        self._completed = ""  # tag of a marker whose commit has left all its files

    def __str__(self) -> str:
        return str(self._address)

    def refresh(self) -> None:
        with self._lock:
            oldest = max(self._expired, time.monotonic() - FRESH_S)
            if not self._committing and self._looked < oldest:
                self._bring()

    def expire(self) -> None:
        self._expired = time.monotonic()

    def fetch(self, path: Path) -> None:
        self._copies.fetch(path)

    def fetch_all(self, files: Mapping[str, int]) -> None:
        self._copies.fetch_all(files)

    def bring(self, files: Mapping[str, int]) -> None:
        try:
            self._copies.bring(files)
        except FilesGone:
            if self._committing and self._look().etag != self._etag:
                raise Outrun from None  # the other writer has merged them
            raise

    def walk(self, folder: str) -> Iterator[Path]:
        return self._copies.walk(folder)

    def visit(self, folder: str) -> Iterator[Path]:
        return self._copies.visit(folder)

    def entries(self) -> list[str]:
        return self._bucket.list_top()

    @contextmanager
    def committing(self, new: bool = False) -> Iterator[None]:
        self._turn.wait()
        try:
            with self._changing(new):
                yield
        except Outrun:
            self._turn.lose()
            raise
        except BaseException:
            self._turn.end()
            raise
        self._turn.end()

    @contextmanager
    def _changing(self, new: bool) -> Iterator[None]:
        with self._lock, self._alone():
            if new and not self._bucket.has(MARKER):
                self._snapshots.clear()
                self._etag = ""
            else:
                marker = self._bring(alone=True)
                self._snapshots.undo(marker.versions)
                self._complete(marker)
            self._committing = True
            try:
                yield
            finally:
                self._committing = False

    def publish(self, new: Publication) -> None:
        logs = {name: (self.root / name).read_text() for name in new.added if LOG.fullmatch(name)}
        rest = [name for name in new.added if "/_delta_log/" not in name]
        unused = self._find_unused(new)
        self._upload({name: (self.root / name).read_bytes() for name in rest})
        data = write_marker(new, logs)
        marker, asked = read_marker(data, self), time.monotonic()
        self._etag = self._swap(data, marker)
        self._looked = asked
        self._snapshots.write({**marker.files, MARKER: data})
        with suppress(StoreError):  # the commit counts: the next writer does the rest
            self._complete(marker)
            self._upload_checkpoints(new)
            self._bucket.remove(unused)

    def put(self, path: Path, data: bytes | memoryview) -> None:
        self._bucket.write(self._copies.name(path), data)
        inside.remove_file(self.root, path)  # an older copy

    def put_first(self, path: Path, data: bytes | memoryview) -> bytes | memoryview:
        name = self._copies.name(path)
        while not self._bucket.create(name, data):
            with suppress(FileNotFoundError):
                return self._bucket.read(name).data
        inside.remove_file(self.root, path)
        return data

    def has(self, path: Path) -> bool:
        return self._bucket.has(self._copies.name(path))

    def measure(self, paths: Iterable[Path]) -> dict[Path, int]:
        named = {self._copies.name(path): path for path in paths}
        folders = sorted({name.partition("/")[0] for name in named})
        listed = (one for folder in folders for one in self._bucket.list_files(folder))
        return {named[name]: size for name, size in listed if name in named}

    def remove(self, paths: Iterable[Path]) -> None:
        paths = list(paths)
        self._bucket.remove([self._copies.name(path) for path in paths])
        for path in paths:
            inside.remove_file(self.root, path)

    def create(self, path: Path, data: bytes) -> bool:
        return self._bucket.create(self._copies.name(path), data)

    def read(self, path: Path) -> bytes | None:
        with suppress(FileNotFoundError):
            return self._bucket.read(self._copies.name(path)).data
        return None

    def write(self, path: Path, data: bytes) -> None:
        self._bucket.write(self._copies.name(path), data)

    def show(self, path: Path, data: bytes) -> None:
        self.write(path, data)

    def require_alone(self) -> None:
        self._presence.require_alone()

    def drop_claims(self) -> None:
        self._presence.drop_claims()

    def _look(self) -> Content:
        try:
            return self._bucket.read(MARKER)
        except FileNotFoundError:
            raise StoreError(
                f"{self} is not a Tubelet store (no {MARKER} in it), or does not exist: check the address"
            ) from None

    def _bring(self, alone: bool = False) -> Marker:
        """Have the newest snapshot here, or a newer one, where another writer merges files meanwhile."""
        asked, seen, found = time.monotonic(), "", self._look()
        marker = read_marker(found.data, self)
        while found.etag not in (self._etag, seen):
            with nullcontext() if alone else self._alone():
                whole = self._snapshots.bring(marker, found.data)
            if whole:
                break
            asked, seen, found = time.monotonic(), found.etag, self._look()
            marker = read_marker(found.data, self)
        self._etag, self._looked = found.etag, asked
        return marker

    def _swap(self, data: bytes, marker: Marker) -> str:
        """Replace the marker; its tag. Raises Outrun where it is another one by now."""
        try:
            etag = self._bucket.swap(MARKER, data, self._etag)
        except StoreError:  # which says nothing about the marker
            if (etag := self._find_own(data, marker)) is None:
                raise
        etag = self._find_own(data, marker) if etag is None else etag
        if etag is None:
            raise Outrun
        return etag

    def _find_own(self, data: bytes, marker: Marker) -> str | None:
        """The tag of the marker if it is the given one, or follows it: the answer to a request that did its work may be lost."""
        found = self._look()
        if found.data == data:
            return found.etag
        log = next(iter(marker.files))
        with suppress(FileNotFoundError):
            if self._bucket.read(log).data == marker.files[log]:
                return ""  # a tag that no marker has: what follows is read first
        return None

    def _complete(self, marker: Marker) -> None:
        """Put the files of a marker's commit, unless that is known to be done; the last one says that it is."""
        if self._completed == self._etag or not marker.files:
            return
        *logs, entry = marker.files.items()
        if not self._bucket.has(entry[0]):
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda named: self._bucket.create(*named), logs))
            self._bucket.create(*entry)
        self._completed = self._etag

    def _upload(self, files: Mapping[str, bytes]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda named: self._bucket.write(*named), files.items()))

    def _upload_checkpoints(self, new: Publication) -> None:
        """Put what sums up the logs, so that nobody has to read all of them."""
        names = [name for name in new.added if name.endswith(".checkpoint.parquet")]
        self._upload({name: (self.root / name).read_bytes() for name in names})

    def _find_unused(self, new: Publication) -> list[str]:
        """Data files of tables that a commit does not name. They are listed before it counts: a commit that is being made from the snapshot
        before it will not count, and one that is made from a later snapshot has files that are not listed."""
        found: list[str] = []
        for table in new.swept:
            kept = self._snapshots.names_of(table, new.content["versions"][table])
            listed = [
                name for name, _ in self._bucket.list_files(table) if "/_delta_log/" not in name
            ]
            found += [name for name in listed if name not in kept and name.endswith(".parquet")]
        return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only process that changes the replica."""
        with open(self.root.with_name(f"{self.root.name}.lock"), "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _own_folder() -> Path:
    """A folder of this process alone, which goes with it."""
    folder = make_scratch()
    atexit.register(remove_scratch, folder)
    return folder


def _cache_folder(options: Mapping[str, str]) -> Path:
    default = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tubelet" / "stores"
    )
    return resolve_root(options.get("cache") or default)


def _name(address: BucketAddress, options: Mapping[str, str]) -> str:
    """One folder per bucket, prefix and server."""
    server = address.service.find_server(options)
    return f"{address.bucket}-{hashlib.sha256(f'{server} {address}'.encode()).hexdigest()[:16]}"


def _read_size(text: str) -> float:
    try:
        size = float(text)
    except ValueError:
        size = -1.0
    if not 0 < size < float("inf"):
        raise StoreError(f"cache_gb={text} is not a size: pass a number of gigabytes above 0")
    return size
