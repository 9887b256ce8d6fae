"""The SQL page: any question, read-only and bounded, with the schema beside it and the query in the URL."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from tubelet.dashboard import caching, consent, units
from tubelet.dashboard.access import read_limits
from tubelet.dashboard.components import editor
from tubelet.dashboard.links import QUERY
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.selection import Selection, describe_untrained
from tubelet.dashboard.sql import downloads, pictures, reading, row_videos, saved, schema_browser
from tubelet.dashboard.sql.examples import EXAMPLES, FIRST, label_example
from tubelet.reports.literal import Markdown, literal, literal_block
from tubelet.store import Store
from tubelet.store.errors import QueryError
from tubelet.store.questions.condition import read_condition
from tubelet.store.sandbox.untrusted import Answer, Query
from tubelet.store.sandbox.worker_pool import PROCESSES

TITLE, ICON = "SQL", ":material/terminal:"

EDITOR_HEIGHT, RESULT_HEIGHT = 160, 420  # pixels

RAN, STOPPED, TYPED, PENDING = (
    "sql-ran",
    "sql-stopped",
    "sql-typed",
    "sql-pending",
)  # in the session


def _show_selected(selection: Selection) -> None:
    """The condition that stands for the selected videos: a query says itself which videos it is about."""
    if selection.videos:
        st.caption("The selected videos, as a condition for `WHERE`:")
        st.code(read_condition(selection.videos.condition).sql, language="sql")


def show(store: Store, selection: Selection) -> None:
    st.title("What do you want to know?", anchor=False)
    saved.show_unknown_link()
    _show_selected(selection)
    with st.grid(3, min_column_width=250, gap="small") as grid:
        with grid.cell(column_span=2):
            query, place = _editor(store)
            _ask_to_replace()
        with grid.cell():
            schema_browser.show()
    failure = _show_answer(store, selection, query)
    with place:
        editor.show(query, failure or "", failure is not None)


def _show_answer(store: Store, selection: Selection, query: str) -> str | None:
    """The answer of the query, or what has to happen first. Why it failed, "" where it did not, None where it was not run.

    Every answer is drawn in the same place, whatever stands above it: Streamlit forgets which parameter of the URL a widget carries
    when the widget moves.
    """
    above, place = st.container(), st.container()
    if not query.strip():
        above.caption("Type a query, or choose an example.")
    elif query == st.session_state.get(STOPPED):
        above.info(
            "Query stopped. Choose **Run query** to run it again.", icon=":material/stop_circle:"
        )
    elif query in EXAMPLES.values() or consent.is_asked(query.strip()):
        encoder = selection.encoder.encoder_id if selection.encoder else ""
        with above:
            values = saved.ask_values(store, query, encoder)
            asked = Query(query, values or {})
            ready = values is not None and reading.may_run(store, asked)
        if ready:
            st.session_state[RAN] = query
            with place:
                return _show_result(store, asked)
    else:
        _show_waiting(store, query, above, place)
    return None


def _show_waiting(store: Store, query: str, above: DeltaGenerator, place: DeltaGenerator) -> None:
    """A query that has not been run, from a link or while it is typed, above the result of the last one."""
    if not st.session_state.get(TYPED):
        above.info("This query came with a link. Read it, then run it.", icon=":material/link:")
    else:
        above.info(
            "The query has changed. Choose **Run query** or press Ctrl+Enter to run it.",
            icon=":material/edit:",
        )
    with above:
        reading.show_estimate(store, Query(query, saved.find_values(store, query)))
    if not st.session_state.get(TYPED):
        return
    if last := st.session_state.get(RAN):
        above.caption("Result of the query before the change:")
        with place:
            _show_result(store, Query(last, saved.find_values(store, last)))


def _editor(store: Store) -> tuple[str, DeltaGenerator]:
    """The text of the query, and the place where the browser's editor covers its text area."""
    with st.container(key="query-area"):  # as high as the editor that is to come: see style.css
        query = st.text_area(
            "Query",
            FIRST,
            height=EDITOR_HEIGHT,
            **bind(QUERY),
            label_visibility="collapsed",
            on_change=_note_typed,
        )
        place = st.container()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Run query",
            type="primary",
            icon=":material/play_arrow:",
            shortcut="Ctrl+Enter",
            key="run-query",
            on_click=_run_again,
            args=(store,),
        )
        st.menu_button(
            "Examples",
            list(EXAMPLES),
            key="example",
            on_click=_take_example,
            format_func=label_example,
        )
        saved.show_menu(store)
        limits = read_limits().limits
        st.caption(
            f"Read-only; at most {limits.seconds:g} s, {literal(limits.memory)} and {limits.rows:,} rows. The address bar holds the query: anyone with the link can read and run it.",
            width="stretch",
        )
    return query or "", place


def _note_typed() -> None:
    st.session_state[TYPED] = True


def _run_again(store: Store) -> None:
    """Run the query again, even if its answer is cached."""
    st.session_state.pop(STOPPED, None)
    consent.ask_typed(QUERY)
    sql = st.session_state[QUERY] or ""
    caching.run_query.clear(store, Query(sql, saved.find_values(store, sql)))


def _take_example() -> None:
    """At once where nothing is lost by it; else once the reader agrees."""
    typed = st.session_state[QUERY] or ""
    if typed.strip() and typed not in (*EXAMPLES.values(), st.session_state.get(RAN)):
        st.session_state[PENDING] = st.session_state["example"]
    else:
        _replace(st.session_state["example"])


def _replace(example: str) -> None:
    st.session_state.pop(STOPPED, None)
    st.session_state.pop(PENDING, None)
    st.session_state[QUERY] = EXAMPLES[example]


def _ask_to_replace() -> None:
    """Whether an example may replace a query that has not been run."""
    example = st.session_state.get(PENDING)
    if not example:
        return
    st.warning(
        f"Your query has not been run. Replace it with the example {literal(example)}?",
        icon=":material/warning:",
    )
    with st.container(horizontal=True, gap="small"):
        st.button("Replace query", on_click=_replace, args=(example,))
        st.button("Keep query", on_click=lambda: st.session_state.pop(PENDING, None))


def _stop(query: str) -> None:
    st.session_state[STOPPED] = query


def _show_result(store: Store, query: Query) -> str:
    """Draw the answer; why there is none, "" where there is one."""
    stop = st.empty()
    with stop.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Stop query",
            icon=":material/stop:",
            key="stop-query",
            on_click=_stop,
            args=(query.sql,),
        )
        st.caption(_describe_wait(), width="stretch")
    try:
        with st.skeleton(height=RESULT_HEIGHT):
            answer = caching.run_query(store, query)
    except QueryError as error:
        stop.empty()
        st.error(literal_block(error), title="Query failed", icon=":material/error:")
        return str(error)
    stop.empty()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{rows_sentence(answer)}** {describe_untrained(store)}", width="stretch")
        picture = pictures.choose(answer.table)
        downloads.show(store, query, answer)
        row_videos.offer(store, answer.table)
    pictures.draw(store, query, answer, picture)
    return ""


def _describe_wait() -> Markdown:
    """Where a query waits: how many others there are, and what holds for each."""
    running, waiting = PROCESSES.queue.count()
    others = f"{units.count(running, 'query', 'queries')} running, {waiting:,} waiting. "
    return f"{others if running else ''}{literal(read_limits().describe())}"


def rows_sentence(answer: Answer) -> Markdown:
    """How many rows, whether that is all of them, how long it took, and what was read for it where the system says."""
    seconds = f"{answer.seconds:.2f} s"
    if answer.bytes_read:
        seconds += f", {units.size(answer.bytes_read)} read"
    if answer.truncated:
        return f"First {units.count(answer.table.num_rows, 'row')} of more, in {seconds}"
    return f"{units.count(answer.table.num_rows, 'row')} in {seconds}"
