"""What a query would read, said before it runs; one that would read many embeddings, or copy much, waits for a yes."""

import streamlit as st

from tubelet.dashboard import caching
from tubelet.store import Store
from tubelet.store.errors import QueryError
from tubelet.store.questions.views import names_tokens
from tubelet.store.sandbox.untrusted import Query

ASK_BYTES = (
    5 * 10**9
)  # of embeddings, or to copy, from which on a query waits: at 1 GB/s several seconds
AGREED = "sql-read-anyway"  # in the session: queries that may read as much as they do


def show_estimate(store: Store, query: Query) -> None:
    """What the query in the editor would read; nothing where it has no plan, as its run will say why."""
    try:
        st.caption(caching.estimate_reads(store, query).describe())
    except QueryError:
        return


def may_run(store: Store, query: Query) -> bool:
    """Whether a query may run at once; where it would read many embeddings, or copy much from a bucket, ask. Others are not looked at."""
    looked_at = names_tokens(query.sql) or store.layout.is_partial
    if not looked_at or query.sql in st.session_state.get(AGREED, ()):
        return True
    try:
        found = caching.estimate_reads(store, query)
    except QueryError:
        return True  # its run says what is wrong
    if max(found.embedding_bytes, found.copied_bytes) < ASK_BYTES:
        return True
    st.warning(
        f"{found.describe()} A condition on `clip_id` or `video_id` reads less.",
        icon=":material/hourglass_top:",
    )
    st.button("Run anyway", key="read-anyway", on_click=_agree, args=(query.sql,))
    return False


def _agree(sql: str) -> None:
    st.session_state[AGREED] = st.session_state.get(AGREED, frozenset()) | {sql}
