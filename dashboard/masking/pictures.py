"""A window under a mask as rows of slices: what is hidden of the frames, tokens in one basis, and errors on one scale."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from PIL import Image

from tubelet.dashboard.sql import thumbnails
from tubelet.dashboard.sql.frames import color_heat
from tubelet.reports.literal import Markdown, html_text
from tubelet.store import Store
from tubelet.store.rows import NamedClip

MOST, LEAST_WIDTH = 16, 76  # slices of a row; pixels of one
HIDDEN = (120, 120, 120, 235)
OVER = "position: absolute; inset: 0; width: 100%; height: 100%; image-rendering: pixelated; border-radius: 3px"
ALONE = "display: block; width: 100%; aspect-ratio: {wide} / {high}; image-rendering: pixelated; border-radius: 3px; background: rgba(128, 128, 128, 0.25)"
ROW = "display: grid; grid-template-columns: repeat({count}, minmax({least}px, 1fr)); gap: 4px; overflow-x: auto"
ERRORS = {
    "l1": "Error of the prediction",
    "near_l1": "Error of copying the nearest seen token",
    "mean_l1": "Error of the mean of the seen tokens",
}


@dataclass(frozen=True)
class MaskedGrid:
    """The tokens of a window by place: `hidden` (S, H, W), colors (S, H, W, 3) in 0..255, and errors (S, H, W), NaN where a token is seen."""

    hidden: np.ndarray
    shown: np.ndarray
    own: np.ndarray
    errors: dict[str, np.ndarray]

    @classmethod
    def of(cls, tokens: pa.Table, clip: NamedClip) -> "MaskedGrid":
        """Make it of an answer to `maskings.masked_window`. Raises ValueError where it is not the window's tokens."""
        shape = clip.slices, clip.grid_height, clip.grid_width
        own, shown = (_stack(tokens, name).reshape(*shape, 3) for name in ("own_c", "c"))
        low, high = np.quantile(np.nan_to_num(own), (0.02, 0.98), axis=(0, 1, 2))
        span = np.maximum(high - low, 1e-9)
        colored = [np.clip((np.nan_to_num(one) - low) / span, 0, 1) * 255 for one in (shown, own)]
        hidden = np.array(tokens["hidden"].to_pylist(), bool).reshape(shape)
        errors = {name: _numbers(tokens, name).reshape(shape) for name in ERRORS}
        return cls(hidden, colored[0], colored[1], errors)

    @property
    def slices(self) -> list[int]:
        """The slices that are drawn: all, or as many as a row holds, evenly spaced."""
        count = len(self.hidden)
        return np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int)).tolist()

    @property
    def largest(self) -> float:
        """The largest error of all guesses."""
        found = [float(np.nanmax(one)) for one in self.errors.values() if np.isfinite(one).any()]
        return max(found, default=0.0)


def render_window(store: Store, clip: NamedClip, grid: MaskedGrid, largest: float) -> str:
    """All rows, the error from 0 to `largest`."""
    visible = ~grid.hidden[..., None]
    rows = [
        _render_row("Source, hidden patches gray", grid, [thumbnails.slice_html(store, clip, at, _image(_cover(grid.hidden[at]), OVER)) for at in grid.slices]),
        _render_colors("Context: the encoder's output for the visible tokens alone", grid, grid.shown, visible),
        _render_colors("Prediction, among the seen tokens", grid, grid.shown),
        _render_colors("Target: the encoder's output for the whole window", grid, grid.own),
    ]  # fmt: skip
    for name, title in ERRORS.items():
        cells = [_render_heat(grid.errors[name][at], largest) for at in grid.slices]
        rows.append(_render_row(f"{title}, 0 to {largest:.3g}", grid, cells))
    return "".join(rows)


def describe_slices(grid: MaskedGrid) -> Markdown:
    """Which slices are shown, where not all are."""
    shown, count = len(grid.slices), len(grid.hidden)
    return f"{shown:d} of {count:d} slices, evenly spaced." if shown < count else ""


def _render_colors(
    title: str, grid: MaskedGrid, colors: np.ndarray, visible: np.ndarray | None = None
) -> str:
    alpha = np.full((*colors.shape[:-1], 1), 255.0) if visible is None else visible * 255.0
    pixels = np.concatenate([colors, alpha], -1).round().astype(np.uint8)
    return _render_row(title, grid, [_image(pixels[at], _alone(pixels[at])) for at in grid.slices])


def _render_heat(errors: np.ndarray, largest: float) -> str:
    heat = color_heat(errors, 0, largest)
    heat[..., 3] = np.where(np.isnan(errors), 0, 255)
    return _image(heat, _alone(heat))


def _render_row(title: str, grid: MaskedGrid, cells: Iterable[str]) -> str:
    style = ROW.format(count=len(grid.slices), least=LEAST_WIDTH)
    head = f'<div style="font-size: 0.85rem; margin: 0.6rem 0 0.2rem">{html_text(title)}</div>'
    label = html_text(f"{title}, slice by slice")
    return f'{head}<div role="group" aria-label="{label}" tabindex="0" style="{style}">{"".join(cells)}</div>'


def _cover(hidden: np.ndarray) -> np.ndarray:
    return np.where(hidden[..., None], np.array(HIDDEN), 0).astype(np.uint8)


def _alone(pixels: np.ndarray) -> str:
    return ALONE.format(high=pixels.shape[0], wide=pixels.shape[1])


def _image(pixels: np.ndarray, style: str) -> str:
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, "PNG")
    data = base64.b64encode(sink.getvalue()).decode()
    return f'<img alt="" src="data:image/png;base64,{data}" style="{style}">'


def _stack(tokens: pa.Table, name: str) -> np.ndarray:
    return np.stack([_numbers(tokens, f"{name}{number}") for number in (1, 2, 3)], -1)


def _numbers(tokens: pa.Table, name: str) -> np.ndarray:
    return tokens[name].to_numpy(zero_copy_only=False).astype(float)
