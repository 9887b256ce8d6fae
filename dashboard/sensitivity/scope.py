"""Which pairs the Sensitivity page is about: window length, shift, setting and videos, each in the URL."""

from collections.abc import Mapping, Sequence

import streamlit as st

from tubelet.dashboard import address, caching, consent, selection, units
from tubelet.dashboard.parameters import COMPARE, bind
from tubelet.dashboard.selection import Selection
from tubelet.reports.literal import Markdown
from tubelet.reports.sensitivity.request import SensitivityRequest
from tubelet.store import Store
from tubelet.store.questions import sensitivity as queries
from tubelet.store.questions.rows import MeasuredScope

ALL = "all, mixed"
COUNTED = {
    "each video": "video",
    "each label": "label",
    "each name": "name",
    "each group: by label, name or copy": "group",
}
WHERE = "where="  # before a condition that is compared with
COMPARED = ("frames", "shift", "encoder")


def choose(store: Store, chosen: Selection) -> tuple[SensitivityRequest, str | None]:
    """Draw the choices and read the request, and what to compare it with, from the URL. The encoder is the sidebar's."""
    held = caching.read(store, queries.scopes(), MeasuredScope)
    own = [row for row in held if row.encoder_id == chosen.encoder_id]
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap="small", key="choices-sensitivity"
    ):
        frames = _select("Frames per window", _distinct(own, "frame_count"), "frames", 130)
        within = [row for row in own if row.frame_count == frames]
        shift = _select("Shift, slices", _distinct(within, "shift"), "shift", 110)
        within = [row for row in within if row.shift == shift]
        setting = _setting(_distinct(within, "setting"))
        where = st.text_input(
            "Videos where",
            placeholder="any: a condition in SQL, such as label = 'cooking'",
            **bind("where"),
            on_change=consent.ask_typed,
            args=("where",),
        )
        unit = _unit()
        compare = _compare(store, held, chosen.encoder_id, frames, shift)
        other = st.text_input(
            "Compare with videos where",
            placeholder="a condition, such as label = 'swimming'",
            **bind("compare-where"),
            on_change=consent.ask_typed,
            args=("compare-where",),
        ).strip()
        compare = f"{WHERE}{other}" if other else compare
    request = SensitivityRequest(
        encoder=chosen.encoder_id,
        frames=frames,
        shift=shift,
        setting=None if setting == ALL else setting,
        where=chosen.narrow(where.strip()),
        mix=setting == ALL,
        unit=unit,
    )
    return request, compare


def _unit() -> str:
    """What counts once."""
    shown = st.selectbox(
        "Count once", list(COUNTED), **bind("resample"), width=170,
        help="Videos of one recording are not independent: counting them one by one makes intervals and tests too confident.",
    )  # fmt: skip
    return COUNTED[shown]


def _select(label: Markdown, options: list[int], key: str, width: int) -> int | None:
    return st.selectbox(label, options, **bind(key), width=width, disabled=len(options) < 2)


def _distinct(rows: Sequence[MeasuredScope], name: str) -> list:
    return list(dict.fromkeys(row[name] for row in rows))


def _setting(settings: list[str]) -> str | None:
    """Drawn where there is a choice: the pairs of the most videos unless another, or all, are asked for."""
    if len(settings) < 2:
        return None
    return st.selectbox(
        "Setting",
        [*settings, ALL],
        **bind("setting"),
        width=300,
        help="Pairs with different settings are averaged only if you choose to.",
    )


def _compare(
    store: Store,
    held: Sequence[MeasuredScope],
    encoder_id: str,
    frames: int | None,
    shift: int | None,
) -> str | None:
    """What differs in one thing from what is shown, and was measured."""
    shown = {"encoder": encoder_id, "frames": frames, "shift": shift}
    others = []
    for row in held:
        measured = {
            "encoder": row.encoder_id,
            "frames": row.frame_count,
            "shift": row.shift,
        }
        different = [name for name in COMPARED if measured[name] != shown[name]]
        if len(different) == 1:
            others.append(f"{different[0]}={measured[different[0]]}")
    offered = list(dict.fromkeys(others))
    return _choose_compared(store, offered) if offered else None


def _choose_compared(store: Store, offered: Sequence[str]) -> str | None:
    """One of them by its name; the address carries what the command takes, in which an encoder is an id."""
    asked = address.read()[COMPARE]
    chosen = asked if asked in offered else None
    names = selection.name_encoders(selection.list_encoders(store))
    key = f"{COMPARE}-{chosen}"  # a link from elsewhere is another choice
    return st.selectbox(
        "Compare with",
        offered,
        offered.index(chosen) if chosen else None,
        lambda one: _describe(one, names),
        key=key,
        on_change=lambda: address.redirect(**{COMPARE: st.session_state[key] or ""}),
        placeholder="nothing",
        width=240,
    )


def _describe(compared: str, names: Mapping[str, str]) -> str:
    """What is compared with, in words: a value of COMPARED."""
    what, _, value = compared.partition("=")
    if what == "encoder":
        return names.get(value, value)
    if what == "shift":
        return f"shift of {units.count(int(value), 'slice')}"
    return f"{value} frames per window"
