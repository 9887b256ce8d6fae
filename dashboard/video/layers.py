"""Which layer of an encoder the Video page shows where its layers suit different things, and the way to the others."""

from collections.abc import Sequence

import streamlit as st

from tubelet.dashboard import address, caching, links
from tubelet.dashboard.parameters import CLIP, ENCODER, HIT, PATCHES, SEGMENT, SLICE, TOUR, VIDEO
from tubelet.latent.marks import MarkedPatches
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.questions import clips
from tubelet.store.questions.rows import ClipAtLayer
from tubelet.store.rows import ClipRow

READ = (SLICE, PATCHES, SEGMENT, HIT, TOUR)  # what the address says beside clip and encoder


def show(store: Store, clip: ClipRow) -> None:
    """One sentence, and a link per other layer; nothing where no other layer suits anything else."""
    shown, others = split_layers(list_layers(store, clip), clip)
    if not shown or not others:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="layers"):
        st.markdown(sentence(shown), width="content")
        for row in others:
            links.to_player(
                f"Layer {literal(row.layer)} suits {literal(row.suits)}",
                **lead_to(row, clip),
            )


def list_layers(store: Store, clip: ClipRow) -> Sequence[ClipAtLayer]:
    """The layers of the clip's encoder that suit something, each with its clip of the same window."""
    return caching.read(store, clips.other_layers(clip), ClipAtLayer)


def split_layers(
    layers: Sequence[ClipAtLayer], clip: ClipRow
) -> tuple[ClipAtLayer | None, Sequence[ClipAtLayer]]:
    """The clip's own layer, and those that suit something else."""
    shown = next((row for row in layers if row.encoder_id == clip.encoder_id), None)
    return shown, [row for row in layers if shown and row.suits != shown.suits]


def sentence(shown: ClipAtLayer) -> Markdown:
    return f"You see layer **{literal(shown.layer)}** of {literal(shown.name)}, which suits {literal(shown.suits)}."


def lead_to(row: ClipAtLayer, clip: ClipRow) -> dict[str, str]:
    """URL parameters of the same window at another layer. What is marked there stays marked: both layers have the same grid."""
    stands = address.read()
    moved = {name: _move(stands[name], clip.clip_id, row.clip_id) for name in READ}
    return {VIDEO: clip.video_id, CLIP: row.clip_id, ENCODER: row.encoder_id, **moved}


def _move(text: str, before: str, after: str) -> str:
    """Marks of one clip, of the other; marks of a third clip go, and what is not a mark stays."""
    marked = MarkedPatches.parse(text)
    if not marked.clip_id:
        return text
    if marked.clip_id != before:
        return ""
    return MarkedPatches(after, marked.patches, marked.background).name
