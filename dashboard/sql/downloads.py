"""Files with every row of an answer, beyond what the page shows: how many there are and how large they get, then a link per format."""

import re
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import streamlit as st

from tubelet.dashboard import answers, caching, downloads, units
from tubelet.dashboard.sql.snippet import write_snippet
from tubelet.reports.literal import literal_sentence
from tubelet.store import Store
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.untrusted import Answer, Query
from tubelet.store.sandbox.whole_answers import estimate_bytes
from tubelet.store.schema import RELATIONS

TABLES = 3  # named in the name of a file, at most
COUNT_SECONDS = 15.0  # how long the rows that are not shown are counted


def show(store: Store, query: Query, answer: Answer) -> None:
    """A button below which the files are. They are counted and measured once it is pressed."""
    opened = st.popover(
        "Download",
        icon=":material/download:",
        key="download",
        on_change="rerun",
        help="Every row and every value, also those that the page does not show.",
    )
    if not opened.open:
        return
    with opened:
        rows = _count(store, query, answer)
        key = answers.offer(query)
        for label, format_ in answers.FORMATS.items():
            size = (
                ""
                if rows is None
                else f", about {units.size(estimate_bytes(answer.table, rows, format_))}"
            )
            name = name_file(store, query, rows, format_)
            downloads.offer("", {f"{label}{size}": f"answers/{key}/{quote(name)}"})
        st.caption("The same rows in a notebook:")
        st.code(write_snippet(store, query), language="python")


def _count(store: Store, query: Query, answer: Answer) -> int | None:
    """How many rows the files hold; None where counting them takes too long."""
    rows = answer.table.num_rows
    if answer.truncated:
        try:
            with st.spinner("Counting rows"):
                rows = caching.count_rows(store, query, COUNT_SECONDS)
        except QueryError as error:
            st.caption(f"The rows could not be counted: {literal_sentence(error)}")
            return None
    columns = units.count(answer.table.num_columns, "column")
    st.markdown(f"**{units.count(rows, 'row')}**, {columns}, lists in full")
    return rows


def name_file(store: Store, query: Query, rows: int | None, format_: str) -> str:
    """What is inside: the store, the tables that were asked, the rows, and when."""
    named = [name for name in RELATIONS if re.search(rf"\b{name}\b", query.sql, re.IGNORECASE)]
    parts = [Path(store.name).name, *(named[:TABLES] or ["query"])]
    counted = [] if rows is None else [f"{rows}-row{'s' * (rows != 1)}"]
    return f"{'-'.join([*parts, *counted])}-{datetime.now():%Y%m%d-%H%M%S}.{format_}"
