"""The sidebar's part on the selected videos: how many they are, a way to drop them, and to keep them as a tag."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from tubelet.dashboard import address, caching, consent, units
from tubelet.dashboard.access import is_read_only
from tubelet.dashboard.chosen import IDS_MOST, KEPT, LABEL, TAG, WHERE, VideoChoice
from tubelet.dashboard.parameters import SELECTED
from tubelet.reports.literal import Markdown, literal, literal_sentence
from tubelet.store import Store, StoreError, TubeletError
from tubelet.store.annotations.kept import keep_videos
from tubelet.store.annotations.tags import TagMember, add_tag
from tubelet.store.errors import NoVideos, QueryError
from tubelet.store.questions import annotations, corpus

SAVED, FAILED = (
    "tag-saved",
    "selection-failed",
)  # in the session: what the last save said, and why a selection was not kept


@dataclass(frozen=True)
class Members:
    """What can be tagged: what one of it is called, how many there are, and which."""

    noun: Markdown
    size: int
    list_all: Callable[[], list[TagMember]]

    @property
    def words(self) -> Markdown:
        return units.count(self.size, self.noun)


@dataclass(frozen=True)
class SelectedVideos:
    """The videos that pages are about, and how they were selected."""

    chosen: VideoChoice
    ids: corpus.VideoSelection

    @property
    def condition(self) -> str:
        return self.chosen.condition


def show(store: Store) -> SelectedVideos | None:
    """Draw it where the caller stands; None where no videos are selected: pages are about all of them."""
    toast_saved()
    written = address.read()[SELECTED]
    if not written:
        _offer_ways(store)
        return None
    chosen = VideoChoice.parse(written)
    with st.container(border=True, gap="xxsmall", key="selected-videos"):
        found = _find(store, chosen) if chosen else None
        if chosen is None:
            st.caption("The address selects videos in a way that this version does not know.")
        elif found:
            st.markdown(f"**{units.count(len(found), 'video')} selected**")
            st.caption(literal(chosen.words))
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Drop selection",
                icon=":material/close:",
                type="tertiary",
                key="go-drop",
                on_click=drop,
            )
            if found and chosen and chosen.kind != TAG:
                offer_tag(store, list(found), "selection")
    return SelectedVideos(chosen, found) if chosen and found else None


def _offer_ways(store: Store) -> None:
    """A tag, a label or a condition, from any page; nothing in a store without videos."""
    if not caching.summary(store).videos:
        return
    with st.popover("Select videos", icon=":material/checklist:", type="tertiary", key="ways"):
        tags = {row["tag"]: row["videos"] for row in caching.rows(store, annotations.tags())}
        if tags:
            st.selectbox(
                "Tag",
                list(tags),
                None,
                lambda tag: f"{tag} ({units.count(tags[tag], 'video')})",
                placeholder="none yet",
                key="select-tag",
                on_change=_select_tag,
            )
        _offer_labels(store)
        st.text_input(
            "Videos where",
            placeholder="label['split'] = 'test'",
            key="select-where",
            on_change=_select_where,
        )


def _offer_labels(store: Store) -> None:
    """Every value of a label, to be picked or found by typing a part of it."""
    rows = caching.rows(store, annotations.label_choices())
    if not rows:
        return
    found = {f"{row['name']}={row['value']}": row for row in rows}
    st.selectbox(
        "Label and value",
        list(found),
        None,
        lambda asked: (
            f"{found[asked]['name']}: {found[asked]['value']} ({units.count(found[asked]['videos'], 'video')})"
        ),
        placeholder="none yet",
        key="select-label",
        on_change=_select_label,
    )


def _select_label() -> None:
    if asked := st.session_state["select-label"]:
        select(VideoChoice(LABEL, asked))


def _select_tag() -> None:
    if tag := st.session_state["select-tag"]:
        select(VideoChoice(TAG, tag))


def _select_where() -> None:
    """What was typed is the reader's own."""
    if where := (st.session_state["select-where"] or "").strip():
        consent.ask(where)
        select(VideoChoice(WHERE, where))


def _find(store: Store, chosen: VideoChoice) -> corpus.VideoSelection | None:
    """The videos, or why there are none."""
    if chosen.kind == WHERE and not consent.holds(chosen.text, SELECTED):
        return None
    try:
        return caching.videos(store, chosen.condition)
    except NoVideos:
        st.caption(f"No video of the store is selected by {literal(chosen.words)}.")
    except QueryError as error:
        st.caption(literal_sentence(error))
    return None


def select(chosen: VideoChoice) -> None:
    """Make these the selected videos, on every page."""
    address.redirect(**{SELECTED: chosen.written})


def drop() -> None:
    address.redirect(**{SELECTED: ""})


def offer(store: Store, video_ids: list[str], key: str, chosen: VideoChoice | None = None) -> None:
    """Buttons that select these videos on every page, by what selects them where that is known, or keep them as a tag."""
    if chosen is None and len(video_ids) <= IDS_MOST:
        chosen = VideoChoice.of_ids(video_ids)
    fits = chosen is not None or not is_read_only()
    lacks = f"An address carries up to {IDS_MOST} videos, and this dashboard is read-only: it keeps no longer selection."
    st.button(
        f"Select {units.count(len(video_ids), 'video')}",
        icon=":material/checklist:",
        type="tertiary",
        key=f"go-select-{key}",
        disabled=not fits,
        on_click=_select_or_keep,
        args=(store, video_ids, chosen),
        help="Every page is then about these videos." if fits else lacks,
    )
    offer_tag(store, video_ids, key)


def _select_or_keep(store: Store, video_ids: list[str], chosen: VideoChoice | None) -> None:
    """Select what an address can carry, or keep the videos in the store first."""
    try:
        select(chosen or VideoChoice(KEPT, keep_videos(store, video_ids)))
    except (TubeletError, StoreError) as error:
        st.session_state[FAILED] = str(error)


def offer_tag(store: Store, video_ids: list[str], key: str) -> None:
    """A form that keeps these videos as a tag; nothing where the server is read-only."""
    videos = Members(
        "video", len(video_ids), lambda: [TagMember(video_id=id_) for id_ in video_ids]
    )
    offer_members(store, videos, key)


def offer_members(store: Store, members: Members, key: str) -> None:
    """The same for what has been found to be tagged, which is listed once the form is sent."""
    if is_read_only():
        return
    where = st.popover("Save as tag", icon=":material/sell:", type="tertiary", key=f"tag-{key}")
    with where.form(f"form-{key}", border=False):
        name = st.text_input("Tag", placeholder="such as odd", key=f"tag-name-{key}")
        note = st.text_input("Note", placeholder="what it is for", key=f"tag-note-{key}")
        if st.form_submit_button(f"Tag {members.words}", icon=":material/sell:"):
            _save(store, name, note, members)


def _save(store: Store, name: str, note: str, members: Members) -> None:
    """Commit the tag and select its videos; what cannot be a tag is said."""
    try:
        done = add_tag(store, name, members.list_all(), note.strip() or None)
    except (TubeletError, StoreError) as error:
        st.error(literal_sentence(error))
        return
    tagged = units.count(done.added + done.present, members.noun)
    st.session_state[SAVED] = f"{tagged} tagged {done.tag}"
    select(VideoChoice(TAG, done.tag))
    st.rerun()


def toast_saved() -> None:
    """Say once that a tag was saved, or that a selection could not be kept."""
    failed: str | None = st.session_state.pop(FAILED, None)
    if failed:
        st.error(literal(failed))
    said: Markdown | None = st.session_state.pop(SAVED, None)
    if said:
        st.toast(literal_sentence(said), icon=":material/sell:")
