"""The videos of a page of the corpus as pictures, each with label, length and a statistic."""

from collections.abc import Sequence

import streamlit as st

from tubelet.dashboard import address, caching, links, units
from tubelet.dashboard.components import video_grid
from tubelet.dashboard.components.video_grid import Card, Scrub
from tubelet.dashboard.corpus.thumbnails import thumbnail
from tubelet.dashboard.parameters import VIDEO
from tubelet.store import Store
from tubelet.store.placement import Sheet
from tubelet.store.questions import corpus
from tubelet.store.questions.rows import PageVideo
from tubelet.store.rows import ClipRow

EXPLAINED = (
    "Move the pointer over a picture, or use the left and right arrow keys, to see the slices of the window in the middle of the video. "
    "Click a picture to open the video; check videos to see or compare them."
)


def show(store: Store, rows: Sequence[PageVideo], encoder_id: str, statistic: str) -> None:
    """The rows of `corpus.videos_page`; slices are of an encoder, and a statistic's mean stands below each name."""
    if not rows:
        st.caption("No video passes the filters.")
        return
    st.caption(EXPLAINED)  # above: the grid grows once its pictures are there
    shown = [row.video_id for row in rows]
    scrubs = _scrubs(store, shown, encoder_id)
    video_grid.show(
        [_card(store, row, statistic, scrubs.get(row.video_id)) for row in rows],
        lambda chosen: choose_of_page(shown, chosen),
        lambda video_id: links.open_player(**{VIDEO: video_id}),
    )


def choose_of_page(shown: Sequence[str], chosen: Sequence[str]) -> None:
    """Choose these of the shown videos, with those of other pages that are chosen already."""
    elsewhere = [id_ for id_ in address.list_chosen_videos() if id_ not in shown]
    address.choose_videos([*elsewhere, *chosen])


def _card(store: Store, row: PageVideo, statistic: str, scrub: Scrub | None) -> Card:
    return Card(
        video=row.video_id,
        name=row.name,
        facts=describe(row, statistic),
        thumbnail=thumbnail(store, row.thumbnail),
        scrub=scrub,
        chosen=row.video_id in address.list_chosen_videos(),
    )


def describe(row: PageVideo, statistic: str) -> str:
    """Label, length, clips, and the mean of the statistic, of those that the video has."""
    mean = row.mean
    facts = [
        row.label,
        units.duration(row.duration_s),
        units.count(row.clips, "clip"),
        None if mean is None else f"{statistic} {mean:.4g}",
    ]
    return " · ".join(fact for fact in facts if fact)


def _scrubs(store: Store, video_ids: list[str], encoder_id: str) -> dict[str, Scrub]:
    """The slice pictures of the clip in the middle of each video, where they are stored."""
    clips = caching.read(store, corpus.middle_clips(video_ids, encoder_id), ClipRow)
    return {
        clip.video_id: Scrub(
            url=f"pictures/{clip.clip_id}", slices=clip.slices, tile=Sheet.of(clip).tile
        )
        for clip in clips
        if store.layout.has_pictures(clip.video_id, clip.clip_id)
    }
