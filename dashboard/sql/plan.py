"""How a query is run: DuckDB's plan of it."""

import streamlit as st

from tubelet.dashboard import caching
from tubelet.reports.literal import literal_block
from tubelet.store import Store
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.untrusted import Query


def show(store: Store, query: Query) -> None:
    """What EXPLAIN says; of a query that is an EXPLAIN itself, its own answer."""
    asks = query.sql.lstrip().lower().startswith("explain")
    explained = query if asks else Query(f"EXPLAIN {query.sql}", query.values)
    try:
        rows = caching.run_query(store, explained).table
    except QueryError as error:
        st.error(literal_block(error), title="No plan", icon=":material/error:")
        return
    st.code("\n".join(map(str, rows.columns[-1].to_pylist())), language=None)
