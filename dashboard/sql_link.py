"""Every picture has its SQL: the control beside a result that shows its query and opens it on the SQL page."""

from collections.abc import Mapping

import streamlit as st

from tubelet.dashboard import links
from tubelet.reports.literal import literal
from tubelet.store.questions.corpus import Question


def sql_behind(questions: Mapping[str, Question], key: str) -> None:
    """A button that opens the queries behind what stands beside it, by the name of what each of them feeds."""
    with st.popover(
        "SQL behind this", icon=":material/code:", type="tertiary", key=f"behind-{key}"
    ):
        for title, question in questions.items():
            with st.container(
                horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
            ):
                st.markdown(f"**{literal(title)}**", width="content")
                links.to_sql("Open in SQL", question.text)
            st.code(
                question.text,
                language="sql",
                height=min(320, 40 + 22 * (question.text.count("\n") + 1)),
            )
