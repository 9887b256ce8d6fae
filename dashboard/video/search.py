"""Where else in the corpus there are patches like the marked ones: ranked, as pictures, each a way into the player."""

from dataclasses import replace

import streamlit as st

from tubelet.dashboard import caching, consent, units
from tubelet.dashboard.address import BUTTON
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.video import patches, place, sections
from tubelet.latent import questions, search_index
from tubelet.latent.hits import FoundPatch, RankingOptions
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.retrieval import SearchAnswer
from tubelet.reports.literal import Markdown, literal, literal_block, literal_sentence
from tubelet.store import Store, TubeletError
from tubelet.store.errors import QueryError
from tubelet.store.rows import ClipRow

WHERE = "search-where"  # URL parameter
RANKING = RankingOptions(top=12, per_video=3)
APART_S = 1.0  # seconds
WITHOUT = {  # what is left out, as the URL and the reader see it
    "nothing": RANKING,
    "neighbors in time": replace(RANKING, apart_s=APART_S),
    "this video": replace(RANKING, elsewhere=True),
}
WITHOUT_HELP = f"Neighbors in time: patches within {APART_S:.0f} s of the selected ones, or of a better hit of the same video. This video: all of its patches."
HELP = f"The {RANKING.top} most similar patches of this encoder, at most {RANKING.per_video} per video."
EXAMPLE = "all videos; or a condition such as label = 'cooking'"
EXACT = "Compare every embedding instead of using the index of this encoder."


def show(store: Store, clip: ClipRow, marked: MarkedPatches) -> None:
    if not sections.is_open(sections.SEARCH) or not marked.patches or clip.embedding_path is None:
        return
    st.header("Where else is something like it?", anchor="search", help=HELP)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sketch = search_index.measured_recall(clip.encoder_id)
        exactly = bool(caching.rows(store, sketch)) and st.checkbox(
            "Exact search", **bind("exactly"), help=EXACT
        )
        ranking = WITHOUT[
            st.selectbox(
                "Leave out", list(WITHOUT), **bind("search-without"), help=WITHOUT_HELP, width=180
            )
        ]
        where = st.text_input(
            "Videos where",
            placeholder=EXAMPLE,
            **bind(WHERE),
            label_visibility="collapsed",
            width=320,
            on_change=consent.ask_typed,
            args=(WHERE,),
        ).strip()
        behind = st.container(width="content")
    if not consent.holds(where, WHERE):
        return
    try:
        with st.spinner("Searching the embeddings of this encoder", show_time=True):
            videos = caching.videos(store, where)
            answer = caching.workspace(store).search(marked, ranking, exactly, videos)
    except QueryError as error:
        st.error(literal_block(error), title="Condition failed", icon=":material/error:")
        return
    except TubeletError as error:
        st.warning(f"Search failed: {literal_sentence(error)}", icon=":material/search_off:")
        return
    with behind:
        exact = questions.search((clip.clip_id, marked.patches), clip.encoder_id, ranking, videos)
        sql_behind({"Exact search": exact, "Index": sketch}, "search")
    with st.container(key="found-hits"):
        _show_hits(store, answer)


def _show_hits(store: Store, answer: SearchAnswer) -> None:
    hits = [FoundPatch.of(row) for row in answer.hits.to_pylist()]
    videos = len({hit.video_id for hit in hits})
    found = (
        f"Top {len(hits)} most similar patches, from {units.count(videos, 'video')}, best first."
    )
    st.markdown(f"{found} {how(answer, store)}")
    show_pictures(store, hits, "hit")


def show_pictures(store: Store, hits: list[FoundPatch], name: str) -> None:
    """Each hit as a picture and a way into the player; `name` tells its buttons from those of other searches."""
    if not hits:
        return
    with st.grid(4, min_column_width=230, gap="small") as grid:
        for hit in hits:
            with grid.cell():
                _show_hit(store, hit, name)


def how(answer: SearchAnswer, store: Store) -> Markdown:
    """Whether the search was exact, and what is known of it where it was not."""
    among = "" if answer.videos is None else f" of the {units.count(answer.videos, 'chosen video')}"
    if answer.sketch is None:
        said = f"Exact: all {units.size(answer.bytes)} of embeddings{among} were compared."
        faster = (
            f" {literal(f'tubelet index --store {store.shell_name}')} makes the search several times faster."
            if answer.large
            else ""
        )
        return said + faster
    known = answer.sketch
    later = (
        f"; {units.count(answer.clips - known.clips, 'clip')} added since"
        if answer.clips > known.clips
        else ""
    )
    return (
        f"From the index, which found **{known.recall:.1%}** of the top 20 of exact search when measured, "
        f"on {units.count(known.queries, 'sampled patch', 'sampled patches')} in {units.count(known.clips, 'clip')}{later}."
        + (f" Only patches{among} are ranked." if among else "")
    )


def _show_hit(store: Store, hit: FoundPatch, name: str) -> None:
    clip, video = (
        caching.find_clip(store, hit.clip_id),
        caching.find_video(store, hit.video_id),
    )
    if clip is None or video is None:
        st.caption("This clip was removed from the store. Reload the page to search again.")
        return
    seconds = clip.start_s + hit.slice / clip.slices * (clip.stop_s - clip.start_s)
    address = hit.slice, hit.y, hit.x
    if store.layout.has_pictures(clip.video_id, clip.clip_id):
        st.html(patches.render_surroundings(clip, address, f"{video.name}, {seconds:.2f} s"))
    st.caption(f"{hit.score:.3f} · {literal(video.name)} · {seconds:.2f}\N{NO-BREAK SPACE}s")
    st.button(
        f"Show patch {hit.rank:d}: {literal(video.name)}, {seconds:.2f}\N{NO-BREAK SPACE}s",
        key=f"{BUTTON}{name}-{hit.rank}",
        on_click=_go,
        args=(clip, address),
    )


def _go(clip: ClipRow, address: tuple[int, int, int]) -> None:
    place.show_hit(clip.video_id, clip.clip_id, address)
