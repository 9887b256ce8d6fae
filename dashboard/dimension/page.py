"""The Dimension page: what one dimension, or another direction of embedding space, encodes and reacts to."""

import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from tubelet.dashboard import caching, links
from tubelet.dashboard.dimension import charts, choice, decoded, reactions, tokens
from tubelet.dashboard.missing import show_no_clips
from tubelet.dashboard.parameters import CLIP, ENCODER, VIDEO
from tubelet.dashboard.selection import Selection, describe_untrained
from tubelet.dashboard.sql_link import sql_behind
from tubelet.latent.directions import figures, questions
from tubelet.latent.directions.description import GO_ALONG, Description
from tubelet.latent.directions.direction import Direction
from tubelet.latent.directions.questions import SampleScope
from tubelet.latent.errors import LatentError
from tubelet.reports.formatting import round_to_zero
from tubelet.reports.literal import Markdown, literal, literal_sentence
from tubelet.store import Store
from tubelet.store.questions.corpus import Question
from tubelet.store.wording import count

TITLE, ICON = "Dimension", ":material/linear_scale:"
NO_VARIANCE = "It has the same value everywhere: nothing can be said of what it encodes."
PLACE = "Mean over videos of the value, minus the mean of its video, at each patch and at each slice of the window. Band: 95% interval over videos."
NOT_LINEAR = "Tokens are divided by their length, or position means are subtracted, before they are multiplied with this component, so that roll-ups do not hold its mean."


def show(store: Store, selection: Selection) -> None:
    what = "direction" if choice.read_direction() else "dimension"
    st.title(f"What does this {what} encode?", anchor=False)
    if not selection.encoder_id:
        show_no_clips(store)
        return
    direction = choice.choose_direction(store, selection)
    if direction is None:
        return
    try:
        found = caching.workspace(store).describe_direction(direction, selection.video_ids)
    except LatentError as error:
        st.info(literal_sentence(error), icon=":material/info:")
        reactions.show(store, selection.encoder_id, direction.dim)
        return
    st.markdown(f"{answer(direction, found)} {describe_untrained(store, selection.encoder_id)}")
    st.caption(describe_sample(found, selection.video_ids is not None))
    sample = SampleScope(direction, found.each, selection.video_ids)
    _show_distribution(sample, found)
    if not found.constant:
        tokens.show(store, sample, found)
        _show_places(sample, found)
        decoded.show(store, direction)
    _show_video(store, selection, direction, found)
    reactions.show(store, selection.encoder_id, direction.dim)
    _show_correlated(sample, found)


def answer(direction: Direction, found: Description) -> Markdown:
    """What is known of a direction in a sentence."""
    name = literal(direction.name[:1].upper() + direction.name[1:])
    if found.constant:
        return f"**{name}**: {found.mean:.4g}. {NO_VARIANCE}"
    said = f"**{name}**: mean {found.mean:.4g}, standard deviation {found.std:.4g}."
    rows = found.correlated.table.to_pylist()
    if rows and found.correlated.chance is not None:
        most = rows[0]
        beyond = "more than" if abs(most["correlation"]) > found.correlated.chance else "no more than"  # fmt: skip
        said += f" It correlates most with dimension {most['dim']:d} (correlation {most['correlation']:.2f}, {beyond} the {found.correlated.chance:.2f} that chance gives)."
    return said


def describe_sample(found: Description, selected: bool) -> Markdown:
    """What all figures rest on."""
    whose = "the selected videos" if selected else "the corpus"
    return (
        f"From a sample of {whose}: {count(found.tokens, 'token')} of {count(found.videos, 'video')}, about {round(found.tokens / found.videos):,} per video, drawn by a hash of their addresses: "
        "the same ones at every visit. Slices, rows and columns count from 0."
    )


def _show_distribution(sample: SampleScope, found: Description) -> None:
    _head(
        "Distribution",
        {"Distribution": questions.distribution(sample, figures.BINS)},
        "distribution",
    )
    with st.container(key="room-distribution"):  # style.css keeps it
        st.altair_chart(
            charts.draw_histogram(found.histogram), alt="Histogram of the values of sampled tokens"
        )


def _show_places(sample: SampleScope, found: Description) -> None:
    _head(
        "Where in the frame, and when in the window?",
        {
            "Frame": questions.places(sample),
            "Window": questions.positions(sample),
        },
        "places",
    )
    st.caption(PLACE)
    with st.container(horizontal=True, gap="medium", vertical_alignment="top"):
        with st.container(width="content", key="room-frame"):
            st.altair_chart(
                charts.draw_frame(found.frame), width="content", alt="Mean value at each patch"
            )
        with st.container(width="stretch", key="room-profile"):
            if len(found.profile) > 1:
                st.altair_chart(
                    charts.draw_profile(found.profile), alt="Mean value at each slice of the window"
                )
            else:
                st.caption("Windows of one slice have no profile.")


def _show_video(
    store: Store, selection: Selection, direction: Direction, found: Description
) -> None:
    largest = found.picked[figures.LARGEST].to_pylist()[0]
    head = _head("Over a video", {}, "curve")
    video_id = choice.choose_video(store, selection, largest["video_id"])
    if not video_id:
        st.caption("This encoder has no clips of such a video. Choose another one.")
        return
    if direction.plain:
        _show_curve(store, questions.curve(video_id, direction), head)
    else:
        st.caption(NOT_LINEAR)
    clip = {CLIP: largest["clip_id"]} if video_id == largest["video_id"] else {}
    where = {VIDEO: video_id, ENCODER: selection.encoder_id} | clip
    links.to_player("Show as color in player", **where, **tokens.color_by(direction))


def _show_curve(store: Store, question: Question, head: DeltaGenerator) -> None:
    with head:
        sql_behind({"Curve": question}, "dimension-curve")
    points = caching.table(store, question)
    if not len(points):
        st.caption("No roll-up of this video is stored for this encoder.")
        return
    with st.container(key="room-curve"):
        st.altair_chart(charts.draw_curve(points), alt="Mean value of each slice of the video")


def _show_correlated(sample: SampleScope, found: Description) -> None:
    _head(
        "Which dimensions go along?",
        {"Correlations": questions.correlations(sample, GO_ALONG)},
        "correlated",
    )
    rows, chance = found.correlated.table, found.correlated.chance
    if not len(rows):
        st.caption("No other dimension correlates with it.")
        return
    sure = (
        f"The largest that chance gives is {chance:.2f} (values of other videos in their place); intervals are over videos."
        if chance is not None
        else "With fewer than five videos there is no interval and no chance level."
    )
    st.caption(f"Correlation over the sampled tokens. {sure}")
    at = [
        links.locate_dimension(sample.direction.encoder_id, dim) for dim in rows["dim"].to_pylist()
    ]
    number = st.column_config.NumberColumn
    forms = dict.fromkeys(("correlation", "low", "high"), ".3f")
    st.dataframe(
        round_to_zero(rows, forms).append_column("page", pa.array(at)),
        hide_index=True,
        placeholder="",
        column_config={
            "dim": number("dimension", format="%d"),
            "correlation": number("correlation", format="%.3f"),
            "low": number("from", format="%.3f"),
            "high": number("to", format="%.3f"),
            "page": st.column_config.LinkColumn("page", display_text="open"),
        },
        alt="Dimensions that are most correlated",
    )


def _head(title: Markdown, behind: dict[str, Question], key: str) -> DeltaGenerator:
    """The line of a section's title; what is added to it stands beside the title."""
    head = st.container(horizontal=True, vertical_alignment="center")
    head.header(title, anchor=key, width="content")
    if behind:
        with head:
            sql_behind(behind, f"dimension-{key}")
    return head
