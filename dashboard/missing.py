"""What a page shows for an id that its store does not hold: what is missing, and similar ids that exist."""

from collections.abc import Mapping, Sequence

import streamlit as st

from tubelet.dashboard import address
from tubelet.dashboard.address import BUTTON
from tubelet.dashboard.parameters import CLIP, ENCODER, PAIR, VIDEO
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store

NOUNS = {VIDEO: "video", CLIP: "clip", PAIR: "pair"}  # by parameter
ALONG = {
    VIDEO: (),
    CLIP: (VIDEO, ENCODER),
    PAIR: (VIDEO, ENCODER),
}  # columns that a link to a near one sets, too
IDS = {VIDEO: "video_id", CLIP: "clip_id", PAIR: "pair_id", ENCODER: "encoder_id"}  # columns


def show_no_clips(store: Store) -> None:
    """What a page shows for a store without clips."""
    st.markdown("No clips yet. Encode a folder of videos first:")
    st.code(
        f"tubelet ingest FOLDER --store {store.shell_name} --encoder NAME",
        language=None,
        wrap_lines=True,
    )


def show_missing(parameter: str, wanted: str, near: Sequence[Mapping]) -> None:
    """`near`: rows with the columns that the link to each of them sets, a name, and where it has one the second at which it starts."""
    noun = NOUNS[parameter]
    st.warning(
        f"This store has no {noun} {literal(wanted)}. It may have been removed, or the link belongs to another store.",
        icon=":material/search_off:",
    )
    if not near:
        return
    st.markdown(f"The {noun}s with the closest ids or names:")
    for row in near:
        where = {name: row[IDS[name]] for name in (parameter, *ALONG[parameter])}
        st.button(
            f"Open {_describe(row)}",
            key=f"{BUTTON}near-{row[IDS[parameter]]}",
            on_click=_go,
            kwargs=where,
        )


def _describe(row: Mapping) -> Markdown:
    """A similar one, described briefly."""
    at = f" from {row['start_s']:.2f} s" if "start_s" in row else ""
    shift = f", shift {row['shift']:d}" if "shift" in row else ""
    return f"{literal(row['name'])}{at}{shift}"


def _go(**where: str) -> None:
    elsewhere = dict.fromkeys((name for name in address.NAMES if name != ENCODER), "")
    address.redirect(**(elsewhere | where))
