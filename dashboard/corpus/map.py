"""The map of the corpus: a point per video, colored by a label or a statistic; an area drawn on it becomes the selected videos."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from tubelet.array_types import UInt8
from tubelet.dashboard import address, caching, selected_videos, units
from tubelet.dashboard.components import token_map
from tubelet.dashboard.components.player import Swatch
from tubelet.dashboard.components.token_map import MapPicture
from tubelet.dashboard.corpus import label_columns
from tubelet.dashboard.parameters import AREA, bind
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.swatches import name_categories, name_range
from tubelet.latent import video_map
from tubelet.latent.area import Area
from tubelet.latent.categories import LABEL, Categories
from tubelet.latent.colors import color_categories
from tubelet.latent.video_map import LAYOUTS, PCA, VideoMap
from tubelet.reports.literal import literal_sentence
from tubelet.store import Store, TubeletError
from tubelet.store.questions import corpus, video_vectors
from tubelet.store.questions.corpus import VideoFilter
from tubelet.store.schema.annotations import FOLDER
from tubelet.store.statistics import TOKEN_STATISTICS

LABELED = "label: "  # before the name of a label among what colors can show
KEYS_HELP = "PCA shows the two directions in which the videos differ most. UMAP keeps neighbors together; its distances mean little."


@dataclass(frozen=True)
class VideoColoring:
    """The color of each video, and what the colors mean."""

    colors: UInt8[np.ndarray, "n 3"]
    legend: tuple[Swatch, ...]


def show(store: Store, videos: VideoFilter) -> None:
    """The encoded videos of the filter's encoder; those that the filter leaves out are faint."""
    layout, shown = _choose(store)
    try:
        with st.spinner("Placing the videos", show_time=True):
            found = caching.workspace(store).video_map(videos.encoder_id, layout)
    except TubeletError as error:
        st.warning(
            f"Could not draw the map: {literal_sentence(error)}", icon=":material/scatter_plot:"
        )
        return
    coloring = color_videos(store, found, shown)
    passing = {row["video_id"] for row in caching.rows(store, corpus.video_ids(videos))}
    picture = _picture(store, found, coloring, passing)
    above = st.container(key="area-videos")
    token_map.show(picture, _toggle, lambda text: address.redirect(**{AREA: text}))
    with above:
        _show_area(store, found, passing)


def _choose(store: Store) -> tuple[str, str]:
    """The layout and what colors show, in the URL."""
    labels, folder = (
        [f"{LABELED}{name}" for name in label_columns.names(store)],
        f"{LABELED}{FOLDER}",
    )
    if any(row["label"] for row in caching.rows(store, corpus.labels())):
        shows = [*labels, folder, *TOKEN_STATISTICS]
    else:  # the folder would give all videos one color
        shows = [*labels, *TOKEN_STATISTICS, folder]
    with st.container(horizontal=True, vertical_alignment="bottom", key="choices-map"):
        layout = st.segmented_control(
            "Layout",
            list(LAYOUTS),
            default=PCA,
            required=True,
            help=KEYS_HELP,
            on_change=lambda: address.redirect(**{AREA: ""}),
            **bind("map-layout"),
        )
        shown = st.selectbox("Color", shows, width=200, **bind("map-color"))
    return layout, shown


def color_videos(store: Store, found: VideoMap, shown: str) -> VideoColoring:
    """The colors of a label's values, or of a statistic."""
    video_ids = found.videos.video_ids
    if shown.startswith(LABELED):
        question = video_vectors.video_labels(shown.removeprefix(LABELED))
        values = {row["video_id"]: row["value"] for row in caching.rows(store, question)}
        places, names, others = video_map.categorize_values(video_ids, values)
        categories = Categories(kind=LABEL, names=names, others=others)
        return VideoColoring(color_categories(places), name_categories(categories))
    question = video_vectors.video_statistics(found.videos.encoder_id, shown)
    means = {row["video_id"]: row["value"] for row in caching.rows(store, question)}
    numbers = [means.get(video_id) for video_id in video_ids]
    colors, limits = video_map.color_numbers(np.array(numbers, float))
    return VideoColoring(colors, name_range(shown, limits, video_map.RAMP.tolist()))


def _picture(
    store: Store, found: VideoMap, coloring: VideoColoring, passing: set[str]
) -> MapPicture:
    shown = np.array([video_id in passing for video_id in found.videos.video_ids], bool)
    key = caching.workspace(store).offer_points(found.pack_points(coloring.colors, shown))
    return MapPicture(
        url=f"video-points/{key}",
        axes=describe(found),
        here=(0, 0),
        marked=found.number_of(address.list_chosen_videos()),
        legend=coloring.legend,
        flat=True,
        area=_area_text(),
        lookup=f"video-points/{found.videos.encoder_id}/{found.videos.vectors_id}",
        noun="video",
    )


def describe(found: VideoMap) -> str:
    """What is drawn, and what can be done with it."""
    count = units.count(len(found.videos), "video")
    part = (
        ""
        if found.explained is None
        else f" Both axes show {100 * found.explained:.0f}% of the variance between videos."
    )
    return f"{count} by the mean of their tokens; similar videos lie together.{part} Drag to move, scroll or pinch to zoom, point to see a video, click to choose it. Draw an area or a box around videos to select them."


def _area_text() -> str:
    """The area that the URL names, "" where there is none that can be read."""
    text = address.read()[AREA]
    return text if Area.parse(text) else ""


def _show_area(store: Store, found: VideoMap, passing: set[str]) -> None:
    """The videos of the area that the filters list, and what can be done with them."""
    area = Area.parse(_area_text())
    if area is None:
        return
    inside = [video_id for video_id in found.find_inside(area) if video_id in passing]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{units.count(len(inside), 'video')}** in the area", width="content")
        sql_behind({"Vectors": video_vectors.video_means(found.videos.encoder_id)}, "video-map")
        if inside:
            selected_videos.offer(store, inside, "area")
        st.button(
            "Clear area",
            icon=":material/close:",
            type="tertiary",
            key="go-clear-area",
            on_click=address.redirect,
            kwargs={AREA: ""},
        )


def _toggle(said: Mapping[str, str]) -> None:
    """Choose the video of a clicked point, or no longer."""
    if not said:
        return
    chosen, video_id = address.list_chosen_videos(), said["video"]
    others = [id_ for id_ in chosen if id_ != video_id]
    address.choose_videos(others if video_id in chosen else [*chosen, video_id])
