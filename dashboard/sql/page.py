"""The SQL page: any question, read-only and bounded, with the schema beside it and the query in the URL."""

from datetime import datetime
from functools import partial

import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching, consent, units
from tubelet.dashboard.links import QUERY
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.selection import Selection, untrained_badge
from tubelet.dashboard.sql import results
from tubelet.reports.literal import Markdown, literal, literal_block
from tubelet.store import Store
from tubelet.store.errors import QueryError
from tubelet.store.questions.condition import read_condition
from tubelet.store.sandbox import formats
from tubelet.store.sandbox.untrusted import Answer, Limits
from tubelet.store.schema import RELATIONS, Table

TITLE, ICON = "SQL", ":material/terminal:"

EDITOR_HEIGHT, SCHEMA_HEIGHT, RESULT_HEIGHT = 160, 209, 420  # pixels
ROW_HEIGHT = 31  # pixels

EXAMPLES = {
    "Videos and their clips": """SELECT v.name, v.label, v.duration_s, count(c.clip_id) AS clips
FROM videos v LEFT JOIN clips c USING (video_id)
GROUP BY ALL ORDER BY v.name""",
    "Tokens and bytes by encoder": """SELECT encoder_id, count(*) AS clips, sum(slices * grid_height * grid_width)::BIGINT AS tokens,
  sum(embedding_bytes)::BIGINT AS bytes, round(sum(encode_s), 2) AS encode_s
FROM clips GROUP BY encoder_id ORDER BY clips DESC""",
    "Slices that change most": """SELECT v.name, round(c.start_s + s.slice / c.slices * (c.stop_s - c.start_s), 2) AS at_s,
  s.previous_cosine
FROM slice_stats s JOIN clips c USING (clip_id) JOIN videos v USING (video_id)
WHERE s.previous_cosine IS NOT NULL
ORDER BY s.previous_cosine LIMIT 20""",
    "Tokens with the largest norm": """SELECT v.name, t.slice, t.y, t.x, t.norm
FROM token_stats t JOIN clips c USING (clip_id) JOIN videos v USING (video_id)
ORDER BY t.norm DESC LIMIT 20""",
    "Dimensions that vary most": """SELECT c.encoder_id, d.dim, avg(d.dim_std) AS mean_std, min(d.dim_min) AS min, max(d.dim_max) AS max
FROM dim_stats d JOIN clips c USING (clip_id)
GROUP BY ALL ORDER BY mean_std DESC LIMIT 20""",
    "Embeddings of one clip": """SELECT slice, y, x, embedding
FROM tokens
WHERE clip_id = (SELECT clip_id FROM clips WHERE embedding_path IS NOT NULL ORDER BY clip_id LIMIT 1)
ORDER BY slice, y, x LIMIT 100""",
    "Failures by reason": """SELECT stage, error, count(*) AS files
FROM failures GROUP BY ALL ORDER BY files DESC""",
}
FIRST = next(iter(EXAMPLES.values()))
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
    _show_selected(selection)
    with st.grid(3, min_column_width=250, gap="small") as grid:
        with grid.cell(column_span=2):
            query = _editor(store)
            _ask_to_replace()
        with grid.cell():
            _schema()
    if not query.strip():
        st.caption("Type a query, or choose an example.")
    elif query == st.session_state.get(STOPPED):
        st.info(
            "Query stopped. Choose **Run query** to run it again.", icon=":material/stop_circle:"
        )
    elif query in EXAMPLES.values() or consent.is_asked(query.strip()):
        st.session_state[RAN] = query
        _result(store, query)
    else:
        _show_waiting(store)


def _show_waiting(store: Store) -> None:
    """A query that nobody has run: one of a link, or one that is being typed, above the result of the last one."""
    if not st.session_state.get(TYPED):
        st.info("This query came with a link. Read it, then run it.", icon=":material/link:")
        return
    st.info(
        "The query has changed. Choose **Run query** or press Ctrl+Enter to run it.",
        icon=":material/edit:",
    )
    if last := st.session_state.get(RAN):
        st.caption("Result of the query before the change:")
        _result(store, last)


def _editor(store: Store) -> str:
    query = st.text_area(
        "Query",
        FIRST,
        height=EDITOR_HEIGHT,
        **bind(QUERY),
        label_visibility="collapsed",
        on_change=_note_typed,
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Run query",
            type="primary",
            icon=":material/play_arrow:",
            shortcut="Ctrl+Enter",
            on_click=_run_again,
            args=(store,),
        )
        st.menu_button("Examples", list(EXAMPLES), key="example", on_click=_take_example)
        limits = Limits()
        st.caption(
            f"Read-only; at most {limits.seconds:g} s and {limits.rows:,} rows. The address bar holds the query: anyone with the link can read and run it.",
            width="stretch",
        )
    return query or ""


def _note_typed() -> None:
    st.session_state[TYPED] = True


def _run_again(store: Store) -> None:
    """Run the query again, even if its answer is cached."""
    st.session_state.pop(STOPPED, None)
    consent.ask_typed(QUERY)
    caching.run_query.clear(store, st.session_state[QUERY])


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
    """Whether an example may take the place of a query that has not been run."""
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


def _schema() -> None:
    with st.container(height=SCHEMA_HEIGHT, key="schema", gap="xxsmall"):
        for table in RELATIONS.values():
            with st.expander(
                f"**{literal(table.name)}** · {len(table.columns)} columns", type="compact"
            ):
                st.caption(columns(table))


def columns(table: Table) -> Markdown:
    """A relation's columns as Markdown: name, type, unit and meaning."""
    described = [
        f"`{c.name}` {c.type}{f', {c.unit}' if c.unit else ''}  \n{c.meaning}"
        for c in table.columns
    ]
    return "\n\n".join([f"One row per {table.row}.", *described])


def _result(store: Store, query: str) -> None:
    stop = st.empty()
    stop.button(
        "Stop query", icon=":material/stop:", key="stop-query", on_click=_stop, args=(query,)
    )
    try:
        with st.skeleton(height=RESULT_HEIGHT):
            answer = caching.run_query(store, query)
    except QueryError as error:
        stop.empty()
        st.error(literal_block(error), title="Query failed", icon=":material/error:")
        return
    stop.empty()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{rows_sentence(answer)}** {untrained_badge(store)}", width="stretch")
        _downloads(store, answer)
    table = results.make_displayable(answer.table)
    height = min(RESULT_HEIGHT, ROW_HEIGHT * (max(len(table), 1) + 1) + 4)
    st.dataframe(
        table,
        height=height,
        hide_index=True,
        placeholder="NULL",
        column_config=_numbers(table),
        alt="Result of the query",
    )


def rows_sentence(answer: Answer) -> Markdown:
    """How many rows, whether that is all of them, and how long it took."""
    seconds = f"{answer.seconds:.2f} s"
    if answer.truncated:
        return f"First {units.count(answer.table.num_rows, 'row')} of more, in {seconds}"
    return f"{units.count(answer.table.num_rows, 'row')} in {seconds}"


def _numbers(table: pa.Table) -> dict:
    """Floats with six significant digits, integers plain: ids and years carry no thousands separators."""
    kinds = {"halffloat": "%.6g", "float": "%.6g", "double": "%.6g"}
    return {
        f.name: st.column_config.NumberColumn(format=kinds[str(f.type)])
        for f in table.schema
        if str(f.type) in kinds
    }


def _downloads(store: Store, answer: Answer) -> None:
    """Whole rows, embeddings too; made when asked for."""
    first = "-first" if answer.truncated else ""
    name = f"{store.root.name}-query{first}-{answer.table.num_rows}-rows-{datetime.now():%Y%m%d-%H%M%S}"
    for kind, write, mime in (
        ("CSV", formats.csv, "text/csv"),
        ("Parquet", formats.parquet, "application/vnd.apache.parquet"),
    ):
        st.download_button(
            kind,
            partial(write, answer.table),
            f"{name}.{kind.lower()}",
            mime,
            key=f"download-{kind}",
            icon=":material/download:",
            on_click="ignore",
        )
