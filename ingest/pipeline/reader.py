"""The reader: sources in, clips of pixels out, each file decoded once and only where something is missing."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

from tubelet.media.errors import VideoError
from tubelet.media.video import open_video
from tubelet.ingest.pipeline.decoding import Decoding, Wanted
from tubelet.ingest.pipeline.known import Known
from tubelet.ingest.pipeline.messages import Clip, Failure, VideoDone
from tubelet.ingest.pairs import WindowPair, is_repeated
from tubelet.ingest.pipeline.recipe import Recipe
from tubelet.ingest.sources import Source

REPEATS = 3  # videos of a store, for one recipe, that encode a window twice: whether the arithmetic is deterministic


class Reader:
    """Turns sources into clips of pixels and, after each source, a VideoDone."""

    def __init__(self, recipe: Recipe, known: Known, threads: int = 0) -> None:
        self.recipe = recipe
        self.known = known
        self.threads = threads  # of one decoder; 0: as many as FFmpeg likes
        self._seen: dict[str, Path] = {}
        self._repeating = set(known.repeated)

    def read(self, source: Source) -> Iterator[Clip | VideoDone]:
        """The missing clips of one source, then its VideoDone; never raises for a bad file.

        The call tells what the source is, so calls have to follow each other for the first of two equal files to be the one that is
        read; the iterators that they return may run at the same time.
        """
        try:
            video_id = source.video_id(self.known.stamps)
        except VideoError as error:
            return iter([VideoDone(source, failures=(self._failure(source, None, error),))])
        if video_id in self._seen:
            return iter([VideoDone(source, video_id, duplicate=True)])
        self._seen[video_id] = source.path
        return self._read(source, video_id)

    def _read(self, source: Source, video_id: str) -> Iterator[Clip | VideoDone]:
        try:
            done = self._without_decoding(source, video_id)
            yield from [done] if done else self._decode(source, video_id)
        except VideoError as error:
            self._repeating.discard(video_id)
            yield VideoDone(source, video_id, failures=(self._failure(source, video_id, error),))

    def _without_decoding(self, source: Source, video_id: str) -> VideoDone | None:
        """The VideoDone of a source whose clips and pairs are all there, or whose content is known to be unreadable."""
        broken = tuple(replace(failure, path=str(source.path)) for failure in self.known.broken.get(video_id, ()))
        if video_id not in self.known.videos:
            return VideoDone(source, video_id, failures=broken) if broken else None
        frames, height, width = self.known.videos[video_id]
        size = self.recipe.geometry.target(height, width, self.recipe.encoder.patch)
        clips, pairs = self._ids(video_id, frames, size)
        if not clips <= self.known.clips or not pairs <= self.known.pairs:
            return None
        return replace(self._done(source, video_id, frames, broken), kept_clips=len(clips), kept_pairs=len(pairs))

    def _ids(self, video_id: str, frames: int, size: tuple[int, int]) -> tuple[set[str], set[str]]:
        """Ids of every clip and pair that a video of so many frames gives."""
        pairs = self._pairs(video_id, frames)
        windows = {*self.recipe.windowing.windows(frames), *(pair.b for pair in pairs)}
        return (
            {self.recipe.clip_id(video_id, window, size) for window in windows},
            {self.recipe.pair(video_id, pair, size).pair_id for pair in pairs},
        )

    def _pairs(self, video_id: str, frames: int) -> tuple[WindowPair, ...]:
        """The pairs of a video of so many frames, the repeated control where this video has it or may still have it."""
        pairs = self.recipe.pairing.pairs(self.recipe.windowing, frames)
        if not pairs:
            self._repeating.discard(video_id)
        elif video_id in self._repeating or len(self._repeating) < REPEATS:
            self._repeating.add(video_id)
            pairs.append(is_repeated(pairs))
        return tuple(pairs)

    def _decode(self, source: Source, video_id: str) -> Iterator[Clip | VideoDone]:
        wanted = Wanted(self._pairs(video_id, self._expected_frames(source, video_id)), self.known.clips, self.known.pairs)
        decoding, broken = yield from self._pass(source, video_id, wanted)
        frames = decoding.timeline.frames
        pairs = self._pairs(video_id, frames)
        if lacking := tuple(pair for pair in pairs if pair not in wanted.pairs):
            yield from self._pass(source, video_id, replace(wanted, pairs=lacking, stored_clips=wanted.stored_clips | decoding.emitted))
        kept_pairs = sum(self.recipe.pair(video_id, pair, decoding.size).pair_id in self.known.pairs for pair in pairs)
        kept = {"kept_clips": decoding.kept, "kept_pairs": kept_pairs}
        done = self._done(source, video_id, frames, broken)
        yield replace(done, row=decoding.row(), thumbnail=decoding.thumbnail(), decoded=True, **kept)

    def _expected_frames(self, source: Source, video_id: str) -> int:
        """Frames as decoded where they are known, else the packets: where those tell another number, the file is read once more."""
        if video_id in self.known.videos or self.recipe.pairing.count == 0:
            return self.known.videos.get(video_id, (0,))[0]
        with open_video(source.path) as video:
            return video.packets

    def _pass(self, source: Source, video_id: str, wanted: Wanted) -> Generator[Clip, None, tuple[Decoding, tuple[Failure, ...]]]:
        """The clips of one pass over a file; returns the pass and what broke it off."""
        with open_video(source.path, self.threads) as video:
            decoding = Decoding(self.recipe, video, source, video_id, wanted)
            broken: tuple[Failure, ...] = ()
            try:
                yield from decoding.clips()
            except VideoError as error:
                if not decoding.timeline.frames:
                    raise
                broken = (self._failure(source, video_id, error),)
            yield from decoding.tail()
        return decoding, broken

    def _done(self, source: Source, video_id: str, frames: int, broken: tuple[Failure, ...]) -> VideoDone:
        windowing, pairing = self.recipe.windowing, self.recipe.pairing
        failures, windows = broken, windowing.windows(frames)
        if not windows and not broken:
            failures = (self._failure(source, video_id, windowing.too_short(frames)),)
        dropped = not windowing.tail and windowing.partial(frames) is not None
        pairless = bool(windows) and pairing.count != 0 and not pairing.pairs(windowing, frames)
        return VideoDone(source, video_id, failures=failures, dropped_frames=windowing.unused(frames), dropped_window=dropped, pairless=pairless)

    def _failure(self, source: Source, video_id: str | None, error: VideoError) -> Failure:
        encoder_id = self.recipe.encoder.encoder_id if error.stage == "window" else None
        return Failure(str(source.path), video_id, encoder_id, error.stage, str(error), error.first_frame)
