"""The writer: encoded clips to embedding files at once, and to commits every few seconds."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ingest.arguments import Keeping
from ingest.encoding import EncodedClip
from ingest.messages import Failure, VideoDone
from ingest.pictures import drawn, first_frames
from store import Store
from store.derived import clip_rows
from store.pictures import Sheet
from store.schema import TABLES

COMMIT_SECONDS = 15.0  # a commit costs a fifth of a second; only a crash loses what is not committed
COMMIT_CLIPS = 64  # bounds the rows held in memory on a fast device


@dataclass(frozen=True)
class WrittenClip:
    """A clip whose embedding file is on disk: its row, and its derived rows packed."""

    row: Mapping
    derived: Mapping[str, pa.Buffer]


class Writer:
    """Collects rows and commits them; a clip is in the store once `commit` returns."""

    def __init__(self, store: Store, encoder_row: Mapping, known_failures: Mapping[str, Failure], keeping: Keeping = Keeping()) -> None:
        self.store = store
        self.keeping = keeping
        self.embedding_bytes = 0
        self._encoder_row = encoder_row
        self._known_failures = known_failures
        self._clips: list[Mapping[str, pa.Buffer]] = []
        self._rows: dict[str, list[Mapping]] = {name: [] for name in ("clips", "encoders", "videos", "failures")}
        self._resolved: list[str] = []
        self._last_commit = time.monotonic()

    def prepare(self, clip: EncodedClip) -> "WrittenClip":
        """Write the embedding file and the pictures of a clip and make its rows; several threads may do so at once."""
        path = self.store.layout.embedding(clip.row["encoder_id"], clip.row["video_id"], clip.row["clip_id"])
        row = {**clip.row, "embedding_path": self.store.layout.relative(path)}
        file = self.store.write_embedding(row, clip.grid)
        if self.keeping.pictures:
            self.store.write_pictures(row, drawn(first_frames(clip.clip.pixels, row["slices"]), Sheet.of(row)))
        rows = clip_rows(clip.row["clip_id"], clip.token_stats, clip.dim_stats, clip.grid)
        packed = {name: _packed(table) for name, table in rows.items()}
        return WrittenClip({**row, "embedding_bytes": file.bytes, "embedding_sha256": file.sha256}, packed)

    def add(self, item: "WrittenClip | VideoDone") -> None:
        """Take one item; commits when it is time."""
        if isinstance(item, WrittenClip):
            self._clips.append(item.derived)
            self._rows["clips"].append(item.row)
            self._rows["encoders"] = [self._encoder_row]
            self.embedding_bytes += item.row["embedding_bytes"]
        else:
            self._add_video(item)
        if time.monotonic() - self._last_commit > COMMIT_SECONDS or len(self._clips) >= COMMIT_CLIPS:
            self.commit()

    def commit(self) -> None:
        """Commit what has been collected, all or nothing."""
        small = {name: pa.Table.from_pylist(list(rows), TABLES[name].arrow) for name, rows in self._rows.items() if rows}
        derived = {name: pa.concat_tables([_unpacked(rows[name]) for rows in self._clips]) for name in (self._clips[0] if self._clips else ())}
        if small or self._resolved:
            self.store.commit({**derived, **small}, {"failures": self._resolved})
        self._clips.clear()
        self._resolved.clear()
        for rows in self._rows.values():
            rows.clear()
        self._last_commit = time.monotonic()

    def _add_video(self, done: VideoDone) -> None:
        if done.row:
            self.store.write_thumbnail(done.video_id, done.thumbnail)
            thumbnail = self.store.layout.relative(self.store.layout.thumbnail(done.video_id))
            self._rows["videos"].append({**done.row, "thumbnail": thumbnail})
        self._rows["failures"] += [failure.row for failure in done.failures if failure.failure_id not in self._known_failures]
        self._resolved += self._stale(done)

    def _stale(self, done: VideoDone) -> list[str]:
        """Stored failures of this file, and of this encoder or none, that this run did not meet again."""
        path, current = str(done.source.path), {failure.failure_id for failure in done.failures}
        encoders = {None, self._encoder_row["encoder_id"]}
        return [id_ for id_, f in self._known_failures.items() if f.path == path and f.encoder_id in encoders and id_ not in current]


def _packed(table: pa.Table) -> pa.Buffer:
    """Rows that wait for their commit, as one buffer: hundreds of small arrays kept alive between the encoder's large
    ones would break up the heap, and freed memory would not be used again (1.7 GB instead of 0.5 GB after 160 clips)."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _unpacked(buffer: pa.Buffer) -> pa.Table:
    return pa.ipc.open_stream(buffer).read_all()
