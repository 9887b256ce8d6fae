"""Several videos chosen in the table: what they are, and the ways on from them."""

from collections.abc import Sequence

import streamlit as st

from tubelet.dashboard import address, caching, links, units
from tubelet.dashboard.parameters import SECOND_VIDEO, VIDEO
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.sql_link import sql_behind
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.questions.rows import ChosenVideo

ROW_HEIGHT, ROWS = 31, 10  # pixels; rows before the table scrolls


def show(store: Store, selection: Selection, chosen: Sequence[str]) -> None:
    question = corpus.chosen_videos(chosen, selection.encoder_id)
    rows = caching.read(store, question, ChosenVideo)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(units.count(len(rows), "chosen video"), anchor=False, width="content")
        sql_behind({"Chosen videos": question}, "chosen")
        st.button(
            "Clear choice",
            icon=":material/close:",
            type="tertiary",
            on_click=address.choose_videos,
            args=([],),
        )
    st.markdown(
        f"Together **{units.duration(sum(row.duration_s for row in rows))}** and **{units.count(sum(row.clips for row in rows), 'clip')}** of this encoder."
    )
    if len(rows) > 1:
        first, second = (row.video_id for row in rows[:2])
        links.to_player(
            "Compare the first two side by side",
            **{VIDEO: first, SECOND_VIDEO: second, "beside": "true"},
        )
    links.to_sql("Open in SQL", question.text)
    st.dataframe(
        caching.table(store, question).drop_columns("video_id"),
        hide_index=True,
        height=ROW_HEIGHT * (min(len(rows), ROWS) + 1) + 4,
        placeholder="",
        column_config={"duration_s": st.column_config.NumberColumn("duration", format="%.2f s")},
        alt="Chosen videos",
    )
