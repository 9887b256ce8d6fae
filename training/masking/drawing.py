"""A window under its masks as one picture: per mask the frames with what is hidden, the tokens in one basis, and the error.

Rows of each mask, from above: frames, hidden patches gray; the encoder's output for the visible tokens alone; the same with the predicted tokens filled in;
its output for the whole window; the error of the hidden tokens, dark to bright on one scale for all masks. Colors are the first three principal
components of the whole window's tokens, so that a color means the same everywhere.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from tubelet.store.disk.outputs import open_whole
from tubelet.training.masking.basis import ColorBasis
from tubelet.training.masking.measuring import MaskedWindow

TILE, GAP, HEAD = 96, 4, 18  # pixels
SLICES_MOST = 16  # columns
HIDDEN, PAPER, INK = 128, (255, 255, 255), (20, 30, 40)
HOT = np.array([[10, 8, 40], [120, 28, 109], [229, 92, 48], [252, 255, 164]], float)


def draw_windows(frames: torch.Tensor, masked: Mapping[str, MaskedWindow]) -> Image.Image:
    """Frames (T, 3, h, w) in uint8, and what was found under each mask, by its name."""
    first = next(iter(masked.values()))
    slices = first.hidden.shape[0]
    shown = np.unique(np.linspace(0, slices - 1, min(slices, SLICES_MOST)).round().astype(int))
    basis = ColorBasis(first.truth.numpy())
    most = max(float(found.errors["l1"].max()) for found in masked.values()) or 1.0
    rows = [
        (name if number == 0 else "", tiles)
        for name, found in masked.items()
        for number, tiles in enumerate(_rows(frames, found, basis, most))
    ]
    return _arrange(rows, shown)


def write_picture(image: Image.Image, path: Path) -> None:
    """Whole or not at all."""
    with open_whole(path) as file:
        image.save(file, "PNG")


def _rows(
    frames: torch.Tensor, found: MaskedWindow, basis: ColorBasis, most: float
) -> list[np.ndarray]:
    """Rows of tiles, each (S, h, w, 3)."""
    hidden, shape = found.hidden[..., None], (*found.hidden.shape, 3)
    filled, truth = (basis.color(tokens.numpy()).reshape(shape) for tokens in (found.filled, found.truth))  # fmt: skip
    heat = np.zeros(shape)
    heat[found.hidden] = _heat(found.errors["l1"] / most)
    seen = np.where(hidden, HIDDEN, filled)
    return [_hide(frames, found.hidden), seen, filled, truth, np.where(hidden, heat, HIDDEN)]


def _hide(frames: torch.Tensor, hidden: np.ndarray) -> np.ndarray:
    """The first frame of each slice, its hidden patches gray."""
    slices, rows, columns = hidden.shape
    step = max(1, len(frames) // slices)
    pictures = frames[: slices * step : step].permute(0, 2, 3, 1).numpy().astype(float)
    high, wide = pictures.shape[1] // rows, pictures.shape[2] // columns
    over = hidden.repeat(high, 1).repeat(wide, 2)[..., None]
    return np.where(over, HIDDEN, pictures[:, : rows * high, : columns * wide])


def _heat(shares: np.ndarray) -> np.ndarray:
    places = np.clip(shares, 0, 1) * (len(HOT) - 1)
    return np.stack([np.interp(places, np.arange(len(HOT)), HOT[:, c]) for c in range(3)], -1)


def _arrange(rows: list[tuple[str, np.ndarray]], shown: np.ndarray) -> Image.Image:
    """Rows below each other, with a name above the first of each mask."""
    height = sum(TILE + GAP + (HEAD if name else 0) for name, _ in rows) + GAP
    image = Image.new("RGB", (len(shown) * (TILE + GAP) + GAP, height), PAPER)
    pen, top = ImageDraw.Draw(image), GAP
    for name, tiles in rows:
        if name:
            pen.text((GAP, top), name, fill=INK)
            top += HEAD
        for number, slice_ in enumerate(shown):
            tile = Image.fromarray(tiles[slice_].round().astype(np.uint8)).resize((TILE, TILE), Image.Resampling.NEAREST)  # fmt: skip
            image.paste(tile, (GAP + number * (TILE + GAP), top))
        top += TILE + GAP
    return image
