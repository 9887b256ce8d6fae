"""What failed, and why: one page of a query."""

import streamlit as st

from tubelet.dashboard import caching, downloads, units
from tubelet.dashboard.paging import turn_pages
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.sql_link import sql_behind
from tubelet.reports.literal import literal
from tubelet.store import Store
from tubelet.store.questions import corpus

ROWS = 100  # failures a page
ROW_HEIGHT, VISIBLE = 31, 15  # pixels; rows before the table scrolls


def show(store: Store, selection: Selection) -> None:
    stages = {row["stage"]: row["failures"] for row in caching.rows(store, corpus.failure_stages())}
    total = sum(stages.values())
    if not total:
        st.markdown("No failures: every file is in the store.")
        return
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="turn-failures",
    ):
        where = st.container(horizontal=True, vertical_alignment="center", width="content")
        first = turn_pages(total, ROWS, "failures_page")
    page = corpus.failures_page(ROWS, first)
    failed = caching.table(store, page)
    with where:
        by_stage = ", ".join(
            f"{literal(stage)} {units.number(count)}" for stage, count in stages.items()
        )
        st.markdown(
            f"{units.span(first + 1, first + len(failed), total, 'failure')} · by stage: {by_stage}",
            width="content",
        )
        sql_behind({"Failures": page, "Stages": corpus.failure_stages()}, "failures")
        downloads.offer_answer(store, "failures", corpus.failures_page(total, 0))
    height = ROW_HEIGHT * (min(total, VISIBLE) + 1) + 4
    st.dataframe(
        failed,
        column_config=_column_config(),
        hide_index=True,
        height=height,
        placeholder="",
        alt="Failed files and clips with their reasons",
    )
    st.caption(
        "`tubelet ingest` retries a file when the file or the settings have changed, and skips what is already encoded."
    )


def _column_config() -> dict:
    text = st.column_config.TextColumn
    return {
        "file": text("file", width=140),
        "stage": text("stage", width=62, help="What failed: read, open, decode, window or encode"),
        "error": text("reason", width=440),
        "first_frame": st.column_config.NumberColumn(
            "from frame", width=80, help="First frame that is missing because of this failure"
        ),
        "encoder": text("encoder", width=70),
        "failed_at": st.column_config.DatetimeColumn(
            "when, UTC", width=120, format="YYYY-MM-DD HH:mm"
        ),
        "path": text("path", width=320),
    }
