"""Where the marked patches are in their window: score and level slice by slice, as chart, table and files."""

import numpy as np
import streamlit as st

from tubelet.dashboard import caching, charts, downloads, units
from tubelet.dashboard.sql_link import sql_behind
from tubelet.latent import track_question
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.tracking import Track
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store, TubeletError
from tubelet.store.rows import ClipRow

ROW_HEIGHT, ROWS = 31, 10  # pixels; rows before the table scrolls


def show(store: Store, clip: ClipRow, marked: MarkedPatches) -> None:
    if not marked.patches or clip.embedding_path is None:
        return
    try:
        track = caching.workspace(store).track(clip["clip_id"], marked)
    except TubeletError as error:
        st.warning(f"Tracking failed: {literal(error)}", icon=":material/my_location:")
        return
    asked = marked.clip_id, marked.patches
    question = track_question.track_rows(asked, clip.clip_id, track.level)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Where is it in the other slices?", anchor=False, width="content")
        sql_behind({"Best match of each slice": question}, "track")
    st.markdown(sentence(track))
    st.altair_chart(
        charts.likeness(track.table, track.level),
        alt="Cosine of the best match in each slice, and the chance level of unrelated patches",
    )
    address = f"track/{marked.name}/{clip.clip_id}"
    downloads.offer(
        "Track, one row per frame:",
        {"CSV": f"{address}/track.csv", "Parquet": f"{address}/track.parquet"},
    )
    with st.expander("Table", type="compact"):
        columns = {
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("score", "margin", "level")
        }
        height = ROW_HEIGHT * (min(len(track.score), ROWS) + 1) + 4
        st.dataframe(
            track.table.drop_columns("clip_id"),
            column_config=columns,
            hide_index=True,
            height=height,
            placeholder="",
            alt="Track, one row per slice",
        )


def sentence(track: Track) -> Markdown:
    """Found in how many slices, how sure, and against what."""
    found = int(np.count_nonzero(~track.lost))
    where = f"Found in **{found} of {units.count(len(track.lost), 'slice')}** of this window"
    if not np.isfinite(track.level):
        return f"{where}. Without another video of this encoder the chance level is unknown: a match counts if it passes the round-trip check."
    level = track.measured
    sure = f"{level.exceeded:.1%} of unrelated slices exceed it, 95% interval {level.low:.1%} to {level.high:.1%}, from {units.count(level.slices, 'slice')} of {units.count(level.videos, 'video')}"
    return f"{where}. Chance level, the cosine that unrelated patches of other videos reach: **{track.level:.3f}** ({sure}). A match below it, or one that fails the round-trip check, is lost."
