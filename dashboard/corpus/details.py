"""The video chosen in the table: its file, its clips and the statistic over its time."""

from collections.abc import Mapping, Sequence

import streamlit as st

from tubelet.dashboard import address, caching, charts, links, units
from tubelet.dashboard.parameters import VIDEO
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.sql_link import sql_behind
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.rows import ListedClip, VideoFailure
from tubelet.store.rows import VideoRow
from tubelet.store.schema import PARTNER
from tubelet.store.statistics import TOKEN_STATISTICS


def show(store: Store, selection: Selection, statistic: str) -> None:
    video_id = selection.video_id or ""
    video = caching.find_video(store, video_id)
    if video is None:
        st.caption(f"This store has no video {literal(video_id)}.")
        return
    clips = corpus.clips_of_video(video.video_id, selection.encoder_id)
    curve = corpus.statistic_over_time(video.video_id, selection.encoder_id, statistic)
    _heading(video, {"File": corpus.video(video.video_id), "Clips": clips, "Curve": curve})
    with st.grid(3, min_column_width=260, gap="small") as grid:
        with grid.cell():
            st.table(_facts(video), border="horizontal", alt="Facts of the file")
        with grid.cell(column_span=2):
            _clips(store, selection, clips, curve, statistic)
    for failure in caching.read(store, corpus.failures_of_video(video.video_id), VideoFailure):
        st.warning(f"{literal(failure.stage)}: {literal(failure.error)}", icon=":material/error:")


def _heading(video: VideoRow, behind: Mapping[str, Question]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(literal(video.name), anchor=False, width="content")
        links.to_player("Open in player", **{VIDEO: video.video_id})
        sql_behind(behind, "video")
        st.button("Close", icon=":material/close:", type="tertiary", on_click=_close)


def _close() -> None:
    address.redirect(**{VIDEO: ""})


def _facts(video: VideoRow) -> dict[str, Markdown]:
    return {
        "picture": f"{video.width:d} × {video.height:d} px at {video.fps:.4g} frames/s",
        "length": f"{units.duration(video.duration_s)}, {units.count(video.frames, 'frame')}",
        "file": f"{units.size(video.bytes)}, {literal(video.codec)}",
        "label": literal(video.label or "none"),
        "path": literal(video.path),
        "id": literal(video.video_id),
    }


def _clips(
    store: Store,
    selection: Selection,
    clips: Question,
    curve: Question,
    statistic: str,
) -> None:
    rows = caching.read(store, clips, ListedClip)
    if not rows or selection.encoder is None:
        st.caption(
            "No clips of this encoder."
            if selection.encoder
            else "No encoder has encoded this video yet."
        )
        return
    st.altair_chart(
        charts.over_time(caching.table(store, curve), statistic, TOKEN_STATISTICS[statistic].unit),
        alt=f"{statistic} over the video, one line per clip",
    )
    st.caption(
        f"{_clips_sentence(rows)} by {selection.encoder.label_markdown}; {literal(statistic)}: mean over each slice's patches."
    )


def _clips_sentence(rows: Sequence[ListedClip]) -> Markdown:
    partners = sum(row.role == PARTNER for row in rows)
    extra = f", {units.number(partners)} more for pairs of windows" if partners else ""
    rows = [row for row in rows if row.role != PARTNER] or rows
    grids = sorted({f"{row.slices:d} × {row.grid_height:d} × {row.grid_width:d}" for row in rows})
    tokens = units.count(sum(row.tokens for row in rows), "token")
    times = (
        f"{min(row.start_s for row in rows):.2f}\N{EN DASH}{max(row.stop_s for row in rows):.2f} s"
    )
    return f"{units.count(len(rows), 'clip')} over {times}, {', '.join(grids)} tokens each (slices × rows × columns), {tokens}{extra}"
