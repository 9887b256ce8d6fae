"""Where the marked patches are in their window: score and level slice by slice, as chart, table and files."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from tubelet.dashboard import caching, charts, downloads, units
from tubelet.latent.marks import MarkedPatches
from tubelet.dashboard.sql_link import sql_behind
from tubelet.latent import questions
from tubelet.latent.tracking import Track
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store, TubeletError

ROW_HEIGHT, ROWS = 31, 10  # pixels; rows before the table scrolls


def show(store: Store, clip: Mapping, marked: MarkedPatches) -> None:
    if not marked.patches or clip["embedding_path"] is None:
        return
    try:
        track = caching.workspace(store).track(clip["clip_id"], marked)
    except TubeletError as error:
        st.warning(f"The patches cannot be followed: {literal(error)}", icon=":material/my_location:")
        return
    question = questions.track(marked.clip_id, marked.patches, clip["clip_id"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Where is it in the other slices?", anchor=False, width="content")
        sql_behind({"Best match of each slice": question}, "track")
    st.markdown(sentence(track))
    st.altair_chart(
        charts.likeness(track.table, track.level), alt="Cosine of the best match in each slice, and the level that unrelated patches reach"
    )
    address = f"track/{marked.name}/{clip['clip_id']}"
    downloads.offer("The track, one row per frame:", {"CSV": f"{address}/track.csv", "Parquet": f"{address}/track.parquet"})
    with st.expander("Table", type="compact"):
        columns = {name: st.column_config.NumberColumn(format="%.3f") for name in ("score", "margin", "level")}
        height = ROW_HEIGHT * (min(len(track.score), ROWS) + 1) + 4
        st.dataframe(
            track.table.drop_columns("clip_id"),
            column_config=columns,
            hide_index=True,
            height=height,
            placeholder="",
            alt="The track, one row a slice",
        )


def sentence(track: Track) -> Markdown:
    """Found in how many slices, how sure, and against what."""
    found = int(np.count_nonzero(~track.lost))
    where = f"Found in **{found} of {units.count(len(track.lost), 'slice')}** of this window"
    if not np.isfinite(track.level):
        return f"{where}. No other video of this encoder is there to say what unrelated patches reach: a match counts as found where the way back leads home."
    level = track.measured
    sure = f"{level.exceeded:.1%} of unrelated slices reach more, {level.low:.1%} to {level.high:.1%} as far as {units.count(level.slices, 'slice')} of {units.count(level.videos, 'video')} tell"
    return f"{where}. Unrelated patches of other videos reach a cosine of **{track.level:.3f}** ({sure}); a best match below it, or whose own best match lies elsewhere, is lost."
