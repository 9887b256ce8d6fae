"""The Video page: what does the encoder see in this video? The player, its colors, and the patches taken on it."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from tubelet.dashboard import caching, missing, units
from tubelet.dashboard.components import player
from tubelet.dashboard.components.player import Film, Paint, PlayerMarks
from tubelet.dashboard.selection import Selection, list_encoders, name_encoders
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.video import (
    beside,
    choice,
    colors,
    decoded,
    expectation,
    introduction,
    layers,
    map,
    patches,
    place,
    search,
    sections,
    segmentation,
    similar,
    surprise_heat,
    texts,
    track,
)
from tubelet.dashboard.video.beside_scores import Shown
from tubelet.latent.colorings import Coloring
from tubelet.latent.marks import MarkedPatches
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.questions import clips as clip_queries
from tubelet.store.questions import corpus
from tubelet.store.rows import ClipRow
from tubelet.store.schema import PARTNER

TITLE, ICON = "Video", ":material/smart_display:"
COUNTED = "Slices, rows, columns and frames count from 0, as in SQL."


@dataclass(frozen=True)
class Looked:
    """What the player shows: a film, its colors, and what stands beside it."""

    film: Film
    coloring: Coloring
    paint: Paint
    second: Shown | None


def show(store: Store, selection: Selection) -> None:
    st.title("What does the encoder see in this video?", anchor=False)
    if not caching.rows(store, clip_queries.videos_with_clips(selection.encoder_id, 1)):
        missing.show_no_clips(store)
        return
    if not choice.is_found(store):
        return
    answer, above = st.container(), st.container()
    choices = st.container(
        horizontal=True, vertical_alignment="bottom", gap="small", key="choices-video"
    )
    with choices:
        film = choice.choose(store, selection)
    if film is None:
        _show_no_clips(store, selection, answer)
        return
    with choices:
        coloring = colors.choose(store, film)
        heat = surprise_heat.choose(store, film)
        beside_asked = beside.is_asked()
    paint = heat or colors.choose_paint(store, film, coloring)
    with answer:
        st.markdown(f"{sentence(film)} {paint.sentence} {_badge(selection)}")
    second = beside.choose(store, film, coloring) if beside_asked else None
    _show_film(store, selection, above, Looked(film, coloring, paint, second))


def _show_no_clips(store: Store, selection: Selection, answer: DeltaGenerator) -> None:
    answer.markdown(
        "**This encoder has no clips of this video.** Choose another video or encoder, or ingest the video:"
    )
    answer.code(
        f"tubelet ingest VIDEO --encoder {selection.encoder.name if selection.encoder else 'NAME'} --store {store.shell_name}",
        language=None,
        wrap_lines=True,
    )


def _show_film(store: Store, selection: Selection, above: DeltaGenerator, looked: Looked) -> None:
    film, coloring, paint = looked.film, looked.coloring, looked.paint
    clip, marked = _find_marked(store, film, place.read_marked_patches())
    cut, segment = _find_marked(store, film, place.segment())
    with above:
        introduction.show(store, selection, film, marked.on(film.clip))
        layers.show(store, film.clip)
    _, hit = _find_marked(store, film, place.hit())
    marks = PlayerMarks(hit if hit.patches else marked, segment)
    if looked.second is None:
        _show_player(film, paint, marks)
    else:
        name = name_encoders(list_encoders(store))[film.clip.encoder_id]
        beside.show(store, Shown(film, coloring, name), looked.second, paint, marks)
    with st.container(horizontal=True, vertical_alignment="center"):
        _show_behind(film, coloring, paint)
        colors.offer_file(film, paint)
        colors.lead_to_directions(store, film, coloring)
    sections.show(store, film, clip, marked, segment)
    expectation.show(store, film.clip)
    decoded.show(store, film.clip)
    segmentation.show(store, cut, segment)
    map.show(
        store, film, clip, coloring, marked
    )  # above what a click on it adds, so that it stays where it is
    texts.show(store, film, coloring)
    clip, marked = _find_searched(store, film, clip, marked)
    search.show(store, clip, marked)
    patches.show(store, clip, marked)
    track.show(store, clip, marked)
    similar.show(store, film.clip)


def sentence(film: Film) -> Markdown:
    """What the picture shows, with numbers and units."""
    clip = film.clip
    windows = (
        f"{units.count(len(film.clips), 'window')} of {units.count(clip.frame_count, 'frame')}"
        if len(film.clips) > 1
        else units.count(clip.frame_count, "frame")
    )
    if clip.role == PARTNER:
        windows += " encoded only for pairs of windows"
    grid = (
        f"{units.count(clip.slices, 'slice')} of {clip.grid_height:d} × {clip.grid_width:d} patches"
    )
    kept = (
        ""
        if clip.embedding_path
        else " Its embeddings were not kept, so there are no colors: ingest with `--keep embeddings` to see them."
    )
    return f"**{literal(film.video.name)}**, {units.duration(film.video.duration_s)}: {windows}, encoded as {grid}.{kept} {COUNTED}"


def _badge(selection: Selection) -> Markdown:
    return (
        ":orange-badge[:material/warning: untrained weights]"
        if selection.encoder and selection.encoder.untrained
        else ""
    )


def _find_marked(store: Store, film: Film, named: MarkedPatches) -> tuple[ClipRow, MarkedPatches]:
    """The clip whose patches the URL names, and those of them that there are; none of another video."""
    found = caching.find_clip(store, named.clip_id) if named.clip_id else None
    clip = found if found and found.video_id == film.video.video_id else film.clip
    return clip, named.on(clip)


def _find_searched(
    store: Store, film: Film, clip: ClipRow, marked: MarkedPatches
) -> tuple[ClipRow, MarkedPatches]:
    """The selected patches and their clip, those of another video too: the player has gone to one that is like them."""
    told = st.container()  # always there, so that what follows keeps its place while the page is drawn again, and the reader with it
    named = place.read_marked_patches()
    found = (
        caching.find_clip(store, named.clip_id) if named.clip_id and not marked.patches else None
    )
    if found is None or found.encoder_id != film.clip.encoder_id:
        return clip, marked
    video = caching.find_video(store, found.video_id)
    if video is None:  # removed meanwhile
        return clip, marked
    told.caption(
        f"The selected patches are of **{literal(video.name)}**; the player shows another video."
    )
    return found, named.on(found)


def _show_player(film: Film, paint: Paint, marks: PlayerMarks) -> None:
    st.html(f"<style>.stApp {{ --aspect: {player.aspect(film):.3f} }}</style>")  # see style.css
    with st.container(key="stage"):
        player.show(film, paint, place.place(film.clip.clip_id), marks, place.apply_news)


def _show_behind(film: Film, coloring: Coloring, paint: Paint) -> None:
    sql_behind(
        {
            "Windows": clip_queries.timeline(film.clip),
            "Video": corpus.video(film.video.video_id),
            **colors.questions(film, coloring),
            **surprise_heat.questions(film, paint),
        },
        "player",
    )
