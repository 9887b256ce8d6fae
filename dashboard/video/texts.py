"""Search by text: a text that the player shows as brightness, and the slices of the corpus that are most like it."""

import streamlit as st

from tubelet.dashboard import caching, units
from tubelet.dashboard.components.player import Film
from tubelet.dashboard.jobs.page_job import PageJob
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.video import search
from tubelet.latent.colorings import TEXT, Coloring
from tubelet.latent.hits import FoundPatch, RankingOptions
from tubelet.latent.texts.keeping import name_text
from tubelet.latent.texts.ranking import TextRanking
from tubelet.latent.texts.run import LONGEST, join_words
from tubelet.reports.literal import Markdown, literal_sentence
from tubelet.store import Store, TubeletError
from tubelet.store.encoder_names import has_text
from tubelet.store.jobs.spare import Spares
from tubelet.store.questions.model_rows import SearchedText, TextEncoder
from tubelet.store.questions.texts import searched_texts, text_encoders

RANKING = RankingOptions(top=12, per_video=3)
JOB = PageJob("text", Spares(("tubelet.ingest.texts.tower",)), "The text was not searched for")
HELP = "What a caption would say, such as: a red cup. Brightness is the cosine of each patch to it."


def ask_text(store: Store, encoder_id: str) -> Coloring:
    """Draw the search box, and the coloring by its text; of nothing where the store does not have the text."""
    text = join_words(
        st.text_input("Text", placeholder="a red cup", max_chars=LONGEST, help=HELP, width=240, **bind("color-text"))
    )  # fmt: skip
    known = {row.text_id for row in caching.read(store, searched_texts(encoder_id), SearchedText)}
    text_id = name_text(encoder_id, text)
    return Coloring(TEXT, text_id if text_id in known else "")


def offer(store: Store, film: Film) -> None:
    """What is missing before the player can show a text: the text, an encoder that reads texts, or the search."""
    text = join_words(str(st.session_state.get("color-text") or ""))
    encoder_id = film.clip.encoder_id
    rows = caching.read(store, text_encoders(), TextEncoder)
    if not any(row.encoder_id == encoder_id and has_text(row.family, row.layer) for row in rows):
        st.info(
            "This encoder was not trained on captions: its tokens cannot be compared with a text. SigLIP, SigLIP 2, CLIP and TIPS v2 can.",
            icon=":material/text_fields:",
        )
        return
    if not text:
        st.info("Write what to look for in the box Text, such as: a red cup.", icon=":material/text_fields:")  # fmt: skip
        return
    words = ("search", f"--store={store.root}", f"--encoder={encoder_id}", "--", text)
    JOB.offer(store, words, "Search text")
    JOB.show_state(store)


def show(store: Store, film: Film, coloring: Coloring) -> None:
    """The slices of the corpus that are most like the text of the player."""
    if coloring.source != TEXT or not coloring.of:
        return
    encoder_id = film.clip.encoder_id
    st.header("Where does the corpus look like the text?", anchor="text")
    try:
        with st.spinner("Comparing slices", show_time=True):
            found = caching.workspace(store).rank_text(encoder_id, coloring.of, RANKING)
    except TubeletError as error:
        st.warning(f"Search failed: {literal_sentence(error)}", icon=":material/search_off:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(describe(store, found))
        sql_behind({"Texts": searched_texts(encoder_id)}, "text")
    with st.container(key="found-text"):
        search.show_pictures(store, [FoundPatch.of(row) for row in found.hits.to_pylist()], "text")


def describe(store: Store, found: TextRanking) -> Markdown:
    """How much was compared, and what the numbers are."""
    unread = (
        f" {units.count(found.unread, 'clip')} not compared yet: run {literal_sentence(f'`tubelet search TEXT --store {store.shell_name}`')} once more."
        if found.unread
        else ""
    )
    return f"Top {len(found.hits)} slices of {units.count(found.compared, 'clip')} by the cosine of the whole slice; each opens at its most similar patch.{unread} Cosines of texts and pictures are small: compare them with each other, not with 1."
