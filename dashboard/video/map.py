"""The map of tokens: those of the marked window, or a sample of the corpus, as points whose place, color and opacity each show a number."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from tubelet.dashboard import caching, units
from tubelet.dashboard.components import token_map
from tubelet.dashboard.components.player import Film
from tubelet.dashboard.components.token_map import MapPicture
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.swatches import name_categories
from tubelet.dashboard.video import map_tables, place, sections
from tubelet.dashboard.video.map_tables import MapScene
from tubelet.latent import channels, map_tokens, questions
from tubelet.latent import sample as samples
from tubelet.latent.basis import Basis
from tubelet.latent.categories import Categories
from tubelet.latent.channels import CHANNELS, SEPARATOR, Look, OfClip
from tubelet.latent.colorings import Coloring
from tubelet.latent.marks import MarkedPatches
from tubelet.reports.literal import Markdown, literal_sentence
from tubelet.store import Store, TubeletError
from tubelet.store.questions import clips
from tubelet.store.questions.corpus import Question
from tubelet.store.rows import ClipRow

WINDOW, CORPUS = "this window", "the corpus"
SOLID, FLAT = "3-D", "2-D"
HELP = "Tokens as points; similar embeddings are close together. Shows all tokens of the window, or a sample of the corpus."


def show(
    store: Store, film: Film, clip: ClipRow, coloring: Coloring, marked: MarkedPatches
) -> None:
    """`clip`: the one of the marked patches, or the film's."""
    if not sections.is_open(sections.MAP):
        return
    st.header("Map of tokens", anchor="map", help=HELP)
    with st.container(horizontal=True, vertical_alignment="center"):
        of = _choose("Of", [WINDOW, CORPUS], "map-of")
        flat = _choose("As", [SOLID, FLAT], "map-as") == FLAT
        near = bool(marked.patches) and st.toggle(
            "Neighbors", **bind("map-near"), help="Ring and list the tokens most similar to the selected patches."
        )  # fmt: skip
        if of == WINDOW and clip.embedding_path is None:
            st.caption(
                "The embeddings of this window were not kept; a sample of its tokens is on the map of the corpus."
            )
            return
        try:
            scene = _of_corpus(store, film, coloring) if of == CORPUS else _of_window(store, clip, coloring)  # fmt: skip
            picture = _complete(store, scene, marked if near else None, flat, marked)
        except TubeletError as error:
            st.warning(
                f"Could not draw the map: {literal_sentence(error)}", icon=":material/scatter_plot:"
            )
            return
    with st.container(key="found-map"):
        token_map.show(picture, _go, place.choose_area)
        map_tables.show(store, scene, marked if near else None)


def _choose(label: Markdown, options: list[Markdown], name: str) -> str:
    """One of a few words, the first unless the URL says otherwise."""
    return st.segmented_control(
        label, options, default=options[0], **bind(name), label_visibility="collapsed", required=True
    )  # fmt: skip


def _complete(
    store: Store, scene: MapScene, near: MarkedPatches | None, flat: bool, marked: MarkedPatches
) -> MapPicture:
    """The picture of a scene with its rings, its legend and its area."""
    ringed = []
    if near is not None:
        cosines = caching.workspace(store).neighbors(scene.tokens, near)
        ringed = map_tokens.rank_neighbors(scene.tokens, near, cosines).tolist()
    categories = scene.look.categories
    return replace(
        scene.picture,
        marked=map_tokens.find_marked(scene.tokens, marked),
        near=ringed,
        flat=flat,
        area=place.area_name() if place.area() else "",
        legend=name_categories(categories) if categories else (),
    )


def sentence(chosen: Mapping[str, str], categories: Categories | None = None) -> str:
    """What places and colors mean."""
    where, shade = (
        ", ".join(chosen[name] for name in channels.AXES),
        ", ".join(chosen[name] for name in channels.COLOURS),
    )
    faint = "" if chosen["opacity"] == channels.FULL else f" Opacity: {chosen['opacity']}."
    shown = f"Color: {categories.kind}." if categories else f"Red, green, blue: {shade}."
    return f"Place: {where}. {shown}{faint} Drag to turn or move, scroll or pinch to zoom, point to see a patch, click or tap to show it in the player. While the video plays, the tokens of the shown slice are larger."


def _of_window(store: Store, clip: ClipRow, coloring: Coloring) -> MapScene:
    workspace = caching.workspace(store)
    basis = workspace.basis(clip["encoder_id"], coloring)
    look, chosen = _choose_look(store, coloring, basis)
    sql_behind(
        {
            **_coordinates(coloring, questions.coordinates(basis, clip.clip_id)),
            "Statistics": channels.statistics(clip.clip_id),
            "Window": clips.clip(clip.clip_id),
        },
        "map",
    )
    patches = clip["grid_height"] * clip["grid_width"]
    address, shown = f"points/{coloring.name}/{basis.basis_id}", _encode_shown(chosen)
    picture = MapPicture(
        url=f"{address}/{clip['clip_id']}?{shown}",
        axes=sentence(chosen, look.categories),
        here=(place.slice_() * patches, patches),
        marked=[],
        clip=token_map.describe_clip(store, clip),
        other=f"{address}/{{clip}}?{shown}",
    )
    tokens = OfClip(store, clip)
    return MapScene(
        tokens=tokens,
        look=look,
        picture=picture,
        files=f"{address}/{clip['clip_id']}/tokens",
        shown=shown,
    )


def _of_corpus(store: Store, film: Film, coloring: Coloring) -> MapScene:
    """The sample; the tokens of the shown window that are in it stand out."""
    encoder_id = film.clip["encoder_id"]
    workspace = caching.workspace(store)
    basis, sample = workspace.basis(encoder_id, coloring), workspace.sample(encoder_id)
    look, chosen = _choose_look(store, coloring, basis)
    with st.spinner("Placing the sample of the corpus", show_time=True):
        workspace.sample_points(sample, look)
    sql_behind(
        {
            **_coordinates(coloring, questions.sample_coordinates(basis, sample.values)),
            "Tokens": samples.embeddings(sample),
            "Statistics": samples.statistics(sample),
        },
        "map",
    )
    address = f"sample/{coloring.name}/{basis.basis_id}/{encoder_id}/{sample.sample_id}"
    windows = units.count(len(np.unique(sample.clip)), "window")
    counted = f"{units.count(len(sample), 'sampled token')} of {windows}; those of the window above are larger. {sentence(chosen, look.categories)}"
    picture = MapPicture(
        url=f"{address}?{_encode_shown(chosen)}",
        axes=counted,
        here=sample.of_clip(film.clip.clip_id),
        marked=[],
        slices={row.clip_id: starts for row in film.clips if (starts := sample.of_slices(row.clip_id))},
        lookup=f"sampled/{encoder_id}/{sample.sample_id}",
    )  # fmt: skip
    tokens = workspace.sample_tokens(encoder_id)
    return MapScene(
        tokens=tokens,
        look=look,
        picture=picture,
        files=f"{address}/tokens",
        shown=_encode_shown(chosen),
    )


def _coordinates(coloring: Coloring, question: Question | None) -> dict[str, Question]:
    """SQL can apply what the store keeps, and no basis that was fitted for this page."""
    return {"Coordinates": question} if question and coloring.source == "basis" else {}


def _encode_shown(chosen: Mapping[str, str]) -> str:
    return urlencode({"show": SEPARATOR.join(chosen.values())})


def _choose_look(store: Store, coloring: Coloring, basis: Basis) -> tuple[Look, dict[str, str]]:
    """How tokens are drawn, and the name of the number behind each channel, in the URL."""
    workspace = caching.workspace(store)
    categories, space = workspace.categories(coloring, basis), workspace.space(basis)
    names, default = (
        channels.list_channels(space, list(workspace.list_clusterings(space.encoder_id))),
        channels.choose_defaults(space),
    )
    chosen = dict.fromkeys(channels.COLOURS, channels.CATEGORY) if categories else {}
    with st.popover("Channels", icon=":material/tune:"), st.grid(2, gap="small") as grid:
        for name in [name for name in CHANNELS if name not in chosen]:
            with grid.cell():
                chosen[name] = st.selectbox(
                    name.capitalize(), names, names.index(default[name]), **bind(f"map-{name}")
                )
    chosen = {name: chosen[name] for name in CHANNELS}
    return Look(space, tuple(chosen.values()), categories), chosen


def _go(news: Mapping) -> None:
    """Show a clicked token in the player."""
    if news:
        place.jump(news["video"], news["clip"], news["patch"][0], [news["patch"]])
