"""Every file of a store but the embeddings, compared with its checksum; which rows are in those that differ."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tubelet.store.disk import checksums, late_files, row_counts, snapshot, tables
from tubelet.store.disk.checksums import Sums
from tubelet.store.disk.inside import UnsafePath
from tubelet.store.disk.layout import CODES, MASKED, MEDIA, MODELS, THUMBNAIL
from tubelet.store.errors import StoreError
from tubelet.store.schema import ENCODERS, KEPT_MODELS, MASKINGS, TABLES
from tubelet.store.store import Store


@dataclass(frozen=True)
class Rows:
    """Keys of rows, of the table that owns them: what is removed so that a rerun restores it."""

    table: str
    keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DamagedFile:
    """A file whose bytes have changed; `disposable`: it may be deleted, `rows` and `video_id`: what has to be recreated."""

    path: Path
    what: str
    disposable: bool = False
    rows: Rows | None = None
    video_id: str | None = None


def find_damaged_files(store: Store) -> Iterator[DamagedFile]:
    """Files that are not as they were written."""
    for path, why in snapshot.find_damaged_entries(store.layout):
        yield DamagedFile(path=path, what=f"{path} {why}", disposable=path != store.layout.marker)
    known = snapshot.sums(store.layout)
    for name, version in _bring_versions(store).items():
        yield from _find_damaged_data(store, known, name, version)
        yield from _find_damaged_logs(store, known, name, version)
    for path in _find_sealed(store):
        if _is_sound(path) is False:
            video = path.parent.name if path.name == THUMBNAIL else None
            yield DamagedFile(
                path=path,
                what="a picture or a cache whose bytes have changed",
                disposable=True,
                video_id=video,
            )
    yield from _find_damaged_models(store)
    yield from _find_damaged_maskings(store)


def _find_damaged_models(store: Store) -> Iterator[DamagedFile]:
    """Weights of fitted models that are not those of their row, and weights that no row names."""
    claimed: set[Path] = set()
    for table in KEPT_MODELS:
        key = table.key[0]
        sql = f"SELECT {key} AS id, model_path AS path, model_bytes AS bytes, model_sha256 AS sha256 FROM {table.name} ORDER BY ALL"
        what = f"{table.name.removesuffix('s')} {{id}}: its file of weights"
        named = _Named(table.name, what, "fit it again", store.layout.model_file)
        yield from named.compare(store, sql, claimed)
    for path in store.layout.walk(MODELS):
        if path not in claimed:
            yield DamagedFile(
                path=path, what="weights that no fitted model refers to", disposable=True
            )


def _find_damaged_maskings(store: Store) -> Iterator[DamagedFile]:
    """Files of tokens that are not those of their masking, and files that no masking names."""
    claimed: set[Path] = set()
    sql = f"SELECT masking_id AS id, tokens_path AS path, tokens_bytes AS bytes, tokens_sha256 AS sha256 FROM {MASKINGS.name} WHERE tokens_path IS NOT NULL ORDER BY ALL"
    what = "masking {id}: its file of tokens"
    named = _Named(MASKINGS.name, what, "run its mask again", store.layout.masked_file)
    yield from named.compare(store, sql, claimed)
    for path in store.layout.walk(MASKED):
        if path not in claimed:
            yield DamagedFile(path=path, what="tokens that no masking refers to", disposable=True)


@dataclass(frozen=True)
class _Named:
    """Files that rows of a table name, each with its size and hash: what they are, and how one is made again."""

    table: str
    what: str
    again: str
    resolve: Callable[[str, str], Path]

    def compare(self, store: Store, sql: str, claimed: set[Path]) -> Iterator[DamagedFile]:
        """Yield the files that are not what their rows say; every file that a row names is added to `claimed`. The query selects id, path, bytes and sha256."""
        for row in store.rows(sql):
            rows, what = Rows(self.table, (row["id"],)), self.what.format(id=row["id"])
            try:
                path = self.resolve(row["path"], row["id"])
            except UnsafePath as error:
                yield DamagedFile(path=store.root, what=str(error), rows=rows)
                continue
            claimed.add(path)
            if not path.is_file():
                yield DamagedFile(path=path, what=f"{what} is missing: {self.again}", rows=rows)
            elif checksums.measure(path) != [row["bytes"], row["sha256"]]:
                yield DamagedFile(
                    path=path,
                    what=f"{what} has changed: its SHA-256 differs",
                    disposable=True,
                    rows=rows,
                )


def count_unchecked(store: Store) -> int:
    """Files that have no checksum yet, because an older version wrote them."""
    missing = (
        checksums.live_files(store.layout, _versions(store)) - snapshot.sums(store.layout).keys()
    )
    return len(missing) + sum(_is_sound(path) is None for path in _find_sealed(store))


def add_seals(store: Store) -> None:
    """Add checksums to the pictures and caches of an older version."""
    for path in _find_sealed(store):
        if _is_sound(path) is None:
            store.write_sealed(path, path.read_bytes())


def _versions(store: Store) -> dict[str, int]:
    return snapshot.read(store.layout).versions


def _bring_versions(store: Store) -> dict[str, int]:
    """The newest versions of the tables, with all files here that there are: those that another writer has merged meanwhile are not lost."""
    while True:
        now = snapshot.read(store.layout)
        if late_files.bring_tables(store.layout, now.versions.items()):
            return now.versions
        store.layout.home.expire()
        if snapshot.read(store.layout).name == now.name:
            return now.versions


def _find_damaged_data(store: Store, known: Sums, name: str, version: int) -> Iterator[DamagedFile]:
    paths = list(map(Path, tables.open_table(store.layout.table(name), version).files))
    changed = {path: how for path in paths if (how := _change(store, known, path))}
    keys = {path: _keys(path, TABLES[name].key[0]) for path in changed}
    unread = [path for path in changed if keys[path] is None]
    lost = row_counts.find_lacking(store, name, map(str, set(paths) - set(unread))) if unread else None  # fmt: skip
    for path, how in changed.items():
        found = lost if path in unread else keys[path]
        what, rows = _consequence(name, path, how, found)
        yield DamagedFile(path=path, what=what, rows=rows)


def _consequence(
    name: str, path: Path, changed: str, keys: tuple[str, ...] | None
) -> tuple[str, Rows | None]:
    """What a damaged file of a table means, in words and in rows; never the file itself, which the table's log names."""
    about = f"table {name}: {path.name} {changed}"
    backup = f"restore {path} from a backup, or ingest into a new store"
    if keys is None:
        return f"{about}, and its rows are not known: {backup}", None
    if name == ENCODERS.name:
        return f"{about}; it describes {', '.join(keys)}: {backup}", None
    owner = TABLES[name].owner or name
    first = f", from {keys[0]}" if keys else ""
    return f"{about}; it holds rows of {len(keys):,} of `{owner}`{first}", Rows(owner, keys)


def _find_damaged_logs(store: Store, known: Sums, name: str, version: int) -> Iterator[DamagedFile]:
    for path in tables.log_files(store.layout.table(name), version):
        if changed := _change(store, known, path):
            yield DamagedFile(
                path=path,
                what=f"the log of table {name}: {path.name} {changed}: restore {path} from a backup, or ingest into a new store",
            )


def _keys(path: Path, column: str) -> tuple[str, ...] | None:
    """The distinct keys in a damaged file; None where it cannot be read."""
    try:
        return tuple(
            sorted(pq.read_table(path)[column].cast(pa.string()).unique().drop_null().to_pylist())
        )
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None


def _change(store: Store, known: Sums, path: Path) -> str | None:
    """How a file differs from its checksum, in words."""
    expected = known.get(store.layout.relative(path))
    if not path.is_file():
        return "is missing"
    if expected is None or checksums.measure(path) == expected:
        return None
    return "has changed: its checksum differs"


def _find_sealed(store: Store) -> Iterator[Path]:
    for folder, suffix in ((MEDIA, ".jpg"), (CODES, ".npy")):
        for path in store.layout.visit(folder):
            if path.suffix == suffix and not path.is_symlink():
                yield path


def _is_sound(path: Path) -> bool | None:
    try:
        return checksums.is_sound(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror}): check its permissions and its disk"
        ) from error
