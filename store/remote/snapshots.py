"""The tables of a bucket's newest snapshot, as they are copied to a folder; what was begun there and never published is undone."""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tubelet.store.disk import checksums, inside, tables
from tubelet.store.disk.files import write_whole
from tubelet.store.disk.home import CLAIMS, MARKER, UNFINISHED
from tubelet.store.disk.layout import FOLDERS, SNAPSHOTS
from tubelet.store.remote.bucket import Bucket
from tubelet.store.remote.copies import AT_ONCE, Copies
from tubelet.store.remote.marker import Marker
from tubelet.store.schema import TABLES


class Snapshots:
    """Brings snapshots from a bucket to a folder."""

    def __init__(self, root: Path, bucket: Bucket, copies: Copies) -> None:
        self._root, self._bucket, self._copies = root, bucket, copies

    def bring(self, marker: Marker, data: bytes) -> bool:
        """Have the snapshot of a marker here; whether all its files were there to be copied: another writer may have merged them by now."""
        before, versions = self._hold(marker), marker.versions
        self.undo(before)
        entries = [
            named
            for named in self._bucket.list_files(SNAPSHOTS)
            if _leading_number(named[0]) <= marker.serial
        ]
        changed = [name for name in versions if not self._is_here(name, versions[name], before)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            listed_in = [
                f"{name}/_delta_log" if TABLES[name].is_bulky else name for name in changed
            ]
            found = dict(zip(changed, pool.map(self._bucket.list_files, listed_in)))
        logs = [
            named
            for name, listed in found.items()
            for named in listed
            if "/_delta_log/" in named[0] and _leading_number(named[0]) <= versions[name]
        ]
        self.write(marker.files)
        self._copies.copy_missing([*entries, *logs])
        used = {
            name: tables.open_table(self._root / name, version)
            for name, version in versions.items()
        }
        wanted = {file for version in used.values() for file in version.files}
        self._copies.copy_missing(
            named
            for listed in found.values()
            for named in listed
            if f"{self._root}/{named[0]}" in wanted
        )
        if before.get("clips") != versions.get("clips"):
            self._copies.drop_replaced(before, used["clips"].files if "clips" in used else [])
        self.write({MARKER: data})
        self._copies.drop_unused(used, {name for name, _ in entries} | set(marker.files))
        return all(map(self._is_whole, versions, versions.values()))

    def undo(self, versions: Mapping[str, int]) -> None:
        """Remove what tables have beyond their versions: of a commit that was not published."""
        for name in TABLES:
            folder = self._root / name
            if name not in versions:
                shutil.rmtree(folder, ignore_errors=True)
            elif tables.has_later(folder, versions[name]):
                beyond = [p for p in tables.list_log(folder) if p.name[:20].isdecimal() and int(p.name[:20]) > versions[name]]  # fmt: skip
                for path in [*reversed(beyond), folder / "_delta_log" / "_last_checkpoint"]:
                    inside.remove_file(self._root, path)

    def clear(self) -> None:
        """Remove everything but what this machine's processes have recorded."""
        for name in (MARKER, *TABLES, *(folder for folder in FOLDERS if folder != CLAIMS)):
            path = self._root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write small files, those alone that differ: when the marker was written, this machine's caches ask."""
        for name, data in files.items():
            path = inside.resolve_file(self._root, name)
            if not path.is_file() or path.read_bytes() != data:
                write_whole(path, data, self._root / UNFINISHED, flush=False)

    def names_of(self, table: str, version: int) -> set[str]:
        """The names of a table's data files in the bucket."""
        files = tables.open_table(self._root / table, version).files
        return {self._copies.name(Path(file)) for file in files}

    def _hold(self, new: Marker) -> Mapping[str, int]:
        """The versions of the tables that are here. Where they are of another store, or of a later commit, nothing of it is of use."""
        old: dict = {}
        with suppress(OSError, ValueError):
            old = checksums.parse((self._root / MARKER).read_text())
        if old and (old.get("store") != new.store_id or old["serial"] > new.serial):
            self.clear()
            return {}
        return old.get("versions", {})

    def _is_here(self, table: str, version: int, before: Mapping[str, int]) -> bool:
        """Whether a table has not changed since it was copied, with all its files; those of a bulky one may come later."""
        return before.get(table) == version and self._is_whole(table, version)

    def _is_whole(self, table: str, version: int) -> bool:
        known = tables.can_open if TABLES[table].is_bulky else tables.is_whole
        return known(self._root / table, version)


def _leading_number(name: str) -> int:
    """The number that a file's name begins with; none is beyond every version."""
    digits = name.rpartition("/")[2].partition(".")[0].partition("-")[0]
    return int(digits) if digits.isdecimal() else 1 << 62
