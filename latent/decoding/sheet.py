"""Decoded slices below the true ones, with what the decoder reached on videos it never saw, as one picture."""

import textwrap

import numpy as np
from PIL import Image, ImageDraw

from tubelet.latent.decoding.decoder import Decoder, describe_quality
from tubelet.latent.decoding.pictures import has_pictures, read_pictures
from tubelet.store import Store

SLICES_MOST, TILE, GAP, LINE = 16, 128, 4, 14  # columns, then pixels
LETTER = 6.2  # pixels that a letter takes on average
PAPER, INK = (255, 255, 255), (20, 30, 40)


def draw_sheet(store: Store, decoder: Decoder, clip_id: str) -> Image.Image:
    """A column per slice: what the encoder saw, where the store has its pictures, and below it what the decoder draws. Raises LatentError and StoreError."""
    row, drawn = store.clip(clip_id), decoder.draw(store, clip_id)
    shown = np.unique(np.linspace(0, len(drawn) - 1, min(len(drawn), SLICES_MOST)).round().astype(int))  # fmt: skip
    rows = [("decoded", drawn[shown])]
    if has_pictures(store, row):
        rows.insert(0, ("seen", read_pictures(store, row, drawn.shape[1:3], range(row.slices))[shown]))  # fmt: skip
    return _arrange(rows, describe_quality(decoder.row))


def _arrange(rows: list[tuple[str, np.ndarray]], words: str) -> Image.Image:
    height, width = rows[0][1].shape[1:3]
    scale = TILE / max(height, width)
    tile = round(width * scale), round(height * scale)
    across = len(rows[0][1]) * (tile[0] + GAP) + GAP
    lines = textwrap.wrap(words, max(24, int(across / LETTER)))
    sheet = Image.new("RGB", (across, len(rows) * (tile[1] + LINE + GAP) + (len(lines) + 1) * LINE), PAPER)  # fmt: skip
    pen, top = ImageDraw.Draw(sheet), GAP
    for name, pictures in rows:
        pen.text((GAP, top - GAP), name, fill=INK)
        for number, picture in enumerate(pictures):
            place = GAP + number * (tile[0] + GAP), top + LINE - GAP
            sheet.paste(Image.fromarray(picture).resize(tile, Image.Resampling.BILINEAR), place)
        top += tile[1] + LINE + GAP
    for number, line in enumerate(lines):
        pen.text((GAP, top + number * LINE), line, fill=INK)
    return sheet
