"""What the colours of the Video page are made from: the choice, and what it means in words."""

from collections.abc import Mapping

import streamlit as st

from dashboard import caching
from dashboard.colours import CHANNELS, Colouring
from dashboard.player import Paint
from store import Store
from store.queries import Question


def choose(dim: int) -> Colouring:
    """Three dimensions, in the URL."""
    text = st.text_input("Dimensions as red, green, blue", "0, 1, 2", key="dimensions", bind="query-params", width=220)
    numbers = [int(part) for part in text.replace(" ", "").split(",") if part.isdecimal()]
    if len(numbers) != 3 or max(numbers) >= dim:
        st.caption(f"Write three numbers from 0 to {dim - 1}, like 0, 1, 2.")
        numbers = [min(n, dim - 1) for n in range(3)]
    return Colouring(tuple(numbers))


def paint(store: Store, clip: Mapping, colouring: Colouring) -> Paint:
    if clip["embedding_path"] is None:
        return Paint()
    ranges = caching.colour_ranges(store, clip["encoder_id"], colouring)
    named = zip(CHANNELS, colouring.dimensions, ranges)
    return Paint(f"colours/{colouring.name}", tuple(f"{channel}: dimension {d}, {low:.3g} to {high:.3g}" for channel, d, (low, high) in named))


def sentence(colouring: Colouring) -> str:
    a, b, c = colouring.dimensions
    return f"Each square is a token; red, green and blue are its dimensions {a}, {b} and {c}."


def questions(clip: Mapping) -> dict[str, Question]:
    return {}
