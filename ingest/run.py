"""A run: reader, encoder and writer at the same time, joined by bounded pipes.

    reader thread --Clip, VideoDone--> encoder (the calling thread) --EncodedClip, VideoDone--> writer thread
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import torch

from ingest.encoders import Encoder
from ingest.encoding import EncodedClip, encode
from ingest.errors import EncodeError
from ingest.known import Known
from ingest.measuring import Measuring
from ingest.messages import Clip, Failure, VideoDone
from ingest.pipe import Broken, Pipe
from ingest.progress import Progress
from ingest.reader import Reader
from ingest.recipe import Recipe
from ingest.sources import Source
from ingest.summary import Summary
from ingest.writer import Writer
from store import Store

CLIPS_AHEAD = 4  # clips of pixels, and as many of embeddings, held between two stages


class Run:
    """One ingest of sources into a store; `stop` may be called from a signal handler or another thread."""

    def __init__(self, store: Store, recipe: Recipe, encoder: Encoder, progress: Progress, embeddings: bool = True) -> None:
        """`embeddings`: whether the large files are kept, or statistics and measurements alone."""
        known = Known.of(store, recipe, embeddings)
        self.store = store
        self.encoder = encoder
        self.progress = progress
        self.summary = Summary(str(store.root), recipe.encoder.encoder_id, pair_frames=_pair_frames(recipe))
        self._reader = Reader(recipe, known)
        self._writer = Writer(store, recipe.encoder.row, known.failures, embeddings, known.bare)
        self._measuring = Measuring()
        self._read: Pipe[Clip | VideoDone] = Pipe(CLIPS_AHEAD)
        self._encoded: Pipe[EncodedClip | VideoDone] = Pipe(CLIPS_AHEAD)
        self._busy = {"decode": 0.0, "encode": 0.0, "write": 0.0}

    def execute(self, sources: Sequence[Source]) -> Summary:
        """Ingest every source. Raises StoreError where the store cannot be written; what was committed stays."""
        started = time.perf_counter()
        with self.store.ingesting(), ThreadPoolExecutor(2, "tubelet") as threads:
            reading = threads.submit(self._read_all, sources)
            writing = threads.submit(self._write_all)
            try:
                self._encode_all()
            except Broken:
                pass  # the writer failed; its error is raised below
            finally:
                self._read.break_off()
                self._encoded.close()
        self.progress.close()
        writing.result()
        reading.result()
        if self.summary.clips or self.summary.pairs:
            self.store.compact()
        self.summary.embedding_bytes = self._writer.embedding_bytes
        self.summary.seconds = {
            "wall": time.perf_counter() - started,
            **self._busy,
            "wait": self._read.waited_s + self._encoded.blocked_s,
        }
        return self.summary

    def stop(self) -> None:
        """Finish the clip under way, commit what is encoded, and return."""
        self.summary.interrupted = True
        self._read.break_off()

    def _read_all(self, sources: Sequence[Source]) -> None:
        torch.set_num_threads(1)  # of this thread: a second team of workers would take the encoder's cores between two frames
        started = time.perf_counter()
        try:
            for source in sources:
                for item in self._reader.read(source):
                    self._read.put(item)
        except Broken:
            pass  # stopped; what is missing is found again by the next run
        finally:
            self._busy["decode"] = time.perf_counter() - started - self._read.blocked_s
            self._read.close()

    def _encode_all(self) -> None:
        failed: dict[str, Failure] = {}
        for item in self._read:
            if isinstance(item, Clip):
                failed |= {failure.failure_id: failure for failure in self._encode_one(item)}
            else:
                item = replace(item, failures=(*item.failures, *failed.values()))
                failed = {}
                self._measuring.end(item.video_id)
                self._count(item)
                self._encoded.put(item)

    def _encode_one(self, clip: Clip) -> list[Failure]:
        started = time.perf_counter()
        try:
            encoded = encode(self.encoder, clip, self._measuring)
        except EncodeError as error:
            row = clip.row
            return [Failure(str(clip.source.path), row["video_id"], row["encoder_id"], "encode", str(error), row["first_frame"])]
        finally:
            self._busy["encode"] += time.perf_counter() - started
        self.summary.add(encoded)
        self.progress.clip(encoded.grid[..., 0].size, clip.of)
        self._encoded.put(encoded)
        return []

    def _write_all(self) -> None:
        started = time.perf_counter()
        try:
            for item in self._encoded:
                self._writer.add(item)
            self._writer.commit()
        finally:
            self._busy["write"] = time.perf_counter() - started - self._encoded.waited_s
            self._encoded.break_off()

    def _count(self, done: VideoDone) -> None:
        summary = self.summary
        summary.videos += 1
        summary.videos_decoded += done.decoded
        summary.duplicates += done.duplicate
        summary.videos_unchanged += not (done.decoded or done.duplicate or done.failures)
        summary.clips_kept += done.kept_clips
        summary.pairs_kept += done.kept_pairs
        summary.pairless += done.pairless
        summary.dropped_windows += done.dropped_window
        summary.dropped_frames += done.dropped_frames if done.dropped_window else 0
        summary.failures += done.failures
        self.progress.video(len(done.failures))


def _pair_frames(recipe: Recipe) -> int:
    """Frames that a video needs for one pair; 0 where none are measured."""
    return recipe.pairing.frames_needed(recipe.windowing) if recipe.pairing.count != 0 else 0
