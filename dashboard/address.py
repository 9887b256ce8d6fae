"""The parameters of the URL that a page writes itself: where the reader stands.

A run is given the URL that the browser had when it asked for the run. Where changes follow each other fast, that is one from
before the last change. So what was written last is kept in the session, and one of its older values that comes back within
seconds, in a run that something on the page asked for, is put right. Any other URL is a link or the Back button, and leads there.
"""

import time
from dataclasses import dataclass, replace

import streamlit as st

from tubelet.dashboard.selection import VIDEO

CLIP, SLICE, PATCHES, SEGMENT = "clip", "slice", "patches", "segment"
NAMES = (VIDEO, CLIP, SLICE, PATCHES, SEGMENT)
KEPT = "address"  # in the session
BUTTON = "go-"  # the key of a button that writes here begins so: that it was pressed is over by the next run
ECHO_S = 10  # seconds in which a URL that was replaced may still come back


@dataclass(frozen=True)
class UrlState:
    """The values written last, those before with the second at which they were replaced, how often the reader was led elsewhere, and what
    the page's widgets said at the end of the last run."""

    values: tuple[str, ...]
    older: tuple[tuple[float, tuple[str, ...]], ...] = ()
    led: int = 0
    widgets: frozenset[tuple[str, str]] = frozenset()

    def replace_values(self, values: tuple[str, ...]) -> "UrlState":
        now = time.monotonic()
        recent = tuple((at, old) for at, old in self.older if now - at < ECHO_S)
        return replace(self, values=values, older=(*recent, (now, self.values)))

    def echoes(self, values: tuple[str, ...]) -> bool:
        """Whether these were replaced a moment ago, and it was not the URL that asked for this run."""
        asked = _widgets() - self.widgets  # what is gone since then is no longer drawn
        return bool(asked) and any(old == values and time.monotonic() - at < ECHO_S for at, old in self.older)


def read() -> dict[str, str]:
    """The values of NAMES, "" where there is none."""
    return dict(zip(NAMES, _state().values))


def count_redirects() -> int:
    """How often a link, the Back button or `lead` led elsewhere: what stands where the reader stands has to go there anew."""
    return _state().led


def write(**values: str) -> None:
    """Change some of NAMES; "" takes one out of the URL."""
    kept = _state()
    changed = tuple((read() | values).values())
    if changed != kept.values:
        st.session_state[KEPT] = kept.replace_values(changed)
        _show(changed)


def redirect(**values: str) -> None:
    """The same, where it is not the player that went there."""
    st.session_state[KEPT] = replace(_state(), led=count_redirects() + 1)
    write(**values)


def settle() -> None:
    """To be called at the end of a page: what its widgets say now is what they said before the next run."""
    st.session_state[KEPT] = replace(_state(), widgets=_widgets())


def _state() -> UrlState:
    shown = tuple(st.query_params.get(name, "") for name in NAMES)
    kept = st.session_state.get(KEPT)
    if kept is None:
        kept = st.session_state[KEPT] = UrlState(shown)
    elif shown != kept.values and kept.echoes(shown):
        _show(kept.values)
    elif shown != kept.values:
        kept = st.session_state[KEPT] = UrlState(shown, led=kept.led + 1)
    return kept


def _widgets() -> frozenset[tuple[str, str]]:
    """Each widget's key and value in words."""
    return frozenset((key, repr(value)) for key, value in st.session_state.items() if key != KEPT and not key.startswith(BUTTON))


def _show(values: tuple[str, ...]) -> None:
    """As few changes as can be: each is a step of the Back button."""
    wanted = dict(zip(NAMES, values))
    for name in NAMES:
        if name in st.query_params and not wanted[name]:
            del st.query_params[name]
    changed = {name: value for name, value in wanted.items() if value and st.query_params.get(name) != value}
    if changed:
        st.query_params.update(changed)
