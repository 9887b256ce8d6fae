"""The introduction of the Video page: what the page shows, and where to go next. Shown where the address asks for it, until it is closed."""

import numpy as np
import streamlit as st

from tubelet.dashboard import address, caching, completion, links
from tubelet.dashboard.components.player import Film
from tubelet.dashboard.parameters import (
    CLIP,
    ENCODER,
    PAIR,
    PATCHES,
    SEGMENT,
    SLICE,
    TOUR,
    VIDEO,
)
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.video import layers
from tubelet.latent import questions
from tubelet.latent.marks import MarkedPatches
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store, TubeletError
from tubelet.store.questions import clips, corpus
from tubelet.store.questions.corpus import Question
from tubelet.store.rows import ClipRow
from tubelet.store.schema import TRACKING

SHOWN = "1"


def show(store: Store, selection: Selection, film: Film, marked: MarkedPatches) -> None:
    """`marked`: the selected patches of the film's clip."""
    if address.read()[TOUR] != SHOWN or selection.encoder is None:
        return
    with st.container(border=True, key="introduction"):
        st.markdown(sentences(selection.encoder.label_markdown, selection.encoder.layer, marked))
        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            _show_links(store, film.clip, marked)
            st.button(
                "Close introduction",
                icon=":material/close:",
                type="tertiary",
                key=f"{address.BUTTON}introduction",
                on_click=lambda: address.write(**{TOUR: ""}),
            )


def sentences(encoder: Markdown, layer: str, marked: MarkedPatches) -> Markdown:
    """Three plain ones: what the colors are, what is marked, what to do."""
    follow = (
        "The marked patch is followed through this window; the chart below the player says in which slices it is found."
        if marked.patches
        else "No patch is marked yet."
    )
    return (
        f"**{encoder}**, layer {literal(layer)}, describes each patch of this window by an embedding, and similar colors mean similar embeddings. "
        f"{follow} Click any patch to follow it, or continue here:"
    )


def _show_links(store: Store, clip: ClipRow, marked: MarkedPatches) -> None:
    here = {VIDEO: clip.video_id, CLIP: clip.clip_id, ENCODER: clip.encoder_id, TOUR: SHOWN}
    here |= {SLICE: address.read()[SLICE], PATCHES: marked.name}
    links.to_player("Colors of this window", **here, color="components of this window")
    if marked.patches:
        links.to_player("Track", **(here | _find_tracking(store, clip)))
        links.to_player("Segment", **here, **{SEGMENT: _mark_background(store, clip, marked)})
    pair = _find_pair(store, clip)
    if pair:
        links.to_windows("Windows", **pair)
    links.to_sql("SQL", _ask(clip, marked).text)


def _find_tracking(store: Store, clip: ClipRow) -> dict[str, str]:
    """The same window at the layer that suits tracking; nothing where the store has no such layer of it."""
    found = [row for row in layers.list_layers(store, clip) if row.suits == TRACKING]
    return layers.lead_to(found[0], clip) if found else {}


def _mark_background(store: Store, clip: ClipRow, marked: MarkedPatches) -> str:
    """The marked patches as foreground, the patch of their slice that is least like them as background; "" where none can be found."""
    try:
        heat = caching.workspace(store).track(clip.clip_id, marked).heat[marked.patches[0][0]]
    except TubeletError:
        return ""
    if not np.isfinite(heat).any():
        return ""
    y, x = np.unravel_index(np.nanargmin(heat), heat.shape)
    background = (marked.patches[0][0], int(y), int(x))
    return (
        ""
        if background in marked.patches
        else MarkedPatches(clip.clip_id, marked.patches, (background,)).name
    )


def _find_pair(store: Store, clip: ClipRow) -> dict[str, str]:
    """The first pair of windows of this video: of the encoder that is shown, else of the first that has one."""
    of_video = [
        row["encoder_id"] for row in caching.rows(store, clips.encoders_of_video(clip.video_id))
    ]
    known = [row["encoder_id"] for row in caching.rows(store, corpus.encoders())]
    for encoder_id in sorted(known, key=lambda known_id: known_id != clip.encoder_id):
        found = (
            completion.first_pair(store, encoder_id, clip.video_id)
            if encoder_id in of_video
            else {}
        )
        if found:
            return {ENCODER: encoder_id, VIDEO: clip.video_id, PAIR: found[PAIR]}
    return {}


def _ask(clip: ClipRow, marked: MarkedPatches) -> Question:
    """The track's own query, or where nothing is marked the tokens of the window."""
    if marked.patches:
        return questions.track(marked.clip_id, marked.patches, clip.clip_id)
    return questions.tokens(clip.clip_id)
