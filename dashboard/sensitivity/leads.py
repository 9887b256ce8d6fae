"""Where a dimension is looked at: its picture on the video, and the pair of windows, in which it reacts most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import streamlit as st

from tubelet.dashboard import links
from tubelet.dashboard.parameters import CLIP, ENCODER, PAIR, VIDEO, VIDEO_PAGE, WINDOWS
from tubelet.reports.sensitivity.rows import StrongestPair

FIRST = 5  # dimensions that are named at the top of the page


def address_picture(dim: int, encoder_id: str, **where: str) -> str:
    """Address of a dimension as gray on a video: the first, unless `where` names one."""
    return f"{VIDEO_PAGE}?{urlencode({ENCODER: encoder_id, **where, **_show_gray(dim)})}"


def _show_gray(dim: int) -> dict[str, str]:
    return {"color": "three dimensions", "dimensions": f"{dim},{dim},{dim}"}


@dataclass(frozen=True)
class Leads:
    """By dimension, the pair in which it reacts most."""

    of: Mapping[int, StrongestPair]

    @classmethod
    def from_rows(cls, rows: Sequence[StrongestPair]) -> "Leads":
        return cls({row.dim: row for row in rows})

    def choose(self, dims: Sequence[int]) -> list[int]:
        """The first of these dimensions that react in any pair."""
        return [dim for dim in dims if dim in self.of and self.of[dim].relative_edge > 0][:FIRST]

    def show(self, dims: Sequence[int]) -> None:
        """The first of these dimensions, each with its three links."""
        known = self.choose(dims)
        if not known:
            return
        st.markdown(
            "The strongest dimensions, each on the video and on the pair of windows in which it reacts most, and on a page of its own:"
        )
        with st.container(
            horizontal=True, gap="small", vertical_alignment="center", key="links-dimensions"
        ):
            for dim in known:
                links.to_dimension(f"{dim:d}: page", self.of[dim].encoder_id, dim)
                links.to_player(f"{dim:d}: picture", **self._place_picture(dim))
                links.to_windows(f"{dim:d}: pair", **self._place_pair(dim))

    def picture(self, dim: int) -> str | None:
        """Address of the dimension as gray on a video; None where it does not vary."""
        return f"{VIDEO_PAGE}?{urlencode(self._place_picture(dim))}" if dim in self.of else None

    def pair(self, dim: int) -> str | None:
        """Address of the pair at that dimension; None where it does not vary."""
        return f"{WINDOWS}?{urlencode(self._place_pair(dim))}" if dim in self.of else None

    def _place_picture(self, dim: int) -> dict[str, str]:
        row = self.of[dim]
        where = {ENCODER: row.encoder_id, VIDEO: row.video_id, CLIP: row.clip_a}
        return where | _show_gray(dim)

    def _place_pair(self, dim: int) -> dict[str, str]:
        row = self.of[dim]
        given = {ENCODER: row.encoder_id, VIDEO: row.video_id, PAIR: row.pair_id}
        return {**given, "dim": str(dim)}
