"""What the predictor did not expect of a video: its error over time, beside those of a copy and of the mean token."""

import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching, charts, units
from tubelet.dashboard.sql_link import sql_behind
from tubelet.reports.literal import Markdown
from tubelet.store import Store
from tubelet.store.questions.surprise import surprise_of_video
from tubelet.store.rows import ClipRow

GUESSES = {
    "l1": "prediction",
    "copy_l1": "copy of the last slice seen",
    "mean_l1": "mean token",
}


def show(store: Store, clip: ClipRow) -> None:
    """Nothing where `tubelet surprise` has measured nothing of the video."""
    question = surprise_of_video(clip.encoder_id, clip.video_id)
    found = caching.table(store, question)
    if not len(found):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("What did the predictor not expect?", anchor="surprise", width="content")
        sql_behind({"Predicted slices": question}, "surprise")
    st.markdown(describe(found))
    st.altair_chart(
        charts.errors_over_time(list_errors(found)),
        alt="Error of the prediction over the seconds of the video, beside those of a copy of the last slice seen and of the mean token",
    )


def describe(found: pa.Table) -> Markdown:
    """How the error stands to that of copying, and where it is highest."""
    rows = found.to_pylist()
    context, horizon = rows[0]["context"], rows[0]["horizon"]
    said = f"{units.count(len(rows), 'slice')} predicted from the {units.count(context, 'slice')} before, {units.count(horizon, 'slice')} ahead."
    most = max(rows, key=lambda row: row["l1"])
    said += (
        f" The error is highest at **{most['at_s']:.2f} s**, slice {most['slice']:d} of its window."
    )
    ours, theirs = (sum(row[name] for row in rows) for name in ("l1", "copy_l1"))
    if not theirs:
        return f"{said} A copy of the last slice seen has no error: nothing changes."
    ratio = ours / theirs
    verdict = (
        "worse than copying, so its surprise says little" if ratio > 1 else "better than copying"
    )
    return f"{said} It is **{ratio:.2f} times** that of a copy of the last slice seen: {verdict}."


def list_errors(found: pa.Table) -> pa.Table:
    """One row per slice and guess."""
    place = found.select(["clip_id", "slice", "at_s"])
    parts = [
        place.append_column("guess", pa.array([title] * len(found))).append_column(
            "error", found[name]
        )
        for name, title in GUESSES.items()
        if found[name].null_count < len(found)
    ]
    return pa.concat_tables(parts)
