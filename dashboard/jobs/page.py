"""The Jobs page: what runs on the store and what ran, and a form per command to start another."""

import streamlit as st

from tubelet.dashboard.jobs import listing, starting
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.selection import Selection
from tubelet.store import Store

TITLE, ICON = "Jobs", ":material/pending_actions:"
SECTIONS = {starting.LISTED: listing.show, "Start a job": starting.show}


def show(store: Store, selection: Selection) -> None:
    """The same for every encoder and video."""
    st.title("What runs on this store?", anchor=False)
    section = st.segmented_control(
        "Section",
        list(SECTIONS),
        default=None if starting.has_started() else starting.LISTED,
        required=True,
        **bind("jobs-section"),
        label_visibility="collapsed",
    )
    starting.toast_started()
    SECTIONS[section or starting.LISTED](store)
