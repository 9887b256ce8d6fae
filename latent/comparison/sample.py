"""The sample: a few moments, and places in the frame, of every unit (a video, or a group of them) that every encoder has seen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.latent.clips import spread_evenly
from tubelet.latent.comparison.options import MOMENTS, TOKENS, ComparisonError, ComparisonOptions
from tubelet.latent.comparison.places import Places
from tubelet.latent.comparison.windows import PlacedWindow, Span, best_window
from tubelet.store import Store
from tubelet.store.intervals import FEWEST
from tubelet.store.questions.comparison import compared_clips, compared_videos
from tubelet.store.questions.video_vectors import video_labels
from tubelet.store.wording import count

GROUP = "group"  # the label whose values are groups of videos
WHOLE = (0.0, 1.0)  # of a frame: what a pooled state stands for
Windows = dict[str, dict[str, list[PlacedWindow]]]  # by encoder and video


@dataclass(frozen=True)
class Cell:
    """What is compared: a stretch of time and a part of the frame, and the clip of each encoder that shows it."""

    windows: dict[str, PlacedWindow]
    time: Span
    rows: Span = WHOLE
    columns: Span = WHOLE

    @property
    def video_id(self) -> str:
        return next(iter(self.windows.values())).video_id

    @property
    def following(self) -> Span:
        """The stretch of equal length right after it."""
        start, stop = self.time
        return stop, 2 * stop - start


@dataclass(frozen=True, kw_only=True)
class ComparisonSample:
    """`cells[moment][unit]`; `slowest` is the encoder whose slices are the moments."""

    units: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    slowest: str
    shared: int  # videos that every encoder has, before the sample
    grouped: bool

    @property
    def videos(self) -> set[str]:
        return {cell.video_id for cells in self.cells for cell in cells}


def draw_sample(store: Store, places: Places, wanted: ComparisonOptions) -> ComparisonSample:
    """The same for the same store and request. Raises ComparisonError where too few units are shared."""
    shared = _list_shared_videos(store, places)
    groups = _groups(store)
    units: dict[str, list[str]] = {}
    for video in shared:
        units.setdefault(f"group {groups[video]}" if video in groups else video, []).append(video)
    names = sorted(units)
    names = [names[at] for at in spread_evenly(len(names), wanted.videos)]
    _refuse_few(len(names), len(shared), "the encoders share")
    windows = _read_windows(store, places, [video for name in names for video in units[name]])
    slowest = max(windows, key=lambda encoder: (_slice_length(windows[encoder]), encoder))
    moments = wanted.moments or MOMENTS[places.on]
    drawn = {
        name: _draw_cells((wanted.seed, number), [_of_video(windows, v) for v in units[name]], slowest, (places.on, moments))
        for number, name in enumerate(names)
    }  # fmt: skip
    kept = [name for name in names if drawn[name]]
    _refuse_apart(kept, places.on, len(shared))
    cells = tuple(
        tuple(drawn[name][at % len(drawn[name])] for name in kept) for at in range(moments)
    )
    grouped = not set(kept) <= set(shared)
    return ComparisonSample(
        units=tuple(kept), cells=cells, slowest=slowest, shared=len(shared), grouped=grouped
    )


def _list_shared_videos(store: Store, places: Places) -> list[str]:
    held = {
        encoder: set(compared_videos(encoder, source).answer(store)["video_id"].to_pylist())
        for encoder, source in places.sources.items()
    }
    shared = set.intersection(*held.values())
    if not shared:
        listed = "; ".join(f"{one}: {count(len(videos), 'video')}" for one, videos in held.items())
        raise ComparisonError(
            f"the encoders share no video ({listed}), so that there is nothing to compare: ingest the same videos with each, or choose others with --encoder"
        )
    return sorted(shared)


def _groups(store: Store) -> dict[str, str]:
    rows = video_labels(GROUP).answer(store).to_pylist()
    return {row["video_id"]: row["value"] for row in rows}


def _refuse_few(units: int, videos: int, told: str) -> None:
    if units < FEWEST:
        grouped = (
            f" of {videos:,}, grouped by the label `{GROUP}`" if units and units < videos else ""
        )
        raise ComparisonError(
            f"{told} {count(units, 'video or group', 'videos or groups')}{grouped}: a comparison takes {FEWEST} or more, so ingest more of the same videos, at the same times and places, with each"
        )


def _refuse_apart(kept: list[str], on: str, videos: int) -> None:
    """Raise ComparisonError where the clips of shared videos show too little in common."""
    what = "places of the frame at the same time" if on == TOKENS else "moments"
    if not kept:
        raise ComparisonError(
            f"the encoders share {count(videos, 'video')}, but no {what}: their clips show other {'parts' if on == TOKENS else 'stretches'} of them, so ingest the same windows, or compare what is shared with --encoder"
        )
    _refuse_few(len(kept), videos, f"the encoders share {what} in")


def _read_windows(store: Store, places: Places, videos: Sequence[str]) -> Windows:
    found: Windows = {}
    for encoder, source in places.sources.items():
        of_video = found.setdefault(encoder, {})
        for row in compared_clips(encoder, source, videos).answer(store).to_pylist():
            of_video.setdefault(row["video_id"], []).append(PlacedWindow.of(row))
    return found


def _slice_length(of_video: dict[str, list[PlacedWindow]]) -> float:
    """The median, so that one odd clip does not decide."""
    return float(np.median([w.size(0) for windows in of_video.values() for w in windows] or [0]))


def _of_video(windows: Windows, video: str) -> dict[str, list[PlacedWindow]]:
    return {encoder: of_video.get(video, []) for encoder, of_video in windows.items()}


def _draw_cells(
    seed: tuple[int, int],
    videos: list[dict[str, list[PlacedWindow]]],
    slowest: str,
    size: tuple[str, int],
) -> list[Cell]:
    """At most so many cells of a unit, in random order; none where no moment or place is shared."""
    on, moments = size
    generator = np.random.default_rng(seed)
    slices = [
        (windows, window, number)
        for windows in videos
        for window in windows[slowest]
        for number in range(window.grid[0])
    ]
    cells: list[Cell] = []
    turns = 0
    while slices and len(cells) < moments and turns < moments:
        before = len(cells)
        for at in generator.permutation(len(slices)):
            if len(cells) == moments:
                break
            windows, window, number = slices[at]
            cells += _cells_at(windows, window.cell(0, number), on, generator)
        turns += 1
        if len(cells) == before or on != TOKENS:
            break
    return cells


def _cells_at(
    windows: dict[str, list[PlacedWindow]], time: Span, on: str, generator: np.random.Generator
) -> Iterator[Cell]:
    """The cell of one moment: none where another encoder has not seen it."""
    found = {encoder: best_window(those, time) for encoder, those in windows.items()}
    seen = {encoder: one for encoder, one in found.items() if one}
    if len(seen) < len(found):
        return
    if on != TOKENS:
        yield Cell(seen, time)
        return
    rows, columns = (_draw_span(list(seen.values()), axis, generator) for axis in (1, 2))
    if rows and columns:
        yield Cell(seen, time, rows, columns)


def _draw_span(
    windows: list[PlacedWindow], axis: int, generator: np.random.Generator
) -> Span | None:
    """A row or column of the coarsest grid that all pictures cover; None where they share none."""
    coarsest = max(windows, key=lambda window: (window.size(axis), window.encoder_id))
    spans = [coarsest.cell(axis, number) for number in range(coarsest.grid[axis])]
    shared = [span for span in spans if all(window.covers(axis, span) for window in windows)]
    return shared[int(generator.integers(len(shared)))] if shared else None
