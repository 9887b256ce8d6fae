"""What a map leads to below it: the tokens of an area that was drawn, and the neighbors of a picked token, as tables and files."""

from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching, downloads, selected_videos, units
from tubelet.dashboard.address import BUTTON
from tubelet.dashboard.components.token_map import MapPicture
from tubelet.dashboard.selected_videos import Members
from tubelet.dashboard.video import place
from tubelet.latent import map_tokens
from tubelet.latent.channels import Look, OfClip, OfSample
from tubelet.latent.marks import MarkedPatches
from tubelet.store import Store
from tubelet.store.annotations.tags import TagMember
from tubelet.store.statistics import TOKEN_STATISTICS

ROW_HEIGHT, ROWS = 31, 8  # pixels; rows before the table scrolls
MOST = 1_000  # rows of an area that the page shows; the files have all
TAGGED_MOST = 10_000  # tokens that one tag is given at once
TOKEN_KEY = "clip_id", "slice", "y", "x"


@dataclass(frozen=True, kw_only=True)
class MapScene:
    """A map: its tokens, how they are drawn, what the browser is handed, and where its tables lie: below `files`, drawn as `shown` says."""

    tokens: OfClip | OfSample
    look: Look
    picture: MapPicture
    files: str
    shown: str

    def address(self, kind: str, **asked: str) -> str:
        """The address of a table."""
        return f"{self.files}.{kind}?{self.shown}&{urlencode(asked)}"


def show(store: Store, scene: MapScene, near: MarkedPatches | None) -> None:
    """`near`: the patches whose neighbors are listed, if they are."""
    if near is not None:
        table = map_tokens.list_neighbors(
            caching.workspace(store), scene.tokens, near, scene.look.categories
        )
        st.markdown(f"**{units.count(len(table), 'neighbor')}** of the selected patches among the tokens of the map, the most similar first; ringed in orange.")  # fmt: skip
        _draw(table, "Neighbors of the selected patches")
        _offer("Neighbors:", scene, near=near.name)
    area = place.area()
    if area is None:
        st.caption("*Select area* draws around tokens and lists them here.")
        return
    workspace = caching.workspace(store)
    points = (
        workspace.points(scene.tokens.clip, scene.look)
        if isinstance(scene.tokens, OfClip)
        else workspace.sample_points(scene.tokens.sample, scene.look)
    )
    inside = map_tokens.find_inside(points, area)
    with st.container(horizontal=True, vertical_alignment="center"):
        shown = f"; the first {units.number(MOST)} are listed" if len(inside) > MOST else ""
        st.markdown(f"**{units.count(len(inside), 'token')}** in the area{shown}.", width="content")
        st.button(
            "Clear area",
            icon=":material/close:",
            type="tertiary",
            key=f"{BUTTON}area",
            on_click=place.choose_area,
            args=("",),
        )
    if len(inside):
        _draw(
            map_tokens.tabulate(scene.tokens, inside[:MOST], scene.look.categories),
            "Tokens of the area",
        )
        _offer("Tokens:", scene, area=place.area_name())
        _offer_tag(store, scene, inside)


def _offer_tag(store: Store, scene: MapScene, inside: np.ndarray) -> None:
    """A form that tags the tokens of the area; a sentence where they are too many."""
    if len(inside) > TAGGED_MOST:
        st.caption(f"An area of up to {units.number(TAGGED_MOST)} tokens can be tagged.")
        return

    def list_all() -> list[TagMember]:
        rows = map_tokens.tabulate(scene.tokens, inside).select(["video_id", *TOKEN_KEY])
        return [TagMember(**row) for row in rows.to_pylist()]

    selected_videos.offer_members(store, Members("token", len(inside), list_all), "tokens")


def _offer(heading: str, scene: MapScene, **asked: str) -> None:
    files = {"CSV": "csv", "Parquet": "parquet"}
    downloads.offer(heading, {name: scene.address(kind, **asked) for name, kind in files.items()})


def _draw(table: pa.Table, alt: str) -> None:
    config = {
        name: st.column_config.NumberColumn(format="%.4g") for name in (*TOKEN_STATISTICS, "cosine")
    }
    config["seconds"] = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        table,
        column_config=config,
        hide_index=True,
        height=ROW_HEIGHT * (min(len(table), ROWS) + 1) + 4,
        placeholder="",
        alt=alt,
    )
