"""Matrices as pictures: one pixel per cell in a PNG, scaled by the viewer, with a legend of the same colors."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tubelet.reports.literal import html_text

SHADES = 64
STOPS = (
    "#f4f7f9",
    "#b9dcea",
    "#62b0cf",
    "#0b6a9c",
    "#0a3a63",
    "#0b1a33",
)  # light to dark: told apart in every kind of color vision
UNKNOWN = (176, 120, 60)
LINE = 22  # pixels per row that has a name
SIDE = 500  # cells a side at most; neighbors are averaged


@dataclass(frozen=True, kw_only=True)
class Raster:
    """A matrix ``(rows, columns)`` to be drawn from the top, the names of its axes, and the range that its colors span.

    `names`: of the rows, where they are few enough to be read; a row is then as high as a line of text.
    """

    values: np.ndarray
    x: str
    y: str
    unit: str
    low: float
    high: float
    square: bool = False  # cells as wide as high; otherwise the picture is twice as wide as high
    names: tuple[str, ...] = ()

    @property
    def png(self) -> bytes:
        shade = np.clip((self.values - self.low) / max(self.high - self.low, 1e-12), 0, 1) * (
            SHADES - 1
        )
        image = Image.fromarray(
            np.where(np.isfinite(shade), shade, SHADES).round().astype(np.uint8)
        )
        image.putpalette([*palette().ravel(), *UNKNOWN])
        sink = io.BytesIO()
        image.save(sink, "PNG", optimize=True)
        return sink.getvalue()

    @property
    def html(self) -> str:
        """The picture with its axes and its legend, for a page or a file."""
        data = base64.b64encode(self.png).decode()
        width, ratio = (
            (420, f"{self.values.shape[1]} / {self.values.shape[0]}")
            if self.square
            else (840, "2 / 1")
        )
        return (
            f'<div style="max-width:{width}px;font-size:0.85em">'
            f'<div style="margin-bottom:2px">\N{DOWNWARDS ARROW} {html_text(self.y)}</div>'
            f"{self._place_image(data, ratio)}"
            f'<div style="text-align:right;margin:2px 0 6px">{html_text(self.x)} \N{RIGHTWARDS ARROW}</div>{self._legend}</div>'
        )

    def _place_image(self, data: str, ratio: str) -> str:
        """The image alone, or beside the names of its rows."""
        start = f'<img alt="" src="data:image/png;base64,{data}" style="image-rendering:pixelated;display:block;'
        if not self.names:
            return f'{start}width:100%;aspect-ratio:{ratio}">'
        listed = "".join(
            f'<div style="height:{LINE}px;line-height:{LINE}px;white-space:nowrap">{html_text(name)}</div>'
            for name in self.names
        )
        return (
            f'<div style="display:flex;gap:8px"><div>{listed}</div>'
            f'{start}flex:1;min-width:0;height:{LINE * len(self.names)}px"></div>'
        )

    @property
    def _legend(self) -> str:
        bar = f"height:10px;width:180px;border:1px solid #8a98a3;background:linear-gradient(to right,{','.join(STOPS)})"
        missing = (
            ""
            if np.isfinite(self.values).all()
            else f'<span style="color:rgb{UNKNOWN}">\N{BLACK SQUARE} constant</span>'
        )
        return (
            '<div style="display:flex;flex-wrap:wrap;gap:8px;align-items:center">'
            f'<span>{self.low:.3g} or less</span><div style="{bar}"></div>'
            f"<span>{self.high:.3g} or more</span><span>{html_text(self.unit)}</span>{missing}</div>"
        )


def palette() -> np.ndarray:
    """The color stops, interpolated, ``(64, 3)`` of 0 to 255."""
    stops = np.array([[int(stop[at : at + 2], 16) for at in (1, 3, 5)] for stop in STOPS])
    at = np.linspace(0, len(stops) - 1, SHADES)
    return (
        np.stack([np.interp(at, np.arange(len(stops)), stops[:, c]) for c in range(3)], 1)
        .round()
        .astype(np.uint8)
    )


def find_color_range(
    values: np.ndarray, low: float = 0.005, high: float = 0.995
) -> tuple[float, float]:
    """Quantiles that colors span, so that one value does not wash the others out."""
    found = values[np.isfinite(values)]
    return (
        (float(np.quantile(found, low)), float(np.quantile(found, high)))
        if found.size
        else (0.0, 1.0)
    )


def downsample(values: np.ndarray) -> tuple[np.ndarray, int]:
    """At most 500 x 500 cells of a square matrix, each the mean of a block."""
    step = -(-len(values) // SIDE)
    if step == 1:
        return values, 1
    starts = np.arange(0, len(values), step)
    sizes = np.diff([*starts, len(values)])
    return np.add.reduceat(np.add.reduceat(values, starts, 0), starts, 1) / np.outer(
        sizes, sizes
    ), step
