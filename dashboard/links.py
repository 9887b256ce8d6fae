"""Links from page to page. Streamlit identifies pages by their path, so the stand-ins of this module are never drawn.

A link carries whatever its page would otherwise write into the address on arrival: a change by the page is a step of the Back button.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

from tubelet.dashboard import address, completion, consent, menu
from tubelet.dashboard.parameters import DIMENSION, ENCODER, SQL, VIDEO_PAGE, WINDOWS
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store

OPENED = "opened"  # in the session: where a click leads
QUERY = "query"  # the URL parameter that carries a query


def to_sql(label: Markdown, query: str) -> None:
    kept = address.find_kept() | {QUERY: query, consent.SIGNED: consent.sign(query.strip())}
    _link("SQL", SQL, label, ":material/open_in_new:", kept)


def to_player(label: Markdown, **where: str) -> None:
    """A link to the Video page; `where` are its URL parameters (video, clip, encoder)."""
    _link("Video", VIDEO_PAGE, label, ":material/smart_display:", address.find_kept() | where)


def to_windows(label: Markdown, **where: str) -> None:
    """A link to the Windows page; `where` are its URL parameters (video, pair, encoder)."""
    _link("Windows", WINDOWS, label, ":material/compare:", address.find_kept() | where)


def to_dimension(label: Markdown, encoder_id: str, dim: int | None, direction: str = "") -> None:
    """A link to the Dimension page: a dimension, or another direction by its name."""
    where = {ENCODER: encoder_id, "dimension": "" if dim is None else str(dim), "direction": direction}  # fmt: skip
    _link("Dimension", DIMENSION, label, ":material/linear_scale:", address.find_kept() | where)


def locate_dimension(encoder_id: str, dim: int) -> str:
    """The address of a dimension, for a cell of a table."""
    return f"{DIMENSION}?{urlencode({ENCODER: encoder_id, 'dimension': dim})}"


def locate_direction(encoder_id: str, name: str) -> str:
    """The address of a direction by its name, for a cell of a table."""
    return f"{DIMENSION}?{urlencode({ENCODER: encoder_id, 'direction': name})}"


def to_report(title: str, name: str, label: Markdown) -> None:
    """A link to the page of a report."""
    _link(title, name, label, ":material/summarize:", address.find_kept())


def open_player(**where: str) -> None:
    """Lead to the Video page in the next run of the script: a callback cannot leave its page."""
    st.session_state[OPENED] = where


def follow_opened() -> None:
    """Go where `open_player` said."""
    where = st.session_state.pop(OPENED, None)
    if where:
        page = st.Page(_stand_in_for_page, title="Video", url_path=VIDEO_PAGE)
        given = address.recall(VIDEO_PAGE) | address.find_kept() | where
        st.switch_page(page, query_params=_keep_given(given))


def show_menu(store: Store, pages: Mapping[str, st.Page]) -> None:
    """Every page in its section, each with what the reader has chosen."""
    kept = address.find_kept()
    for section, names in menu.group_pages(pages).items():
        st.caption(literal(section))
        for name in names:
            given = completion.complete(store, name, address.recall(name) | kept)
            st.page_link(pages[name], query_params=_keep_given(given))


def _link(title: str, path: str, label: Markdown, icon: str, parameters: Mapping[str, str]) -> None:
    page = st.Page(_stand_in_for_page, title=title, url_path=path)
    st.page_link(
        page,
        label=label,
        icon=icon,
        query_params=_keep_given({**address.recall(path), **parameters}),
    )


def _keep_given(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value}


def _stand_in_for_page() -> None:
    """Stands for a page."""
