"""The parameters of the URL that a page writes itself: where the reader stands.

A run is given the URL that the browser had when it asked for the run. Where changes follow each other fast, that is one from
before the last change. So what was written last is kept in the session, and one of its older values that comes back within
seconds is put right; any other URL is a link or the Back button, and holds.
"""

import time
from dataclasses import dataclass

import streamlit as st

from dashboard.selection import VIDEO

CLIP, SLICE, PATCHES, SEGMENT = "clip", "slice", "patches", "segment"
NAMES = (VIDEO, CLIP, SLICE, PATCHES, SEGMENT)
KEPT = "address"  # in the session
ECHO_S = 10  # seconds in which a URL that was replaced may still come back


@dataclass(frozen=True)
class Kept:
    """The values written last, and those before with the second at which they were replaced."""

    values: tuple[str, ...]
    older: tuple[tuple[float, tuple[str, ...]], ...] = ()

    def replaced(self, values: tuple[str, ...]) -> "Kept":
        now = time.monotonic()
        recent = tuple((at, old) for at, old in self.older if now - at < ECHO_S)
        return Kept(values, (*recent, (now, self.values)))

    def echoes(self, values: tuple[str, ...]) -> bool:
        """Whether these were replaced a moment ago."""
        return any(old == values and time.monotonic() - at < ECHO_S for at, old in self.older)


def read() -> dict[str, str]:
    """The values of NAMES, "" where there is none."""
    return dict(zip(NAMES, _kept().values))


def write(**values: str) -> None:
    """Change some of NAMES; "" takes one out of the URL."""
    kept = _kept()
    changed = tuple((read() | values).values())
    if changed != kept.values:
        st.session_state[KEPT] = kept.replaced(changed)
        _show(changed)


def _kept() -> Kept:
    shown = tuple(st.query_params.get(name, "") for name in NAMES)
    kept = st.session_state.get(KEPT)
    if kept and kept.echoes(shown) and shown != kept.values:
        _show(kept.values)
    elif kept is None or shown != kept.values:
        kept = st.session_state[KEPT] = Kept(shown)
    return kept


def _show(values: tuple[str, ...]) -> None:
    for name, value in zip(NAMES, values):
        if value:
            st.query_params[name] = value
        else:
            st.query_params.pop(name, None)
