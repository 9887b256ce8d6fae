"""The front of the store: open or create it, commit rows, read embeddings, query it."""

import hashlib
import shlex
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tubelet.array_types import Float16
from tubelet.store.disk import checksums, embeddings, snapshot, tables
from tubelet.store.disk.clustering import Merging
from tubelet.store.disk.compaction import merge_table
from tubelet.store.disk.embeddings import EmbeddingFile
from tubelet.store.disk.files import explain_disk_errors, write_whole
from tubelet.store.disk.layout import Layout
from tubelet.store.disk.roots import refuse_foreign, resolve_root
from tubelet.store.disk.snapshot import Snapshot
from tubelet.store.errors import Overtaken, StoreError
from tubelet.store.notebook import render_facts
from tubelet.store.questions import views
from tubelet.store.questions.connections import Connections
from tubelet.store.remote.address import is_remote, read_address
from tubelet.store.remote.replica import Replica
from tubelet.store.rows import ClipRow, VideoRow
from tubelet.store.schema import CLIPS, TABLES, VIDEOS, Table
from tubelet.store.schema.renames import hint_at_renamed

if TYPE_CHECKING:
    from tubelet.store.token_dataset import TokenDataset

T = TypeVar("T")
SHOWN = (
    "videos",
    "encoders",
    "clips",
    "token_stats",
    "pairs",
    "bases",
    "failures",
)  # tables that a notebook counts
LOGGER = snapshot.LOGGER
MISTAKES = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
)
Rows = Mapping[str, pa.Table]  # table name to rows


class Store:
    """A store on disk. Safe to share between threads; several processes may read and write at once."""

    def __init__(
        self,
        root: Path | str,
        read_only: bool = False,
        fresh: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Open an existing store; with `read_only` every write to it raises ReadOnly. Raises StoreError with advice for anything else.

        A store at ``s3://BUCKET/PREFIX`` is only read. Its `options` are those of `tubelet.store.remote.bucket.OPTIONS`; credentials may
        also stand in the environment. With `fresh`, nothing is taken from what was read of it before.
        """
        self.name = str(root)  # as it was asked for, for commands that we print
        if is_remote(root):
            replica = Replica(read_address(str(root)), options or {}, fresh)
            self.layout = Layout(replica.root, True, replica)
        else:
            self.layout = Layout(_local(root), read_only)
            self.name = str(self.layout.root)
        self.layout.refuse_links()
        if note := snapshot.read(self.layout).note:
            LOGGER.warning(note)
        self._connections = Connections(self.layout)
        weakref.finalize(
            self, self._connections.close
        )  # at exit at the latest: an open connection prints leak notes

    @classmethod
    def create(cls, root: Path | str) -> "Store":
        """Open the store, creating it first if the folder is absent or empty."""
        layout = Layout(_local(root))
        with explain_disk_errors(layout.root):
            if not layout.marker.exists():
                refuse_foreign(layout)
                snapshot.create(layout)
        return cls(root)

    @property
    def root(self) -> Path:
        return self.layout.root

    def __repr__(self) -> str:
        return f"Store({self.name!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: where it is, and how much it holds."""
        held = {
            name: self.query(f"SELECT count(*) AS n FROM {name}")["n"][0].as_py() for name in SHOWN
        }
        return render_facts(f"Store {self.name}", held)

    @property
    def shell_name(self) -> str:
        """The path quoted for a shell, for commands that we print."""
        return shlex.quote(self.name)

    @property
    def fingerprint(self) -> str:
        """Changes with every commit: what caches key on."""
        return f"{self.root}:{self._connections.current.name}"

    def hold(self) -> AbstractContextManager[None]:
        """Have this thread ask over one snapshot for a while: its answers belong together, whatever is committed meanwhile."""
        return self._connections.hold()

    def query(self, sql: str, parameters: Any = None) -> pa.Table:
        """The answer to a query of our own over the newest snapshot; values are bound, one cursor per query. Raises StoreError where a file cannot be read."""
        self.fetch_tokens(sql, parameters)
        try:
            return self.newest(lambda: self._connections.ask(sql, parameters))
        except MISTAKES as error:
            if hint := hint_at_renamed(str(error), sql):
                error.add_note(hint)
            raise
        except duckdb.Error as error:
            raise StoreError(
                f"a file of {self.name} cannot be read ({str(error).splitlines()[0]}): run `tubelet check --repair --store {self.shell_name}`"
            ) from error

    def batches(self, sql: str, parameters: Any, rows: int) -> Iterator[pa.RecordBatch]:
        """The answer to a query of our own in pieces of at most `rows`, for what is too large for memory; use within `newest` if files may disappear."""
        self.fetch_tokens(sql, parameters)
        return self._connections.batches(sql, parameters, rows)

    def fetch_tokens(self, sql: str, parameters: Any = None) -> None:
        """Have the embedding files on this machine that a query may read, of a store in a bucket. Raises StoreError where they exceed its cache."""
        if self.layout.source and views.names_tokens(sql):
            wanted = views.find_clips(sql, parameters)
            rows = self.rows(
                "SELECT embedding_path, embedding_bytes FROM clips WHERE embedding_path IS NOT NULL AND ($1 IS NULL OR clip_id IN (SELECT unnest($1::VARCHAR[])))",
                [wanted],
            )
            self.layout.source.fetch_all(
                {row["embedding_path"]: row["embedding_bytes"] for row in rows}
            )

    def newest(self, ask: Callable[[], T]) -> T:
        """Run a query, and run it again if a compaction removed the files meanwhile."""
        while True:
            before = self.fingerprint
            try:
                return ask()
            except duckdb.IOException:
                if not self._connections.let_go() and self.fingerprint == before:
                    raise

    def rows(self, sql: str, parameters: Any = None) -> list[dict]:
        """The answer to a query as a list of dicts."""
        return self.query(sql, parameters).to_pylist()

    def snapshot(self) -> Snapshot:
        """The newest one."""
        return snapshot.read(self.layout)

    def connect(self, sql: str, settings: dict[str, str]) -> duckdb.DuckDBPyConnection:
        """A separate connection for one query over the newest snapshot, to be closed by the caller."""
        return views.connect(self.layout, self.snapshot(), sql, settings)

    def close(self) -> None:
        """Close the connection; the store can still be queried, and then opens another."""
        self._connections.close()

    @contextmanager
    def ingesting(self) -> Iterator[None]:
        """Be one of the ingests that run; repairs are refused meanwhile."""
        with explain_disk_errors(self.root), snapshot.ingesting(self.layout):
            yield

    def commit(
        self,
        rows: Rows,
        gone: Mapping[str, Sequence[str]] | None = None,
        expected: str | None = None,
    ) -> None:
        """Add rows to several tables, and take out those whose first key column, or the column of a `table.column`, is in `gone`: all or nothing.

        Rows that the store already holds are left out, as are rows whose owner (clip, pair, basis, projection) it holds; what the same
        commit removes does not count as held. `expected` is the fingerprint that the rows were made from: Overtaken is raised, and nothing
        written, where the store is another by now.
        """
        with explain_disk_errors(self.root), self._writing() as last:
            if expected is not None and expected != self.fingerprint:
                raise Overtaken(f"another writer has changed {self.root}: read it again")
            versions = dict(last.versions)
            for place, ids in (gone or {}).items():
                name, _, column = place.partition(".")
                if ids:
                    versions[name] = tables.delete(
                        self.layout.table(name), column or TABLES[name].key[0], ids
                    )
            for name, table in _select_unknown(rows, self.layout, versions).items():
                if len(table):
                    versions[name] = tables.append(self.layout.table(name), TABLES[name], table)
            changed = [name for name in versions if versions[name] != last.versions[name]]
            self._publish(versions, last, changed, Merging.CROWDED)

    def compact(self, whole: bool = False) -> int:
        """Merge the small files of every table, or all of its files, rewrite tables of format 1, and delete files that nobody needs any more; how many went."""
        with explain_disk_errors(self.root), self._writing() as last:
            merging = Merging.WHOLE if whole else Merging.SMALL
            gone = self._publish(last.versions, last, list(TABLES), merging)
            if (
                checksums.live_files(self.layout, (now := snapshot.read(self.layout)).versions)
                - snapshot.sums(self.layout).keys()
            ):
                self._record(
                    now.versions,
                    Snapshot(versions=now.versions, serial=now.serial + 1, store_id=now.store_id),
                    alone=True,
                )
            return gone

    def write_embedding(self, clip: Mapping[str, str], grid: np.ndarray) -> EmbeddingFile:
        """Write the embedding file of a clip row, half precision ``(S, H, W, D)``; invisible until the row is committed."""
        with explain_disk_errors(self.root):
            return embeddings.write(
                self.layout.embedding_file(clip["embedding_path"]),
                clip["clip_id"],
                grid,
                self.layout.unfinished,
            )

    def write_thumbnail(self, video_id: str, jpeg: bytes) -> None:
        with explain_disk_errors(self.root):
            write_whole(
                self.layout.thumbnail(video_id), checksums.seal(jpeg), self.layout.unfinished
            )

    def write_pictures(self, clip: Mapping[str, str] | ClipRow, jpeg: bytes) -> None:
        """Write the sheet of a clip row's slice pictures; a cache, not part of the commit."""
        with explain_disk_errors(self.root):
            write_whole(
                self.layout.pictures(clip["video_id"], clip["clip_id"]),
                checksums.seal(jpeg),
                self.layout.unfinished,
            )

    def write_codes(self, basis_id: str, clip_id: str, data: memoryview) -> None:
        with explain_disk_errors(self.root):
            write_whole(
                self.layout.codes(basis_id, clip_id), checksums.seal(data), self.layout.unfinished
            )

    def write_model(self, model_id: str, data: bytes) -> dict[str, str | int]:
        """Write the weights of a fitted model; the columns that name them in its row, until whose commit they are invisible."""
        path = self.layout.model(model_id)
        with explain_disk_errors(self.root):
            write_whole(path, data, self.layout.unfinished)
        return {
            "model_path": self.layout.relative(path),
            "model_bytes": len(data),
            "model_sha256": hashlib.sha256(data).hexdigest(),
        }

    def write_sealed(self, path: Path, data: bytes) -> None:
        """Write a picture or a cache again, with its checksum."""
        with explain_disk_errors(self.root):
            write_whole(path, checksums.seal(data), self.layout.unfinished)

    def grid(
        self, clip_id: str, first: int = 0, stop: int | None = None
    ) -> Float16[np.ndarray, "S H W D"]:
        """Half-precision token grid ``(S, H, W, D)`` of a clip, or its slices ``[first, stop)``."""
        path = self.clip(clip_id).embedding_path
        if path is None:
            raise StoreError(
                f"clip {clip_id} was kept without its embeddings: ingest its video again with `--keep embeddings`"
            )
        return embeddings.read(self.layout.embedding_file(path, clip_id), first, stop)

    def dataset(
        self,
        where: str = "",
        encoder: str | None = None,
        slices: int | None = None,
        pooled: bool = False,
        labels: Sequence[str] = (),
    ) -> "TokenDataset":
        """Stored tokens to train on, as a map-style dataset that is safe in worker processes (`store.token_dataset`).

        `where` is a condition on videos, their labels and tags; `slices` cuts each window to stretches of so many; `pooled` gives the mean
        over the patches; `labels` are names of labels, each a number per item.
        """
        from tubelet.store.token_dataset import select_tokens

        return replace(select_tokens(self, where, encoder, slices, labels), pooled=pooled)

    def clip(self, clip_id: str) -> ClipRow:
        """The row of a clip. Raises StoreError where there is none of this id."""
        return ClipRow.of(self._only(CLIPS, clip_id))

    def video(self, video_id: str) -> VideoRow:
        """The row of a video. Raises StoreError where there is none of this id."""
        return VideoRow.of(self._only(VIDEOS, video_id))

    def _only(self, table: Table, id_: str) -> dict:
        found = self.rows(f"FROM {table.name} WHERE {table.key[0]} = ?", [id_])
        if not found:
            listed = f'list them with `tubelet sql "FROM {table.name}" --store {self.shell_name}`'
            raise StoreError(f"{self.name} holds no {table.name.removesuffix('s')} {id_}: {listed}")
        return found[0]

    def _writing(self) -> AbstractContextManager[Snapshot]:
        return snapshot.writing(self.layout)

    def _publish(
        self,
        versions: Mapping[str, int],
        last: Snapshot,
        mergeable: Sequence[str],
        merging: Merging,
    ) -> int:
        """Make table versions the newest snapshot, files of those `mergeable` merged first; files deleted afterwards."""
        merged = {
            **versions,
            **{
                name: merge_table(self.layout, TABLES[name], versions[name], merging)
                for name in mergeable
            },
        }
        before = snapshot.read(self.layout).versions
        if merged != before:
            last = self._record(
                before,
                Snapshot(versions=merged, serial=last.serial + 1, store_id=last.store_id),
                merged != versions,
            )
        return sum(
            tables.vacuum(self.layout.table(name))
            for name in merged
            if merged[name] != versions[name]
        )

    def _record(self, before: Mapping[str, int], new: Snapshot, alone: bool) -> Snapshot:
        """Publish a snapshot with the checksums of what it added; `alone`: with those of all files, as the only entry that is kept."""
        sums = checksums.table_sums(self.layout, before, new.versions)
        if alone:
            kept = snapshot.sums(self.layout) | sums
            live = checksums.live_files(self.layout, new.versions)
            sums = {
                name: kept[name] if name in kept else checksums.measure(self.root / name)
                for name in sorted(live)
            }
        published = snapshot.publish(self.layout, new, sums)
        if alone:
            snapshot.forget(self.layout, published)
        return published

    @classmethod
    def recover(cls, root: Path | str) -> str | None:
        """Make a store with a broken marker usable; returns what was done, in a sentence, or None."""
        layout = Layout(_local(root))
        with explain_disk_errors(layout.root):
            return snapshot.rebuild(layout)


def _select_unknown(rows: Rows, layout: Layout, versions: Mapping[str, int]) -> dict[str, pa.Table]:
    """The rows whose key, or whose owner, the versions do not hold, in the order of the schema."""
    owners = {name: TABLES[name].owner or name for name in rows}
    kept = {}
    for name in (name for name in TABLES if name in rows):
        ids, owner = rows[name][TABLES[name].key[0]], owners[name]
        kept[name] = rows[name]
        if owner in rows:
            place, column = layout.table(owner), TABLES[owner].key[0]
            taken = tables.find_values(place, versions[owner], column, ids)
            kept[name] = rows[name].filter(pc.invert(pc.is_in(ids, taken)))
    return kept


def _local(root: Path | str) -> Path:
    if is_remote(root):
        raise StoreError(
            f"{read_address(str(root))} is an object store, which this version reads but cannot write: pass a folder on this machine as --store"
        )
    return resolve_root(root)
