"""The small tables: Delta tables through delta-rs, opened at a version, appended to and restored."""

import os
import shlex
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import ColumnProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError

from tubelet.store.disk import inside
from tubelet.store.disk.files import require_space
from tubelet.store.disk.key_ranges import Range, find_files, read_ranges, sort_rows
from tubelet.store.errors import StoreError
from tubelet.store.schema import FORMAT, HALF, TABLES, Table

VERSIONS_KEPT = 256  # in memory
LOOSE_FILES = 48  # a table of more data files is compacted at its next commit
LOG_BYTES = 1 << 16  # of the disk, for the entry in the log
GROUP_ROWS = 122_880  # of a row group: each costs 30 microseconds per query, and what is read of one is read whole
REPEATED = (
    8  # by which ids and other texts shrink at least, most rows having those of the row before
)


def create(path: Path, table: Table) -> int:
    """Create the table if it is absent; its version."""
    inside.refuse_links(path)
    made = DeltaTable.create(
        path,
        schema=table.arrow,
        mode="ignore",
        name=table.name,
        description=f"tubelet format {FORMAT}: one row per {table.row}",
    )
    _remember(path, made)
    return made.version()


def start(path: Path, table: Table) -> None:
    """Create the table without rows; those that a killed writer left in it, which no snapshot names, are taken out."""
    create(path, table)
    restore(path, 0)


def append(path: Path, table: Table, rows: pa.Table) -> int:
    """Append rows in one atomic commit, those of one owner together; the version that holds them. Columns new to the table are added."""
    inside.resolve_folder(path, "_delta_log")  # an append reads none of the table's files
    require_space(path, _most_bytes(rows))
    delta = DeltaTable(path)
    rows = sort_rows(rows, table.key[0]) if table.owner else rows
    write_deltalake(
        delta, rows, mode="append", schema_mode="merge", writer_properties=_writer_properties(table)
    )
    _remember(path, delta)
    return delta.version()


def compact(path: Path, table: Table, at_least: int = LOOSE_FILES) -> int:
    """Merge the data files if there are more than `at_least`; the version after it."""
    delta = _open(path)
    if len(delta.file_uris()) > at_least:
        require_space(path, _measure_bytes(path, delta))
        delta.optimize.compact(writer_properties=_writer_properties(table))
    return delta.version()


def overwrite(path: Path, table: Table, rows: pa.RecordBatchReader) -> int:
    """Put rows, and the columns of the schema, in the place of all that a table holds; the version that holds them."""
    delta = _open(path)
    write_deltalake(
        delta,
        rows,
        mode="overwrite",
        schema_mode="overwrite",
        writer_properties=_writer_properties(table),
    )
    return delta.version()


def vacuum(path: Path) -> int:
    """Delete data files that the newest version does not use; returns how many. A reader that runs into this queries again."""
    return len(
        _open(path).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    )


def delete(path: Path, column: str, values: Sequence[str]) -> int:
    """Delete the rows whose `column` is one of `values`; the version without them."""
    delta = _open(path)
    require_space(path, _measure_bytes(path, delta))
    listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    delta.delete(f"{column} IN ({listed})")
    return delta.version()


def restore(path: Path, version: int) -> int:
    """Undo everything after `version`; the new version that equals it.

    Versions follow each other without a gap, so one look for the next one's log shows whether there is anything to undo.
    """
    if not has_later(path, version):
        return version
    delta = _open(path)
    delta.restore(version)
    return delta.version()


def has_later(path: Path, version: int) -> bool:
    """Whether a table has a version after this one."""
    return _log(path, version + 1).exists()


def _open(path: Path, version: int | None = None) -> DeltaTable:
    """A table that names only its own files, because what it lists is read, merged and deleted. Raises UnsafePath."""
    inside.refuse_links(path)
    try:
        delta = DeltaTable(path, version=version)
    except (DeltaError, OSError) as error:
        which = "" if version is None else f" at version {version}"
        why = " ".join(str(error).replace("\N{DOWNWARDS ARROW WITH TIP RIGHTWARDS}", "").split())
        raise StoreError(
            f"the table {path}{which} cannot be opened ({why[:300]}): check its permissions and its disk, or run `tubelet check --repair --store {shlex.quote(str(path.parent))}`"
        ) from error
    _remember(path, delta)
    return delta


def _files(path: Path, delta: DeltaTable) -> list[str]:
    """The Parquet files of a version, in a stable order; its log writes their names with escapes. Raises UnsafePath."""
    names = [unquote(uri).removeprefix(f"{path}/") for uri in delta.file_uris()]
    return sorted(map(str, inside.resolve_files(path, names)))


def _measure_bytes(path: Path, delta: DeltaTable) -> int:
    """What a version's files take, and at most what rewriting them takes."""
    return sum(os.path.getsize(file) for file in _files(path, delta)) + LOG_BYTES


def _most_bytes(rows: pa.Table) -> int:
    """What rows take on disk at most: texts shrink, numbers need not."""
    return LOG_BYTES + sum(
        column.nbytes // (REPEATED if pa.types.is_string(column.type) else 1)
        for column in rows.columns
    )


def newest(path: Path) -> int:
    """The newest version of a table."""
    return _open(path).version()


def open_newest(path: Path) -> DeltaTable:
    """The newest version of a table, to commit to. Raises UnsafePath, and StoreError where it cannot be opened."""
    return _open(path)


def can_open(path: Path, version: int) -> bool:
    """Whether a version can be opened."""
    try:
        return open_table(path, version) is not None
    except (StoreError, OSError):
        return False


def is_whole(path: Path, version: int) -> bool:
    """Whether a version can be opened, and all its files are there."""
    try:
        return all(map(os.path.isfile, open_table(path, version).files))
    except (StoreError, OSError):
        return False


def list_log(path: Path) -> list[Path]:
    """Every file of a table's log; none where the folder is absent or may not be read."""
    try:
        return sorted((path / "_delta_log").iterdir())
    except OSError:
        return []


def log_files(path: Path, version: int) -> list[Path]:
    """The files of a table's log up to a version."""
    folder = path / "_delta_log"
    found = [
        entry
        for entry in sorted(folder.iterdir())
        if entry.name[:20].isdecimal() and int(entry.name[:20]) <= version
    ]
    return [*found, *(entry for entry in [folder / "_last_checkpoint"] if entry.exists())]


def new_log_files(path: Path, before: int, after: int) -> list[Path]:
    """The files that a log has gained from one version to another; no folder is listed, so a long log does not make it slower."""
    folder = path / "_delta_log"
    checkpoints = [
        folder / f"{version:020}.checkpoint.parquet" for version in range(before + 1, after + 1)
    ]
    made = [checkpoint for checkpoint in checkpoints if checkpoint.exists()]
    logs = [
        log for version in range(before + 1, after + 1) if (log := _log(path, version)).exists()
    ]
    return [*logs, *made, *([folder / "_last_checkpoint"] if made else [])]


def _log(path: Path, version: int) -> Path:
    return path / "_delta_log" / f"{version:020}.json"


@dataclass(frozen=True)
class Version:
    """One version of a table: the paths of its Parquet files, in a stable order, the names of its columns, and, of a table whose rows have an
    owner, the bytes of each file, and the first and last key in it.
    """

    files: list[str]
    columns: set[str]
    sizes: dict[str, int] = field(default_factory=dict)
    ranges: dict[str, Range] = field(default_factory=dict)  # of files whose log says it

    def files_of(self, keys: Iterable[str]) -> list[str]:
        """The files that may hold rows of a key, the first column of the table's."""
        return find_files(self.files, self.ranges, keys)


def find_columns(files: Iterable[str]) -> set[str]:
    """The names of the columns that files have, which their table's newest ones may add to."""
    return {name for file in files for name in pq.read_schema(file).names}


_VERSIONS: dict[tuple[Path, int, int], Version] = {}  # the newest last


def open_table(path: Path, version: int) -> Version:
    """One version of a table. It never changes, so it is read once; a table that replaces it has another time of writing."""
    return _VERSIONS.get(_key(path, version)) or _remember(path, _open(path, version))


def _remember(path: Path, delta: DeltaTable) -> Version:
    """What an opened table is made of, kept for the next who asks: opening one costs more than all else that a commit does with it."""
    key = _key(path, delta.version())
    if not (known := _VERSIONS.get(key)):
        known = _describe(path, delta)
        while len(_VERSIONS) >= VERSIONS_KEPT:
            _VERSIONS.pop(next(iter(list(_VERSIONS))), None)
        _VERSIONS[key] = known
    return known


def _describe(path: Path, delta: DeltaTable) -> Version:
    files, columns = _files(path, delta), {column.name for column in delta.schema().fields}
    table = TABLES.get(path.name)
    if table is None or not table.owner:
        return Version(files, columns)
    sizes, ranges = read_ranges(delta, table.key[0])
    return Version(
        files,
        columns,
        {file: sizes[file.removeprefix(f"{path}/")] for file in files},
        {f"{path}/{name}": ends for name, ends in ranges.items()},
    )


def _key(path: Path, version: int) -> tuple[Path, int, int]:
    log = _log(path, version)
    return path, version, log.stat().st_mtime_ns if log.exists() else 0


_KEYS: dict[Path, dict[tuple[str, str], pa.Array]] = {}  # of a table, by file and column, sorted
SCANNED = 64  # texts of a column that are looked at in the time of one search in it


def find_values(path: Path, version: int, column: str, wanted: pa.ChunkedArray) -> pa.Array:
    """Return which of the wanted texts a column holds in a version.

    A data file never changes, so its column is read once by a process that commits again and again: a commit then reads what was added
    since its last one, however much the table holds, and searches the rest.
    """
    known, files = _KEYS.pop(path, {}), open_table(path, version).files
    while len(_KEYS) >= VERSIONS_KEPT:
        _KEYS.pop(next(iter(list(_KEYS))), None)
    kept = {
        **{key: values for key, values in known.items() if key[0] in files},
        **{
            (file, column): _read_column(file, column)
            for file in files
            if (file, column) not in known
        },
    }
    _KEYS[path], asked = kept, wanted.unique().drop_null()
    found = {text for file in files for text in _find_texts(kept[file, column], asked)}
    return pa.array(sorted(found), pa.string())


def _find_texts(held: pa.Array, asked: pa.Array) -> list[str]:
    """Those of the asked texts that are among the sorted ones: by search where they are few, else in one pass."""
    if len(asked) * SCANNED > len(held):
        return held.filter(pc.is_in(held, asked)).to_pylist()
    places = (
        (text, bisect_left(held, text, key=methodcaller("as_py"))) for text in asked.to_pylist()
    )
    return [text for text, at in places if at < len(held) and held[at].as_py() == text]


def _read_column(file: str, column: str) -> pa.Array:
    """The texts of a column, sorted as files of a run are already."""
    texts = pq.read_table(file, columns=[column])[column].cast(pa.string())
    held = texts.drop_null().combine_chunks()
    in_order = pc.all(pc.less_equal(held[:-1], held[1:])).as_py() is not False
    return held if in_order else held.sort()


def _writer_properties(table: Table) -> WriterProperties:
    """zstd; floats split into byte planes, which halves their size after zstd."""
    plain = {
        c.name: ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")
        for c in table.columns
        if c.type == HALF
    }
    split = {
        c.name: ColumnProperties(dictionary_enabled=False, encoding="BYTE_STREAM_SPLIT")
        for c in table.columns
        if c.type == "FLOAT"
    }
    return WriterProperties(
        compression="ZSTD",
        compression_level=1,
        column_properties={**plain, **split},
        max_row_group_size=GROUP_ROWS if table.owner else None,
    )
