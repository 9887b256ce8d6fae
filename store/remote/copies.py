"""Copies of a bucket's files on this machine. Files of tables never change, so each is copied once, of bulky tables when it is first needed;
embedding files are a cache bounded in bytes: the one that was used longest ago goes first, and whatever a commit has replaced."""

import os
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import duckdb

from tubelet.store.disk import inside, tables
from tubelet.store.disk.files import require_space
from tubelet.store.disk.home import UNFINISHED
from tubelet.store.disk.layout import CODES, EMBEDDINGS, MASKED, MEDIA, MODELS, SNAPSHOTS
from tubelet.store.errors import FilesGone, StoreError
from tubelet.store.remote.bucket import Bucket, Named
from tubelet.store.wording import count, write_size

AT_ONCE = 8  # files that are copied at a time


class Copies:
    """The files of a store in a bucket that are in a folder."""

    def __init__(self, root: Path, bucket: Bucket, cache_bytes: int) -> None:
        self._root, self._bucket, self.cache_bytes = root, bucket, cache_bytes

    def name(self, path: Path) -> str:
        """What the bucket calls a file."""
        return path.relative_to(self._root).as_posix()

    def fetch(self, path: Path) -> None:
        """Have an embedding file on this machine, if the bucket has it; it is then the one that was used last."""
        if path.exists():
            with suppress(FileNotFoundError):
                os.utime(path)
                return
        self.copy([self.name(path)])
        self.evict()

    def fetch_all(self, files: Mapping[str, int]) -> None:
        """Have several embedding files on this machine at once, given with their bytes. Raises StoreError where the cache is too small for them."""
        if (total := sum(files.values())) > self.cache_bytes:
            raise StoreError(
                f"the query reads {count(len(files), 'embedding file')} of {self._bucket.address}, {write_size(total)}, and its cache holds {write_size(self.cache_bytes)}: name clips (`WHERE clip_id = ...`), or pass --store-option cache_gb={total / 1e9:.1f}"
            )
        paths = [inside.resolve_file(self._root, name) for name in files]
        self.copy([name for name, path in zip(files, paths) if not path.exists()])
        for path in paths:
            with suppress(FileNotFoundError):
                os.utime(path)
        self.evict()

    def walk(self, folder: str) -> Iterator[Path]:
        """Where each file of a folder of the bucket is on this machine, if it is copied."""
        for name, _ in self._bucket.list_files(folder):
            yield inside.resolve_file(self._root, name)

    def visit(self, folder: str) -> Iterator[Path]:
        """Each file of a folder of the bucket, copied to this machine for as long as it is looked at."""
        for path in self.walk(folder):
            self.copy([self.name(path)])
            yield path
            path.unlink(missing_ok=True)

    def copy_missing(self, named: Iterable[Named]) -> None:
        """Copy those files that are not here."""
        missing = {
            name: size
            for name, size in named
            if _size(inside.resolve_file(self._root, name)) != size
        }
        require_space(self._root, sum(missing.values()))
        self.copy(missing)

    def bring(self, files: Mapping[str, int]) -> None:
        """Have data files of tables here, given with their bytes. Raises FilesGone where the bucket has one no more, once the others are here."""
        missing = {name: size for name, size in files.items() if not (self._root / name).exists()}
        if not missing:
            return
        require_space(self._root, sum(missing.values()))
        self.copy(missing)
        if gone := [name for name in missing if not (self._root / name).exists()]:
            raise FilesGone(
                f"{gone[0]} is not in {self._bucket.address} any more: ask again, and if it stays away, run `tubelet check --store {shlex.quote(str(self._bucket.address))}`"
            )

    def copy(self, names: Iterable[str]) -> None:
        """Copy files; those that the bucket has not stay absent, and whoever reads them says so."""

        def fetch(name: str) -> None:
            path = inside.resolve_file(self._root, name)
            with suppress(FileNotFoundError):
                self._bucket.fetch(name, path, self._root / UNFINISHED)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(fetch, names))

    def drop_replaced(self, before: Mapping[str, int], clips: list[str]) -> None:
        """Remove cached embedding files that are not, or no longer, those of the rows of `clips`; pictures and codes, which have no hash."""
        for folder in (MEDIA, CODES, MODELS, MASKED):
            shutil.rmtree(self._root / folder, ignore_errors=True)
        cached = list(inside.walk_files(self._root, EMBEDDINGS))
        if not cached:
            return
        with suppress(StoreError):
            held = tables.open_table(self._root / "clips", before.get("clips", -1)).files
            same = _same_files(held, clips)
            cached = [path for path in cached if self.name(path) not in same]
        for path in cached:
            inside.remove_file(self._root, path)

    def drop_unused(self, used: Mapping[str, tables.Version], entries: set[str]) -> None:
        """Remove files of tables, and entries, that the bucket's store has no more."""
        kept = {file for version in used.values() for file in version.files}
        for table in used:
            for path in (self._root / table).glob("*.parquet"):
                if str(path) not in kept:
                    inside.remove_file(self._root, path)
        for path in inside.walk_files(self._root, SNAPSHOTS):
            if self.name(path) not in entries:
                inside.remove_file(self._root, path)

    def evict(self) -> None:
        """Remove the embedding files that were used longest ago, until the rest fits."""
        found = []
        for path in inside.walk_files(self._root, EMBEDDINGS):
            with suppress(FileNotFoundError):
                found.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        left = sum(size for _, size, _ in found)
        for _, size, path in sorted(found)[:-1]:  # never the one that was just asked for
            if left <= self.cache_bytes:
                return
            inside.remove_file(self._root, path)
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
