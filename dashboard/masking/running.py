"""Run a mask as a job, watch it until it ends, and say how it failed. Where visitors may start nothing, the command to type."""

import shlex

import streamlit as st

from tubelet.dashboard.access import keep_environment
from tubelet.dashboard.jobs import cards, permission
from tubelet.dashboard.masking.request import MaskRequest
from tubelet.reports.literal import literal
from tubelet.store import Store, StoreError
from tubelet.store.jobs.listing import find_job
from tubelet.store.jobs.logs import read_log
from tubelet.store.jobs.spare import Spares
from tubelet.store.jobs.starting import start_job
from tubelet.store.jobs.state import DONE, STARTING, JobState

JOB, FAILED = (
    "masking-job",
    "masking-failed",
)  # in the session: the job that runs for this page, and why the last one failed
EVERY_S = 0.5
SPARES = Spares(("tubelet.training.masking.run",))  # of this process, for all visitors


def offer_run(store: Store, clip_id: str, asked: MaskRequest) -> None:
    """A button that starts the command, or the command itself."""
    words = asked.words(str(store.root), clip_id)
    if permission.find_folder() is None:
        st.markdown("Run this in a terminal; the result appears here:")
        st.code(shlex.join(("tubelet", *words)), language=None, wrap_lines=True)
        return
    if JOB not in st.session_state:  # while one runs, the processor is its own
        SPARES.warm(keep_environment())
    st.button(
        "Run mask",
        icon=":material/play_arrow:",
        type="primary",
        key="go-run-mask",
        disabled=bool(asked.wrong) or JOB in st.session_state,
        on_click=start,
        args=(store, words),
    )


def start(store: Store, words: tuple[str, ...]) -> None:
    """Asked again here: the page may be older than the permission."""
    folder = permission.find_folder()
    st.session_state.pop(FAILED, None)
    if folder is None or JOB in st.session_state:
        return
    try:
        st.session_state[JOB] = start_job(store, words, folder, keep_environment(), SPARES)
    except StoreError as error:
        st.session_state[FAILED] = str(error)


def show_state(store: Store) -> None:
    """The job while it runs; after it, why it failed where it did."""
    if JOB in st.session_state:
        with st.container(key="redrawn-jobs"):
            _watch(store)
    if why := st.session_state.get(FAILED):
        st.error(f"The mask was not run: {literal(why)}", icon=":material/error:")


@st.fragment(run_every=EVERY_S)
def _watch(store: Store) -> None:
    """Draws the job; once it has ended, the whole page, which finds what it measured."""
    if JOB not in st.session_state:
        return
    cards.toast_answer()
    try:
        job = find_job(store, st.session_state[JOB])
    except StoreError as error:
        _end(str(error))
    if job.live or job.status == STARTING:
        cards.show_running(store, job)
        return
    _end("" if job.status == DONE else _explain(store, job))


def _explain(store: Store, job: JobState) -> str:
    """What the command said last: of a video that is gone, which one."""
    printed = read_log(store.layout.job(job.job_id)).strip()
    return job.said or printed.rpartition("\n")[2] or job.status


def _end(why: str) -> None:
    st.session_state.pop(JOB, None)
    if why:
        st.session_state[FAILED] = why
    st.rerun()
