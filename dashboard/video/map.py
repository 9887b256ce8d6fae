"""The map of tokens: those of the marked window, or a sample of the corpus, as points whose place, color and opacity each show a number."""

from collections.abc import Mapping
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from tubelet.dashboard import caching, units
from tubelet.dashboard.components import token_map
from tubelet.dashboard.components.token_map import Picture
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.video import place
from tubelet.latent import channels, questions
from tubelet.latent import sample as samples
from tubelet.latent.basis import Basis
from tubelet.latent.channels import CHANNELS, SEPARATOR
from tubelet.latent.colorings import Coloring
from tubelet.latent.marks import MarkedPatches, number_tokens
from tubelet.reports.literal import literal
from tubelet.store import Store, TubeletError
from tubelet.store.questions import clips
from tubelet.store.questions.corpus import Question
from tubelet.store.rows import ClipRow

WINDOW, CORPUS = "this window", "the corpus"
HELP = "Tokens as points; similar embeddings are close together. Shows all tokens of the window, or a sample of the corpus."


def show(store: Store, clip: ClipRow, coloring: Coloring, marked: MarkedPatches) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if not st.toggle("Map of tokens", **bind("map"), help=HELP):
            return
        of = st.segmented_control(
            "Of",
            [WINDOW, CORPUS],
            default=WINDOW,
            **bind("map-of"),
            label_visibility="collapsed",
            required=True,
        )
        if of == WINDOW and clip.embedding_path is None:
            st.caption(
                "The embeddings of this window were not kept; a sample of its tokens is on the map of the corpus."
            )
            return
        try:
            picture = (
                _of_corpus(store, clip, coloring, marked)
                if of == CORPUS
                else _of_window(store, clip, coloring, marked)
            )
        except TubeletError as error:
            st.warning(f"Could not draw the map: {literal(error)}", icon=":material/scatter_plot:")
            return
    with st.container(key="found-map"):
        token_map.show(picture, _go)


def sentence(chosen: Mapping[str, str]) -> str:
    """What places and colors mean."""
    where, shade = (
        ", ".join(chosen[name] for name in channels.AXES),
        ", ".join(chosen[name] for name in channels.COLOURS),
    )
    faint = "" if chosen["opacity"] == channels.FULL else f" Opacity: {chosen['opacity']}."
    return f"Place: {where}. Red, green, blue: {shade}.{faint} Drag to turn, scroll or pinch to zoom, point to see a patch, click or tap to show it in the player."


def _of_window(store: Store, clip: ClipRow, coloring: Coloring, marked: MarkedPatches) -> Picture:
    basis = caching.workspace(store).basis(clip["encoder_id"], coloring)
    chosen = _channels(store, basis)
    sql_behind(
        {
            **_coordinates(coloring, questions.coordinates(basis, clip.clip_id)),
            "Statistics": channels.statistics(clip.clip_id),
            "Window": clips.clip(clip.clip_id),
        },
        "map",
    )
    patches = clip["grid_height"] * clip["grid_width"]
    numbers = number_tokens(clip, marked.patches) if marked.clip_id == clip["clip_id"] else []
    url = f"points/{coloring.name}/{basis.basis_id}/{clip['clip_id']}?{_shown(chosen)}"
    sheet = token_map.describe_clip(store, clip)
    return Picture(
        url=url,
        axes=sentence(chosen),
        here=(place.slice_() * patches, patches),
        marked=numbers,
        clip=sheet,
    )


def _of_corpus(store: Store, clip: ClipRow, coloring: Coloring, marked: MarkedPatches) -> Picture:
    """The sample; the tokens of the shown window that are in it stand out."""
    encoder_id = clip["encoder_id"]
    workspace = caching.workspace(store)
    basis, sample = workspace.basis(encoder_id, coloring), workspace.sample(encoder_id)
    chosen = _channels(store, basis)
    with st.spinner("Placing the sample of the corpus", show_time=True):
        workspace.sample_points(sample, basis, tuple(chosen.values()))
    sql_behind(
        {
            **_coordinates(coloring, questions.sample_coordinates(basis, sample.values)),
            "Tokens": samples.embeddings(sample),
            "Statistics": samples.statistics(sample),
        },
        "map",
    )
    url = (
        f"sample/{coloring.name}/{basis.basis_id}/{encoder_id}/{sample.sample_id}?{_shown(chosen)}"
    )
    windows = units.count(len(np.unique(sample.clip)), "window")
    counted = f"{units.count(len(sample), 'sampled token')} of {windows}; those of the window above are larger. {sentence(chosen)}"
    numbers = sample.numbers(marked.clip_id, marked.patches)
    return Picture(
        url=url,
        axes=counted,
        here=sample.of_clip(clip.clip_id),
        marked=numbers,
        lookup=f"sampled/{encoder_id}/{sample.sample_id}",
    )


def _coordinates(coloring: Coloring, question: Question | None) -> dict[str, Question]:
    """SQL can apply what the store keeps, and no basis that was fitted for this page."""
    return {"Coordinates": question} if question and coloring.source == "basis" else {}


def _shown(chosen: Mapping[str, str]) -> str:
    return urlencode({"show": SEPARATOR.join(chosen.values())})


def _channels(store: Store, basis: Basis) -> dict[str, str]:
    """The name of the number behind each channel, in the URL."""
    names, default = (
        channels.list_channels(
            basis, list(caching.workspace(store).list_clusterings(basis.encoder_id))
        ),
        channels.choose_defaults(basis),
    )
    with st.popover("Channels", icon=":material/tune:"), st.grid(2, gap="small") as grid:
        chosen = {}
        for name in CHANNELS:
            with grid.cell():
                chosen[name] = st.selectbox(
                    name.capitalize(), names, names.index(default[name]), **bind(f"map-{name}")
                )
    return chosen


def _go(news: Mapping) -> None:
    """Show a clicked token in the player."""
    if news:
        place.jump(news["video"], news["clip"], news["patch"][0], [news["patch"]])
