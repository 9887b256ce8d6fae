"""Ready questions over the corpus: near-duplicates, leaks, outliers, and what to label first. Each answer can be selected as videos."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching, links, selected_videos, units
from tubelet.dashboard.corpus import label_columns
from tubelet.dashboard.parameters import SECOND_VIDEO, VIDEO, bind
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.sql_link import sql_behind
from tubelet.latent.corpus_questions import (
    CorpusQuestion,
    ask_centers,
    ask_duplicates,
    ask_leaks,
    ask_outliers,
)
from tubelet.latent.coverage import CENTERS_MOST, Centers
from tubelet.latent.duplicates import Duplicates, count_per_video
from tubelet.latent.outliers import Outliers
from tubelet.latent.workspace import Workspace
from tubelet.reports.literal import Markdown, literal_sentence
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
HIDDEN = ("video_id", "video_a", "video_b")  # columns for programs


@dataclass(frozen=True)
class Ready:
    """A question: what it means, who answers it and in which words, and whether it needs a label or a number."""

    meaning: Markdown
    ask: Callable[[Workspace, CorpusQuestion], Any]
    describe: Callable[[Any], Markdown]
    label: bool = False
    count: bool = False


def show(store: Store, selection: Selection) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="choices-question"):
        name = st.selectbox("Question", list(QUESTIONS), width=260, **bind("question"))
        ready = QUESTIONS[name]
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


def _complete(store: Store, ready: Ready, selection: Selection, where: Any) -> CorpusQuestion:
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


def _choose_label(store: Store, ready: Ready) -> str:
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


def tabulate(answer: Duplicates | Outliers | Centers) -> pa.Table:
    """The rows of an answer; columns in which no row has anything are left out."""
    rows: Sequence[Any] = (
        answer.pairs
        if isinstance(answer, Duplicates)
        else answer.found
        if isinstance(answer, Outliers)
        else answer.chosen
    )
    table = pa.Table.from_pylist([asdict(row) for row in rows])
    return table.select(
        [name for name in table.column_names if table[name].null_count < len(table)]
    )


def describe_pairs(found: Duplicates) -> Markdown:
    """How many pairs, and what chance would give."""
    compared = f"{units.count(found.moments, 'moment')} of {units.count(found.videos, 'video')} were compared, beside {units.number(found.draws)} corpora drawn without duplicates"
    chance = f"At most 5% of corpora without duplicates have a pair closer than {found.level:.3g}; {compared}."
    if not found.pairs:
        return f"**No pair** of videos is closer than chance. {chance}"
    return f"**{units.count(len(found.pairs), 'pair')}** of videos are closer than chance, {found.pairs[0].distance:.3g} and more apart (p = {found.pairs[0].p:.2g} for the closest). {chance}"


def describe_outliers(found: Outliers) -> Markdown:
    """How many videos stand out, of how many, and what chance would give."""
    skipped = (
        f" {units.count(found.skipped, 'value')} with fewer than 8 videos {'was' if found.skipped == 1 else 'were'} left out."
        if found.skipped
        else ""
    )
    tested = f"{units.count(found.tested, 'video')} of {units.count(found.values, 'value')} were tested; p is corrected for that many, so labels without outliers have one reported in 5% of cases.{skipped}"
    if not found.found:
        return f"**No video** stands out among those of its value. {tested}"
    return f"**{units.count(len(found.found), 'video')}** stand out among those of their value. {tested}"


def describe_centers(found: Centers) -> Markdown:
    """How well the choice covers the corpus, beside choices at random."""
    mean, low, high = found.chance
    labeled = (
        f" or one of the {units.count(found.labeled, 'video')} with the label"
        if found.labeled
        else ""
    )
    return f"**{units.count(len(found.chosen), 'video')}**: no video is farther than {found.radius:.3g} from one of them{labeled}. As many videos at random: {mean:.3g} (95%: {low:.3g} to {high:.3g})."


QUESTIONS = {
    "Near-duplicate moments": Ready(
        "Moments of two videos that are more alike than chance: copies, cuts of one recording, the same scene again.",
        ask_duplicates,
        describe_pairs,
    ),
    "Leaks between splits": Ready(
        "Near-duplicate moments of two videos that have different values of a label, such as train and test.",
        ask_leaks,
        describe_pairs,
        label=True,
    ),
    "Outliers of a label": Ready(
        "Videos far from the others that have the same value of a label: odd ones, or wrongly labeled.",
        ask_outliers,
        describe_outliers,
        label=True,
    ),
    "Videos to label first": Ready(
        "Videos that leave no other far from all chosen ones (k-center, the farthest first); those that have the label already count as chosen.",
        ask_centers,
        describe_centers,
        label=True,
        count=True,
    ),
}
