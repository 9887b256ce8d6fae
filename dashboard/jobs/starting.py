"""Start a command as a job: its form, the command line that the form makes, and the button that runs it."""

import shlex
from collections.abc import Sequence

import streamlit as st

from tubelet.dashboard import caching
from tubelet.dashboard.access import keep_environment
from tubelet.dashboard.jobs import fields, permission
from tubelet.dashboard.parameters import bind
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store, StoreError
from tubelet.store.jobs.forms import CommandForm
from tubelet.store.jobs.starting import start_job

LISTED = "Jobs"  # the section that lists them
SAID = "job-said"  # in the session: what the last click on the button led to


def show(store: Store) -> None:
    try:
        forms = {form.name: form for form in caching.command_forms()}
    except StoreError as error:
        st.error(literal(error))
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
    words = form.words(values, str(store.root))
    st.code(shlex.join(("tubelet", *words)), language="bash", wrap_lines=True)
    _offer_start(store, words, form.find_missing(values))


def describe_form(form: CommandForm) -> Markdown:
    """What the command says of itself; the texts are our own."""
    return form.help


def _offer_start(store: Store, words: Sequence[str], missing: Sequence[str]) -> None:
    """The button; where visitors may not, how they would be allowed to."""
    folder = permission.find_folder()
    if missing:
        st.caption(f"Still needed: {', '.join(map(literal, missing))}.")
    if folder is None:
        st.markdown(
            "Copy the command into a terminal to run it. To start commands from this page, serve it with"
        )
        st.code(
            f"tubelet dashboard --store {store.shell_name} --allow-jobs",
            language="bash",
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
        st.session_state[SAID] = (str(error), ":material/error:")
        return
    st.session_state[SAID] = (f"started job {job_id}", ":material/play_arrow:")
    st.session_state["jobs-section"] = LISTED


def toast_started() -> None:
    """Say once what the button led to."""
    said, icon = st.session_state.pop(SAID, ("", ""))
    if said:
        st.toast(literal(said), icon=icon)
