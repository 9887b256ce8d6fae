"""A run: reader, encoder and writer at the same time, joined by bounded pipes.

    reader threads --Clip, VideoDone--> encoder (the calling thread) --EncodedClip, VideoDone--> writer thread and its helpers

A video is read by one thread from its beginning to its end, so its clips and its VideoDone keep their order on the whole way.
Whatever one video raises is a failure of that video; only errors of the store end a run.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import torch

from tubelet.ingest.arguments import RunOptions, StorageOptions
from tubelet.ingest.contract import Encoder
from tubelet.ingest.frame_rate import Sampling
from tubelet.ingest.pipeline.batching import EncodeStage
from tubelet.ingest.pipeline.controls import drop_surplus
from tubelet.ingest.pipeline.encoding import EncodedClip
from tubelet.ingest.pipeline.events import ClipCount, Commit, Listener, LoggingListener
from tubelet.ingest.pipeline.known import Known
from tubelet.ingest.pipeline.messages import DecodedClip, Flush, VideoDone
from tubelet.ingest.pipeline.pipe import Broken, Pipe
from tubelet.ingest.pipeline.progress import Progress
from tubelet.ingest.pipeline.reader import Reader
from tubelet.ingest.pipeline.recipe import Recipe
from tubelet.ingest.pipeline.summary import Summary
from tubelet.ingest.pipeline.turns import Turns
from tubelet.ingest.pipeline.writer import Writer
from tubelet.ingest.prediction.live import PredictingEncoder
from tubelet.ingest.sources import Source
from tubelet.store import Store
from tubelet.store.jobs.claims import Claims

CLIPS_AHEAD = 4  # at least, between two stages
STOP_SECONDS = 5.0  # that a stopped run waits for its readers: one of them may hang on a disk that does not answer


@dataclass(frozen=True)
class Concurrency:
    """How much runs at once: clips per batch, videos read, threads of one decoder (0: FFmpeg decides), embedding files written."""

    batch: int = 1
    readers: int = 1
    decoder_threads: int = 0
    writers: int = 1

    @classmethod
    def of(
        cls, running: RunOptions, device: torch.device, batch: int, sources: int
    ) -> "Concurrency":
        """The pace of a run; auto readers are one where the encoder computes on the CPU, else three quarters of the cores.

        One decoder on all cores gives more frames of one video, one decoder per core gives more of many: converting and resizing, which
        take as long as decoding, then happen on all of them.
        """
        cores = (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
        gpu = device.type != "cpu"
        wanted = (
            (max(1, cores * 3 // 4) if gpu else 1)
            if running.readers == "auto"
            else int(running.readers)
        )
        readers = max(1, min(wanted, sources))
        return cls(
            batch,
            readers,
            max(1, cores // readers) if readers > 1 else 0,
            max(1, cores // 4) if gpu else 1,
        )

    @property
    def clips_ahead(self) -> int:
        """Clips of pixels, and as many of embeddings, held between two stages."""
        return max(CLIPS_AHEAD, 2 * self.batch)


class Run:
    """One ingest of sources into a store; `stop` may be called from a signal handler or another thread."""

    def __init__(
        self,
        store: Store,
        recipe: Recipe,
        encoder: Encoder,
        progress: Progress,
        pace: Concurrency = Concurrency(),
        keeping: StorageOptions = StorageOptions(),
    ) -> None:
        self.store = store
        self._recipe, self._keeping = recipe, keeping
        self._known_as = store.fingerprint
        self._predicting = encoder if isinstance(encoder, PredictingEncoder) else None
        known = self._read_known()
        self.progress = progress
        self.pace = pace
        self.listeners: list[Listener] = [LoggingListener()]
        self.summary = Summary(
            store=store.name,
            encoder_id=recipe.encoder.encoder_id,
            pair_frames=_pair_frames(recipe),
            changing=bool(recipe.pairing.changes),
            batch=pace.batch,
            sampling=Sampling.of(recipe.encoder, recipe.windowing),
        )
        kept = keeping.join(held.kept for held in known.lacking.values())
        self._stage = EncodeStage(encoder, recipe.encoder, pace.batch, kept.statistics)
        self._claims = Claims(store.layout)
        self._reader = Reader(recipe, known, pace.decoder_threads, self._claims)
        self._writer = Writer(store, recipe.encoder, known, keeping)
        self._writer.committed = self._count_commit
        self._read: Pipe[DecodedClip | VideoDone | Flush] = Pipe(pace.clips_ahead)
        self._collect: Pipe[EncodedClip | VideoDone | Flush] = Pipe(pace.clips_ahead)
        self._busy = {"decode": 0.0, "write": 0.0}

    def execute(self, sources: Iterable[Source | None]) -> Summary:
        """Ingest every source. Raises StoreError where the store cannot be written; what was committed stays."""
        started = time.perf_counter()
        with (
            self.store.ingesting(),
            self._claims,
            ThreadPoolExecutor(1, "tubelet") as threads,
        ):
            if self.store.fingerprint != self._known_as:  # others have ended since
                self._renew()
            reading = _in_background(lambda: self._read_all(sources))
            writing = threads.submit(self._write_all)
            try:
                self._encode_all()
            except Broken:
                pass  # the writer failed; its error is raised below
            finally:
                self._read.break_off()
                self._collect.close()
        self.progress.close()
        try:
            writing.result()
        except BaseException:
            wait(
                [reading], timeout=STOP_SECONDS
            )  # a thread that still runs would outlive the store
            self._writer.discard()
            raise
        self._finish_reading(reading)
        if self.summary.clips or self.summary.pairs:
            drop_surplus(self.store, self._recipe)
            self.store.compact()
        self._account(time.perf_counter() - started)
        for listener in self.listeners:
            listener.close()
        return self.summary

    def stop(self) -> None:
        """Finish the clips in progress, commit what is encoded, and return."""
        self.summary.interrupted = True
        self._read.break_off()

    def _finish_reading(self, reading: Future) -> None:
        """Wait for the readers; for a limited time if the run was stopped."""
        while not self.summary.interrupted and not reading.done():
            wait([reading], timeout=0.1)
        try:
            reading.result(timeout=STOP_SECONDS if self.summary.interrupted else None)
        except TimeoutError:
            self.summary.unanswered = True

    def _renew(self) -> Reader:
        """Read again what the store holds; the reader that knows it."""
        self._known_as = self.store.fingerprint
        known = self._read_known()
        self._writer.known, self._reader = known, self._reader.renew(known)
        return self._reader

    def _read_known(self) -> Known:
        known = Known.of(self.store, self._recipe, self._keeping, self._predicting)
        if self._predicting:
            self._predicting.held = known.predicted
        return known

    def _read_all(self, sources: Iterable[Source | None]) -> None:
        started = time.perf_counter()
        turns = Turns(sources, self._reader, self._claims, self._renew)
        turn = threading.Lock()
        try:
            others = [
                _in_background(lambda: self._read_some(turns, turn))
                for _ in range(self.pace.readers - 1)
            ]
            self._read_some(turns, turn)
            for other in others:
                other.result()
        finally:
            self._busy["decode"] = (
                time.perf_counter() - started - self._read.blocked_s / self.pace.readers
            )
            self._read.close()

    def _read_some(self, turns: Turns, turn: threading.Lock) -> None:
        """Read one source after another; which one is next, and whether it is a duplicate, is decided by one thread at a time."""
        try:
            while True:
                with turn:
                    if (items := turns.take()) is None:
                        return
                for item in items:
                    self._read.put(item)
        except Broken:
            pass  # stopped; what is missing is found again by the next run
        except BaseException:
            self._read.break_off()
            raise

    def _encode_all(self) -> None:
        for item in self._read:
            if isinstance(item, Flush):
                self._pass_on(self._stage.drain())
                self._collect.put(item)
                continue
            self._pass_on(self._stage.add(item))
            if self._read.empty:
                self._pass_on(self._stage.drain())
        self._pass_on(self._stage.drain())

    def _pass_on(self, items: Iterable[EncodedClip | VideoDone]) -> None:
        for item in items:
            if isinstance(item, VideoDone):
                self._count(item)
            else:
                self._count_clip(item)
            self._collect.put(item)

    def _write_all(self) -> None:
        started = time.perf_counter()
        under_way: deque[Future | VideoDone] = deque()
        try:
            with ThreadPoolExecutor(self.pace.writers, "tubelet-write") as threads:
                for item in self._collect:
                    if isinstance(item, Flush):
                        self._add_all(under_way)
                        self._writer.commit()
                        continue
                    if self._claims.has_lost(item.source.path):
                        self._writer.skip(item)  # what another process does is not written twice
                        continue
                    under_way.append(
                        item
                        if isinstance(item, VideoDone)
                        else threads.submit(self._writer.prepare, item)
                    )
                    while len(under_way) >= self.pace.writers or (
                        under_way and _is_done(under_way[0])
                    ):
                        self._add(under_way.popleft())
                self._add_all(under_way)
            self._writer.commit()
        finally:
            self._busy["write"] = time.perf_counter() - started - self._collect.waited_s
            self._collect.break_off()

    def _add_all(self, under_way: deque[Future | VideoDone]) -> None:
        while under_way:
            self._add(under_way.popleft())

    def _add(self, item: Future | VideoDone) -> None:
        self._writer.add(item if isinstance(item, VideoDone) else item.result())

    def _account(self, wall_s: float) -> None:
        self.summary.batch, self.summary.halved = (
            self._stage.batch,
            self._stage.batch < self.pace.batch,
        )
        self.summary.embedding_bytes = self._writer.embedding_bytes
        wait = self._read.waited_s + self._collect.blocked_s
        self.summary.seconds = {
            "wall": wall_s,
            **self._busy,
            "encode": self._stage.busy_s,
            "wait": wait,
        }

    def _count_clip(self, encoded: EncodedClip) -> None:
        count = ClipCount.of_clip(encoded)
        self.summary.add(count)
        self.progress.clip(count.path, count.tokens, count.of)
        for listener in self.listeners:
            listener.clip(count)

    def _count(self, done: VideoDone) -> None:
        self.summary.end(done)
        self.progress.end(done)
        for listener in self.listeners:
            listener.video(done)

    def _count_commit(self, commit: Commit) -> None:
        for path in commit.sources:
            self._claims.leave(path)
        for listener in self.listeners:
            listener.commit(commit)


def _pair_frames(recipe: Recipe) -> int:
    """Frames that a video needs for one pair; 0 where none are measured."""
    return recipe.pairing.frames_needed(recipe.windowing) if recipe.pairing.measures else 0


def _in_background(work: Callable[[], None]) -> Future[None]:
    """Run work in a thread that does not keep the process alive: closing a pool would wait for a file that never responds."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            work()
            future.set_result(None)
        except BaseException as error:  # handed to whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, name="tubelet-read", daemon=True).start()
    return future


def _is_done(item: Future | VideoDone) -> bool:
    return isinstance(item, VideoDone) or item.done()
