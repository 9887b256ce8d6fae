"""The reader: sources in, clips of pixels out, each file decoded once and only where something is missing."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from tubelet.ingest.pairs import WindowPair, is_repeated
from tubelet.ingest.pipeline.attending import wait_for_file
from tubelet.ingest.pipeline.controls import Controls
from tubelet.ingest.pipeline.decoding import Decoding, WantedClips
from tubelet.ingest.pipeline.explaining import explain, explain_gaps, refuse_corrupt
from tubelet.ingest.pipeline.known import Known
from tubelet.ingest.pipeline.messages import DecodedClip, Failure, Outdated, VideoDone
from tubelet.ingest.pipeline.recipe import Recipe, Sampled
from tubelet.ingest.sampling import Samples, count_samples, sample_row
from tubelet.ingest.segments import SegmentWindowing
from tubelet.ingest.sources import Reading, Source
from tubelet.media.errors import VideoError
from tubelet.store import StoreError, ids
from tubelet.store.jobs.claims import Claims
from tubelet.store.pairs.rows import REPEATED
from tubelet.store.rows import PlaceRow, VideoRow


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What determines the windows of a video, with the recipe for it: its id, samples, gaps and picture, and whether it is mirrored."""

    video_id: str
    recipe: Recipe
    samples: Samples
    size: tuple[int, int]
    mirrored: bool

    @property
    def frames(self) -> int:
        """How many frames were sampled."""
        return len(self.samples.numbers)

    @property
    def gaps(self) -> tuple[int, ...]:
        return self.samples.gaps

    @property
    def sampled(self) -> Sampled:
        return Sampled(self.video_id, self.samples.numbers)


class Busy(Exception):
    """Another process works on a source: it holds the claim to this key."""

    def __init__(self, key: str) -> None:
        self.key = key


class Reader:
    """Turns sources into clips of pixels and, after each source, a VideoDone."""

    def __init__(
        self, recipe: Recipe, known: Known, threads: int = 0, claims: Claims | None = None
    ) -> None:
        self.recipe = recipe
        self.known = known
        self.threads = threads  # of one decoder; 0: as many as FFmpeg likes
        self._claims = claims
        self._seen: dict[str, Source] = {}
        self._busy: set[Source] = set()  # that another process worked on when they were first met
        self._controls = Controls(known.repeated)

    def renew(self, known: Known) -> "Reader":
        """The reader that goes on with what the store knows by now."""
        renewed = Reader(self.recipe, known, self.threads, self._claims)
        renewed._seen, renewed._busy = self._seen, self._busy
        return renewed

    def read(self, source: Source) -> Iterator[DecodedClip | VideoDone]:
        """The missing clips of one source, then its VideoDone; never raises for a bad file, whatever is wrong with it.

        The call identifies the source, so calls must be sequential for the first of two equal files to be the one that is read;
        the iterators that they return may run at the same time. Raises Busy where another process works on the source, and StoreError.
        """
        try:
            self._claim_file(source)
            reading = wait_for_file(lambda: source.reading(self.known.stamps))
        except Busy:
            self._busy.add(source)
            raise
        except StoreError:  # of the claim: the file may be sound
            raise
        except Exception as error:  # one file's, whatever it is
            failure = self._failure(source, None, explain(error, "read"))
            return iter([VideoDone(source=source, failures=(failure,))])
        if (video_id := reading.video_id) in self._seen:
            return iter(
                [
                    VideoDone(
                        source=source,
                        video_id=video_id,
                        place=reading.place,
                        duplicate_of=self._seen[video_id],
                        replaced=self._find_replaced(source, video_id),
                    )
                ]
            )
        return self._begin(source, reading)

    def _begin(self, source: Source, reading: Reading) -> Iterator[DecodedClip | VideoDone]:
        """The items of a source whose content this run has not met. Raises Busy."""
        try:
            done = self._without_decoding(source, reading.video_id)
        except Exception as error:  # one file's, whatever it is
            return iter([self._retract(source, reading, error)])
        if done is None:
            self._claim(source, "video", reading.video_id)
        self._seen[reading.video_id] = source
        if done is not None:
            shared = source in self._busy and not done.failures
            done = replace(done, place=reading.place, shared=shared)
        items = self._read(source, reading, done)
        return items if done else self._attend(source, reading, items)

    def _attend(
        self, source: Source, reading: Reading, items: Iterator[DecodedClip | VideoDone]
    ) -> Iterator[DecodedClip | VideoDone]:
        """The items, as long as the file answers; else the end of a source that the next run tries again."""
        try:
            while (item := wait_for_file(lambda: next(items, None))) is not None:
                yield item
        except VideoError as error:  # of the waiting: every other failure is an item
            yield self._give_back(source, reading, error)

    def _claim_file(self, source: Source) -> None:
        """Claim a file whose content is not known: two processes need not read it to learn that."""
        if self._claims is None:
            return
        stamp = wait_for_file(lambda: source.stamp)
        if source.frame_rate or stamp not in self.known.stamps:
            self._claim(source, "file", *stamp)

    def _claim(self, source: Source, *what: object) -> None:
        """Claim what a source is, for this encoder. Raises Busy."""
        if self._claims is None:
            return
        key = ids.hash_parts(*what, self.recipe.encoder.encoder_id)
        if not self._claims.take(key, source.path):
            self._claims.leave(source.path)
            self._busy.add(source)
            raise Busy(key)

    def _read(
        self, source: Source, reading: Reading, done: VideoDone | None
    ) -> Iterator[DecodedClip | VideoDone]:
        try:
            moved_from = self._find_moved(source, reading.video_id)
            for item in [done] if done else self._decode(source, reading.video_id, reading):
                if isinstance(item, VideoDone):
                    has_row = item.row or reading.video_id in self.known.videos
                    replaced = self._find_replaced(source, reading.video_id) if has_row else ()
                    item = replace(item, moved_from=moved_from, replaced=replaced)
                yield item
        except Exception as error:  # one file's, whatever it is
            yield self._retract(source, reading, error)

    def _retract(self, source: Source, reading: Reading, error: Exception) -> VideoDone:
        """The end of a source that failed as a whole: another file of the same content is not a duplicate of it, but read."""
        return self._give_back(source, reading, explain(reading.change or error, "decode"))

    def _give_back(self, source: Source, reading: Reading, why: VideoError) -> VideoDone:
        if self._seen.get(reading.video_id) == source:
            del self._seen[reading.video_id]
        return VideoDone(
            source=source,
            video_id=reading.video_id,
            failures=(self._failure(source, reading.video_id, why),),
            retracted=True,
        )

    def _without_decoding(self, source: Source, video_id: str) -> VideoDone | None:
        """The VideoDone of a source whose clips and pairs are all stored, or whose content is known to be unreadable."""
        broken = tuple(
            replace(failure, path=source.text) for failure in self.known.broken.get(video_id, ())
        )
        row = self._find_known_row(video_id)
        if row is None:
            return VideoDone(source=source, video_id=video_id, failures=broken) if broken else None
        if row.mirrored is None and (broken or self._is_mirrored(source)):
            return None  # its row is of a version that stopped at the first damaged packet, and turned mirrored files the wrong way
        samples = sample_row(row, self.recipe.windowing.rate)
        if samples is None:
            return None  # the times of its frames are not known
        cut = self._cut(source, row, samples)
        clips, pairs = self._ids(cut)
        if not clips <= self.known.clips or not pairs <= self.known.pairs:
            return None
        done = replace(
            self._finish(source, cut, broken), kept_clips=len(clips), kept_pairs=len(pairs)
        )
        return done if row.mirrored is not None else replace(done, row=replace(row, mirrored=False))

    def _find_known_row(self, video_id: str) -> VideoRow | None:
        """The row of a video that was read to its end: what a run that was stopped left of another says nothing of its windows."""
        row = self.known.videos.get(video_id)
        return row if row and row.finished else None

    def _find_moved(self, source: Source, video_id: str) -> VideoRow | None:
        """The row of a known video that was found elsewhere before."""
        row = self.known.videos.get(video_id)
        return row if row and row.path != source.text else None

    def _find_replaced(self, source: Source, video_id: str) -> tuple[PlaceRow, ...]:
        """Where the store says of other videos that they are at the path of this one."""
        there = self.known.places_by_path.get(source.text, ())
        return tuple(place for place in there if place.video_id != video_id)

    def _is_mirrored(self, source: Source) -> bool:
        with source.open(self.threads) as video:
            return next(video.frames()).orientation.mirrored

    def _cut(self, source: Source, row: VideoRow, samples: Samples) -> Cut:
        """Of a `videos` row."""
        size = self.recipe.geometry.target(row.height, row.width, self.recipe.encoder.patch)
        return Cut(
            video_id=row.video_id,
            recipe=self.recipe.of(source),
            samples=samples,
            size=size,
            mirrored=bool(row.mirrored),
        )

    def _ids(self, cut: Cut) -> tuple[set[str], set[str]]:
        """Ids of every clip and pair of a video."""
        pairs = self._pairs(cut.video_id, cut.frames, cut.gaps)
        windows = {
            *cut.recipe.windowing.windows(cut.frames, cut.gaps),
            *(pair.b for pair in pairs),
        }
        return (
            {
                self.recipe.clip_id(cut.sampled, window, cut.size, cut.mirrored)
                for window in windows
            },
            {self.recipe.pair(cut.sampled, pair, cut.size, cut.mirrored).pair_id for pair in pairs},
        )

    def _pairs(self, video_id: str, frames: int, gaps: tuple[int, ...]) -> tuple[WindowPair, ...]:
        """The pairs of a video with that many frames, the repeated control where this video is one of those that have it."""
        pairs = self.recipe.pairing.pairs(self.recipe.windowing, frames, gaps)
        if pairs and self._controls.wants(video_id):
            pairs.append(is_repeated(pairs))
        return tuple(pairs)

    def _decode(
        self, source: Source, video_id: str, reading: Reading
    ) -> Iterator[DecodedClip | VideoDone]:
        wanted = WantedClips(
            self._pairs(video_id, *self._expect_samples(source, video_id)),
            self.known.clips,
            self.known.pairs,
        )
        decoding, broken = yield from self._pass(source, video_id, wanted)
        cut = Cut(
            video_id=video_id,
            recipe=self.recipe.of(source),
            samples=Samples(decoding.sampler.numbers, tuple(decoding.sampler.gaps)),
            size=decoding.size,
            mirrored=decoding.mirrored,
        )
        pairs = self._pairs(video_id, cut.frames, cut.gaps)
        if lacking := tuple(pair for pair in pairs if pair not in wanted.pairs):
            yield from self._pass(
                source,
                video_id,
                replace(wanted, pairs=lacking, stored_clips=wanted.stored_clips | decoding.emitted),
            )
        if reading.change:
            raise reading.change
        refuse_corrupt(decoding.timeline)
        if any(pair.kind == REPEATED for pair in pairs):
            self._controls.add(video_id)
        kept_pairs = sum(
            self.recipe.pair(cut.sampled, pair, cut.size, cut.mirrored).pair_id in self.known.pairs
            for pair in pairs
        )
        done = replace(
            self._finish(source, cut, broken),
            kept_clips=decoding.kept,
            kept_pairs=kept_pairs,
            outdated=self._find_outdated(cut),
        )
        yield replace(
            done,
            row=decoding.row(),
            thumbnail=decoding.thumbnail(),
            place=reading.place,
            decoded=True,
        )

    def _find_outdated(self, cut: Cut) -> Outdated:
        """What an earlier version stored of a mirrored video, whose pictures it turned the wrong way."""
        if not cut.mirrored:
            return Outdated()
        clips, pairs = self._ids(replace(cut, mirrored=False))
        return Outdated(frozenset(clips & self.known.clips), frozenset(pairs & self.known.pairs))

    def _expect(self, source: Source, video_id: str) -> tuple[int, tuple[int, ...]]:
        """Frames and gaps as decoded where they are known, else the number of packets: if that turns out wrong, the file is read again."""
        row = self._find_known_row(video_id)
        if row is not None or not self.recipe.pairing.measures:
            return (row.frames, tuple(row.gaps or ())) if row else (0, ())
        with source.open() as video:
            return video.packets, ()

    def _expect_samples(self, source: Source, video_id: str) -> tuple[int, tuple[int, ...]]:
        """The same of sampled frames."""
        row, rate = self._find_known_row(video_id), self.recipe.windowing.rate
        if rate is None:
            return self._expect(source, video_id)
        if row is not None and (samples := sample_row(row, rate)):
            return len(samples.numbers), samples.gaps
        if not self.recipe.pairing.measures:
            return 0, ()
        with source.open() as video:
            return count_samples(video.packets, rate, video.fps), ()

    def _pass(
        self, source: Source, video_id: str, wanted: WantedClips
    ) -> Generator[DecodedClip, None, tuple[Decoding, tuple[Failure, ...]]]:
        """The clips of one pass over a file; returns the pass and what ended it early."""
        with source.open(self.threads) as video:
            decoding = Decoding(self.recipe.of(source), video, source, video_id, wanted)
            broken: tuple[Failure, ...] = ()
            try:
                yield from decoding.clips()
            except Exception as error:  # one file's, whatever it is
                why = explain(error, "decode", decoding.timeline.frames)
                if not decoding.timeline.frames or why.stage == "read":
                    raise why from error  # the rest may be there the next time
                broken = (self._failure(source, video_id, why),)
            yield from decoding.tail()
        if decoding.timeline.gaps:
            broken = (self._failure(source, video_id, explain_gaps(decoding.timeline)), *broken)
        return decoding, broken

    def _finish(self, source: Source, cut: Cut, broken: tuple[Failure, ...]) -> VideoDone:
        windowing, pairing = cut.recipe.windowing, cut.recipe.pairing
        failures, windows = broken, windowing.windows(cut.frames, cut.gaps)
        if isinstance(windowing, SegmentWindowing):
            faults = windowing.faults(cut.frames)
            failures += tuple(self._failure(source, cut.video_id, fault) for fault in faults)
        elif not windows and not broken:
            failures = (self._failure(source, cut.video_id, windowing.too_short(cut.frames)),)
        dropped = not windowing.tail and windowing.partial(cut.frames) is not None
        pairless = (
            bool(windows)
            and pairing.measures
            and not pairing.pairs(windowing, cut.frames, cut.gaps)
        )
        unused = windowing.count_unused(cut.frames)
        return VideoDone(
            source=source,
            video_id=cut.video_id,
            failures=failures,
            dropped_frames=unused,
            dropped_window=dropped,
            pairless=pairless,
        )

    def _failure(self, source: Source, video_id: str | None, error: VideoError) -> Failure:
        encoder_id = self.recipe.encoder.encoder_id if error.stage == "window" else None
        return Failure(
            path=source.text,
            video_id=video_id,
            encoder_id=encoder_id,
            stage=error.stage,
            error=str(error),
            first_frame=error.first_frame,
        )
