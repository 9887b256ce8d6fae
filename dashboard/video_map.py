"""The map of tokens: every token of the marked window as a point, its place, colour and opacity each bound to a number."""

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

from dashboard import channels, cloud, latent_caching, place
from dashboard.channels import CHANNELS, SEPARATOR
from dashboard.colours import Colouring
from dashboard.marks import Marked
from dashboard.sql_link import sql_behind
from latent.basis import Basis
from store import Store, TubeletError, clip_queries

MAP = "map"  # URL parameter


def show(store: Store, clip: Mapping, colouring: Colouring, marked: Marked) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = st.toggle(
            "Map of tokens", key=MAP, bind="query-params", help="Every token of the window as a point, by likeness of its embedding."
        )
        if not wanted or clip["embedding_path"] is None:
            return
        try:
            basis = latent_caching.basis(store, clip["encoder_id"], colouring)
            chosen = _channels(basis)
        except TubeletError as error:
            st.warning(f"No map: {error}", icon=":material/scatter_plot:")
            return
        sql_behind({"Statistics": channels.statistics(clip["clip_id"]), "Window": clip_queries.clip(clip["clip_id"])}, "map")
    url = f"points/{colouring.name}/{basis.basis_id}/{clip['clip_id']}?{urlencode({'show': SEPARATOR.join(chosen.values())})}"
    numbers = (
        [(slice_ * clip["height"] + y) * clip["width"] + x for slice_, y, x in marked.patches] if marked.clip_id == clip["clip_id"] else []
    )
    cloud.show(clip, {"url": url, "axes": sentence(chosen)}, place.slice_(), numbers, _go)


def sentence(chosen: Mapping[str, str]) -> str:
    """What places and colours mean."""
    where, shade = ", ".join(chosen[name] for name in channels.AXES), ", ".join(chosen[name] for name in channels.COLOURS)
    faint = "" if chosen["opacity"] == channels.FULL else f" Opacity: {chosen['opacity']}."
    return f"Place: {where}. Red, green, blue: {shade}.{faint} Drag to turn, scroll to come nearer, point to see a patch, click to show it in the player."


def _channels(basis: Basis) -> dict[str, str]:
    """The name of the number behind each channel, in the URL."""
    names, default = channels.offered(basis), channels.chosen_by_default(basis)
    with st.popover("Channels", icon=":material/tune:"), st.grid(2, gap="small") as grid:
        chosen = {}
        for name in CHANNELS:
            with grid.cell():
                chosen[name] = st.selectbox(name.capitalize(), names, names.index(default[name]), key=f"map-{name}", bind="query-params")
    return chosen


def _go(news: Mapping) -> None:
    """Show a clicked token in the player."""
    if news:
        place.jump(news["clip"], news["patch"][0], [news["patch"]])
