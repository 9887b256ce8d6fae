"""What lies on this machine of a store in a bucket: the tables of its newest snapshot, and embedding files as they are needed.

A replica is a store like any other to whoever reads it, SQL from users included, which gets to see neither the bucket nor the credentials.
Files of tables never change, so each is copied once; the marker is written last. The embedding files are a cache bounded in bytes: the
one that was used longest ago goes first, and whatever a commit has replaced.
"""

import atexit
import fcntl
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from tubelet.store.disk import checksums, inside, tables
from tubelet.store.disk.files import require_space, write_whole
from tubelet.store.disk.layout import (
    CODES,
    EMBEDDINGS,
    FOLDERS,
    MARKER,
    MEDIA,
    MODELS,
    REPLICA,
    SNAPSHOTS,
    UNFINISHED,
)
from tubelet.store.disk.roots import resolve_root
from tubelet.store.disk.scratch import make_scratch, remove_scratch
from tubelet.store.errors import StoreError
from tubelet.store.remote.address import Address
from tubelet.store.remote.bucket import Bucket, Named
from tubelet.store.schema import FORMAT, TABLES
from tubelet.store.wording import count, write_size

AT_ONCE = 8  # files that are copied at a time
FRESH_S = 2.0  # for which the newest snapshot is taken to be the newest
CACHE_GB = 20.0


class Replica:
    """A store in a bucket, read from this machine. Safe to share between threads and processes."""

    def __init__(self, address: Address, options: Mapping[str, str], fresh: bool = False) -> None:
        """With `fresh`, nothing is taken from what earlier processes copied. Raises StoreError."""
        self.bucket, self.address = Bucket(address, options), address
        self.cache_bytes = int(_read_size(options.get("cache_gb", str(CACHE_GB))) * 1e9)
        place = _own_folder() if fresh else _cache_folder(options)
        self.root = place / _name(address, options)
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.root / REPLICA).write_text(json.dumps({"store": str(address)}))
        self._lock, self._etag, self._looked = threading.RLock(), "", -FRESH_S

    def __str__(self) -> str:
        return str(self.address)

    def refresh(self) -> None:
        """Copy what the newest snapshot has and this machine has not. Raises StoreError where it cannot be read."""
        with self._lock:
            if time.monotonic() - self._looked < FRESH_S:
                return
            try:
                marker = self.bucket.read(MARKER)
            except FileNotFoundError:
                raise StoreError(
                    f"{self.address} is not a Tubelet store (no {MARKER} in it), or does not exist: check the address"
                ) from None
            if marker.etag != self._etag or not marker.etag:
                with self._alone():
                    self._copy_snapshot(marker.data)
            self._etag, self._looked = marker.etag, time.monotonic()

    def fetch(self, path: Path) -> None:
        """Have an embedding file on this machine, if the bucket has it; it is then the one that was used last."""
        if path.exists():
            with suppress(FileNotFoundError):
                os.utime(path)
                return
        self._fetch_all([path.relative_to(self.root).as_posix()])
        self._evict()

    def fetch_all(self, files: Mapping[str, int]) -> None:
        """Have several embedding files on this machine at once, given with their bytes. Raises StoreError where the cache is too small for them."""
        if (total := sum(files.values())) > self.cache_bytes:
            raise StoreError(
                f"the query reads {count(len(files), 'embedding file')} of {self.address}, {write_size(total)}, and its cache holds {write_size(self.cache_bytes)}: name clips (`WHERE clip_id = ...`), or pass --store-option cache_gb={total / 1e9:.1f}"
            )
        paths = [inside.resolve_file(self.root, name) for name in files]
        self._fetch_all([name for name, path in zip(files, paths) if not path.exists()])
        for path in paths:
            with suppress(FileNotFoundError):
                os.utime(path)
        self._evict()

    def walk(self, folder: str) -> Iterator[Path]:
        """Where each file of a folder of the bucket is on this machine, if it is copied."""
        for name, _ in self.bucket.list(folder):
            yield inside.resolve_file(self.root, name)

    def visit(self, folder: str) -> Iterator[Path]:
        """Each file of a folder of the bucket, copied to this machine for as long as it is looked at."""
        for path in self.walk(folder):
            self._fetch_all([path.relative_to(self.root).as_posix()])
            yield path
            path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only process that changes the replica."""
        with open(self.root.with_suffix(".lock"), "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _copy_snapshot(self, marker: bytes) -> None:
        content = self._read_marker(marker)
        before, versions = self._held(content), content["versions"]
        entries = [
            named
            for named in self.bucket.list(SNAPSHOTS)
            if _leading_number(named[0]) <= content["serial"]
        ]
        changed = [name for name in versions if not self._is_here(name, versions[name], before)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = dict(zip(changed, pool.map(self.bucket.list, changed)))
        logs = [
            named
            for name, listed in found.items()
            for named in listed
            if "/_delta_log/" in named[0] and _leading_number(named[0]) <= versions[name]
        ]
        self._copy_missing([*entries, *logs])
        used = {
            name: tables.open_table(self.root / name, version) for name, version in versions.items()
        }
        wanted = {file for version in used.values() for file in version.files}
        self._copy_missing(
            named
            for listed in found.values()
            for named in listed
            if f"{self.root}/{named[0]}" in wanted
        )
        self._drop_replaced(before, used["clips"].files if "clips" in used else [])
        write_whole(self.root / MARKER, marker, self.root / UNFINISHED)
        self._remove_unused(used, {name for name, _ in entries})

    def _is_here(self, table: str, version: int, before: Mapping[str, int]) -> bool:
        """Whether a table has not changed since it was copied, with all its files."""
        return before.get(table) == version and tables.is_whole(self.root / table, version)

    def _read_marker(self, marker: bytes) -> dict:
        """What the bucket's marker says: the versions of the tables, and the number of the commit. Raises StoreError."""
        content: dict = {}
        with suppress(ValueError, RecursionError):
            content = checksums.parse(marker.decode())
        versions, serial, format_ = (content.get(n) for n in ("versions", "serial", "format"))
        if isinstance(format_, int) and format_ > FORMAT:
            raise StoreError(
                f"{self.address} has store format {format_}, this version of Tubelet reads up to {FORMAT}: upgrade Tubelet"
            )
        versions = versions if isinstance(versions, dict) else {"": None}
        if (
            not versions.keys() <= TABLES.keys()
            or checksums.is_signed(content) is False
            or not all(isinstance(number, int) for number in (serial, format_, *versions.values()))
        ):
            raise StoreError(
                f"{self.address}/{MARKER} is damaged: copy the store there again, or check the folder it came from with `tubelet check`"
            )
        return content

    def _held(self, new: Mapping) -> Mapping[str, int]:
        """The versions of the tables that are here. Where they are of another store, or of a later commit, nothing of it is of use."""
        old: dict = {}
        with suppress(OSError, ValueError):
            old = checksums.parse((self.root / MARKER).read_text())
        if old and (old.get("store") != new.get("store") or old["serial"] > new["serial"]):
            for name in (MARKER, *TABLES, *FOLDERS):
                path = self.root / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            return {}
        return old.get("versions", {})

    def _copy_missing(self, named: Iterable[Named]) -> None:
        missing = {
            name: size
            for name, size in named
            if _size(inside.resolve_file(self.root, name)) != size
        }
        require_space(self.root, sum(missing.values()))
        self._fetch_all(missing)

    def _fetch_all(self, names: Iterable[str]) -> None:
        """Copy files; those that the bucket has not stay absent, and whoever reads them says so."""

        def fetch(name: str) -> None:
            path = inside.resolve_file(self.root, name)
            with suppress(FileNotFoundError):
                self.bucket.fetch(name, path, self.root / UNFINISHED)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(fetch, names))

    def _drop_replaced(self, before: Mapping[str, int], clips: list[str]) -> None:
        """Remove cached embedding files that are not, or no longer, those of the rows of `clips`; pictures, codes and weights, which have no hash there."""
        for folder in (MEDIA, CODES, MODELS):
            shutil.rmtree(self.root / folder, ignore_errors=True)
        cached = list(inside.walk_files(self.root, EMBEDDINGS))
        if not cached:
            return
        with suppress(StoreError):
            held = tables.open_table(self.root / "clips", before.get("clips", -1)).files
            same = _same_files(held, clips)
            cached = [path for path in cached if path.relative_to(self.root).as_posix() not in same]
        for path in cached:
            inside.remove_file(self.root, path)

    def _remove_unused(self, used: Mapping[str, tables.Version], entries: set[str]) -> None:
        """Remove files of tables, and entries, that the bucket's store has no more."""
        kept = {file for version in used.values() for file in version.files}
        for table in used:
            for path in (self.root / table).glob("*.parquet"):
                if str(path) not in kept:
                    inside.remove_file(self.root, path)
        for path in inside.walk_files(self.root, SNAPSHOTS):
            if path.relative_to(self.root).as_posix() not in entries:
                inside.remove_file(self.root, path)

    def _evict(self) -> None:
        """Remove the embedding files that were used longest ago, until the rest fits."""
        found = []
        for path in inside.walk_files(self.root, EMBEDDINGS):
            with suppress(FileNotFoundError):
                found.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        left = sum(size for _, size, _ in found)
        for _, size, path in sorted(found)[:-1]:  # never the one that was just asked for
            if left <= self.cache_bytes:
                return
            inside.remove_file(self.root, path)
            left -= size


def _same_files(before: list[str], after: list[str]) -> set[str]:
    """Embedding files of two versions of `clips` whose hash is the same in both."""
    if not before or not after:
        return set()
    rows = "SELECT embedding_path, embedding_sha256 FROM read_parquet($%s, union_by_name = true)"
    with duckdb.connect(":memory:") as connection:
        found = connection.sql(
            f"{rows % 'before'} INTERSECT {rows % 'after'}",
            params={"before": before, "after": after},
        ).fetchall()
    return {path for path, _ in found}


def _size(path: Path) -> int:
    """The bytes of a file, -1 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _leading_number(name: str) -> int:
    """The number that a file's name begins with; none is beyond every version."""
    digits = name.rpartition("/")[2].partition(".")[0].partition("-")[0]
    return int(digits) if digits.isdecimal() else 1 << 62


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


def _name(address: Address, options: Mapping[str, str]) -> str:
    """One folder per bucket, prefix and server."""
    server = options.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL", "")
    return f"{address.bucket}-{hashlib.sha256(f'{server} {address}'.encode()).hexdigest()[:16]}"


def _read_size(text: str) -> float:
    try:
        size = float(text)
    except ValueError:
        size = -1.0
    if not 0 < size < float("inf"):
        raise StoreError(f"cache_gb={text} is not a size: pass a number of gigabytes above 0")
    return size
