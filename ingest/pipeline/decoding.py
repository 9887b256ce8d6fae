"""Decoding: one pass over one open video; pictures go in, whole windows come out.

Only the frames of unfinished windows are held, as the encoder's small pictures, so memory does not grow with
the length of a video.
"""

import heapq
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from PIL import Image

from tubelet.ingest.geometry import picture
from tubelet.ingest.pairs import WindowPair
from tubelet.ingest.pipeline.changing import change_clip
from tubelet.ingest.pipeline.messages import DecodedClip
from tubelet.ingest.pipeline.recipe import Recipe, Sampled
from tubelet.ingest.sampling import Sampler
from tubelet.ingest.sources import Source
from tubelet.ingest.windows import Window
from tubelet.media.errors import VideoError
from tubelet.media.video import Frame, PictureVideo, Timeline, Video
from tubelet.store.clock import now
from tubelet.store.pairs.rows import ENCODED_AGAIN, REPEATED, Pair
from tubelet.store.placement import place_picture, placement
from tubelet.store.rows import UNFINISHED, PlannedClip, VideoRow
from tubelet.store.schema import GRID, PARTNER

THUMBNAIL_FRAMES = (
    0,
    24,
    96,
)  # the one with most contrast becomes the thumbnail: many videos start black
THUMBNAIL_HEIGHT, THUMBNAIL_WIDEST = 90, 900  # pixels


@dataclass(frozen=True)
class WantedClips:
    """What is wanted of a video besides the grid of windows, and what is already stored."""

    pairs: tuple[WindowPair, ...] = ()
    stored_clips: frozenset[str] = frozenset()
    stored_pairs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Moment:
    """When a frame is shown, in s, and whether FFmpeg marks it as damaged."""

    start_s: float
    stop_s: float
    corrupt: bool


class Decoding:
    """One pass over one open video: pictures go in, whole windows come out, each with the pairs that need it."""

    def __init__(
        self,
        recipe: Recipe,
        video: Video | PictureVideo,
        source: Source,
        video_id: str,
        wanted: WantedClips,
    ) -> None:
        self.recipe = recipe
        self.video = video
        self.source = source
        self.video_id = video_id
        self.wanted = wanted
        self.timeline = Timeline()
        self.sampler: Sampler[Frame] = Sampler(recipe.windowing.rate, video.fps)
        self.kept = 0
        self.emitted: set[str] = set()
        self.first: Frame | None = None
        self._pending: deque[Window] = deque()
        self._waiting: deque[tuple[Window, DecodedClip, bool]] = deque()  # and whether it is stored
        self._partners = {pair.b for pair in wanted.pairs if not recipe.windowing.in_grid(pair.b)}
        self._starting = heapq.merge(
            recipe.windowing.starting(), sorted(self._partners, key=_first), key=_first
        )
        self._next = next(self._starting)
        self._pictures: dict[int, tuple[torch.Tensor, Moment]] = {}  # by the number of the sample
        self._thumbnail: tuple[float, bytes] | None = None

    def clips(self) -> Iterator[DecodedClip]:
        """Every whole window that the store lacks, as soon as its last frame is decoded."""
        for frame in self.video.frames():
            self._look_at(frame)
            for number, sampled in self.sampler.add(frame):
                yield from self._take(number, sampled)

    def tail(self) -> Iterator[DecodedClip]:
        """What the end of the video completes: windows of its last samples, and the last, shorter window where it is wanted and there is one."""
        for number, sampled in self.sampler.end():
            yield from self._take(number, sampled)
        window = self.recipe.windowing.partial(len(self.sampler.numbers))
        if self.recipe.windowing.tail and window and not window.spans(self.sampler.gaps):
            yield from self._finish(window)
        yield from self._release(ended=True)

    def row(self) -> VideoRow:
        """The `videos` row, once every frame has passed."""
        first = self._opening
        height, width = first.displayed
        return VideoRow(
            video_id=self.video_id,
            **self.source.describe(self.source.stamp),
            container=self.video.container,
            codec=self.video.codec,
            width=width,
            height=height,
            **vars(first.orientation),
            **vars(first.color),
            fps=self.video.fps,
            frames=self.timeline.frames,
            corrupt_frames=self.timeline.corrupt,
            gaps=self.timeline.gaps,
            duration_s=self.timeline.stop_s,
            frame_times_s=None if self.sampler.rate is None else self.timeline.times_s,
            thumbnail=None,
            added_at=now(),
        )

    def thumbnail(self) -> bytes:
        """JPEG of the frame with most contrast among a few early ones."""
        if self._thumbnail is None:
            raise _without_frames()
        return self._thumbnail[1]

    @property
    def sampled(self) -> Sampled:
        """The samples so far."""
        return Sampled(self.video_id, self.sampler.numbers)

    @property
    def size(self) -> tuple[int, int]:
        return self.recipe.geometry.target(*self._opening.displayed, self.recipe.encoder.patch)

    @property
    def mirrored(self) -> bool:
        return self._opening.orientation.mirrored

    @property
    def _opening(self) -> Frame:
        """The first frame. Raises VideoError before there is one."""
        if self.first is None:
            raise _without_frames()
        return self.first

    def _look_at(self, frame: Frame) -> None:
        self.first = self.first or frame
        self.timeline.add(frame)
        if frame.index in THUMBNAIL_FRAMES:
            self._consider(frame)

    def _take(self, number: int, frame: Frame) -> Iterator[DecodedClip]:
        """Add a sampled frame; the windows that it completes."""
        self._add(number, frame)
        for window in [window for window in self._pending if window.stop == number + 1]:
            self._pending.remove(window)
            yield from self._finish(window)

    def _add(self, number: int, frame: Frame) -> None:
        if self.sampler.gaps[-1:] == [number]:
            self._pending.clear()
            self._pictures.clear()
        while self._next.first <= number:
            self._pending.append(self._next)
            self._next = next(self._starting)
        if any(number in window.indices for window in self._pending):
            place = place_picture(frame.displayed, self.size, self.recipe.geometry.mode)
            self._pictures[number] = (
                picture(frame.pixels, place),
                Moment(frame.time_s, frame.stop_s, frame.corrupt),
            )

    def _finish(self, window: Window) -> Iterator[DecodedClip]:
        clip_id = self.recipe.clip_id(self.sampled, window, self.size, self.mirrored)
        stored = clip_id in self.wanted.stored_clips
        self.kept += stored
        if not stored or self._naming(window):
            self._waiting.append((window, self._clip(clip_id, window), stored))
        following = min((one.first for one in self._pending), default=self._next.first)
        for index in [index for index in self._pictures if index < following]:
            del self._pictures[index]
        yield from self._release()

    def _release(self, ended: bool = False) -> Iterator[DecodedClip]:
        """The finished clips in their order, as far as the frames of their pairs' other windows are known, which pairs are named by."""
        while self._waiting and (ended or self._is_known(self._waiting[0][0])):
            window, clip, stored = self._waiting.popleft()
            pairs = self._pairs(window)
            if not stored or pairs:
                self.emitted.add(clip.row.clip_id)
                yield from self._encodings(clip, pairs, stored)

    def _is_known(self, window: Window) -> bool:
        return all(map(self._is_sampled, self._naming(window)))

    def _is_sampled(self, pair: WindowPair) -> bool:
        """Whether the frames of both windows are known; without a rate they are from the start."""
        samples = len(self.sampler.numbers)
        return self.sampler.rate is None or max(pair.a.stop, pair.b.stop) <= samples

    def _naming(self, window: Window) -> list[WindowPair]:
        return [pair for pair in self.wanted.pairs if window in (pair.a, pair.b)]

    def _pairs(self, window: Window) -> tuple[Pair, ...]:
        """Pairs of this window that the store lacks."""
        pairs = (
            self.recipe.pair(self.sampled, pair, self.size, self.mirrored)
            for pair in self._naming(window)
            if self._is_sampled(pair)
        )
        return tuple(pair for pair in pairs if pair.pair_id not in self.wanted.stored_pairs)

    def _encodings(
        self, clip: DecodedClip, pairs: tuple[Pair, ...], stored: bool
    ) -> Iterator[DecodedClip]:
        """The clip as it is to be encoded: once, again for the control that repeats it, and after each change."""
        yield replace(clip, pairs=pairs, stored=stored)
        for pair in pairs:
            if pair.kind == REPEATED:
                yield replace(clip, pairs=(pair,), stored=True)
            elif pair.kind in ENCODED_AGAIN:
                yield change_clip(clip, pair, self.recipe.encoder.tubelet)

    def _clip(self, clip_id: str, window: Window) -> DecodedClip:
        pixels = torch.stack([self._pictures[index][0] for index in window.indices])
        frames, rate = self.video.promised_frames, self.sampler.rate
        samples = frames if rate is None else round(frames * rate / self.video.fps)
        promised = self.recipe.windowing.whole(samples) + len(self._partners)
        return DecodedClip(
            row=self._clip_row(clip_id, window),
            pixels=pixels,
            source=self.source,
            of=promised,
            video=self._describe_unfinished(),
        )

    def _describe_unfinished(self) -> VideoRow:
        """The `videos` row while frames still pass: its frames and its duration are what the header says, or at least what was seen."""
        row, promised = self.row(), self.video.promised_frames
        return replace(
            row,
            modified_ns=UNFINISHED,
            frames=max(row.frames, promised),
            duration_s=max(row.duration_s, promised / row.fps if row.fps else 0.0),
        )

    def _clip_row(self, clip_id: str, window: Window) -> PlannedClip:
        height, width = self.size
        moments = [self._pictures[index][1] for index in window.indices]
        fed = self.sampled.feed(window)
        return PlannedClip(
            clip_id=clip_id,
            video_id=self.video_id,
            encoder_id=self.recipe.encoder.encoder_id,
            first_frame=fed.first,
            frame_count=fed.count,
            step=fed.step,
            frame_numbers=None if fed.numbers is None else list(fed.numbers),
            segment=window.segment,
            sample_fps=self.recipe.windowing.sample_fps,
            role=PARTNER if window in self._partners else GRID,
            start_s=moments[0].start_s,
            stop_s=moments[-1].stop_s,
            corrupt_frames=sum(moment.corrupt for moment in moments),
            geometry=self.recipe.geometry.mode,
            crop_height=height,
            crop_width=width,
            precision=self.recipe.precision,
        )

    def _consider(self, frame: Frame) -> None:
        height, width = frame.displayed
        size = (
            THUMBNAIL_HEIGHT,
            min(THUMBNAIL_WIDEST, max(1, round(width * THUMBNAIL_HEIGHT / height))),
        )
        image = picture(frame.pixels, placement((height, width), size, fit=True))
        contrast = float(image.float().std())
        if self._thumbnail is None or contrast > self._thumbnail[0]:
            file = io.BytesIO()
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=80)
            self._thumbnail = contrast, file.getvalue()


def _without_frames() -> VideoError:
    return VideoError("decode", "no frame could be decoded", 0)


def _first(window: Window) -> int:
    return window.first
