"""What pages show if the chosen encoder lacks what they need: pairs (how to measure them, or why an image encoder cannot have any), or a predictor."""

from collections.abc import Sequence

import streamlit as st

from tubelet.dashboard import caching, selection
from tubelet.dashboard.address import BUTTON
from tubelet.dashboard.selection import ChosenEncoder, Selection
from tubelet.reports.literal import literal
from tubelet.store import Store
from tubelet.store.encoder_names import has_predictor
from tubelet.store.questions import corpus, sensitivity
from tubelet.store.questions.rows import ListedEncoder, MeasuredScope


def show_unpaired(store: Store, chosen: Selection) -> None:
    """Say that there are no pairs of the chosen encoder, and what to do."""
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
    paired = [row.encoder_id for row in caching.read(store, sensitivity.scopes(), MeasuredScope)]
    if others := [one for one in dict.fromkeys(paired) if one != chosen.encoder_id]:
        st.markdown("Encoders of this store with pairs:")
        offer_encoders(store, others)


def _show_image_encoder(store: Store, encoder: ChosenEncoder) -> None:
    """It sees no window, so no window can change what it sees."""
    st.markdown(
        f"{encoder.label_markdown} is an image encoder: it encodes each frame alone, so the frames around it change nothing "
        "and there is no pair of windows to measure. This page needs a video encoder."
    )
    others = [row.encoder_id for row in _list_encoders(store) if row.tubelet > 1]
    if not others:
        st.markdown(
            "This store holds no clips of a video encoder. `tubelet encoders` lists the encoders and says which of them see several frames."
        )
        return
    st.markdown("Video encoders of this store:")
    offer_encoders(store, others)


def show_unpredicted(store: Store, encoder: ChosenEncoder) -> None:
    """Say that the chosen encoder has no predictor, and which encoders of the store have one."""
    st.markdown(
        f"{encoder.label_markdown} has no predictor: nothing can fill in its hidden tokens. This page needs an encoder of the V-JEPA family."
    )
    others = [row.encoder_id for row in _list_encoders(store) if has_predictor(row.family)]
    if not others:
        st.markdown("This store holds no clips of one. To encode a folder of videos with the small one that comes with Tubelet:")  # fmt: skip
        st.code(
            f"tubelet ingest FOLDER --encoder vjepa2.1-tiny --store {store.shell_name}",
            language=None,
            wrap_lines=True,
        )
        return
    st.markdown("Encoders of this store that have one:")
    offer_encoders(store, others)


def _list_encoders(store: Store) -> list[ListedEncoder]:
    """Those that have encoded something."""
    return [row for row in caching.read(store, corpus.encoders(), ListedEncoder) if row.clips]


def offer_encoders(store: Store, encoder_ids: Sequence[str]) -> None:
    """A button per encoder that shows the page with it."""
    known = [selection.ChosenEncoder.of(row) for row in _list_encoders(store)]
    names = selection.name_encoders(known)
    for encoder_id in encoder_ids:
        if encoder_id in names:
            st.button(
                f"Show {literal(names[encoder_id])}",
                key=f"{BUTTON}encoder-{encoder_id}",
                on_click=selection.change_encoder,
                args=(encoder_id,),
            )
