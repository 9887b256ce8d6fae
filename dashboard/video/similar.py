"""Videos like this one: by one vector a window, the mean or the maximum of every dimension over its tokens."""

import streamlit as st

from tubelet.dashboard import caching, units
from tubelet.dashboard.address import BUTTON
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.video import patches, place, sections
from tubelet.latent import questions
from tubelet.reports.literal import literal
from tubelet.store import Store
from tubelet.store.rows import ClipRow

TOP = 12  # videos
WAYS = list(questions.SIMILAR)
HELP = (
    "Windows are compared by one vector each: the mean, or the maximum, of every dimension over their tokens, "
    "minus the average over all windows of this encoder. No embedding is read."
)


def show(store: Store, clip: ClipRow) -> None:
    if not sections.is_open(sections.ALIKE):
        return
    st.header("Which videos are similar?", anchor="similar", help=HELP)
    with st.container(horizontal=True, vertical_alignment="center"):
        by = st.segmented_control(
            "By",
            WAYS,
            default=WAYS[0],
            **bind("alike-by"),
            label_visibility="collapsed",
            required=True,
        )
        question = questions.similar_videos(clip.encoder_id, clip.clip_id, by, TOP)
        sql_behind({"Videos": question}, "alike")
    with st.spinner("Comparing windows", show_time=True):
        found = caching.read(store, question, questions.SimilarVideo)
    if not found:
        st.caption("This store has no other video of this encoder.")
        return
    st.markdown(
        f"Top {units.count(len(found), 'video')} by their most similar window. 1: identical; 0: as similar as the average window; below 0: less similar."
    )
    with st.grid(6, min_column_width=140, gap="small") as grid:
        for number, row in enumerate(found):
            with grid.cell():
                _show_video(store, row, number)


def _show_video(store: Store, row: questions.SimilarVideo, number: int) -> None:
    clip, video = (
        caching.find_clip(store, row.clip_id),
        caching.find_video(store, row.video_id),
    )
    if clip is None or video is None:
        st.caption("This video was removed from the store. Reload the page to compare again.")
        return
    if store.layout.has_pictures(clip.video_id, clip.clip_id):
        st.html(patches.slice_html(clip, clip.slices // 2))
    score = "no score" if row.score is None else f"{row.score:.3f}"
    st.caption(f"{score} · {literal(video.name)} · {clip.start_s:.2f}\N{NO-BREAK SPACE}s")
    st.button("Open video", key=f"{BUTTON}alike-{number}", on_click=_go, args=(clip,))


def _go(clip: ClipRow) -> None:
    place.jump(clip.video_id, clip.clip_id, 0)
