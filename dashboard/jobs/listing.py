"""What runs on the store and what ran, the newest first, drawn again every two seconds while the page is open."""

from collections.abc import Sequence

import streamlit as st

from tubelet.dashboard import units
from tubelet.dashboard.jobs import cards, starting
from tubelet.dashboard.paging import turn_pages
from tubelet.reports.literal import Markdown, literal_sentence
from tubelet.store import Store, StoreError
from tubelet.store.jobs.listing import list_jobs
from tubelet.store.jobs.state import STARTING, JobState

EVERY_S = 2
ROWS = 10  # jobs that have ended, per page


def show(store: Store) -> None:
    with st.container(key="redrawn-jobs"):  # style.css lets nothing in it fade
        _draw(store)


@st.fragment(run_every=EVERY_S)
def _draw(store: Store) -> None:
    if st.session_state.pop(starting.LEADS, False):  # a button of this fragment led elsewhere
        st.rerun()
    cards.toast_answer()
    try:
        jobs = list_jobs(store)
    except StoreError as error:
        st.error(literal_sentence(error))
        return
    if not jobs:
        _show_empty(store)
        return
    running = [job for job in jobs if job.live or job.status == STARTING]
    ended = [job for job in jobs if job not in running]
    st.markdown(summarize(running, ended))
    with st.container(key="jobs-running"):
        for job in running:
            cards.show_running(store, job)
    with st.container(key="jobs-ended"):
        _show_ended(store, ended)


def summarize(running: Sequence[JobState], ended: Sequence[JobState]) -> Markdown:
    """The page's answer, in one sentence."""
    now = f"**{units.count(len(running), 'job')}** running" if running else "No job is running"
    return f"{now}; {units.count(len(ended), 'job')} ended."


def _show_ended(store: Store, ended: Sequence[JobState]) -> None:
    if not ended:
        return
    st.header("Ended", anchor=False)
    first = 0
    if len(ended) > ROWS:
        with st.container(key="turn-jobs"):
            first = turn_pages(len(ended), ROWS, "jobs-page")
    for job in ended[first : first + ROWS]:
        cards.show_ended(store, job)


def _show_empty(store: Store) -> None:
    st.markdown(
        "No job yet. Commands that write to this store appear here while they run, wherever on this machine they were started:"
    )
    st.code(
        f"tubelet ingest FOLDER --store {store.shell_name} --encoder NAME",
        language=None,
        wrap_lines=True,
    )
    st.caption("*Start a job* above has a form for each of them.")
