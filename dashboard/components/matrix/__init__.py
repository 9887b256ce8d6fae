"""The matrix of a pair, drawn in the browser from bytes sent once: slices, order and readings need no server; a click tells it the cell."""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from tubelet.dashboard import address, units
from tubelet.dashboard.components import modules
from tubelet.dashboard.parameters import CELL
from tubelet.dashboard.sql_link import sql_behind
from tubelet.store import Store
from tubelet.store.pairs.differences import Differences
from tubelet.store.placement import Sheet
from tubelet.store.questions import pairs
from tubelet.store.questions.rows import ShownPair

MOST_BYTES = 64_000_000  # sent at once; above it the values of A are left out

SAID = ("dim", "y", "x", "slice")  # what the browser calls the parameters of a cell
FORMAT = 1  # of the buffer, as pair.js reads it
DRAWN_FROM = "Cells are drawn from the half-precision files in 8 bits; the curves and tables below come from the measurement itself."

MOUNT = modules.mount("matrix")


@st.fragment
def show(store: Store, pair: ShownPair, made: Differences, order: list[int]) -> None:
    """Draw the matrix of a pair; `order` are its dimensions by effect. A fragment: a click runs no more of the page than this."""
    key = f"matrix-{pair.pair_id}"
    MOUNT(
        data=pack(made, heading(pair), sheets(store, pair), order),
        key=key,
        on_cell_change=lambda: _keep_in_url(key),
    )
    dim, y, x, shared_slice = (
        _read_number(name, size)
        for name, size in zip(CELL, (made.shape[3], *made.shape[1:3], made.shape[0]))
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(DRAWN_FROM, width="content")
        cell = pairs.cell_over_slices(pair, dim, y, x)
        sql_behind(
            {
                "Slice": pairs.cells_of_slice(pair, shared_slice),
                f"Dimension {dim} of patch ({y}, {x})": cell,
            },
            "matrix",
        )


def heading(pair: ShownPair) -> dict[str, Any]:
    """What the browser has to know besides the arrays: ids, the offset of A's slices, the seconds of every shared slice."""
    offset = pair.offset
    slice_s = (pair.stop_a - pair.start_a) / pair.slices
    times = [
        [pair.start_a + (offset + k) * slice_s, pair.start_a + (offset + k + 1) * slice_s]
        for k in range(pair.shared_slices)
    ]
    sheet = Sheet.of(pair)
    return {
        "id": f"{pair.pair_id} {pair.measured_at}",
        "offset": offset,
        "times": times,
        "tile": sheet.tile,
        "tiles_a_row": sheet.columns,
    }


def pack(
    made: Differences, heading: Mapping[str, Any], sheets: list[bytes], order: list[int]
) -> bytes:
    """One buffer: the length of a JSON heading in 4 bytes, the heading, then the arrays that it names."""
    ranks = b"".join(dim.to_bytes(2, "little") for dim in order)
    parts = {
        "differences": made.differences,
        "values": made.values,
        "low": made.low,
        "step": made.step,
        "order": ranks,
    }
    parts |= dict(zip(("sheet_a", "sheet_b"), sheets))
    slices, rows, columns, dim = made.shape
    known = {
        **heading,
        "format": FORMAT,
        "slices": slices,
        "rows": rows,
        "columns": columns,
        "dim": dim,
        "range": made.range,
    }
    length = 0
    while True:  # the heading holds the places of what follows it, and so its own length
        places, at = {}, 4 + length
        for name, data in parts.items():
            places[name] = [at, len(data)]
            at += len(data)
        head = json.dumps({**known, "parts": places}).encode()
        if len(head) <= length:
            return b"".join((length.to_bytes(4, "little"), head.ljust(length), *parts.values()))
        length = len(head)


def sheets(store: Store, pair: ShownPair) -> list[bytes]:
    """JPEGs of both clips, one picture per slice; empty where the store has none (`--no-pictures`)."""
    paths = [store.layout.pictures_file(pair.video_id, pair[clip]) for clip in ("clip_a", "clip_b")]
    return [path.read_bytes() if path.is_file() else b"" for path in paths]


def _read_number(name: str, size: int) -> int:
    """A URL parameter that numbers something; 0 where it says nothing of use."""
    given = units.read(address.read()[name])
    return given if given is not None and given < size else 0


def _keep_in_url(key: str) -> None:
    cell = st.session_state[key]["cell"]
    address.write(**{name: str(int(cell[said])) for name, said in zip(CELL, SAID)})
