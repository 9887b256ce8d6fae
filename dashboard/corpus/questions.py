"""Ready questions over the corpus: near-duplicates, leaks, outliers, and what to label first. Each answer can be selected as videos."""

from dataclasses import replace
from typing import Any

import streamlit as st

from tubelet.dashboard import caching, links, selected_videos
from tubelet.dashboard.corpus import label_columns
from tubelet.dashboard.parameters import SECOND_VIDEO, VIDEO, bind
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.sql_link import sql_behind
from tubelet.latent.corpus_questions import CorpusQuestion, ask_leaks
from tubelet.latent.coverage import CENTERS_MOST, Centers
from tubelet.latent.duplicates import Duplicates, count_per_video
from tubelet.latent.outliers import Outliers
from tubelet.reports.literal import Markdown, literal_sentence
from tubelet.reports.ready_questions import HIDDEN, QUESTIONS, ReadyQuestion, tabulate
from tubelet.store import Store, TubeletError
from tubelet.store.questions import video_vectors
from tubelet.store.questions.corpus import Question
from tubelet.store.schema.annotations import FOLDER

SPLIT, ANY = "split", ""
COUNT = 10  # videos to label, where nothing else is asked for
TITLES: dict[str, Any] = {
    "name_a": "first video",
    "at_a_s": st.column_config.NumberColumn("at", format="%.2f s"),
    "name_b": "second video",
    "at_b_s": st.column_config.NumberColumn("at", format="%.2f s"),
    "split_a": "value of the first",
    "split_b": "value of the second",
    "name": "video",
    "videos": "videos of the value",
    "nearest": "nearest value",
    "distance": st.column_config.NumberColumn("distance", format="%.3g"),
    "p": st.column_config.NumberColumn("p", format="%.2g"),
}


BY_TITLE = {ready.title: ready for ready in QUESTIONS.values()}


def show(store: Store, selection: Selection) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="choices-question"):
        name = st.selectbox("Question", list(BY_TITLE), width=260, **bind("question"))
        ready = BY_TITLE[name]
        further = st.container(horizontal=True, width="content")
    asked = _complete(store, ready, selection, further)
    st.caption(ready.meaning)
    try:
        with st.spinner("Comparing the videos", show_time=True):
            answer = ready.ask(caching.workspace(store), asked)
    except TubeletError as error:
        st.info(literal_sentence(error), icon=":material/help:")
        return
    _show_answer(store, asked, ready.describe(answer), answer)


def _complete(
    store: Store, ready: ReadyQuestion, selection: Selection, where: Any
) -> CorpusQuestion:
    """The question with the label and the number that it needs, each in the URL."""
    chosen = selection.video_ids
    asked = CorpusQuestion(selection.encoder_id, None if chosen is None else tuple(chosen))
    with where:
        if ready.label:
            asked = replace(asked, label=_choose_label(store, ready))
        if ready.count:
            count = st.number_input("Videos", 1, CENTERS_MOST, COUNT, width=120, **bind("question-count"))  # fmt: skip
            asked = replace(asked, count=int(count))
    return asked


def _choose_label(store: Store, ready: ReadyQuestion) -> str:
    known = [*label_columns.names(store), FOLDER]
    choices = [ANY, *known] if ready.count else known
    default = choices.index(SPLIT) if SPLIT in choices and ready.ask is ask_leaks else 0
    return st.selectbox(
        "Label",
        choices,
        default,
        lambda name: name or "(none)",
        width=160,
        **bind("question-label"),
    )


def _show_answer(
    store: Store,
    asked: CorpusQuestion,
    words: Markdown,
    answer: Duplicates | Outliers | Centers,
) -> None:
    st.markdown(words)
    if not answer.video_ids:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        selected_videos.offer(store, answer.video_ids, "answer")
        sql_behind(_find_source(asked, answer), "question")
        if isinstance(answer, Duplicates):
            first = answer.pairs[0]
            links.to_player(
                "Compare the closest pair side by side",
                **{VIDEO: first.video_a, SECOND_VIDEO: first.video_b, "beside": "true"},
            )
    st.dataframe(
        tabulate(answer),
        hide_index=True,
        placeholder="",
        column_config={**TITLES, **dict.fromkeys(HIDDEN)},
        alt="Answer",
    )


def _find_source(
    asked: CorpusQuestion, answer: Duplicates | Outliers | Centers
) -> dict[str, Question]:
    """The query for the vectors that were compared."""
    if not isinstance(answer, Duplicates):
        return {"Vectors": video_vectors.video_means(asked.encoder_id)}
    among = None if asked.video_ids is None else list(asked.video_ids)
    per_video = count_per_video(answer.videos)
    return {"Moments": video_vectors.slice_means(asked.encoder_id, per_video, among)}
