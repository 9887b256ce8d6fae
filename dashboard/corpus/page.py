"""The Corpus page: what is in the store, at a glance, and then its videos, its failures and its encoders."""

import streamlit as st

from tubelet.dashboard import caching, links, units
from tubelet.dashboard.corpus import encoders as corpus_encoders
from tubelet.dashboard.corpus import failures as corpus_failures
from tubelet.dashboard.corpus import questions as corpus_questions
from tubelet.dashboard.corpus import videos as corpus_videos
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.selection import Selection, describe_untrained
from tubelet.reports.literal import Markdown
from tubelet.store import Store
from tubelet.store.questions.rows import CorpusSummary

TITLE, ICON = "Corpus", ":material/video_library:"
SECTIONS = {
    "Videos": corpus_videos,
    "Questions": corpus_questions,
    "Failures": corpus_failures,
    "Encoders": corpus_encoders,
}


def show(store: Store, selection: Selection) -> None:
    links.follow_opened()
    summary = caching.summary(store)
    st.title("What is in the store?", anchor=False)
    if not summary.videos and not summary.failures:
        _show_empty(store)
        return
    _show_answer(store, summary)
    SECTIONS[_section(summary)].show(store, selection)


def _show_answer(store: Store, summary: CorpusSummary) -> None:
    st.markdown(f"{answer(summary)} {describe_untrained(store)}")


def answer(summary: CorpusSummary) -> Markdown:
    """The page's answer: one sentence with numbers and units."""
    videos = f"**{units.count(summary.videos, 'video')}**, {units.duration(summary.seconds)} and {units.size(summary.bytes)} of files"
    failures = (
        f"**{units.count(summary.failures, 'failure')}**" if summary.failures else "no failures"
    )
    if not summary.clips:
        return f"{videos}; no clips encoded yet; {failures}."
    encoders = units.count(summary.encoders, "encoder")
    clips = f"**{units.count(summary.clips, 'clip')}** of {units.count(summary.encoded_videos, 'video')}"
    kept = (
        f" ({units.size(summary.embedding_bytes)} of embeddings)"
        if summary.embedding_bytes
        else " (statistics only)"
    )
    return f"{videos}. Encoded: {clips} by {encoders}, **{units.count(summary.tokens, 'token')}**{kept}; {failures}."


def _section(summary: CorpusSummary) -> str:
    """The part of the page that is shown."""
    default = "Videos" if summary.videos else "Failures"
    return st.segmented_control(
        "Section",
        list(SECTIONS),
        default=default,
        required=True,
        **bind("section"),
        label_visibility="collapsed",
    )


def _show_empty(store: Store) -> None:
    st.markdown("No videos yet. Encode a folder of videos; they appear here as they are encoded:")
    st.code(
        f"tubelet ingest FOLDER --store {store.shell_name} --encoder NAME",
        language=None,
        wrap_lines=True,
    )
    st.markdown("No videos at hand? The demo includes some:")
    st.code("tubelet demo", language=None, wrap_lines=True)
    st.caption(
        "`tubelet encoders` lists the encoders; `tubelet plan` estimates tokens, bytes and hours."
    )
