"""What the pages about pairs say where the chosen encoder has none: how to measure them, or why an image encoder cannot have any."""

import streamlit as st

from tubelet.dashboard import caching, selection
from tubelet.dashboard.address import BUTTON
from tubelet.dashboard.selection import Encoder, Selection
from tubelet.reports.literal import literal
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.questions.rows import ListedEncoder


def show_unpaired(store: Store, chosen: Selection) -> None:
    """That there are no pairs of the chosen encoder, and what to do."""
    if chosen.encoder and chosen.encoder.is_image:
        _show_image_encoder(store, chosen.encoder)
        return
    of = f" of {chosen.encoder.label_markdown}" if chosen.encoder else ""
    st.markdown(
        f"No pairs{of} yet. A pair is two windows of one video that share frames. `tubelet ingest` measures one pair per video by default "
        "(`--pairs 0` disables this). To measure a pair of each encoded video:"
    )
    name = chosen.encoder.name if chosen.encoder else "NAME"
    st.code(
        f"tubelet ingest FOLDER --encoder {name} --shift 1 --pairs 1 --store {store.shell_name}",
        language=None,
        wrap_lines=True,
    )
    st.markdown("To compare stored clips that already overlap, without encoding again:")
    st.code(f"tubelet pairs --pairs all --store {store.shell_name}", language=None, wrap_lines=True)


def _show_image_encoder(store: Store, encoder: Encoder) -> None:
    """It sees no window, so no window can change what it sees."""
    st.markdown(
        f"{encoder.label_markdown} is an image encoder: it encodes each frame alone, so the frames around it change nothing "
        "and there is no pair of windows to measure. This page needs a video encoder."
    )
    known = caching.read(store, corpus.encoders(), ListedEncoder)
    others = [row for row in known if row.tubelet > 1 and row.clips]
    if not others:
        st.markdown(
            "This store holds no clips of a video encoder. `tubelet encoders` lists the encoders and says which of them see several frames."
        )
        return
    st.markdown("Video encoders of this store:")
    names = selection.name_encoders([selection.Encoder.of(row) for row in others])
    for row in others:
        st.button(
            f"Show {literal(names[row.encoder_id])}",
            key=f"{BUTTON}encoder-{row.encoder_id}",
            on_click=selection.change_encoder,
            args=(row.encoder_id,),
        )
