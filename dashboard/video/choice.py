"""Which video and which of its clips the Video page shows: those of the URL, and the widgets that choose others."""

from collections.abc import Sequence

import streamlit as st

from tubelet.dashboard import caching, missing, units
from tubelet.dashboard.components.player import Film
from tubelet.dashboard.parameters import CLIP, VIDEO, bind
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.video import place
from tubelet.media import sources
from tubelet.store import Store
from tubelet.store.questions import clips as clip_queries
from tubelet.store.questions import corpus, nearby
from tubelet.store.questions.rows import ListedTimeline, NamedVideo, VideoFailure
from tubelet.store.rows import ClipRow, TimelineRow, VideoRow
from tubelet.store.schema import PARTNER

OFFERED = 2_000  # videos to choose from at once; with more, a search box chooses which


def is_found(store: Store) -> bool:
    """Whether the store has the video and the clip that the URL names; says what is missing where it has not."""
    video_id, clip_id = place.video_id(), place.clip_id()
    if video_id and not caching.find_video(store, video_id):
        missing.show_missing(VIDEO, video_id, caching.rows(store, nearby.videos(video_id)))
    elif clip_id and not caching.find_clip(store, clip_id):
        missing.show_missing(CLIP, clip_id, caching.rows(store, nearby.clips(clip_id, video_id)))
    else:
        return True
    return False


def choose(store: Store, selection: Selection) -> Film | None:
    """The video and timeline that the URL or the reader chooses; None for a video without clips."""
    video = _choose_video(store, selection)
    if video is None:
        return None
    cuts = caching.read(
        store, clip_queries.timelines(video.video_id, selection.encoder_id), ListedTimeline
    )
    if not cuts:
        return None
    clip = _choose_clip(store, video, selection, cuts)
    if clip is None:
        return None
    return open_film(store, video, clip)


def find_film(store: Store, video_id: str, encoder_id: str) -> Film | None:
    """The first timeline of a video by an encoder; None where it has no clips of it."""
    video = caching.find_video(store, video_id)
    asked = clip_queries.timelines(video_id, encoder_id)
    cuts = caching.read(store, asked, ListedTimeline) if video else []
    clip = caching.find_clip(store, cuts[0].first_clip) if cuts else None
    return open_film(store, video, clip) if video and clip else None


def open_film(store: Store, video: VideoRow, clip: ClipRow) -> Film:
    """All windows that were cut like a clip."""
    clips = [TimelineRow.of(row) for row in caching.rows(store, clip_queries.timeline(clip))]
    return Film(
        video,
        clip,
        clips,
        sources.unplayable(
            video,
            clips,
            caching.read(store, corpus.failures_of_video(video.video_id), VideoFailure),
        ),
    )


def _choose_video(store: Store, selection: Selection) -> VideoRow | None:
    names = {row.video_id: describe_video(row) for row in _offer_videos(store, selection)}
    asked = caching.find_video(store, place.video_id()) if place.video_id() else None
    if asked and asked.video_id not in names:
        names = {asked.video_id: describe_video(asked), **names}
    chosen = asked.video_id if asked else next(iter(names))
    key = f"video-choice-{chosen}"  # a link from elsewhere is another choice
    st.selectbox(
        "Video",
        list(names),
        list(names).index(chosen),
        lambda video_id: names.get(video_id, video_id),
        key=key,
        on_change=lambda: place.change_video(st.session_state[key]),
        width=300,
    )
    return asked or caching.find_video(store, chosen)


def _offer_videos(store: Store, selection: Selection) -> Sequence[NamedVideo]:
    """The videos to choose from: all, or where they are too many those that a search finds."""
    among = selection.video_ids
    every = clip_queries.videos_with_clips(selection.encoder_id, OFFERED, chosen=among)
    offered = caching.read(store, every, NamedVideo)
    if len(offered) < OFFERED:
        return offered
    help_ = f"The list holds {units.number(OFFERED)} videos at most; search by name, label or id for the others."
    text = st.text_input(
        "Find video",
        placeholder="name, label or id",
        icon=":material/search:",
        live=True,
        width=180,
        help=help_,
        **bind("find-video"),
    )
    if not text.strip():
        return offered
    found = clip_queries.videos_with_clips(selection.encoder_id, OFFERED, text.strip(), among)
    return caching.read(store, found, NamedVideo)


def describe_video(row: NamedVideo | VideoRow) -> str:
    return f"{row.name} ({row.label})" if row.label else row.name


def _choose_clip(
    store: Store, video: VideoRow, selection: Selection, cuts: Sequence[ListedTimeline]
) -> ClipRow | None:
    """The clip of the URL, or the first of the chosen way of cutting."""
    asked = caching.find_clip(store, place.clip_id()) if place.clip_id() else None
    clip = (
        asked
        if asked and (asked.video_id, asked.encoder_id) == (video.video_id, selection.encoder_id)
        else None
    )
    if len(cuts) == 1:
        return clip or caching.find_clip(store, cuts[0].first_clip)
    settings = [tuple(cut[name] for name in clip_queries.SETTINGS) for cut in cuts]
    number = settings.index(tuple(clip[name] for name in clip_queries.SETTINGS)) if clip else 0
    key = f"cut-{video.video_id}-{number}"
    st.selectbox(
        "Windows", range(len(cuts)), number, lambda n: _describe_windows(cuts[n]), key=key, width=260,
        on_change=lambda: place.jump(video.video_id, cuts[st.session_state[key]].first_clip, 0),
    )  # fmt: skip
    return clip or caching.find_clip(store, cuts[0].first_clip)


def _describe_windows(cut: ListedTimeline) -> str:
    apart = f", {cut.step} apart" if cut.step > 1 else ""
    for_pairs = " for pairs of windows" if cut.role == PARTNER else ""
    clips = f"{units.count(cut.clips, 'clip')}{for_pairs} of {cut.frame_count} frames{apart}"
    return f"{clips}, {cut.crop_height} × {cut.crop_width} px, {cut.precision}"
