"""What a dimension reacts to: its row of the matrix of dimensions and changes."""

import numpy as np
import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching, links
from tubelet.dashboard.dimension import charts
from tubelet.dashboard.sql_link import sql_behind
from tubelet.reports.changes.findings import name_change
from tubelet.reports.changes.sections import warn_few
from tubelet.reports.literal import literal
from tubelet.store import Store
from tubelet.store.intervals import interval
from tubelet.store.questions import changes as queries
from tubelet.store.questions.changes import ReactionScope
from tubelet.store.questions.rows import ChangeScope, DimensionReaction
from tubelet.store.wording import count

NONE = "No pair of windows of this encoder was measured, so it is unknown what the dimension reacts to: `tubelet ingest` measures window shifts, and `--change flip,noise:0.1` more."
COMPONENT = "Reactions are measured by dimension, and this direction is not one."
SHOWN = "Blue: mean difference between a window and the same window changed, in standard deviations of the dimension, with its 95% interval over videos. Orange: the mean dimension. `disjoint`: windows that share no frame."


def show(store: Store, encoder_id: str, dim: int | None) -> None:
    st.header("What does it react to?", anchor="reactions")
    if dim is None:
        st.caption(COMPONENT)
        return
    asked = queries.reaction_scopes(encoder_id)
    held = caching.read_first(store, asked, ChangeScope)
    if held is None:
        st.caption(NONE)
        return
    scope = ReactionScope(encoder_id=encoder_id, frames=held.frame_count, setting=held.setting)
    question = queries.reactions_of_dimension(scope, dim)
    rows = summarize_reactions(caching.read(store, question, DimensionReaction))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"Windows of {count(held.frame_count, 'frame')}, {literal(held.setting)}; {count(held.videos, 'video')}. {SHOWN}{warn_few(held.videos)}",
            width="stretch",
        )
        sql_behind({"Reactions": question, "Measured": asked}, "reactions")
    with st.container(key="room-reactions"):
        st.altair_chart(charts.draw_reactions(rows), alt="Reaction of the dimension to each change")
    with st.container(horizontal=True, gap="medium"):
        links.to_report("Changes", "changes", "All dimensions and changes")
        links.to_report("Dimensions", "dimensions", "Where the variance of all dimensions lies")


def summarize_reactions(rows: list[DimensionReaction]) -> pa.Table:
    """what, reaction, low, high, mean_dimension, videos: one row per change and strength."""
    groups: dict[tuple[str, float | None], list[DimensionReaction]] = {}
    for row in rows:
        if row.relative is not None:
            groups.setdefault((row.change, row.strength), []).append(row)
    found = []
    for (change, strength), own in groups.items():
        reaction = interval([row.relative or 0.0 for row in own], 0)
        levels = [row.mean_dimension for row in own if row.mean_dimension is not None]
        found.append(
            {
                "what": name_change(change, strength),
                "reaction": reaction.mean,
                "low": reaction.low if np.isfinite(reaction.low) else None,
                "high": reaction.high if np.isfinite(reaction.high) else None,
                "mean_dimension": float(np.mean(levels)) if levels else None,
                "videos": len(own),
            }
        )
    return pa.Table.from_pylist(found, REACTIONS)


REACTIONS = pa.schema(
    {
        "what": pa.string(),
        **dict.fromkeys(("reaction", "low", "high", "mean_dimension"), pa.float64()),
        "videos": pa.int64(),
    }
)
