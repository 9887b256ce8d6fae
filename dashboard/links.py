"""Links from page to page. Streamlit knows pages by their path, so what stands for one here is never drawn."""

import streamlit as st

from tubelet.dashboard import consent
from tubelet.reports.literal import Markdown

SQL_PATH, VIDEO_PATH = "sql", "video"  # where the pages lie in the URL
QUERY = "query"  # the URL parameter that carries a query


def to_sql(label: Markdown, query: str) -> None:
    _link("SQL", SQL_PATH, label, ":material/open_in_new:", {QUERY: query, consent.SIGNED: consent.sign(query.strip())})


def to_player(label: Markdown, **where: str) -> None:
    """A link to the Video page; `where` are its URL parameters (video, clip, encoder)."""
    _link("Video", VIDEO_PATH, label, ":material/smart_display:", where)


def _link(title: str, path: str, label: Markdown, icon: str, parameters: dict[str, str]) -> None:
    st.page_link(st.Page(_drawn_by_app, title=title, url_path=path), label=label, icon=icon, query_params=parameters)


def _drawn_by_app() -> None:
    """Stands for a page."""
