"""The reader: sources in, clips of pixels out, each file decoded once and only where something is missing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from ingest.decoding import Decoding
from ingest.errors import VideoError
from ingest.messages import Clip, Failure, VideoDone
from ingest.recipe import Recipe
from ingest.sources import Source
from ingest.video import opened
from store import Store


@dataclass(frozen=True)
class Known:
    """What the store holds already: enough to tell without decoding whether a source needs any work."""

    stamps: Mapping[tuple[str, int, int], str] = field(default_factory=dict)  # (path, bytes, modified_ns) -> video_id
    videos: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)  # video_id -> frames, height, width
    clips: frozenset[str] = frozenset()
    failures: Mapping[str, Failure] = field(default_factory=dict)  # failure_id -> failure
    broken: Mapping[str, tuple[Failure, ...]] = field(default_factory=dict)  # video_id -> failures that reading again repeats

    @classmethod
    def of(cls, store: Store, encoder_id: str) -> "Known":
        """What a store knows of videos, of one encoder's clips, and of failures."""
        videos = store.rows("SELECT video_id, path, bytes, modified_ns, frames, height, width FROM videos")
        clips = store.query("SELECT clip_id FROM clips WHERE encoder_id = ?", [encoder_id])
        columns = ", ".join(f.name for f in fields(Failure))
        failures = [Failure(**row) for row in store.rows(f"SELECT {columns} FROM failures ORDER BY failures.at")]
        broken: dict[str, tuple[Failure, ...]] = {}
        for failure in failures:
            if failure.stage in ("open", "decode") and failure.video_id:
                broken[failure.video_id] = (*broken.get(failure.video_id, ()), failure)
        return cls(
            {(v["path"], v["bytes"], v["modified_ns"]): v["video_id"] for v in videos},
            {v["video_id"]: (v["frames"], v["height"], v["width"]) for v in videos},
            frozenset(clips["clip_id"].to_pylist()),
            {failure.failure_id: failure for failure in failures},
            broken,
        )


class Reader:
    """Turns sources into clips of pixels and, after each source, a VideoDone."""

    def __init__(self, recipe: Recipe, known: Known, threads: int = 0) -> None:
        self.recipe = recipe
        self.known = known
        self.threads = threads  # of one decoder; 0: as many as FFmpeg likes
        self._seen: dict[str, Path] = {}

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
            yield VideoDone(source, video_id, failures=(self._failure(source, video_id, error),))

    def _without_decoding(self, source: Source, video_id: str) -> VideoDone | None:
        """The VideoDone of a source whose clips are all there, or whose content is known to be unreadable."""
        broken = tuple(replace(failure, path=str(source.path)) for failure in self.known.broken.get(video_id, ()))
        if video_id not in self.known.videos:
            return VideoDone(source, video_id, failures=broken) if broken else None
        frames, height, width = self.known.videos[video_id]
        wanted = self.recipe.windowing.windows(frames)
        size = self.recipe.geometry.target(height, width, self.recipe.encoder.patch)
        if any(self.recipe.clip_id(video_id, window, size) not in self.known.clips for window in wanted):
            return None
        return self._done(source, video_id, frames, broken, kept=len(wanted))

    def _decode(self, source: Source, video_id: str) -> Iterator[Clip | VideoDone]:
        with opened(source.path, self.threads) as video:
            decoding = Decoding(self.recipe, video, source, video_id, self.known.clips)
            broken: tuple[Failure, ...] = ()
            try:
                yield from decoding.clips()
            except VideoError as error:
                if not decoding.timeline.frames:
                    raise
                broken = (self._failure(source, video_id, error),)
            yield from decoding.tail()
        done = self._done(source, video_id, decoding.timeline.frames, broken, decoding.kept)
        yield replace(done, row=decoding.row(), thumbnail=decoding.thumbnail(), decoded=True)

    def _done(self, source: Source, video_id: str, frames: int, broken: tuple[Failure, ...], kept: int) -> VideoDone:
        windowing = self.recipe.windowing
        failures = broken
        if not windowing.windows(frames) and not broken:
            failures = (self._failure(source, video_id, windowing.too_short(frames)),)
        dropped = not windowing.tail and windowing.partial(frames) is not None
        return VideoDone(source, video_id, None, None, failures, kept, windowing.unused(frames), dropped)

    def _failure(self, source: Source, video_id: str | None, error: VideoError) -> Failure:
        encoder_id = self.recipe.encoder.encoder_id if error.stage == "window" else None
        return Failure(str(source.path), video_id, encoder_id, error.stage, str(error), error.first_frame)
