"""What encoded the videos, and from which weights."""

import streamlit as st

from tubelet.dashboard import caching, downloads, units
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.sql_link import sql_behind
from tubelet.store import Store
from tubelet.store.questions import corpus

ROW_HEIGHT = 31  # pixels
COLUMNS = (
    "encoder_id", "untrained", "layer", "causal", "embed_dim", "patch", "tubelet", "parameters", "videos", "clips", "tokens",
    "weights_source", "family", "preprocessing", "weights_sha256",
)  # fmt: skip


def show(store: Store, selection: Selection) -> None:
    known = caching.table(store, corpus.encoders())
    untrained = sum(known["untrained"].to_pylist())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            units.count(len(known), "encoder") if len(known) else "No encoders yet.",
            width="content",
        )
        sql_behind({"Encoders": corpus.encoders()}, "encoders")
        downloads.offer_answer(store, "encoders", corpus.encoders())
    st.dataframe(
        known,
        column_config=_column_config(),
        column_order=COLUMNS,
        hide_index=True,
        placeholder="",
        height="auto" if len(known) else ROW_HEIGHT * 2,
        alt="Encoders with their geometry, what they encoded and where their weights come from",
    )
    if untrained:
        st.warning(
            "Untrained weights are random: the embeddings show what the architecture does, not what training has taught it.",
            icon=":material/warning:",
        )


def _column_config() -> dict:
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    return {
        "encoder_id": text("encoder", width=215),
        "untrained": st.column_config.CheckboxColumn("untrained", width=75),
        "layer": text("layer", width=90),
        "causal": st.column_config.CheckboxColumn("causal", width=62),
        "embed_dim": number("dimensions", width=84),
        "patch": number("patch, px", width=70),
        "tubelet": number("tubelet, frames", width=106),
        "parameters": number("parameters", width=92, format="localized"),
        "videos": number("videos", width=58, format="localized"),
        "clips": number("clips", width=58, format="localized"),
        "tokens": number("tokens", width=90, format="localized"),
        "weights_source": text("source of the weights", width=260),
        "weights_sha256": text("SHA-256 of the weights", width=180),
        "preprocessing": text("preprocessing", width=320),
    }
