"""Paging through a query: which rows are on the page that the URL names."""

import streamlit as st

from tubelet.dashboard import address
from tubelet.dashboard.parameters import bind

BUTTON_WIDTH, SLACK, NUMBERS = 34, 28, 7  # pixels a button and over; page numbers shown at most


def turn_pages(total: int, rows: int, key: str) -> int:
    """Draw the page numbers of `total` rows, `rows` a page; the offset of the chosen page's first row."""
    pages = max(1, -(-total // rows))
    wider = 30 * max(0, len(str(pages)) - 2)  # three long numbers side by side
    width = BUTTON_WIDTH * (min(pages, NUMBERS) + 2) + wider + SLACK
    return (st.pagination(pages, max_visible_pages=NUMBERS, width=width, **bind(key)) - 1) * rows


def lead_to_first(key: str) -> None:
    """To the first page, because what is listed has changed; to be called by the widget that changed it."""
    st.session_state[key] = 1
    address.send_again(key)
