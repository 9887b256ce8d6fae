"""Decoded slices below the true ones, with what the decoder reached on videos it never saw, as one picture."""

import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from tubelet.latent.decoding.along import DrawnTokens
from tubelet.latent.decoding.decoder import LoadedDecoder, describe_quality
from tubelet.latent.decoding.pictures import read_pictures
from tubelet.store import Store

SLICES_MOST, TILE, GAP, LINE = 16, 128, 4, 14  # columns, then pixels
LETTER = 6.2  # pixels that a letter takes on average
PAPER, INK = (255, 255, 255), (20, 30, 40)


def draw_sheet(store: Store, decoder: LoadedDecoder, clip_id: str) -> Image.Image:
    """A column per slice: what the encoder saw, where the store has its pictures, and below it what the decoder draws. Raises LatentError and StoreError."""
    row, drawn = store.clip(clip_id), decoder.draw(store, clip_id)
    shown = np.unique(np.linspace(0, len(drawn) - 1, min(len(drawn), SLICES_MOST)).round().astype(int))  # fmt: skip
    rows = [("decoded", drawn[shown])]
    if store.layout.has_pictures(row.video_id, row.clip_id):
        rows.insert(0, ("seen", read_pictures(store, row, drawn.shape[1:3], range(row.slices))[shown]))  # fmt: skip
    return arrange_sheet(rows, describe_quality(decoder.row))


def draw_along_sheet(drawn: DrawnTokens, words: str) -> Image.Image:
    """Single tokens in a row, each below its name."""
    return arrange_sheet([("", drawn.pictures)], words, drawn.names)


def arrange_sheet(
    rows: Sequence[tuple[str, np.ndarray]], words: str, columns: Sequence[str] = ()
) -> Image.Image:
    """Rows of pictures (k, h, w, 3) with their names, names of their columns above, and below what is said of all."""
    height, width = rows[0][1].shape[1:3]
    scale = TILE / max(height, width)
    tile = round(width * scale), round(height * scale)
    across = len(rows[0][1]) * (tile[0] + GAP) + GAP
    lines = textwrap.wrap(words, max(24, int(across / LETTER)))
    above = LINE if columns else 0
    sheet = Image.new("RGB", (across, above + len(rows) * (tile[1] + LINE + GAP) + (len(lines) + 1) * LINE), PAPER)  # fmt: skip
    pen, top = ImageDraw.Draw(sheet), GAP
    for number, column in enumerate(columns):
        pen.text((GAP + number * (tile[0] + GAP), top), column, fill=INK)
    top += above
    for name, pictures in rows:
        pen.text((GAP, top - GAP), name, fill=INK)
        for number, picture in enumerate(pictures):
            place = GAP + number * (tile[0] + GAP), top + LINE - GAP
            sheet.paste(Image.fromarray(picture).resize(tile, Image.Resampling.BILINEAR), place)
        top += tile[1] + LINE + GAP
    for number, line in enumerate(lines):
        pen.text((GAP, top + number * LINE), line, fill=INK)
    return sheet
