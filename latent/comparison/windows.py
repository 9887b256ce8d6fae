"""Clips as what they cover: a stretch of a video's time, and a part of its frame, each cut into equal cells."""

from dataclasses import dataclass

import numpy as np

from tubelet.latent.comparison.matching import LEAST, measure_cover, overlap_weights
from tubelet.store.placement import place_picture

Span = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PlacedWindow:
    """A clip: `time` in seconds, `rows` and `columns` as fractions of the frame, `grid` slices, rows and columns of tokens."""

    clip_id: str
    video_id: str
    encoder_id: str
    path: str | None
    time: Span
    rows: Span
    columns: Span
    grid: tuple[int, int, int]

    @classmethod
    def of(cls, row: dict) -> "PlacedWindow":
        """Make a window of a row of `questions.comparison.compared_clips`."""
        frame, picture = ((row[f"{of}_height"], row[f"{of}_width"]) for of in ("frame", "crop"))
        top, left, height, width = place_picture(frame, picture, row["geometry"]).seen
        return cls(
            clip_id=row["clip_id"],
            video_id=row["video_id"],
            encoder_id=row["encoder_id"],
            path=row["embedding_path"],
            time=(row["start_s"], row["stop_s"]),
            rows=(top, top + height),
            columns=(left, left + width),
            grid=(row["slices"], row["grid_height"], row["grid_width"]),
        )

    @property
    def axes(self) -> tuple[Span, Span, Span]:
        return self.time, self.rows, self.columns

    def size(self, axis: int) -> float:
        """How long, high or wide a cell is."""
        low, high = self.axes[axis]
        return (high - low) / self.grid[axis]

    def cell(self, axis: int, number: int) -> Span:
        low = self.axes[axis][0] + number * self.size(axis)
        return low, low + self.size(axis)

    def covers(self, axis: int, span: Span) -> bool:
        return bool(measure_cover(*self.axes[axis], *span) >= LEAST)

    def weights(self, axis: int, span: Span) -> np.ndarray:
        return overlap_weights(*self.axes[axis], self.grid[axis], span)


def best_window(windows: list[PlacedWindow], span: Span) -> PlacedWindow | None:
    """The clip that covers most of a stretch of time, the one with the stretch closest to its middle among equals; None where too little is."""
    middle = sum(span) / 2

    def rank(window: PlacedWindow) -> tuple[float, float, str]:
        cover = float(measure_cover(*window.time, *span))
        return -round(cover, 6), abs(sum(window.time) / 2 - middle), window.clip_id

    found = min(windows, key=rank, default=None)
    return found if found and found.covers(0, span) else None
