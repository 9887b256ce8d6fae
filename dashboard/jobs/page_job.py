"""A command that a page needs before it can answer: started by a button, watched until it ends, and how it failed. Where visitors may start nothing, the command to type."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from tubelet.dashboard.access import keep_environment
from tubelet.dashboard.jobs import cards, permission
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store, StoreError
from tubelet.store.jobs.listing import find_job
from tubelet.store.jobs.logs import read_log
from tubelet.store.jobs.spare import Spares
from tubelet.store.jobs.starting import start_job
from tubelet.store.jobs.state import DONE, STARTING, JobState

EVERY_S = 0.5


@dataclass(frozen=True)
class PageJob:
    """`name` is part of its keys in the session; `spares` are of this process, for all visitors; `failed` is said before the reason."""

    name: str
    spares: Spares
    failed: str

    @property
    def job_key(self) -> str:
        """In the session: the id of the job that runs."""
        return f"{self.name}-job"

    @property
    def failed_key(self) -> str:
        """In the session: why the last one failed."""
        return f"{self.name}-failed"

    @property
    def runs(self) -> bool:
        return self.job_key in st.session_state

    def offer(
        self, store: Store, words: tuple[str, ...], label: Markdown, possible: bool = True
    ) -> None:
        """A button that starts the command, or the command itself."""
        if permission.find_folder() is None:
            st.markdown("Run this in a terminal; the result appears here:")
            st.code(shlex.join(("tubelet", *words)), language=None, wrap_lines=True)
            return
        if not self.runs:  # while one runs, the processor is its own
            self.spares.warm(keep_environment())
        st.button(
            label,
            icon=":material/play_arrow:",
            type="primary",
            key=f"go-run-{self.name}",
            disabled=not possible or self.runs,
            on_click=self.start,
            args=(store, words),
        )

    def start(self, store: Store, words: Sequence[str]) -> None:
        """Asked again here: the page may be older than the permission."""
        folder = permission.find_folder()
        st.session_state.pop(self.failed_key, None)
        if folder is None or self.runs:
            return
        try:
            started = start_job(store, words, folder, keep_environment(), self.spares)
            st.session_state[self.job_key] = started
        except StoreError as error:
            st.session_state[self.failed_key] = str(error)

    def show_state(self, store: Store) -> None:
        """The job while it runs; after it, why it failed where it did."""
        if self.runs:
            with st.container(key=f"redrawn-{self.name}"):
                _watch(store, self)
        if why := st.session_state.get(self.failed_key):
            st.error(f"{literal(self.failed)}: {literal(why)}", icon=":material/error:")

    def end(self, why: str) -> None:
        st.session_state.pop(self.job_key, None)
        if why:
            st.session_state[self.failed_key] = why
        st.rerun()


@st.fragment(run_every=EVERY_S)
def _watch(store: Store, page_job: PageJob) -> None:
    """Draws the job; once it has ended, the whole page, which finds what it made."""
    if not page_job.runs:
        return
    cards.toast_answer()
    try:
        job = find_job(store, st.session_state[page_job.job_key])
    except StoreError as error:
        page_job.end(str(error))
    if job.live or job.status == STARTING:
        cards.show_running(store, job)
        return
    page_job.end("" if job.status == DONE else _explain(store, job))


def _explain(store: Store, job: JobState) -> str:
    """What the command said last: of a video that is gone, which one."""
    printed = read_log(store.layout.job(job.job_id)).strip()
    return job.said or printed.rpartition("\n")[2] or job.status
