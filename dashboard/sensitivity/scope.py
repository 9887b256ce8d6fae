"""Which pairs the Sensitivity page is about: window length, shift, setting and videos, each in the URL."""

from collections.abc import Sequence

import streamlit as st

from tubelet.dashboard import caching, consent
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.selection import Selection
from tubelet.reports.literal import Markdown
from tubelet.reports.sensitivity.request import SensitivityRequest
from tubelet.store import Store
from tubelet.store.questions import sensitivity as queries
from tubelet.store.questions.rows import MeasuredScope

ALL = "all, mixed"
COUNTED = {
    "video": "each video",
    "label": "each label",
    "name": "each name",
    "group": "each group: by label, name or copy",
}
WHERE = "where="  # before a condition that is compared with
COMPARED = ("frames", "shift", "encoder")


def choose(store: Store, selection: Selection) -> tuple[SensitivityRequest, str | None]:
    """Draw the choices and read the request, and what to compare it with, from the URL. The encoder is the sidebar's."""
    held = caching.read(store, queries.scopes(), MeasuredScope)
    own = [row for row in held if row.encoder_id == selection.encoder_id]
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
        compare = _compare(held, selection.encoder_id, frames, shift)
        other = st.text_input(
            "Compare with videos where",
            placeholder="a condition, such as label = 'swimming'",
            **bind("compare-where"),
            on_change=consent.ask_typed,
            args=("compare-where",),
        ).strip()
        compare = f"{WHERE}{other}" if other else compare
    chosen = None if setting == ALL else setting
    request = SensitivityRequest(
        encoder=selection.encoder_id,
        frames=frames,
        shift=shift,
        setting=chosen,
        where=selection.narrow(where.strip()),
        mix=setting == ALL,
        unit=unit,
    )
    return request, compare


def _unit() -> str:
    """What counts once."""
    return st.selectbox(
        "Count once", list(COUNTED), **bind("resample"), format_func=COUNTED.__getitem__, width=170,
        help="Videos of one recording are not independent: counting them one by one makes intervals and tests too confident.",
    )  # fmt: skip


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
    held: Sequence[MeasuredScope], encoder_id: str, frames: int | None, shift: int | None
) -> str | None:
    """What differs in one thing from what is shown, and was measured."""
    shown = {"encoder": encoder_id, "frames": frames, "shift": shift}
    others = []
    for row in held:
        offered = {
            "encoder": row.encoder_id,
            "frames": row.frame_count,
            "shift": row.shift,
        }
        different = [name for name in COMPARED if offered[name] != shown[name]]
        if len(different) == 1:
            others.append(f"{different[0]}={offered[different[0]]}")
    if not others:
        return None
    return st.selectbox(
        "Compare with",
        list(dict.fromkeys(others)),
        None,
        **bind("compare"),
        placeholder="nothing",
        width=190,
    )
