"""How an answer can be looked at: what its columns allow, the choice among them in the URL, and who draws it.

table    always
chart    any column of numbers or of words
patches  clip_id, slice, y, x: each row is a patch of a video
frames   the same and a number: heat over the slices' pictures
cards    clip_id or video_id: each row is a clip or a video
plan     how the query is run: what EXPLAIN reports
"""

from collections.abc import Callable

import pyarrow as pa
import streamlit as st

from tubelet.dashboard.parameters import bind
from tubelet.dashboard.sql import cards, chart_choice, frames, gallery, plan, table
from tubelet.dashboard.sql.columns import ADDRESS, list_columns
from tubelet.reports.literal import literal
from tubelet.store import Store
from tubelet.store.sandbox.untrusted import Answer, Query

TABLE, CHART, PATCHES, FRAMES, CARDS, PLAN = (
    "table",
    "chart",
    "patches",
    "frames",
    "cards",
    "plan",
)
PARAMETER = "picture"  # of the URL
DRAW: dict[str, Callable[[Store, Query, pa.Table], None]] = {
    TABLE: lambda store, query, rows: table.show(rows),
    CHART: lambda store, query, rows: chart_choice.show(rows),
    PATCHES: lambda store, query, rows: gallery.show(store, rows),
    FRAMES: lambda store, query, rows: frames.show(store, rows),
    CARDS: lambda store, query, rows: cards.show(store, rows),
    PLAN: lambda store, query, rows: plan.show(store, query),
}


def list_pictures(rows: pa.Table) -> list[str]:
    """The pictures that the columns of an answer allow, the table first."""
    columns, names = list_columns(rows), set(rows.column_names)
    addressed = set(ADDRESS) <= names
    allowed = {
        TABLE: True,
        CHART: bool(columns.plottable) and len(rows) > 0,
        PATCHES: addressed,
        FRAMES: addressed and bool(columns.values),
        CARDS: bool({"clip_id", "video_id"} & names),
        PLAN: True,
    }
    return [name for name, possible in allowed.items() if possible]


def choose(rows: pa.Table) -> str:
    """Draw the choice and read it; a picture that this answer cannot be is the table."""
    possible = list_pictures(rows)
    if st.session_state.get(PARAMETER, TABLE) not in possible:
        st.session_state[PARAMETER] = TABLE
    chosen = st.segmented_control(
        "Show as",
        [literal(name) for name in possible],
        default=TABLE,
        **bind(PARAMETER),
        label_visibility="collapsed",
        required=True,
    )
    return chosen or TABLE


def draw(store: Store, query: Query, answer: Answer, picture: str) -> None:
    DRAW[picture](store, query, answer.table)
