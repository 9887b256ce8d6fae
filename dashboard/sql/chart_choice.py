"""The chart of an answer: what it shows where nothing is chosen, and the choices, each in the URL."""

import pyarrow as pa
import streamlit as st

from tubelet.dashboard.parameters import bind
from tubelet.dashboard.sql import chart
from tubelet.dashboard.sql.chart import COUNT, MARKS, NOTHING, ChartSpec
from tubelet.dashboard.sql.columns import list_columns
from tubelet.reports.literal import Markdown, literal

CHOICES = ("chart-x", "chart-y", "chart-color", "chart-facet")  # URL parameters


def show(rows: pa.Table) -> None:
    """Draw the choices and the chart."""
    prepared, default = chart.prepare(rows), chart.choose_default(rows)
    names = list(list_columns(prepared).plottable)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        mark = _choose("Mark", "chart-mark", list(MARKS), default.mark)
        x, y, color, facet = (
            _choose(literal(key.removeprefix("chart-").capitalize()), key, [*extra, *names], getattr(default, key.removeprefix("chart-")))
            for key, extra in zip(CHOICES, ((), (COUNT,), (NOTHING,), (NOTHING,)))
        )  # fmt: skip
    spec = ChartSpec(mark=mark, x=x, y=y, color=color, facet=facet)
    if refusal := chart.explain_refusal(prepared, spec):
        st.info(refusal, icon=":material/info:")
        return
    st.altair_chart(chart.draw(prepared, spec), alt=f"Chart of {y} over {x}")


def _choose(label: Markdown, key: str, options: list[str], default: str) -> str:
    """A choice that stays as it is until the reader makes one: another query then has its own default."""
    if st.session_state.get(key) not in (None, *options):
        st.session_state[key] = None
    chosen = st.selectbox(label, options, index=None, placeholder=default, **bind(key), width=170)
    return default if chosen is None else chosen
