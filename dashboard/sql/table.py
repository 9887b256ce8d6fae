"""An answer as a table."""

import pyarrow as pa
import streamlit as st

from tubelet.dashboard.sql import linked_patches, results

HEIGHT, ROW_HEIGHT, PICTURE_HEIGHT = 420, 31, 96  # pixels: at most; of a row; of one with pictures
FLOATS = ("halffloat", "float", "double")


def show(rows: pa.Table) -> None:
    shown = results.make_displayable(rows)
    pictures = linked_patches.find_columns(shown)
    row_height = PICTURE_HEIGHT if pictures else ROW_HEIGHT
    st.dataframe(
        shown,
        height=min(HEIGHT, ROW_HEIGHT + row_height * max(len(shown), 1) + 4),
        row_height=row_height if pictures else None,
        hide_index=True,
        placeholder="NULL",
        column_config=_numbers(shown) | dict.fromkeys(pictures, st.column_config.ImageColumn()),
        alt="Result of the query",
    )


def _numbers(shown: pa.Table) -> dict:
    """Floats with six significant digits, integers plain: ids and years carry no thousands separators."""
    return {
        field.name: st.column_config.NumberColumn(format="%.6g")
        for field in shown.schema
        if str(field.type) in FLOATS
    }
