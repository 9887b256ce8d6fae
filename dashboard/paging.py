"""Paging through a query: which rows are on the page that the URL names."""

import time

import streamlit as st

from tubelet.dashboard.parameters import bind

BUTTON_WIDTH, SLACK, NUMBERS = 34, 28, 7  # pixels a button and over; page numbers shown at most
SENT = "url-sent"  # in the session: when the browser was last sent a URL for a change of the page
LATE_S = 10  # seconds in which one may still arrive


def turn_pages(total: int, rows: int, key: str) -> int:
    """Draw the page numbers of `total` rows, `rows` a page; the offset of the chosen page's first row."""
    pages = max(1, -(-total // rows))
    wider = 30 * max(0, len(str(pages)) - 2)  # three long numbers side by side
    width = BUTTON_WIDTH * (min(pages, NUMBERS) + 2) + wider + SLACK
    return (st.pagination(pages, max_visible_pages=NUMBERS, width=width, **bind(key)) - 1) * rows


def lead_to_first(key: str) -> None:
    """To the first page, because what is listed has changed; to be called by the widget that changed it.

    The number leaves the URL: the browser is sent the one that this run was asked with. What is typed until that arrives is then missing
    from the browser's URL, so a run that follows soon sends its own as well, and the last one has everything.
    """
    sent: float | None = st.session_state.get(SENT)
    now = time.monotonic()
    st.session_state[key] = 1
    if key in st.query_params:
        st.session_state[SENT] = now  # by the page numbers, once they are drawn
    elif sent is not None and now - sent < LATE_S:
        st.session_state[SENT] = now
        st.query_params.update()  # nothing changes, and it is sent
