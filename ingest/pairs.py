"""Pairs: which windows of a video are compared. Arithmetic on frame numbers; no pixels.

    shift 1, tubelet 2, step 1      A  |0 1|2 3|4 5|6 7|          shared slice k is slice k + 1 of A
                                    B      |2 3|4 5|6 7|8 9|      and slice k of B

Pairs are a function of the settings and of the number of frames alone, so that every run chooses the same ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tubelet.ingest.changes import Change
from tubelet.ingest.errors import UsageError
from tubelet.ingest.windows import Window, Windowing
from tubelet.store.pairs.rows import DISJOINT, ENCODED_AGAIN, REPEATED, SHIFTED

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class WindowPair:
    """Two windows of one video; B begins `shift` slices after A (whole ones, where the windows are disjoint)."""

    a: Window
    b: Window
    kind: str
    shift: int
    change: Change | None = None  # of the pixels of B, which is then the window of A

    def spans(self, gaps: Sequence[int]) -> bool:
        """Whether frames are lost inside one of the windows."""
        return self.a.spans(gaps) or self.b.spans(gaps)


@dataclass(frozen=True)
class Pairing:
    """How windows are paired: `count` pairs per video, `shift` slices apart; None: every overlapping pair that the stride gives.

    Window A of each pair is compared with itself after each of the `changes`; where no pairs are shifted, the middle window of the video is.
    """

    shift: int = 1
    count: int | None = 0
    changes: tuple[Change, ...] = ()

    @property
    def measures(self) -> bool:
        """Whether anything is compared."""
        return self.count != 0 or bool(self.changes)

    @classmethod
    def parse(cls, shift: int | None, pairs: str | None, windowing: Windowing) -> "Pairing":
        """The pairing for `--shift` and `--pairs`; None: not given. Raises UsageError for what these windows cannot provide."""
        count = _count(pairs)
        if count == 0:
            return cls()
        if impossible := _impossible(windowing):
            if shift is None and pairs is None:
                return cls()
            raise UsageError(f"{impossible}: leave --shift and --pairs out")
        if count is None:
            return _every(shift, windowing)
        if shift is not None and not 1 <= shift < windowing.slices:
            possible = f"a window of {windowing.slices} slices can be shifted by 1 to {windowing.slices - 1} of them"
            raise UsageError(f"--shift {shift}: {possible}; --pairs 0 measures no pairs")
        return cls(shift or 1, count)

    def pairs(self, windowing: Windowing, total: int, gaps: Sequence[int] = ()) -> list[WindowPair]:
        """The shifted pairs of a video of `total` frames, spread over it, the changed ones, then the `disjoint` control if its windows allow one.

        No window of a pair spans one of the gaps.
        """
        shifted = (
            list(self._overlapping(windowing, total))
            if self.count is None
            else self._spread(self.count, windowing, total, gaps)
        )
        shifted = [pair for pair in shifted if not pair.spans(gaps)]
        changed = self._apply_changes(shifted, windowing, total, gaps) if self.changes else ()
        found = [*shifted, *changed]
        apart = _disjoint(windowing, total, anchor(found)) if found else None
        return found + ([apart] if apart and not apart.spans(gaps) else [])

    def count_held(self, windowing: Windowing) -> int:
        """Live token grids that wait for their partner at one moment of a video, at most; a window that waits for its changes waits once."""
        if self.count == 0:
            return 2 if self.changes else 0
        reach = (
            windowing.slices - 1 if self.count is None else self.shift
        ) * windowing.slice_frames
        waiting = reach // windowing.hop + 1
        return 1 + (
            waiting if self.count is None else min(waiting, self.count)
        )  # one more waits for the disjoint control

    def frames_needed(self, windowing: Windowing) -> int:
        """Frames that a video needs for one pair."""
        if self.count == 0:
            return windowing.span
        if self.count is None:
            return windowing.span + next(_gaps(windowing))
        return windowing.span + self.shift * windowing.slice_frames

    def _apply_changes(
        self,
        shifted: Sequence[WindowPair],
        windowing: Windowing,
        total: int,
        gaps: Sequence[int],
    ) -> Iterator[WindowPair]:
        """Every chosen window with each of the changes."""
        windows = windowing.windows(total, gaps)
        whole = [window for window in windows if window.frames == windowing.frames]
        chosen = dict.fromkeys(pair.a for pair in shifted) or whole[len(whole) // 2 :][:1]
        for window in chosen:
            for change in self.changes:
                yield WindowPair(a=window, b=window, kind=change.entry.kind, shift=0, change=change)

    def _spread(
        self, count: int, windowing: Windowing, total: int, gaps: Sequence[int]
    ) -> list[WindowPair]:
        """The middle of each of `count` equal parts of the windows whose partner lies in the video, past the gaps."""
        offset = self.shift * windowing.slice_frames
        firsts = range(0, windowing.whole(total - offset) * windowing.hop, windowing.hop)
        fitting = (
            [first for first in firsts if not _pair(windowing, first, offset, SHIFTED).spans(gaps)]
            if gaps
            else firsts
        )
        chosen = (
            sorted({(2 * part + 1) * len(fitting) // (2 * count) for part in range(count)})
            if fitting
            else []
        )
        return [_pair(windowing, fitting[index], offset, SHIFTED) for index in chosen]

    def _overlapping(self, windowing: Windowing, total: int) -> Iterator[WindowPair]:
        last = (windowing.whole(total) - 1) * windowing.hop
        gaps = list(_gaps(windowing))
        for first in range(0, last + 1, windowing.hop):
            yield from (
                _pair(windowing, first, gap, SHIFTED) for gap in gaps if first + gap <= last
            )


def anchor(pairs: Sequence[WindowPair]) -> Window:
    """The window used in the controls: A of the middle pair, of two windows where there are such."""
    apart = [pair for pair in pairs if pair.kind not in ENCODED_AGAIN] or pairs
    return apart[len(apart) // 2].a


def is_repeated(pairs: Sequence[WindowPair]) -> WindowPair:
    """The control that encodes one window twice."""
    window = anchor(pairs)
    return WindowPair(a=window, b=window, kind=REPEATED, shift=0)


def _count(pairs: str | None) -> int | None:
    text = "1" if pairs is None else str(pairs).strip().lower()
    if text != ALL and not text.isdecimal():
        raise UsageError(
            f"--pairs {pairs} is not a number of pairs per video: write 0, 1, 2 and so on, or all"
        )
    return None if text == ALL else int(text)


def _impossible(windowing: Windowing) -> str:
    if windowing.tubelet == 1:
        return "an image encoder sees one frame at a time, so shifting a window changes nothing"
    return "a window of one slice shares none when it shifts" if windowing.slices < 2 else ""


def _every(shift: int | None, windowing: Windowing) -> Pairing:
    if shift is not None:
        raise UsageError("--pairs all uses every shift that the stride gives: leave --shift out")
    if next(_gaps(windowing), None) is None:
        better = f"use a smaller --stride, best a multiple of {windowing.slice_frames} frames"
        raise UsageError(
            f"--pairs all: no two windows {windowing.hop} frames apart share slices; {better}"
        )
    return Pairing(1, None)


def _gaps(windowing: Windowing) -> Iterator[int]:
    """Distances in frames, multiples of the hop, at which two windows share whole slices."""
    for gap in range(windowing.hop, windowing.slices * windowing.slice_frames, windowing.hop):
        if gap % windowing.slice_frames == 0:
            yield gap


def _disjoint(windowing: Windowing, total: int, window: Window) -> WindowPair | None:
    """The window and the nearest one of the grid that shares no frame with it: after it, or else before."""
    gap = -(-windowing.span // windowing.hop) * windowing.hop
    if window.first + gap + windowing.span <= total:
        return _pair(windowing, window.first, gap, DISJOINT)
    return _pair(windowing, window.first - gap, gap, DISJOINT) if window.first >= gap else None


def _pair(windowing: Windowing, first: int, gap: int, kind: str) -> WindowPair:
    a, b = (Window(start, windowing.frames, windowing.step) for start in (first, first + gap))
    return WindowPair(a=a, b=b, kind=kind, shift=gap // windowing.slice_frames)
