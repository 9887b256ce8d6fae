"""One job on the page: what it is, how far it is, what failed, what it printed, and the buttons that end it."""

import shlex
import textwrap
import time

import streamlit as st

from tubelet.dashboard import caching, units
from tubelet.dashboard.jobs import permission, starting
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store, StoreError
from tubelet.store.jobs import logs, rereading
from tubelet.store.jobs.listing import stop_job
from tubelet.store.jobs.state import (
    BEING_STOPPED,
    DONE,
    ELSEWHERE,
    FAILED,
    INCOMPLETE,
    LOG,
    LOST,
    RUNNING,
    STARTING,
    STOPPED,
    JobProgress,
    JobState,
)

LOOKS = {  # status -> icon, color of its badge
    STARTING: (":material/hourglass_top:", "blue"),
    RUNNING: (":material/play_arrow:", "blue"),
    BEING_STOPPED: (":material/hourglass_bottom:", "orange"),
    ELSEWHERE: (":material/dns:", "gray"),
    DONE: (":material/check:", "green"),
    INCOMPLETE: (":material/warning:", "orange"),
    FAILED: (":material/error:", "red"),
    STOPPED: (":material/stop_circle:", "gray"),
    LOST: (":material/help:", "orange"),
}
SAID = 120  # characters of why a job ended, in its line
ANSWERED = "job-answered"  # in the session: what the last stop or kill led to
LOG_LINES = 12  # of the end of a log
STOP_WORDS = "The command commits what is done and ends, as after Ctrl-C. Run again, it adds what is missing."
KILL_WORDS = "The process ends at once. What it has committed stays; what it was computing is lost."


def show_running(store: Store, job: JobState) -> None:
    with st.container(border=True, key=f"job-{job.job_id}"):
        icon, color = LOOKS[job.status]
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(literal(job.status), icon=icon, color=color)  # type: ignore[arg-type]
            st.markdown(_describe_times(job), width="content")
        _show_command(job)
        _show_progress(job)
        _show_details(store, job)
        if job.live:
            _offer_end(store, job)


def show_ended(store: Store, job: JobState) -> None:
    """One line that opens; what it hides is read once it is open."""
    icon, _ = LOOKS[job.status]
    name = literal(" ".join(_name(job)))
    said = " ".join((job.said or "").split())
    why = f" · {literal(textwrap.shorten(said, SAID, placeholder='...'))}" if said else ""
    label = f"{literal(job.status)} · {name} · {_describe_times(job)}{why}"
    opened = st.expander(label, icon=icon, key=f"ended-{job.job_id}", on_change="rerun")
    if opened.open:
        with opened:
            _show_command(job)
            if job.said:
                st.markdown(literal(job.said))
            if job.progress:
                st.markdown(_how_far(job.progress))
            _show_details(store, job)
            _offer_again(job)


def _offer_again(job: JobState) -> None:
    """A button that fills the form of its command in as it was; nothing where that is not known."""
    try:
        forms = caching.command_forms()
    except StoreError:
        return
    form = rereading.find_form(forms, job.words)
    values = rereading.read_values(form, job.words) if form else None
    if form is None or values is None:
        return
    st.button(
        "Fill in again",
        icon=":material/edit_note:",
        key=f"go-again-{job.job_id}",
        on_click=starting.fill_in,
        args=(form, values),
        help="Opens the form of the command with the same values.",
    )


def _name(job: JobState) -> list[str]:
    """The words that name the command, as in `basis fit`, and what it is called with first."""
    follows = zip(("", *job.words), job.words)
    plain = [word for before, word in follows if not word.startswith("-") and before != "--store"]
    return plain[:2] or ["unknown command"]


def _describe_times(job: JobState) -> Markdown:
    if not job.started_at:  # its description is gone
        return "at an unknown time"
    at = time.gmtime(job.started_at)
    until = job.ended_at or (time.time() if job.live else job.started_at)
    took = f", {units.duration(max(0.0, until - job.started_at))}" if until > job.started_at else ""
    return f"{at.tm_year:04d}-{at.tm_mon:02d}-{at.tm_mday:02d} {at.tm_hour:02d}:{at.tm_min:02d} UTC{took}"


def _show_command(job: JobState) -> None:
    """The whole command line, and where it runs."""
    st.code(shlex.join(("tubelet", *job.words)), language=None, wrap_lines=True)
    process = f", process {job.pid:d}" if job.pid else ""
    st.caption(f"{literal(job.job_id)} on {literal(job.host)}{process}, in {literal(job.folder)}")


def _show_progress(job: JobState) -> None:
    """The progress of a job; if its total is unknown, only that it runs."""
    far = job.progress
    if far and far.total:
        st.progress(min(1.0, far.done / far.total), text=_how_far(far))
    else:
        st.progress(0.0, text="No progress reported yet")


def _how_far(far: JobProgress) -> Markdown:
    parts = [literal(far.share)]
    parts += [f"{far.tokens_per_s:,.0f} tokens/s"] if far.tokens_per_s else []
    left = far.seconds_left
    parts += [f"about {units.duration(left)} left"] if left is not None else []
    parts += [f"{far.failed:,d} failed"] if far.failed else []
    return ", ".join(parts)


def _show_details(store: Store, job: JobState) -> None:
    """What failed, and what it printed last."""
    if job.progress and job.progress.failures:
        shown = len(job.progress.failures)
        st.markdown(f"**{units.count(job.progress.failed, 'failure')}**, the last {shown:d}:")
        st.code("\n".join(job.progress.failures), language=None, wrap_lines=True)
    folder = store.layout.job(job.job_id)
    if not logs.has_log(folder):
        st.caption("It was started in a terminal, which has its output.")
    elif text := logs.read_log(folder):
        st.markdown("**End of its log**")
        st.code("\n".join(text.split("\n")[-LOG_LINES:]), language=None, wrap_lines=True)
        st.caption(f"All of it: {literal(folder / LOG)}")
    else:
        st.caption("It has printed nothing.")


def _offer_end(store: Store, job: JobState) -> None:
    """Stop and kill, each behind a button that asks again; where visitors may not, the commands that do it."""
    if permission.find_folder() is None:
        st.caption("To stop it, run this in a terminal; run once more, it kills the process:")
        st.code(
            f"tubelet jobs --store {store.shell_name} --stop {job.job_id}",
            language=None,
            wrap_lines=True,
        )
        return
    with st.container(horizontal=True, gap="small"):
        if job.status == RUNNING:
            with st.popover("Stop", icon=":material/stop_circle:", key=f"stop-{job.job_id}"):
                st.markdown(STOP_WORDS)
                _offer(store, job, "Stop job", kill=False)
        with st.popover("Kill", icon=":material/dangerous:", key=f"kill-{job.job_id}"):
            st.markdown(KILL_WORDS)
            _offer(store, job, "Kill job", kill=True)


def _offer(store: Store, job: JobState, label: Markdown, kill: bool) -> None:
    st.button(
        label,
        type="primary",
        key=f"go-{'kill' if kill else 'stop'}-{job.job_id}",
        on_click=_end,
        args=(store, job.job_id, kill),
    )


def _end(store: Store, job_id: str, kill: bool) -> None:
    """Asked again here: the page may be older than the permission."""
    if permission.find_folder() is None:
        return
    try:
        st.session_state[ANSWERED] = stop_job(store, job_id, kill)
    except (StoreError, OSError) as error:
        st.session_state[ANSWERED] = str(error)


def toast_answer() -> None:
    """Say once what the last stop or kill led to; a callback of a fragment draws nothing."""
    if answer := st.session_state.pop(ANSWERED, ""):
        st.toast(literal(answer), icon=":material/stop_circle:")
