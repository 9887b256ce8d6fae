"""Where the marked patches are: in their window slice by slice, or in the whole video frame by frame, as chart, table and files."""

import numpy as np
import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching, charts, downloads, units
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.sql_link import sql_behind
from tubelet.latent import track_question
from tubelet.latent.exports import tracks
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.tracking import Track
from tubelet.reports.literal import Markdown, literal_sentence
from tubelet.store import Store, TubeletError
from tubelet.store.questions import clips
from tubelet.store.rows import ClipRow
from tubelet.store.schema import PARTNER

ROW_HEIGHT, ROWS = 31, 10  # pixels; rows before the table scrolls
WINDOW, WHOLE = "this window", "whole video"
SHOWN = ("frame", "seconds", "x", "y", "score", "level", "lost", "slice", "patch_y", "patch_x")
STITCHED = (
    "Each frame belongs to one window: where windows overlap, to the one whose middle is nearest. "
    "Frames of one slice share one match, and frames in no window have none."
)


def show(store: Store, clip: ClipRow, marked: MarkedPatches) -> None:
    if not marked.patches or clip.embedding_path is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Where is it in the other slices?", anchor="track", width="content")
        of = _choose_extent(store, clip)
        beside = st.container(width="content")
    try:
        with beside:
            _offer_sql(store, clip, marked)
        if of == WHOLE:
            _show_whole(store, clip, marked)
        else:
            _show_window(store, clip, marked)
    except TubeletError as error:
        st.warning(f"Tracking failed: {literal_sentence(error)}", icon=":material/my_location:")


def _choose_extent(store: Store, clip: ClipRow) -> str:
    """The window alone or, if there are several with its frame count and spacing, all of them."""
    if clip.role == PARTNER or len(caching.rows(store, clips.windows(clip))) < 2:
        return WINDOW
    return st.segmented_control(
        "Follow through",
        [WINDOW, WHOLE],
        default=WINDOW,
        required=True,
        **bind("track-of"),
        label_visibility="collapsed",
    )


def _offer_sql(store: Store, clip: ClipRow, marked: MarkedPatches) -> None:
    """The track of this window as SQL, of which a whole video has one per window."""
    track = caching.workspace(store).track(clip.clip_id, marked)
    asked = marked.clip_id, marked.patches
    question = track_question.track_rows(asked, clip.clip_id, track.level)
    sql_behind({"Best match of each slice of this window": question}, "track")


def _show_window(store: Store, clip: ClipRow, marked: MarkedPatches) -> None:
    track = caching.workspace(store).track(clip.clip_id, marked)
    st.markdown(sentence(track))
    st.altair_chart(
        charts.likeness(track.table, track.level),
        alt="Cosine of the best match in each slice, and the chance level of unrelated patches",
    )
    _offer(f"track/{marked.name}/{clip.clip_id}/track", "Track of this window, one row per frame:")
    _show_table(track.table.drop_columns("clip_id"), "Track, one row per slice")


def _show_whole(store: Store, clip: ClipRow, marked: MarkedPatches) -> None:
    with st.spinner("Following the patch through all windows of the video", show_time=True):
        table = tracks.tabulate_video(caching.workspace(store), clip, marked)
    st.markdown(whole_sentence(table))
    st.altair_chart(
        charts.likeness_over_time(tracks.keep_slices(table)),
        alt="Cosine of the best match over the seconds of the video, and the chance level of unrelated patches",
    )
    _offer(f"track/{marked.name}/{clip.clip_id}/whole", "Track of the video, one row per frame:")
    st.caption(STITCHED)
    _show_table(table.select(SHOWN), "Track of the whole video, one row per frame")


def _offer(address: str, heading: str) -> None:
    downloads.offer(heading, {"CSV": f"{address}.csv", "Parquet": f"{address}.parquet"})


def _show_table(table: pa.Table, alt: str) -> None:
    with st.expander("Table", type="compact"):
        columns = {
            name: st.column_config.NumberColumn(format=form)
            for name, form in (
                *((name, "%.3f") for name in ("score", "margin", "level")),
                ("seconds", "%.3f"),
                *((name, "%.1f") for name in ("x", "y") if "patch_x" in table.column_names),
            )
        }
        height = ROW_HEIGHT * (min(len(table), ROWS) + 1) + 4
        st.dataframe(
            table, column_config=columns, hide_index=True, height=height, placeholder="", alt=alt
        )


def whole_sentence(table: pa.Table) -> Markdown:
    """Found in how many frames of how many windows, and against what."""
    lost = np.array(table["lost"].to_pylist())
    windows = units.count(len(set(table["clip_id"].to_pylist())), "window")
    found = f"Found in **{units.number(int((~lost).sum()))} of {units.count(len(lost), 'frame')}** of the video, in {windows}"
    level = table["level"][0].as_py() if len(table) else None
    if level is None:
        return f"{found}. Without another video of this encoder the chance level is unknown."
    return f"{found}. Chance level: **{level:.3f}**. A match below it, or one that fails the round-trip check, is lost."


def sentence(track: Track) -> Markdown:
    """In how many slices the patch was found, how certain that is, and against which level."""
    found = int(np.count_nonzero(~track.lost))
    where = f"Found in **{found} of {units.count(len(track.lost), 'slice')}** of this window"
    if not np.isfinite(track.level):
        return f"{where}. Without another video of this encoder the chance level is unknown: a match counts if it passes the round-trip check."
    level = track.measured
    sure = f"at most {level.exceeded:.1%} of unrelated slices exceed it on average, 95% interval {level.low:.1%} to {level.high:.1%}, from {units.count(level.slices, 'slice')} of {units.count(level.videos, 'video')}"
    return f"{where}. Chance level, the cosine that unrelated patches of other videos reach: **{track.level:.3f}** ({sure}). A match below it, or one that fails the round-trip check, is lost."
