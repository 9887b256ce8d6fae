"""Rows of a report that are slices, as pictures side by side: each opens the Video page where it stands."""

import base64
from urllib.parse import urlencode

from tubelet.dashboard.parameters import CLIP, ENCODER, SLICE, VIDEO, VIDEO_PAGE
from tubelet.dashboard.sql.thumbnails import LINK, arrange
from tubelet.reports.blocks import Column, Table
from tubelet.reports.formatting import cell
from tubelet.reports.literal import html_text

WIDTH = 150  # pixels, at least
CAPTIONS = (
    "l1",
    "l1_over_copy",
    "pixel_change",
    "motion",
)  # of the columns, where the table has them


def render_moments(block: Table) -> str:
    """The rows that have a picture, in their order."""
    rows = block.spelled.slice(0, block.shown).to_pylist()
    columns = {column.name: column for column in block.columns}
    pictures = block.pictures or {}
    cells = (_render(row, pictures[number], columns) for number, row in enumerate(rows) if number in pictures)  # fmt: skip
    return arrange(cells, WIDTH)


def _render(row: dict, jpeg: bytes, columns: dict[str, Column]) -> str:
    head = f"{row['name']}, {row['at_s']:.2f} s, slice {row['slice']}"
    where = {VIDEO: row["video_id"], CLIP: row["clip_id"], ENCODER: row["encoder_id"], SLICE: str(row["slice"])}  # fmt: skip
    data = base64.b64encode(jpeg).decode()
    image = f'<img alt="{html_text(head)}" src="data:image/jpeg;base64,{data}" style="width: 100%; display: block; border-radius: 3px">'
    lines = [head, *(f"{column.title}: {cell(row[name], column.format)}" for name in CAPTIONS if (column := columns.get(name)))]  # fmt: skip
    text = "".join(f"<div>{html_text(line)}</div>" for line in lines)
    address = html_text(f"{VIDEO_PAGE}?{urlencode(where)}")
    return f'<a href="{address}" style="{LINK}">{image}{text}</a>'
