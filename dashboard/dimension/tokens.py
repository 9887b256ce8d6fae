"""The tokens with the largest, middling and smallest values along a direction, as pictures of their patches."""

from collections.abc import Mapping

import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching
from tubelet.dashboard.sql import thumbnails
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.video.colors import ALONG
from tubelet.latent.directions import figures, questions
from tubelet.latent.directions.description import PER_VIDEO, TOP, Description
from tubelet.latent.directions.direction import Direction
from tubelet.latent.directions.questions import SampleScope
from tubelet.latent.directions.ranking import EMBEDDINGS, ROLL_UPS, Extremes
from tubelet.latent.hits import RankingOptions
from tubelet.reports.literal import Markdown
from tubelet.store import Store
from tubelet.store.rows import NamedClip
from tubelet.store.wording import count

EACH = f"{TOP} of each kind, at most {PER_VIDEO} per video, each ringed among the patches around it. A click opens it in the player."
WIDTH = 100  # pixels of a picture, at least
TITLES = {
    figures.LARGEST: "Largest values",
    figures.MIDDLE: "Middling values, next to the median",
    figures.SMALLEST: "Smallest values",
}


def show(store: Store, sample: SampleScope, found: Description) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Which tokens?", anchor="tokens", width="content")
        sql_behind({"Tokens": questions.values(sample)}, "dimension-tokens")
    ends = caching.workspace(store).rank_corpus(
        sample.direction, RankingOptions(TOP, PER_VIDEO), sample.videos
    )
    st.caption(f"{describe_ends(ends)} {EACH}")
    shown = color_by(sample.direction)
    picked = found.picked if ends is None else dict(found.picked) | {figures.LARGEST: ends.largest, figures.SMALLEST: ends.smallest}  # fmt: skip
    for which, title in TITLES.items():
        st.markdown(f"**{title}**")
        _show_row(store, picked[which], shown)


def describe_ends(ends: Extremes | None) -> Markdown:
    """Among which tokens the largest and smallest were looked for, and how surely they are found."""
    if ends is None:
        return "The largest and smallest values are those of the sample: `tubelet index` serves them over all tokens of clips with embeddings."
    over = f"The largest and smallest values are those of all tokens of {count(ends.clips, 'clip')} with embeddings"
    if ends.recall is None:
        how = {ROLL_UPS: "exactly, by the bounds of each slice", EMBEDDINGS: "exactly"}[ends.way]
        return f"{over}, found {how}; middling ones are of the sample."
    found = ends.recall.direction_recall or 0.0
    return f"{over}, found by index: it finds {found:.0%} of the extreme tokens of {count(ends.recall.directions or 0, 'direction')}; middling ones are of the sample."


def color_by(direction: Direction) -> dict[str, str]:
    """The parameters of the Video page that show the direction as brightness."""
    if direction.dim is not None:
        return {"color": "three dimensions", "dimensions": ",".join([str(direction.dim)] * 3)}
    return {"color": ALONG, "color-direction": direction.key}


def _show_row(store: Store, rows: pa.Table, shown: Mapping[str, str]) -> None:
    known = thumbnails.find_clips(store, rows["clip_id"].to_pylist())
    cells = [
        _draw(store, known[row["clip_id"]], row, shown)
        for row in rows.to_pylist()
        if row["clip_id"] in known
    ]
    st.html(thumbnails.arrange(cells, WIDTH))


def _draw(store: Store, clip: NamedClip, row: Mapping, shown: Mapping[str, str]) -> str:
    patch = row["slice"], row["y"], row["x"]
    seconds = clip.start_s + patch[0] / clip.slices * (clip.stop_s - clip.start_s)
    head = f"{clip.video_name}, {seconds:.2f} s"
    inner = thumbnails.patch_html(store, clip, patch) + thumbnails.caption_html(
        head, row, ["value"]
    )
    return thumbnails.link_html(clip, patch, inner, shown)
