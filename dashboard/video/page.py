"""The Video page: what does the encoder see in this video? The player, its colors, and the patches taken on it."""

from collections.abc import Mapping

import streamlit as st

from tubelet.dashboard import address, caching, units
from tubelet.dashboard.video import place, similar, colors, map, patches, search, segmentation, track
from tubelet.media import sources
from tubelet.dashboard.components import player
from tubelet.dashboard.components.player import Film, Marks, Paint
from tubelet.latent.marks import MarkedPatches
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.sql_link import sql_behind
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.questions import clips as clip_queries, corpus
from tubelet.store.schema import PARTNER
from tubelet.store.rows import ClipRow, TimelineRow, VideoRow

TITLE, ICON = "Video", ":material/smart_display:"
COUNTED = "Slices, rows, columns and frames count from 0, as in SQL."
OFFERED = 2_000  # videos to choose from here; the Corpus page leads to any other


def show(store: Store, selection: Selection) -> None:
    st.title("What does the encoder see in this video?", anchor=False)
    _show(store, selection)
    address.settle()


def _show(store: Store, selection: Selection) -> None:
    offered = caching.rows(store, clip_queries.videos_with_clips(selection.encoder_id, OFFERED))
    if not offered:
        _show_empty(store)
        return
    answer = st.container()
    choices = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    with choices:
        film = _film(store, selection, offered)
    if film is None:
        answer.markdown("**This video has no clips of this encoder.** Choose another video or encoder, or ingest it:")
        answer.code(f"tubelet ingest VIDEO --encoder {selection.encoder.name} --store {store.shell_name}", language="bash")
        return
    with choices:
        coloring = colors.choose(store, film)
    paint = colors.choose_paint(store, film, coloring)
    with answer:
        st.markdown(f"{sentence(film)} {paint.sentence} {_badge(selection)}")
    clip, marked = _find_marked(store, film, place.marked_patches())
    cut, segment = _find_marked(store, film, place.segment())
    _show_player(film, paint, Marks(marked, segment))
    with st.container(horizontal=True, vertical_alignment="center"):
        _show_behind(store, film)
        colors.offer_file(film, paint)
    segmentation.show(store, cut, segment)
    patches.show(store, clip, marked)
    track.show(store, clip, marked)
    search.show(store, clip, marked)
    map.show(store, clip, coloring, marked)
    similar.show(store, clip)


def sentence(film: Film) -> Markdown:
    """What the picture shows, with numbers and units."""
    clip = film.clip
    windows = (
        f"{units.count(len(film.clips), 'window')} of {units.count(clip.frame_count, 'frame')}"
        if len(film.clips) > 1
        else units.count(clip.frame_count, "frame")
    )
    if clip.role == PARTNER:
        windows += " that only pairs of windows need"
    grid = f"{units.count(clip.slices, 'slice')} of {clip.grid_height:d} × {clip.grid_width:d} patches"
    kept = (
        ""
        if clip.embedding_path
        else " It was kept without its embeddings, so there are no colors: ingest with `--keep embeddings` to see them."
    )
    return f"**{literal(film.video.name)}**, {units.duration(film.video.duration_s)}: {windows}, seen as {grid}.{kept} {COUNTED}"


def _badge(selection: Selection) -> Markdown:
    return ":orange-badge[:material/warning: untrained weights]" if selection.encoder.untrained else ""


def _film(store: Store, selection: Selection, offered: list[Mapping]) -> Film | None:
    """The video and timeline that the URL or the reader chooses; None for a video without clips."""
    video = _video(store, offered)
    cuts = caching.rows(store, clip_queries.timelines(video.video_id, selection.encoder_id))
    if not cuts:
        return None
    clip = _clip(store, video, selection, cuts)
    clips = [TimelineRow.of(row) for row in caching.rows(store, clip_queries.timeline(clip))]
    return Film(video, clip, clips, sources.unplayable(video, clips, caching.rows(store, corpus.failures_of_video(video.video_id))))


def _video(store: Store, offered: list[Mapping]) -> VideoRow:
    names = {row["video_id"]: f"{row['name']} ({row['label']})" if row["label"] else row["name"] for row in offered}
    asked = caching.find_video(store, place.video_id()) if place.video_id() else None
    if asked:
        names.setdefault(asked.video_id, asked.name)
    chosen = asked.video_id if asked else offered[0]["video_id"]
    key = f"video-choice-{chosen}"  # a link from elsewhere is another choice
    st.selectbox(
        "Video",
        list(names),
        list(names).index(chosen),
        names.get,
        key=key,
        on_change=lambda: place.change_video(st.session_state[key]),
        width=300,
    )
    return asked or caching.find_video(store, chosen)


def _clip(store: Store, video: VideoRow, selection: Selection, cuts: list[Mapping]) -> ClipRow:
    """The clip of the URL, or the first of the chosen way of cutting."""
    asked = caching.find_clip(store, place.clip_id()) if place.clip_id() else None
    clip = asked if asked and (asked.video_id, asked.encoder_id) == (video.video_id, selection.encoder_id) else None
    if len(cuts) == 1:
        return clip or caching.find_clip(store, cuts[0]["first_clip"])
    settings = [tuple(cut[name] for name in clip_queries.SETTINGS) for cut in cuts]
    number = settings.index(tuple(clip[name] for name in clip_queries.SETTINGS)) if clip else 0
    key = f"cut-{video.video_id}-{number}"
    st.selectbox(
        "Cut into", range(len(cuts)), number, lambda n: _describe_windows(cuts[n]), key=key, width=260,
        on_change=lambda: place.jump(video.video_id, cuts[st.session_state[key]]["first_clip"], 0),
    )  # fmt: skip
    return clip or caching.find_clip(store, cuts[0]["first_clip"])


def _describe_windows(cut: Mapping) -> str:
    apart = f", {cut['step']} apart" if cut["step"] > 1 else ""
    for_pairs = " for pairs of windows" if cut["role"] == PARTNER else ""
    clips = f"{units.count(cut['clips'], 'clip')}{for_pairs} of {cut['frame_count']} frames{apart}"
    return f"{clips}, {cut['crop_height']} × {cut['crop_width']} px, {cut['precision']}"


def _find_marked(store: Store, film: Film, named: MarkedPatches) -> tuple[ClipRow, MarkedPatches]:
    """The clip whose patches the URL names, and those of them that there are; none of another video."""
    found = caching.find_clip(store, named.clip_id) if named.clip_id else None
    clip = found if found and found.video_id == film.video.video_id else film.clip
    return clip, named.on(clip)


def _show_player(film: Film, paint: Paint, marks: Marks) -> None:
    with st.skeleton(height=460):
        player.show(film, paint, place.place(film.clip.clip_id), marks, place.apply_news)


def _show_behind(store: Store, film: Film) -> None:
    sql_behind(
        {
            "Windows": clip_queries.timeline(film.clip),
            "Video": corpus.video(film.video.video_id),
            **colors.questions(store, film),
        },
        "player",
    )


def _show_empty(store: Store) -> None:
    st.markdown("No clips to show yet. Encode a folder of videos, and they appear here:")
    st.code(f"tubelet ingest FOLDER --store {store.shell_name} --encoder NAME", language="bash")
