"""What the Video page can do, below the player: one card per answer, which says what is known already, and opens or leads to the rest."""

import numpy as np
import streamlit as st

from tubelet.dashboard import caching, units
from tubelet.dashboard.components.player import Film
from tubelet.dashboard.parameters import bind
from tubelet.latent.marks import MarkedPatches
from tubelet.reports.literal import Markdown
from tubelet.store import Store, TubeletError
from tubelet.store.questions import clips
from tubelet.store.rows import ClipRow

SEARCH, MAP, ALIKE = "search-corpus", "map", "alike"  # switches that open a section
NARROWEST = 210  # pixels of a card
NO_EMBEDDINGS: Markdown = "Needs embeddings, which were not kept for this window."


def show(
    store: Store, film: Film, clip: ClipRow, marked: MarkedPatches, segment: MarkedPatches
) -> None:
    """`clip`: the one of the marked patches."""
    with st.container(key="sections"), st.grid(3, min_column_width=NARROWEST, gap="small") as grid:
        for title, answer in (
            ("Statistics of a patch", describe_patch(marked)),
            ("Track", _describe_track(store, clip, marked)),
            ("Segmentation", describe_segment(clip, segment)),
        ):
            with grid.cell(), st.container(border=True):
                st.markdown(f"**{title}**  \n{answer}")
        for name, label, answer in (
            (SEARCH, "Search the corpus", describe_search(clip, marked)),
            (MAP, "Map of tokens", describe_map(film)),
            (ALIKE, "Similar videos", _describe_similar(store, film)),
        ):
            with grid.cell(), st.container(border=True):
                st.toggle(label, **bind(name))
                st.markdown(answer)


def is_open(name: str) -> bool:
    """Whether a section's switch is on."""
    return bool(st.session_state.get(name))


def describe_patch(marked: MarkedPatches) -> Markdown:
    if not marked.patches:
        return "Click a patch of the player to see its statistics. Drag to select several; hold Shift to add one; press Esc to clear the selection."
    if len(marked.patches) > 1:
        lead = " Two patches are a direction, too." if len(marked.patches) == 2 else ""
        return f"[{len(marked.patches)} patches are selected](#patch).{lead}"
    slice_, y, x = marked.patches[0]
    return f"[Patch ({y:d}, {x:d}) of slice {slice_:d}](#patch), with a reading of each number."


def _describe_track(store: Store, clip: ClipRow, marked: MarkedPatches) -> Markdown:
    if clip.embedding_path is None:
        return NO_EMBEDDINGS
    if not marked.patches:
        return "Click a patch to follow it through this window or the whole video; saved per frame as CSV or Parquet."
    try:
        track = caching.workspace(store).track(clip.clip_id, marked)
    except TubeletError:
        return "[The patch cannot be followed](#track)."
    found = int(np.count_nonzero(~track.lost))
    return (
        f"[Found in {found:d} of {units.count(len(track.lost), 'slice')}](#track) of this window."
    )


def describe_segment(clip: ClipRow, segment: MarkedPatches) -> Markdown:
    if clip.embedding_path is None:
        return NO_EMBEDDINGS
    if segment.patches and segment.background:
        return "[A mask spreads from your marks](#segmentation); its files are there."
    if segment.patches or segment.background:
        return (
            f"[Mark some {'background' if segment.patches else 'foreground'} too](#segmentation)."
        )
    return "Choose Foreground, mark an object, then Background, mark the rest: the mask spreads to the window and is saved as PNG, .npz or MP4."


def describe_search(clip: ClipRow, marked: MarkedPatches) -> Markdown:
    if clip.embedding_path is None:
        return NO_EMBEDDINGS
    if not marked.patches:
        return "Where else is something like it? Select a patch first."
    return "Where else is something like the selected patch?"


def describe_map(film: Film) -> Markdown:
    clip = film.clip
    tokens = clip.slices * clip.grid_height * clip.grid_width
    return f"{units.count(tokens, 'token')} of this window, or a sample of the corpus, as points."


def _describe_similar(store: Store, film: Film) -> Markdown:
    rows = caching.rows(store, clips.videos_with_clips(film.clip.encoder_id, 2))
    if len(rows) < 2:
        return "This store has no other video of this encoder."
    return "Which other videos have a window most like this one?"
