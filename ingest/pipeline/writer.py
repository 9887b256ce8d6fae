"""The writer: encoded clips to embedding files at once, and to commits every few seconds."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from tubelet.ingest.arguments import StorageOptions
from tubelet.ingest.pipeline.encoding import EncodedClip
from tubelet.ingest.pipeline.known import Known
from tubelet.ingest.pipeline.messages import VideoDone, now
from tubelet.ingest.pipeline.slice_pictures import draw_sheet, first_frames
from tubelet.store import Store
from tubelet.store.disk.derived import clip_rows
from tubelet.store.pairs.rows import pair_rows
from tubelet.store.placement import Sheet
from tubelet.store.schema import CLIPS, TABLES

COMMIT_SECONDS = 15.0  # a commit costs a fifth of a second; only a crash loses what is not committed
COMMIT_CLIPS = 64  # clips and pairs: bounds the rows held in memory on a fast device
OF_CLIPS = [name for name, table in TABLES.items() if (table.owner or name) == CLIPS.name]
Packed = Mapping[str, pa.Buffer]  # table name to rows


@dataclass(frozen=True)
class WrittenClip:
    """A clip whose files are on disk: its row (None for one that was stored before), and packed, its derived rows and those of its pairs."""

    row: Mapping | None
    packed: tuple[Packed, ...]


class Writer:
    """Collects rows and commits them; a clip is in the store once `commit` returns.

    The clips in `known.bare` lie in the store without embeddings, and are replaced.
    """

    def __init__(self, store: Store, encoder_row: Mapping, known: Known = Known(), keeping: StorageOptions = StorageOptions()) -> None:
        self.store = store
        self.keeping = keeping
        self.embedding_bytes = 0
        self._encoder_row = encoder_row
        self._known = known
        self._packed: list[Packed] = []  # the rows of a clip or of a pair each
        self._rows: dict[str, list[Mapping]] = {name: [] for name in ("clips", "encoders", "videos", "failures")}
        self._resolved: list[str] = []
        self._replaced: list[str] = []
        self._last_commit = time.monotonic()

    def prepare(self, clip: EncodedClip) -> WrittenClip:
        """Write the files of a clip and make its rows; several threads may do so at once."""
        pairs = tuple(_pack_rows(pair_rows(pair, measured, now())) for pair, measured in clip.pairs)
        if clip.clip.stored:
            return WrittenClip(None, pairs)
        row = {**clip.row, **(self._write_embedding(clip) if self.keeping.embeddings else {})}
        if self.keeping.pictures:
            self.store.write_pictures(row, draw_sheet(first_frames(clip.clip.pixels, row["slices"]), Sheet.of(row)))
        return WrittenClip(row, (_pack_rows(clip_rows(row["clip_id"], clip.token_stats, clip.dim_stats, clip.grid)), *pairs))

    def add(self, item: WrittenClip | VideoDone) -> None:
        """Take one item; commits when it is time."""
        if isinstance(item, WrittenClip):
            self._add_clip(item)
        else:
            self._add_video(item)
        if time.monotonic() - self._last_commit > COMMIT_SECONDS or len(self._packed) >= COMMIT_CLIPS:
            self.commit()

    def commit(self) -> None:
        """Commit what has been collected, all or nothing."""
        small = {name: pa.Table.from_pylist(list(rows), TABLES[name].arrow) for name, rows in self._rows.items() if rows}
        large = {name: [_unpack_rows(rows[name]) for rows in self._packed if name in rows] for name in TABLES}
        rows = {**{name: pa.concat_tables(parts) for name, parts in large.items() if parts}, **small}
        if rows or self._resolved:
            self.store.commit(rows, {"failures": self._resolved, **dict.fromkeys(OF_CLIPS, self._replaced)})
        for collected in (self._packed, self._resolved, self._replaced):
            collected.clear()
        for rows in self._rows.values():
            rows.clear()
        self._last_commit = time.monotonic()

    def _add_clip(self, clip: WrittenClip) -> None:
        self._packed += clip.packed
        if clip.row:
            self._replaced += {clip.row["clip_id"]} & self._known.bare
            self._rows["clips"].append(clip.row)
            self._rows["encoders"] = [self._encoder_row]
            self.embedding_bytes += clip.row.get("embedding_bytes", 0)

    def _write_embedding(self, clip: EncodedClip) -> dict:
        """Columns of the clip's embedding file, once it is on disk."""
        path = self.store.layout.embedding(clip.row["encoder_id"], clip.row["video_id"], clip.row["clip_id"])
        row = {"clip_id": clip.row["clip_id"], "embedding_path": self.store.layout.relative(path)}
        written = self.store.write_embedding(row, clip.grid)
        return {**row, "embedding_bytes": written.bytes, "embedding_sha256": written.sha256}

    def _add_video(self, done: VideoDone) -> None:
        if done.row:
            self.store.write_thumbnail(done.video_id, done.thumbnail)
            thumbnail = self.store.layout.relative(self.store.layout.thumbnail(done.video_id))
            self._rows["videos"].append({**done.row, "thumbnail": thumbnail})
        self._rows["failures"] += [failure.row for failure in done.failures if failure.failure_id not in self._known.failures]
        self._resolved += self._stale(done)

    def _stale(self, done: VideoDone) -> list[str]:
        """Stored failures of this file, and of this encoder or none, that this run did not meet again."""
        path, current = str(done.source.path), {failure.failure_id for failure in done.failures}
        encoders = {None, self._encoder_row["encoder_id"]}
        return [id_ for id_, f in self._known.failures.items() if f.path == path and f.encoder_id in encoders and id_ not in current]


def _pack_rows(tables: Mapping[str, pa.Table]) -> dict[str, pa.Buffer]:
    """Rows that wait for their commit, a buffer a table: hundreds of small arrays kept alive between the encoder's large
    ones would break up the heap, and freed memory would not be used again (1.7 GB instead of 0.5 GB after 160 clips)."""
    return {name: _stream(table) for name, table in tables.items()}


def _stream(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _unpack_rows(buffer: pa.Buffer) -> pa.Table:
    return pa.ipc.open_stream(buffer).read_all()
