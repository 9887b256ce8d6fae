"""What the predictor did not expect of a video: its error over time, beside those of a copy and of the mean token."""

import numpy as np
import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching, charts, units
from tubelet.dashboard.sql import frames, thumbnails
from tubelet.dashboard.sql_link import sql_behind
from tubelet.reports.literal import Markdown, html_text
from tubelet.store import Store
from tubelet.store.questions.surprise import surprise_of_clip, surprise_of_video
from tubelet.store.rows import ClipRow, NamedClip

HEAT_WIDTH = 110  # pixels of a slice, at least

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
    first = found.slice(0, 1).to_pylist()[0]
    tokens = surprise_of_clip(clip.clip_id, first["context"], first["horizon"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("What did the predictor not expect?", anchor="surprise", width="content")
        sql_behind({"Predicted slices": question, "Tokens": tokens}, "surprise")
    st.markdown(describe(found))
    st.altair_chart(
        charts.errors_over_time(list_errors(found)),
        alt="Error of the prediction over the seconds of the video, beside those of a copy of the last slice seen and of the mean token",
    )
    show_heat(store, clip, caching.table(store, tokens))


def show_heat(store: Store, clip: ClipRow, tokens: pa.Table) -> None:
    """The predicted slices of the window at which the player stands, where in the frame the error is; a click leads there."""
    named = thumbnails.find_clips(store, [clip.clip_id]).get(clip.clip_id)
    if named is None or not len(tokens):
        return
    grids = grid_errors(tokens, named)
    if not grids:
        return
    largest = max(float(np.nanmax(grid)) for grid in grids.values())
    cells = []
    for slice_, grid in grids.items():
        heat = frames.draw_heat(frames.color_heat(grid, 0.0, largest))
        head = f"slice {slice_}, up to {np.nanmax(grid):.3g}"
        inner = f"{thumbnails.slice_html(store, named, slice_, heat)}<div>{html_text(head)}</div>"
        y, x = np.unravel_index(np.nanargmax(grid), grid.shape)
        cells.append(thumbnails.link_html(named, (slice_, int(y), int(x)), inner))
    st.html(frames.draw_legend("error of the prediction", 0.0, largest))
    st.html(thumbnails.arrange(cells, HEAT_WIDTH))


def grid_errors(tokens: pa.Table, clip: NamedClip) -> dict[int, np.ndarray]:
    """The error of each patch, (H, W), by predicted slice."""
    grids: dict[int, np.ndarray] = {}
    for row in tokens.to_pylist():
        if thumbnails.contains(clip, (row["slice"], row["y"], row["x"])) and row["l1"] is not None:
            empty = np.full((clip.grid_height, clip.grid_width), np.nan)
            grids.setdefault(row["slice"], empty)[row["y"], row["x"]] = row["l1"]
    return grids


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
    return f"{said} Over all of them, it is **{ratio:.2f} times** that of a copy of the last slice seen: {verdict}."


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
