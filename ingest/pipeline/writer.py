"""The writer: encoded clips to embedding files at once, and to commits every few seconds."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa

from tubelet.ingest.arguments import StorageOptions
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.pipeline.controls import PAIR_TABLES
from tubelet.ingest.pipeline.encoding import EncodedClip
from tubelet.ingest.pipeline.events import Commit
from tubelet.ingest.pipeline.known import Known, StoredParts
from tubelet.ingest.pipeline.messages import Outdated, VideoDone
from tubelet.ingest.pipeline.slice_pictures import draw_sheet, first_frames
from tubelet.ingest.prediction.adding import commit_predictions
from tubelet.store import Store, StoreError
from tubelet.store.clock import now
from tubelet.store.disk.derived import clip_rows, make_pooled_rows
from tubelet.store.disk.snapshot import alone
from tubelet.store.ids import hash_parts
from tubelet.store.pairs.rows import pair_rows
from tubelet.store.placement import Sheet
from tubelet.store.rows import ClipRow, FoundFile, PlaceRow, VideoRow
from tubelet.store.schema import CLIPS, POOLED, SLICE_SURPRISE, SURPRISE_TABLES, TABLES

Kept = TypeVar("Kept", VideoRow, PlaceRow)  # rows that are replaced where they change

COMMIT_SECONDS = (
    15.0  # a commit costs a fifth of a second; only a crash loses what is not committed
)
COMMIT_CLIPS = 64  # clips and pairs: bounds the rows held in memory on a fast device
CLIP_TABLES = [name for name, table in TABLES.items() if (table.owner or name) == CLIPS.name]
Packed = Mapping[str, pa.Buffer]  # table name to rows


@dataclass(frozen=True, kw_only=True)
class WrittenClip:
    """A clip whose files are on disk: its row (None for one that was stored before), and packed, its derived rows and those of its pairs."""

    video_id: str
    row: ClipRow | None
    packed: tuple[Packed, ...]
    pairs: tuple[str, ...]  # ids
    video: VideoRow  # what was known of the video when the clip was cut


class Writer:
    """Collects rows and commits them; a clip is in the store once `commit` returns.

    The clips in `known.lacking` lack something that is wanted, and are replaced with that and all that they have.
    """

    def __init__(
        self,
        store: Store,
        encoder: EncoderFacts,
        known: Known = Known(),
        keeping: StorageOptions = StorageOptions(),
    ) -> None:
        self.store = store
        self.keeping = keeping
        self.embedding_bytes = 0
        self._encoder_row = encoder.row
        self._layers = encoder.parts
        self.known = known
        self._packed: list[tuple[str, Packed]] = []  # video, and the rows of a clip or of a pair
        self._rows: dict[str, list[Mapping]] = {
            name: [] for name in ("clips", "encoders", "videos", "places", "failures")
        }
        self._gone: dict[str, list[str]] = {
            name: [] for name in ("clips", "pairs", "videos", "places", "failures")
        }
        self._of_run: dict[
            str, tuple[set[str], set[str]]
        ] = {}  # by video in progress: clips and pairs that this run has added
        self._placed: dict[str, set[str]] = {}  # by video, places that this run has added
        self._begun: set[str] = set()  # videos in progress whose unfinished row this run has added
        self._files_gone: list[Path] = []  # after the commit
        self._uncommitted: dict[str, list[Path]] = {}  # by clip, the files written since the commit
        self.committed: Callable[[Commit], None] = lambda commit: None  # told of every commit
        self._ended: list[Path] = []  # sources that end with the next commit
        self._last_commit = time.monotonic()

    def prepare(self, clip: EncodedClip) -> WrittenClip:
        """Write the files of a clip and make its rows; several threads may do so at once."""
        pairs = tuple(_pack_rows(pair_rows(pair, measured, now())) for pair, measured in clip.pairs)
        ids = clip.row.video_id, tuple(pair.pair_id for pair, _ in clip.pairs)
        if clip.clip.stored:
            return WrittenClip(
                video_id=ids[0], row=None, packed=pairs, pairs=ids[1], video=clip.clip.video
            )
        self._uncommitted[clip.row.clip_id] = self._files_of(ids[0], clip.row.clip_id)
        held = self.known.lacking.get(clip.row.clip_id)
        kept = self.keeping.join([held.kept] if held else [])
        row = self._row(clip, held, kept)
        if self.keeping.pictures:
            self.store.write_pictures(
                row, draw_sheet(first_frames(clip.clip.pixels, row.slices), Sheet.of(row))
            )
        derived = _pack_rows({**self._derive_rows(clip, kept), **clip.predicted})
        return WrittenClip(
            video_id=ids[0], row=row, packed=(derived, *pairs), pairs=ids[1], video=clip.clip.video
        )

    def add(self, item: WrittenClip | VideoDone) -> None:
        """Add one item; commits when it is time."""
        if isinstance(item, WrittenClip):
            self._add_clip(item)
        else:
            self._add_video(item)
        if (
            time.monotonic() - self._last_commit > COMMIT_SECONDS
            or len(self._packed) >= COMMIT_CLIPS
        ):
            self.commit()

    def skip(self, item: EncodedClip | VideoDone) -> None:
        """Write nothing of an item; the end of a source is an end all the same."""
        if isinstance(item, VideoDone):
            self._ended.append(item.source.path)

    def commit(self) -> None:
        """Commit what has been collected, all or nothing."""
        small = {
            name: pa.Table.from_pylist(list(rows), TABLES[name].arrow)
            for name, rows in self._rows.items()
            if rows
        }
        large = {
            name: [_unpack_rows(rows[name]) for _, rows in self._packed if name in rows]
            for name in TABLES
        }
        rows = {
            **{name: pa.concat_tables(parts) for name, parts in large.items() if parts},
            **small,
        }
        owned = {
            **dict.fromkeys(CLIP_TABLES, self._gone["clips"]),
            **dict.fromkeys(PAIR_TABLES, self._gone["pairs"]),
            **dict.fromkeys((table.name for table in SURPRISE_TABLES), self._find_removed()),
        }
        started = time.monotonic()
        if changed := bool(rows or any(self._gone.values())):
            self._commit_rows(rows, {**self._gone, **owned})
        commit = self._describe_commit(rows, time.monotonic() - started)
        self.store.layout.home.remove(self._files_gone)
        for row in self._rows["clips"]:
            self._uncommitted.pop(row["clip_id"], None)
        self._packed.clear()
        self._files_gone.clear()
        self._ended.clear()
        for ids in self._gone.values():
            ids.clear()
        for waiting in self._rows.values():
            waiting.clear()
        self._last_commit = time.monotonic()
        if changed or commit.sources:
            self.committed(commit)

    def _find_removed(self) -> list[str]:
        """Clips that go for good: of one that is replaced by itself with more of it kept, what was predicted of it stays."""
        replaced = {row["clip_id"] for row in self._rows["clips"]}
        return [clip_id for clip_id in self._gone["clips"] if clip_id not in replaced]

    def _commit_rows(self, rows: Mapping[str, pa.Table], gone: Mapping[str, Sequence[str]]) -> None:
        """Predictions only where nobody else has added them meanwhile, as `tubelet surprise` may."""
        if SLICE_SURPRISE.name in rows:
            commit_predictions(self.store, self._encoder_row.encoder_id, rows, gone)
        else:
            self.store.commit(rows, gone)

    def _describe_commit(self, rows: Mapping[str, pa.Table], seconds: float) -> Commit:
        clips, pairs = (len(rows[name]) if name in rows else 0 for name in ("clips", "pairs"))
        return Commit(clips=clips, pairs=pairs, sources=tuple(self._ended), seconds=seconds)

    def discard(self) -> None:
        """Delete the files of clips that will not be committed, after a run that failed; while others ingest, whose clips they may be, they stay."""
        with suppress(OSError, StoreError), alone(self.store.layout):
            kept = set(self.store.query("SELECT clip_id FROM clips")["clip_id"].to_pylist())
            for clip_id in self._uncommitted.keys() - kept:
                self.store.layout.home.remove(self._uncommitted[clip_id])

    def _add_clip(self, clip: WrittenClip) -> None:
        self._packed += [(clip.video_id, rows) for rows in clip.packed]
        clips, pairs = self._of_run.setdefault(clip.video_id, (set(), set()))
        pairs.update(clip.pairs)
        if clip.row:
            self._begin_video(clip.video)
            clips.add(clip.row.clip_id)
            self._gone["clips"] += {clip.row.clip_id} & self.known.lacking.keys()
            self._rows["clips"].append(clip.row.columns)
            self._rows["encoders"] = [self._encoder_row.columns]
            self.embedding_bytes += clip.row.embedding_bytes or 0

    def _begin_video(self, row: VideoRow) -> None:
        """Add what is known of a new video with its first clip: whoever counts clips of videos counts the same as who counts videos."""
        if row.video_id not in self.known.videos and row.video_id not in self._begun:
            self._begun.add(row.video_id)
            self._rows["videos"].append(row.columns)

    def _end_begun(self, video_id: str) -> None:
        """Take the unfinished row of a video back, committed or not."""
        if video_id in self._begun:
            self._begun.discard(video_id)
            self._rows["videos"] = [
                row for row in self._rows["videos"] if row["video_id"] != video_id
            ]
            self._gone["videos"].append(video_id)

    def _row(self, clip: EncodedClip, held: StoredParts | None, kept: StorageOptions) -> ClipRow:
        """The clip's row, which says what is kept of it; its embedding file is then on disk."""
        layers = len(self._layers) if kept.pooled else None
        row = replace(clip.row, has_statistics=kept.statistics, pooled_layers=layers)
        if held and held.embedding_path is not None:
            return held.carry(row)
        if clip.grid is None or not kept.embeddings:
            return row
        return self._write_embedding(row, clip.grid)

    def _derive_rows(self, clip: EncodedClip, kept: StorageOptions) -> dict[str, pa.Table]:
        """The small rows of a clip."""
        clip_id, found = clip.row.clip_id, {}
        if clip.grid is not None and kept.statistics:
            found = clip_rows(clip_id, clip.token_stats, clip.dim_stats, clip.grid)
        if kept.pooled:
            found[POOLED.name] = make_pooled_rows(clip_id, clip.dim_stats, self._layers)
        return found

    def _write_embedding(self, row: ClipRow, grid: np.ndarray) -> ClipRow:
        """The clip's row, once its embedding file is on disk."""
        path = self.store.layout.relative(
            self.store.layout.embedding(row.encoder_id, row.video_id, row.clip_id)
        )
        written = self.store.write_embedding({"clip_id": row.clip_id, "embedding_path": path}, grid)
        return row.store(path, written.bytes, written.sha256)

    def _add_video(self, done: VideoDone) -> None:
        self._ended.append(done.source.path)
        if done.video_id is not None:  # else the file could not be read
            self._add_content(done, done.video_id)
        self._rows["failures"] += [
            failure.row.columns
            for failure in done.failures
            if failure.failure_id not in self.known.failures
        ]
        self._gone["failures"] += self._stale(done)

    def _add_content(self, done: VideoDone, video_id: str) -> None:
        """Add what a source says about the video that it holds."""
        clips, pairs = self._of_run.pop(video_id, (set(), set()))
        self._end_begun(video_id)
        if done.retracted:
            self._retract(video_id, Outdated(frozenset(clips), frozenset(pairs)))
        self._remove(video_id, done.outdated)
        place = self._place(done.place) if done.place else None
        row = self._video_row(done, video_id, place)
        if row:
            self._put("videos", self.known.videos, row)
        if place and (row or done.duplicate_of):
            self._placed.setdefault(video_id, set()).add(_place_id(place))
            self._put("places", self.known.places, place.store(_place_id(place), now()))
            self._gone["places"] += [before.place_id for before in done.replaced]

    def _put(self, table: str, known: Mapping[str, Kept], row: Kept) -> None:
        """Add a row, or replace the one of the same id where it says something else."""
        id_ = row[TABLES[table].key[0]]
        before = known.get(id_)
        added_at = before.added_at if before else row.added_at
        if replace(row, added_at=added_at) != before:
            self._rows[table].append({**row.columns, "added_at": added_at})
            self._gone[table] += [id_] if before else []

    def _video_row(
        self, done: VideoDone, video_id: str, place: FoundFile | None
    ) -> VideoRow | None:
        """The row of a video as it is now known: what was decoded, at the place where it was found; None where there is nothing to say."""
        before = self.known.videos.get(video_id)
        row = done.row or before
        if not row or done.duplicate_of or done.retracted:
            return None
        if done.thumbnail:
            self.store.write_thumbnail(video_id, done.thumbnail)
            path = self.store.layout.relative(self.store.layout.thumbnail(video_id))
            row = replace(row, thumbnail=path)
        if before and row.frame_times_s is None:
            row = replace(row, frame_times_s=before.frame_times_s)
        return replace(row, **place.columns) if place else row

    def _place(self, place: FoundFile) -> FoundFile:
        """Where a video is; a file that is named by itself keeps the label that its folder gave it before."""
        known = self.known
        before = known.places.get(_place_id(place)) or known.videos.get(place.video_id)
        if before and before.path == place.path and place.label is None:
            return replace(place, label=before.label)
        return place

    def _retract(self, video_id: str, added: Outdated) -> None:
        """Take back what this run has added of a video, committed or not."""
        self._packed = [(of, rows) for of, rows in self._packed if of != video_id]
        self._rows["clips"] = [
            row for row in self._rows["clips"] if row["clip_id"] not in added.clips
        ]
        self._remove(video_id, added)
        if video_id not in self.known.videos:  # places of copies, whose video is not there
            places = self._placed.pop(video_id, set())
            kept = [row for row in self._rows["places"] if row["place_id"] not in places]
            self._rows["places"] = kept
            self._gone["places"] += places

    def _remove(self, video_id: str, outdated: Outdated) -> None:
        """Take clips and pairs out with the next commit, and their files after it."""
        self._gone["clips"] += outdated.clips
        self._gone["pairs"] += outdated.pairs
        for clip_id in outdated.clips:
            self._files_gone += self._files_of(video_id, clip_id)

    def _files_of(self, video_id: str, clip_id: str) -> list[Path]:
        """Where the embeddings and the pictures of a clip lie."""
        layout, encoder_id = self.store.layout, self._encoder_row.encoder_id
        return [
            layout.embedding(encoder_id, video_id, clip_id),
            layout.pictures(video_id, clip_id),
        ]

    def _stale(self, done: VideoDone) -> list[str]:
        """Stored failures of this file, and of this encoder or none, that this run did not meet again."""
        current = {failure.failure_id for failure in done.failures}
        encoders = {None, self._encoder_row.encoder_id}
        return [
            failure.failure_id
            for failure in self.known.failures_by_path.get(done.source.text, ())
            if failure.encoder_id in encoders and failure.failure_id not in current
        ]


def _place_id(place: FoundFile) -> str:
    return hash_parts(place.video_id, place.path)


def _pack_rows(tables: Mapping[str, pa.Table]) -> dict[str, pa.Buffer]:
    """Rows that wait for their commit, one buffer per table: hundreds of small arrays kept alive between the encoder's large
    ones would break up the heap, and freed memory would not be used again (1.7 GB instead of 0.5 GB after 160 clips)."""
    return {name: _stream(table) for name, table in tables.items()}


def _stream(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _unpack_rows(buffer: pa.Buffer) -> pa.Table:
    return pa.ipc.open_stream(buffer).read_all()
