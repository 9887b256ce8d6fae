"""Saved queries on the SQL page: choose one, give its parameters values, save what stands in the editor."""

import json
from typing import Any

import streamlit as st

from tubelet.dashboard import address, caching, consent
from tubelet.dashboard.access import is_read_only
from tubelet.dashboard.links import QUERY
from tubelet.dashboard.parameters import SHORT, SQL, VALUES
from tubelet.dashboard.sql.pictures import PARAMETER, TABLE
from tubelet.reports.literal import Markdown, literal, literal_sentence
from tubelet.store import Store, StoreError
from tubelet.store.questions import clips
from tubelet.store.sandbox.statements import find_parameters
from tubelet.store.sandbox.untrusted import Query
from tubelet.store.saved_queries import (
    SavedQuery,
    Value,
    find_query,
    keep_query,
    list_queries,
    save_query,
)

CHOICE, NAME, ABOUT, SAID, LINK = (
    "saved-choice",
    "saved-name",
    "saved-about",
    "saved-said",
    "saved-link",
)  # in the session
VIDEO_NAMES = ("video", "video_id")  # parameters that are chosen among the videos
VIDEOS = 500  # offered to choose from, at most
WIDTH = 220  # pixels of a value


def show_menu(store: Store) -> None:
    """The saved queries, to be opened, and a form to save the one in the editor."""
    kept = [query.name for query in list_queries(store)]
    if kept:
        st.menu_button("Saved", kept, key=CHOICE, on_click=_open, args=(store,))
    if is_read_only():
        return
    with st.popover("Save", icon=":material/bookmark_add:", key="save-query"):
        st.text_input("Name", key=NAME, max_chars=80)
        st.text_input("Description", key=ABOUT)
        st.button("Save query", on_click=_save, args=(store,))
        st.button("Make short link", icon=":material/link:", on_click=_keep, args=(store,))
        if link := st.session_state.pop(LINK, ""):
            st.code(link, language=None, wrap_lines=True)
        if said := st.session_state.pop(SAID, ""):
            st.markdown(literal_sentence(said))


def show_unknown_link() -> None:
    """Say that the store keeps no query under the id of the address: the one of a known id has taken its place before the page is sent."""
    if kept_id := address.read()[SHORT]:
        st.warning(
            f"This store keeps no query {literal(kept_id)}. Ask whoever sent the link for the query itself.",
            icon=":material/link_off:",
        )


def ask_values(store: Store, sql: str, encoder_id: str) -> dict[str, Value] | None:
    """A widget per parameter of a query, and what they say; None while one has no value."""
    names, known = find_parameters(sql), find_values(store, sql)
    if not names:
        return {}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for name in names:
            _show_widget(store, name, known.get(name), encoder_id)
    if missing := [name for name in names if name not in known]:
        st.info(
            f"Give {literal(f'${missing[0]}')} a value to run the query.", icon=":material/edit:"
        )
        return None
    return {name: known[name] for name in names}


def find_values(store: Store, sql: str) -> dict[str, Value]:
    """Values of a query's parameters: those of the address, else the defaults of a saved query of this text."""
    saved = next((query for query in list_queries(store) if query.sql.strip() == sql.strip()), None)
    return {**(saved.defaults if saved else {}), **_read_address()}


def _show_widget(store: Store, name: str, value: Value | None, encoder_id: str) -> None:
    key = f"value-{address.count_redirects()}-{name}"
    told: dict[str, Any] = {"key": key, "on_change": _write, "args": (name, key), "width": WIDTH}
    label = literal(name)
    if name in VIDEO_NAMES:
        _show_videos(store, label, value, encoder_id, told)
    elif isinstance(value, bool):
        st.toggle(label, value, **{**told, "width": "content"})
    elif isinstance(value, int | float):
        st.number_input(label, value=value, step=type(value)(1), **told)
    else:
        st.text_input(label, value, **told)


def _show_videos(
    store: Store, label: Markdown, value: Value | None, encoder_id: str, told: dict
) -> None:
    found = caching.rows(store, clips.videos_with_clips(encoder_id, VIDEOS))
    names = {row["video_id"]: row["name"] for row in found}
    options = [*names] if value is None or value in names else [value, *names]
    st.selectbox(
        label,
        options,
        index=None if value is None else options.index(value),
        format_func=lambda video: str(names.get(video, video)),
        **told,
    )


def _write(name: str, key: str) -> None:
    """The value of a widget, into the address."""
    value = st.session_state[key]
    given = _read_address() | {name: value}
    address.write(**{VALUES: json.dumps({k: v for k, v in given.items() if v is not None})})


def _read_address() -> dict[str, Value]:
    try:
        found = json.loads(address.read()[VALUES] or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, Value)}


def _open(store: Store) -> None:
    query = find_query(store, st.session_state[CHOICE])
    consent.ask(query.sql.strip())
    st.session_state[QUERY] = query.sql
    st.session_state[PARAMETER] = query.picture
    st.session_state[NAME], st.session_state[ABOUT] = query.name, query.description
    address.redirect(**{VALUES: json.dumps(dict(query.defaults)) if query.defaults else ""})


def _keep(store: Store) -> None:
    """Keep the query in the editor, and show the link to it."""
    try:
        kept_id = keep_query(store, *_read_editor(store))
    except StoreError as error:
        st.session_state[SAID] = str(error)
        return
    root = (st.context.url or "").partition("?")[0].rstrip("/").removesuffix(f"/{SQL}")
    st.session_state[LINK] = f"{root}/{SQL}?{SHORT}={kept_id}"


def _read_editor(store: Store) -> tuple[Query, str]:
    """The query in the editor with its values, and the picture of its answer."""
    sql = st.session_state.get(QUERY) or ""
    known = find_values(store, sql)
    values = {name: known[name] for name in find_parameters(sql) if name in known}
    return Query(sql, values), address.read_widget(PARAMETER) or TABLE


def _save(store: Store) -> None:
    asked, picture = _read_editor(store)
    try:
        query = SavedQuery(
            name=(st.session_state[NAME] or "").strip(),
            sql=asked.sql,
            description=(st.session_state[ABOUT] or "").strip(),
            defaults=asked.values,
            picture=picture,
        )
        save_query(store, query)
    except StoreError as error:
        st.session_state[SAID] = str(error)
        return
    st.session_state[SAID] = f"Saved as {query.name}"
