"""Start a command as a job: its form, the command line that the form makes, and the button that runs it."""

import shlex
from collections.abc import Sequence

import streamlit as st

from tubelet.dashboard import caching
from tubelet.dashboard.access import keep_environment
from tubelet.dashboard.jobs import fields, permission
from tubelet.dashboard.parameters import bind
from tubelet.reports.literal import Markdown, literal, literal_sentence
from tubelet.store import Store, StoreError
from tubelet.store.jobs.forms import CommandForm, Values
from tubelet.store.jobs.starting import start_job

LISTED, STARTED = "Jobs", "Start a job"  # the sections
LEADS = "job-leads"  # in the session: a click on the list has to draw the whole page
REFUSED = "job-refused"  # in the session: why it started none
JUST_STARTED = "job-started"  # in the session: the job that the button has just started


def show(store: Store) -> None:
    try:
        forms = {form.name: form for form in caching.command_forms()}
    except StoreError as error:
        st.error(literal_sentence(error))
        return
    name = st.selectbox("Command", list(forms), width=320, **bind("command"))
    _show_form(store, forms[name])


def _show_form(store: Store, form: CommandForm) -> None:
    st.markdown(describe_form(form))
    needed = [field for field in form.fields if field.required or not field.flag]
    values = dict(fields.show_fields(form.name, needed, wide=True))
    with st.expander("Options", icon=":material/tune:", key=f"options-{form.name}"):
        others = [field for field in form.fields if field not in needed]
        values |= fields.show_fields(form.name, others)
    fields.forget_filled()
    words = form.words(values, str(store.root))
    st.code(shlex.join(("tubelet", *words)), language=None, wrap_lines=True)
    _offer_start(store, words, form.find_missing(values))


def describe_form(form: CommandForm) -> Markdown:
    """The help of a command; the texts are our own."""
    return form.help


def _offer_start(store: Store, words: Sequence[str], missing: Sequence[str]) -> None:
    """The button; where visitors may not, how they would be allowed to."""
    folder = permission.find_folder()
    if refused := st.session_state.pop(REFUSED, ""):
        st.error(literal(refused))
    if missing:
        st.caption(f"Still needed: {', '.join(map(literal, missing))}.")
    if folder is None:
        st.markdown(
            "Copy the command into a terminal to run it. To start commands from this page, serve it with"
        )
        st.code(
            f"tubelet dashboard --store {store.shell_name} --allow-jobs",
            language=None,
            wrap_lines=True,
        )
        return
    st.button(
        "Start job",
        icon=":material/play_arrow:",
        type="primary",
        disabled=bool(missing),
        key="go-start-job",
        on_click=_start,
        args=(store, tuple(words)),
    )
    st.caption(f"Relative paths start at {literal(folder)}.")


def _start(store: Store, words: Sequence[str]) -> None:
    """Asked again here: the page may be older than the permission."""
    folder = permission.find_folder()
    if folder is None:
        return
    try:
        job_id = start_job(store, words, folder, keep_environment())
    except StoreError as error:
        st.session_state[REFUSED] = str(error)
        return
    st.session_state[JUST_STARTED] = job_id
    st.session_state["jobs-section"] = LISTED


def fill_in(form: CommandForm, values: Values) -> None:
    """Show the form of a command with these values."""
    st.session_state["jobs-section"], st.session_state["command"] = STARTED, form.name
    fields.fill(form.name, form.fields, values)
    st.session_state[LEADS] = True


def is_led() -> bool:
    """Whether a button of the last run led to a section: Streamlit then wants no default of the choice between them."""
    return bool({JUST_STARTED, fields.FILLED} & set(st.session_state))


def toast_started() -> None:
    """Say once what the button led to."""
    job_id = st.session_state.pop(JUST_STARTED, "")
    if job_id:
        st.toast(f"Started job {literal(job_id)}", icon=":material/play_arrow:")
