"""Every picture has its SQL: the control beside a result that shows its query and opens it on the SQL page."""

from collections.abc import Mapping

import streamlit as st

from store.queries import Question

SQL_PATH = "sql"  # where the SQL page lies in the URL
QUERY = "query"  # the URL parameter that carries a query


def sql_behind(questions: Mapping[str, Question], key: str) -> None:
    """A button that opens the queries behind what stands beside it, by the name of what each of them feeds."""
    with st.popover("SQL behind this", icon=":material/code:", type="tertiary", key=f"behind-{key}"):
        for title, question in questions.items():
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                st.markdown(f"**{title}**", width="content")
                _open_link(question)
            st.code(question.text, language="sql", height=min(320, 40 + 22 * (question.text.count("\n") + 1)))


def _open_link(question: Question) -> None:
    page = st.Page(_drawn_by_app, title="SQL", url_path=SQL_PATH)
    st.page_link(page, label="Open in SQL", icon=":material/open_in_new:", query_params={QUERY: question.text})


def _drawn_by_app() -> None:
    """Stands for the SQL page in a link; Streamlit knows pages by their path."""
