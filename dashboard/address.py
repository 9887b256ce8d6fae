"""The parameters of the URL that no widget carries: where the reader stands. The only module that reads and writes them.

A run is given the URL that the browser had when it asked for the run. Where changes follow each other fast, that is one from
before the last change. So what was written last is kept in the session, and one of its older values that comes back within
seconds, in a run that something on the page asked for, is put right. Any other URL is a link or the Back button, and leads there.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from tubelet.dashboard.parameters import (
    AREA,
    CELL,
    CLIP,
    COMPARE,
    ENCODER,
    HIT,
    OTHERS,
    PAIR,
    PARAMETERS,
    PATCHES,
    SECOND_ENCODER,
    SECOND_VIDEO,
    SEGMENT,
    SELECTED,
    SHORT,
    SLICE,
    TOUR,
    VALUES,
    VIDEO,
)

NAMES = (
    ENCODER,
    VIDEO,
    SELECTED,
    CLIP,
    SLICE,
    PATCHES,
    SEGMENT,
    HIT,
    AREA,
    TOUR,
    PAIR,
    VALUES,
    SHORT,
    *CELL,
    SECOND_VIDEO,
    SECOND_ENCODER,
    OTHERS,
    COMPARE,
)
KEPT, VISITED, SENT = "address", "visited", "address-sent"  # in the session
KEEP = (ENCODER, VIDEO, SELECTED)  # what is kept from page to page
BUTTON = "go-"  # the key of a button that writes here begins so: that it was pressed is over by the next run
ECHO_S = 10  # seconds in which a URL that was replaced may still come back


@dataclass(frozen=True, kw_only=True)
class UrlState:
    """The values written last, those before with the second at which they were replaced, how often the reader was led elsewhere, what
    the page's widgets said at the end of the last run, and the encoder that was shown last."""

    values: tuple[str, ...]
    older: tuple[tuple[float, tuple[str, ...]], ...] = ()
    led: int = 0
    widgets: frozenset[tuple[str, str]] = frozenset()
    encoder: str = ""

    def replace_values(self, values: tuple[str, ...]) -> "UrlState":
        now = time.monotonic()
        recent = tuple((at, old) for at, old in self.older if now - at < ECHO_S)
        return replace(
            self,
            values=values,
            older=(*recent, (now, self.values)),
            encoder=values[0] or self.encoder,
        )

    def echoes(self, values: tuple[str, ...]) -> bool:
        """Whether these were replaced a moment ago, and it was not the URL that asked for this run."""
        if getattr(get_script_run_ctx(suppress_warning=True), "is_history_navigation", False):
            return False  # the Back button
        asked = _widgets() - self.widgets  # what is gone since then is no longer drawn
        return bool(asked) and any(
            old == values and time.monotonic() - at < ECHO_S for at, old in self.older
        )


def read() -> dict[str, str]:
    """The values of NAMES, "" where there is none."""
    return dict(zip(NAMES, _state().values))


def count_redirects() -> int:
    """How often a link, the Back button or `lead` led elsewhere: widgets that follow the reader's place have to be drawn again there."""
    return _state().led


def last_encoder() -> str:
    """The encoder that was shown last, "" for none yet."""
    return _state().encoder


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


def list_chosen_videos() -> list[str]:
    """The videos chosen in the table of the corpus: the one that is kept from page to page first."""
    stands = read()
    return [id_ for id_ in (stands[VIDEO], *stands[OTHERS].split(",")) if id_]


def choose_videos(video_ids: Sequence[str]) -> None:
    """Choose these videos in the table of the corpus."""
    first, *others = video_ids or [""]
    redirect(**{VIDEO: first, OTHERS: ",".join(others)})


def read_widget(name: str) -> str:
    """What a widget that carries a parameter says, before it is drawn; "" for nothing."""
    return str(st.session_state.get(name, st.query_params.get(name, "")) or "")


def send_again(leaving: str) -> None:
    """Send the browser its URL once more, soon after a widget's parameter has left it; to be called where the parameter may be leaving.

    When it leaves, the browser is sent the URL that this run was asked with. What is typed until that arrives is then missing from the
    browser's URL, so a run that follows soon sends its own as well, and the last one has everything.
    """
    sent: float | None = st.session_state.get(SENT)
    now = time.monotonic()
    if leaving in st.query_params:
        st.session_state[SENT] = now  # by the widget, once it is drawn
    elif sent is not None and now - sent < ECHO_S:
        st.session_state[SENT] = now
        st.query_params.update()  # nothing changes, and it is sent


def settle(page: str) -> None:
    """To be called at the end of a page: what its widgets say now is what they said before the next run."""
    st.session_state[KEPT] = replace(_state(), widgets=_widgets())
    st.session_state[VISITED] = st.session_state.get(VISITED, {}) | {page: read_own(page)}


def read_own(page: str) -> dict[str, str]:
    """What the URL carries for the widgets of a page."""
    return {
        name: value for name, value in st.query_params.items() if is_bound(name, page) and value
    }


def recall(page: str) -> dict[str, str]:
    """What the widgets of a page said, in the URL's words, when it was last left. They say it again on return, so links to it carry it."""
    return dict(st.session_state.get(VISITED, {}).get(page, {}))


def find_kept() -> dict[str, str]:
    """What is kept from page to page: encoder, video and the selected videos."""
    stands = read()
    return {name: stands[name] for name in KEEP if stands[name]}


def is_bound(name: str, page: str) -> bool:
    """Whether a widget of a page carries a parameter; those of a report's page begin with its name."""
    if name.startswith(f"{page}-") and name not in PARAMETERS:
        return True
    return name in PARAMETERS and PARAMETERS[name].bound and page in PARAMETERS[name].pages


def _state() -> UrlState:
    shown = tuple(st.query_params.get(name, "") for name in NAMES)
    kept = st.session_state.get(KEPT)
    if kept is None:
        kept = st.session_state[KEPT] = UrlState(values=shown, encoder=shown[0])
    elif shown != kept.values and kept.echoes(shown):
        _show(kept.values)
    elif shown != kept.values:
        kept = st.session_state[KEPT] = UrlState(
            values=shown, led=kept.led + 1, encoder=shown[0] or kept.encoder
        )
    return kept


def _widgets() -> frozenset[tuple[str, str]]:
    """Each widget's key and value in words."""
    return frozenset(
        (str(key), repr(value))
        for key, value in st.session_state.items()
        if key != KEPT and not str(key).startswith(BUTTON)
    )


def _show(values: tuple[str, ...]) -> None:
    """In one step of the Back button: an empty list is a parameter that the URL does not carry."""
    wanted = dict(zip(NAMES, values))
    changed: dict[str, str | list[str]] = {
        name: value
        for name, value in wanted.items()
        if value and st.query_params.get(name) != value
    }
    changed |= {
        name: [] for name, value in wanted.items() if not value and st.query_params.get(name)
    }
    if changed:
        st.query_params.update(changed)
