"""Where else in the corpus there are patches like the marked ones: ranked, as pictures, each a way into the player."""

from collections.abc import Mapping

import streamlit as st

from dashboard import caching, latent_caching, place, units, video_patches
from dashboard.marks import Marked
from store import Store, TubeletError, clip_queries, queries

SEARCH = "search"  # URL parameter
TOP, PER_VIDEO = 12, 3  # hits, and of one video


def show(store: Store, clip: Mapping, marked: Marked) -> None:
    if not marked.patches or clip["embedding_path"] is None:
        return
    wanted = st.toggle(
        "Search the corpus",
        key=SEARCH,
        bind="query-params",
        help=f"The {TOP} most similar patches of this encoder, at most {PER_VIDEO} a video; every embedding is read.",
    )
    if not wanted:
        return
    try:
        with st.spinner("Reading every embedding of this encoder", show_time=True):
            hits = latent_caching.hits(store, marked, TOP, PER_VIDEO).to_pylist()
    except TubeletError as error:
        st.warning(f"No search: {error}", icon=":material/search_off:")
        return
    videos = len({hit["video_id"] for hit in hits})
    st.markdown(f"The {units.count(len(hits), 'patch', 'patches')} most like it, from {units.count(videos, 'video')}, the best first.")
    with st.grid(6, min_column_width=140, gap="small") as grid:
        for hit in hits:
            with grid.cell():
                _show_hit(store, hit)


def _show_hit(store: Store, hit: Mapping) -> None:
    (clip,) = caching.rows(store, clip_queries.clip(hit["clip_id"]))
    (video,) = caching.rows(store, queries.video(hit["video_id"]))
    seconds = clip["start_s"] + hit["slice"] / clip["slices"] * (clip["stop_s"] - clip["start_s"])
    address = hit["slice"], hit["y"], hit["x"]
    if store.layout.pictures(clip["video_id"], clip["clip_id"]).is_file():
        st.html(video_patches.enlarged(clip, address))
    st.caption(f"{hit['score']:.3f} · {video['name']} · {seconds:.2f} s")
    st.button("Show", key=f"hit-{hit['rank']}", on_click=_go, args=(clip, address))


def _go(clip: Mapping, address: tuple[int, int, int]) -> None:
    place.change_video(clip["video_id"])
    place.jump(clip["clip_id"], address[0], [address])
