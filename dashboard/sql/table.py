"""An answer as a table."""

import pyarrow as pa
import streamlit as st

from tubelet.dashboard.sql import results

HEIGHT, ROW_HEIGHT = 420, 31  # pixels: at most; of a row
FLOATS = ("halffloat", "float", "double")


def show(rows: pa.Table) -> None:
    shown = results.make_displayable(rows)
    st.dataframe(
        shown,
        height=min(HEIGHT, ROW_HEIGHT * (max(len(shown), 1) + 1) + 4),
        hide_index=True,
        placeholder="NULL",
        column_config=_numbers(shown),
        alt="Result of the query",
    )


def _numbers(shown: pa.Table) -> dict:
    """Floats with six significant digits, integers plain: ids and years carry no thousands separators."""
    return {
        field.name: st.column_config.NumberColumn(format="%.6g")
        for field in shown.schema
        if str(field.type) in FLOATS
    }
