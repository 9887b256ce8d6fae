"""Segments: named stretches of videos that are encoded in place of the regular windows.

    video,name,start,stop
    kitchen.mp4,pour,3.5,6.0          windows start at the first sampled frame of the stretch, every --stride, and end within it

Windows are those of `--fps`, so a stretch in seconds means the same frames in every file.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from heapq import merge
from itertools import takewhile
from pathlib import Path

import numpy as np

from tubelet.ingest.errors import UsageError
from tubelet.ingest.folders import Skipped
from tubelet.ingest.sources import Segment, Source
from tubelet.ingest.windows import Window, Windowing
from tubelet.media.errors import VideoError
from tubelet.store.annotations.columns import name_columns, read_numbers, trim
from tubelet.store.annotations.match import KnownVideos, VideoPath
from tubelet.store.annotations.text_table import TextTable, read_table
from tubelet.store.errors import AnnotationError

NEVER = 1 << 62  # the number of a frame that no video has
SAME = 1e-6  # of a sample: rounding of a product
LATE_S = 0.5  # by which a stretch may end after its video
UNNAMED = "no segment names it"


@dataclass(frozen=True)
class SegmentWindowing(Windowing):
    """Windows inside the segments of one video; of two that show the same frames, the one of the earlier segment counts."""

    segments: tuple[Segment, ...] = ()

    @classmethod
    def of(cls, windowing: Windowing, segments: tuple[Segment, ...]) -> "SegmentWindowing":
        given = {field.name: getattr(windowing, field.name) for field in fields(Windowing)}
        return cls(**given, segments=segments)

    def starting(self) -> Iterator[Window]:
        """Every window, in the order of first frames, and then one that never comes."""
        yield from self._all()
        while True:
            yield Window(NEVER, self.frames, self.step)

    def windows(self, total: int, gaps: Sequence[int] = ()) -> list[Window]:
        begun = takewhile(lambda window: window.first < total, self._all())
        return [w for w in begun if w.stop <= total and not w.spans(gaps)]

    def whole(self, total: int) -> int:
        return len(self.windows(total))

    def partial(self, total: int) -> None:
        """None: what `tail` keeps of a segment is one of its windows."""
        return

    def in_grid(self, window: Window) -> bool:
        return True

    def count_unused(self, total: int) -> int:
        return 0

    def faults(self, total: int) -> list[VideoError]:
        """Why segments have no window in a video of that many samples, or end after it."""
        end = total / (self.rate or 1)
        held = {s.name for s in self.segments if self._has_window(s, total)}
        late = [s for s in self.segments if s.stop_s > end + LATE_S]
        short = [s for s in self.segments if s not in late and s.name not in held]
        return [
            *(_fault(s, f"ends after the video, which is {end:.2f} s long") for s in late),
            *(_fault(s, self._needs) for s in short),
        ]

    def _has_window(self, segment: Segment, total: int) -> bool:
        """Whether a window lies in it, including windows that an overlapping segment has, too."""
        first = next(self._inside(segment), None)
        return first is not None and first.stop <= total

    @property
    def _needs(self) -> str:
        return f"is too short: a window of {self.frames} frames at {self.sample_fps:g} fps lasts {self.frames / (self.sample_fps or 1):.2f} s; use fewer --frames, or --tail"

    def _all(self) -> Iterator[Window]:
        """One after the other: a file may name a stretch that never ends."""
        last = None
        for window in merge(*map(self._inside, self.segments), key=_place):
            if _place(window) != last:
                yield window
            last = _place(window)

    def _inside(self, segment: Segment) -> Iterator[Window]:
        """Windows whose frames lie in a segment."""
        rate = self.rate or 1
        first, stop = (
            math.ceil(min(at * rate - SAME, NEVER)) for at in (segment.start_s, segment.stop_s)
        )
        while first + self.span <= stop:
            yield Window(first, self.frames, self.step, segment.name)
            first += self.hop
        frames = len(range(first, stop, self.step)) // self.tubelet * self.tubelet
        if self.tail and frames:
            yield Window(first, frames, self.step, segment.name)


def _place(window: Window) -> tuple[int, int]:
    return window.first, window.frames


def _fault(segment: Segment, why: str) -> VideoError:
    stretch = f"{segment.start_s:g} to {segment.stop_s:g} s"
    return VideoError("window", f"segment {segment.name!r} ({stretch}) {why}")


def assign_segments(
    path: Path, sources: Sequence[Source]
) -> tuple[list[Source], tuple[Skipped, ...]]:
    """The sources that a file of segments names, with their segments, and what is left out. Raises UsageError with the line at fault."""
    try:
        found, missing = _read(path, sources)
    except AnnotationError as error:
        raise UsageError(f"--segments: {error}") from error
    kept = [replace(s, segments=tuple(found[s.text])) for s in sources if s.text in found]
    if not kept:
        raise UsageError(
            f"--segments {path} names none of these videos, but {missing[0]!r}: check its paths"
        )
    left_out = [Skipped(s.text, UNNAMED) for s in sources if s.text not in found]
    return kept, (
        *left_out,
        *(Skipped(name, f"{path.name} names it, and it is not here") for name in missing),
    )


def _read(path: Path, sources: Sequence[Source]) -> tuple[Mapping[str, list[Segment]], list[str]]:
    """Segments by the text of their source, and the videos that are not among the sources."""
    table = read_table(path, "name")
    named = name_columns(table)
    name = next((n for n in named.others if n.lower() in ("name", "segment", "label")), None)
    if named.start is None or named.stop is None or name is None:
        raise AnnotationError(f"{path} needs the columns `video`, `name`, `start` and `stop`")
    videos, names = (
        trim(table.columns[named.video]).to_pylist(),
        trim(table.columns[name]).to_pylist(),
    )
    starts, stops = _read_stretches(table, named.start, named.stop)
    table.refuse(
        {
            row: "the video or the name is empty"
            for row, both in enumerate(zip(videos, names))
            if None in both
        }
    )
    matches = KnownVideos([VideoPath(s.text, s.text) for s in sources]).match(videos)
    if matches.ambiguous:
        entry, places = next(iter(matches.ambiguous.items()))
        raise AnnotationError(
            f"{path}: {entry!r} may be {places[0].path} or {places[1].path}: write more of the path"
        )
    found: dict[str, list[Segment]] = defaultdict(list)
    for video, text, start, stop in zip(videos, names, starts, stops):
        if video in matches.found:
            found[matches.found[video]].append(Segment(text, float(start), float(stop)))
    return found, matches.missing


def _read_stretches(table: TextTable, start: str, stop: str) -> tuple[np.ndarray, np.ndarray]:
    starts, bad = read_numbers(table.columns[start], start)
    stops, worse = read_numbers(table.columns[stop], stop)
    table.refuse(bad | worse)
    wrong = np.isnan(starts) | np.isnan(stops) | (starts < 0) | (stops <= starts)
    table.refuse(
        {
            int(row): f"{start} and {stop} do not enclose a stretch of time"
            for row in np.flatnonzero(wrong)
        }
    )
    return starts, stops
