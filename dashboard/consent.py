"""Which SQL of an address runs: what this server linked to by itself, and what the reader asked for. Any other is shown and waits.

A link from elsewhere could otherwise have a reader's browser run whatever its author wrote.
"""

import hashlib
import hmac
import secrets

import streamlit as st

KEY = secrets.token_bytes(32)  # of this server, for as long as it runs
SIGNED = "signed"  # URL parameter
ASKED = "consent"  # in the session: what the reader ran, typed or chose


def sign(sql: str) -> str:
    """What stands beside a query in this server's own links."""
    return hmac.new(KEY, sql.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def is_asked(sql: str) -> bool:
    given = str(st.query_params.get(SIGNED, ""))
    return sql in st.session_state.get(ASKED, ()) or hmac.compare_digest(
        sign(sql).encode(), given.encode(errors="replace")
    )


def ask(sql: str) -> None:
    """The reader wants it run."""
    st.session_state[ASKED] = st.session_state.get(ASKED, frozenset()) | {sql}


def ask_typed(key: str) -> None:
    """The same, of what was typed into a widget."""
    ask((st.session_state[key] or "").strip())


def holds(condition: str, key: str) -> bool:
    """Whether a condition may be applied; where not, offer to."""
    if not condition or is_asked(condition):
        return True
    st.info("This condition came with a link. Read it before you apply it.", icon=":material/link:")
    st.button(
        "Apply condition",
        icon=":material/play_arrow:",
        key=f"{key}-apply",
        on_click=ask,
        args=(condition,),
    )
    return False
