"""The front of the store: open or create it, commit rows, read embeddings, query it."""

import shlex
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa

from tubelet.array_types import Float16
from tubelet.store.disk import checksums, committing, embeddings, late_files, snapshot
from tubelet.store.disk.clustering import Merging
from tubelet.store.disk.committing import Rows
from tubelet.store.disk.embeddings import EmbeddingFile
from tubelet.store.disk.files import explain_disk_errors
from tubelet.store.disk.layout import Layout
from tubelet.store.disk.roots import refuse_foreign, resolve_root
from tubelet.store.disk.snapshot import Snapshot
from tubelet.store.errors import FilesGone, Overtaken, StoreError
from tubelet.store.notebook import render_facts
from tubelet.store.questions import views
from tubelet.store.questions.connections import Connections
from tubelet.store.remote.address import is_remote, read_address
from tubelet.store.remote.replica import Replica
from tubelet.store.rows import ClipRow, VideoRow
from tubelet.store.schema import CLIPS, VIDEOS, Table
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

        The `options` of one at ``s3://BUCKET/PREFIX`` are those of `tubelet.store.remote.bucket.OPTIONS`; credentials may also stand in the
        environment. With `fresh`, nothing is taken from what was read of it before.
        """
        self._open(replace(_lay_out(root, options, fresh), read_only=read_only))

    def _open(self, layout: Layout) -> None:
        self.layout, self.name = layout, str(layout.home)
        self.layout.refuse_links()
        if note := snapshot.read(self.layout).note:
            LOGGER.warning(note)
        self._connections = Connections(self.layout)
        weakref.finalize(
            self, self._connections.close
        )  # at exit at the latest: an open connection prints leak notes

    @classmethod
    def create(cls, root: Path | str, options: Mapping[str, str] | None = None) -> "Store":
        """Open the store, creating it first if the folder is absent or empty, or nothing is below the prefix of a bucket."""
        layout = _lay_out(root, options)
        with explain_disk_errors(layout.root):
            if not layout.home.has(layout.marker):
                refuse_foreign(layout)
                snapshot.create(layout)
        store = cls.__new__(cls)
        store._open(layout)
        return store

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

    def query(
        self, sql: str, parameters: Any = None, tables: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """The answer to a query of our own over the newest snapshot; values are bound, one cursor per query. Raises StoreError where a file cannot be read.

        `tables` are named in the query as those of the store are: answers to other queries.
        """
        try:
            return self.newest(lambda: self._ask(sql, parameters, tables))
        except MISTAKES as error:
            if hint := hint_at_renamed(str(error), sql):
                error.add_note(hint)
            raise
        except duckdb.Error as error:
            raise StoreError(
                f"a file of {self.name} cannot be read ({str(error).splitlines()[0]}): run `tubelet check --repair --store {self.shell_name}`"
            ) from error

    def _ask(self, sql: str, parameters: Any, tables: Mapping[str, pa.Table] | None) -> pa.Table:
        self.fetch(sql, parameters)
        return self._connections.ask(sql, parameters, tables)

    def batches(self, sql: str, parameters: Any, rows: int) -> Iterator[pa.RecordBatch]:
        """The answer to a query of our own in pieces of at most `rows`, for what is too large for memory; use within `newest` if files may disappear."""
        self.fetch(sql, parameters)
        return self._connections.batches(sql, parameters, rows)

    def fetch(self, sql: str, parameters: Any = None) -> None:
        """Have the files on this machine that a query may read, of a store in a bucket. Raises StoreError where its cache is too small for the embeddings,
        FilesGone where a file of a table is not there any more.
        """
        if self.layout.is_partial:
            self.layout.home.bring(self._find_late(sql, parameters))
            self.layout.home.fetch_all(self._find_embeddings(sql, parameters))

    def find_missing(self, sql: str, parameters: Any = None) -> dict[str, int]:
        """The files, by name and bytes, that a query may read and that only the bucket has so far."""
        if not self.layout.is_partial:
            return {}
        wanted = {**self._find_late(sql, parameters), **self._find_embeddings(sql, parameters)}
        return {name: size for name, size in wanted.items() if not (self.root / name).exists()}

    def _find_late(self, sql: str, parameters: Any) -> dict[str, int]:
        """The data files of bulky tables that a query may read, by name and bytes."""
        now = self._connections.current
        found = views.find_versions(self.layout, now, sql, parameters)
        return late_files.measure(self.layout, found.values())

    def _find_embeddings(self, sql: str, parameters: Any) -> dict[str, int]:
        """The embedding files that a query may read, by name and bytes."""
        if not views.names_tokens(sql):
            return {}
        rows = self.rows(
            "SELECT embedding_path, embedding_bytes FROM clips WHERE embedding_path IS NOT NULL AND ($1 IS NULL OR clip_id IN (SELECT unnest($1::VARCHAR[])))",
            [views.find_clips(sql, parameters)],
        )
        return {row["embedding_path"]: row["embedding_bytes"] for row in rows}

    def newest(self, ask: Callable[[], T]) -> T:
        """Run a query, and run it again if a compaction removed the files meanwhile."""
        while True:
            before = self.fingerprint
            try:
                return ask()
            except (duckdb.IOException, FilesGone):
                self.layout.home.expire()  # a newer snapshot may be there
                if not self._connections.let_go() and self.fingerprint == before:
                    raise

    def rows(self, sql: str, parameters: Any = None) -> list[dict]:
        """The answer to a query as a list of dicts."""
        return self.query(sql, parameters).to_pylist()

    def snapshot(self) -> Snapshot:
        """Return the store's newest snapshot."""
        return snapshot.read(self.layout)

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
        repairing: Collection[str] = (),
    ) -> None:
        """Add rows to several tables, and take out those whose first key column, or the column of a `table.column`, is in `gone`: all or nothing.

        Rows that the store already holds are left out, as are rows whose owner (clip, pair, basis, projection) it holds; what the same
        commit removes does not count as held. `expected` is the fingerprint that the rows were made from: Overtaken is raised, and nothing
        written, where the store is another by now. Rows of a damaged file are not written again, which raises StoreError, unless damage is repaired: in the tables
        of `repairing`, files that cannot be read go whole.
        """

        def make(last: Snapshot) -> None:
            if expected is not None and expected != self.fingerprint:
                raise Overtaken(f"another writer has changed {self.name}: read it again")
            committing.commit(self.layout, last, rows, gone or {}, repairing)

        with explain_disk_errors(self.root):
            snapshot.change(self.layout, make)

    def compact(self, whole: bool = False) -> int:
        """Merge the small files of every table, or all of its files, rewrite tables of format 1, and delete files that nobody needs any more; how many went."""
        merging = Merging.WHOLE if whole else Merging.SMALL

        def make(last: Snapshot) -> int:
            return committing.compact(self.layout, last, merging)

        with explain_disk_errors(self.root):
            return snapshot.change(self.layout, make)

    def write_embedding(self, clip: Mapping[str, str], grid: np.ndarray) -> EmbeddingFile:
        """Write the embedding file of a clip row, half precision ``(S, H, W, D)``; invisible until the row is committed.

        Where a bucket already has one of this clip, by a writer that has not committed it, that one is taken: it may be in use any moment.
        """
        with explain_disk_errors(self.root):
            self.layout.require_writable()
            path = self.layout.embedding_path(clip["embedding_path"])
            data = self.layout.home.put_first(path, embeddings.serialize(clip["clip_id"], grid))
            return EmbeddingFile.describe(data)

    def write_thumbnail(self, video_id: str, jpeg: bytes) -> None:
        self.write_sealed(self.layout.thumbnail(video_id), jpeg)

    def write_pictures(self, clip: Mapping[str, str] | ClipRow, jpeg: bytes) -> None:
        """Write the sheet of a clip row's slice pictures; a cache, not part of the commit."""
        self.write_sealed(self.layout.pictures(clip["video_id"], clip["clip_id"]), jpeg)

    def write_codes(self, basis_id: str, clip_id: str, data: memoryview) -> None:
        self.write_sealed(self.layout.codes(basis_id, clip_id), data)

    def write_sealed(self, path: Path, data: bytes | memoryview) -> None:
        """Write a picture or a cache, with its checksum."""
        with explain_disk_errors(self.root):
            self.layout.require_writable()
            self.layout.home.put(path, checksums.seal(data))

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

    @classmethod
    def recover(cls, root: Path | str) -> str | None:
        """Make a store in a folder whose marker is broken usable; returns what was done, in a sentence, or None."""
        if is_remote(root):
            return None
        layout = Layout(resolve_root(root))
        with explain_disk_errors(layout.root):
            return snapshot.rebuild(layout)


def _lay_out(
    root: Path | str, options: Mapping[str, str] | None = None, fresh: bool = False
) -> Layout:
    """The layout of a store in a folder, or of one in a bucket. Raises StoreError."""
    if not is_remote(root):
        return Layout(resolve_root(root))
    replica = Replica(read_address(str(root)), options or {}, fresh)
    return Layout(replica.root, home=replica)
