"""What a decoder draws of tokens along a direction, with what the decoder reached on videos that it never saw."""

import streamlit as st

from tubelet.dashboard import caching
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.video.decoded import draw_image
from tubelet.latent.decoding.along import describe_steps
from tubelet.latent.decoding.decoder import describe_quality
from tubelet.latent.directions.direction import Direction
from tubelet.reports.literal import literal, literal_sentence
from tubelet.store import Store, TubeletError
from tubelet.store.questions.decoders import fitted_decoders
from tubelet.store.questions.model_rows import FittedDecoder

STYLE = "max-width: 100%; display: block; border-radius: 3px"


def show(store: Store, direction: Direction) -> None:
    """Nothing where the encoder has no decoder."""
    question = fitted_decoders(direction.encoder_id)
    row = caching.read_first(store, question, FittedDecoder)
    if row is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("What does a decoder draw along it?", anchor="decoded", width="content")
        sql_behind({"Decoders": question}, "dimension-decoded")
    try:
        png, names = caching.draw_decoded_direction(
            store, row.decoder_id, direction.encoder_id, direction.key
        )
    except TubeletError as error:
        st.caption(literal_sentence(error))
        return
    st.markdown(literal_sentence(f"{describe_steps(names)} {describe_quality(row)}"))
    shown = (
        f"Tokens along {direction.name} as decoder {row.decoder_id} draws them: {', '.join(names)}."
    )
    st.html(draw_image(png, shown, row, STYLE))
    st.caption(f"Decoder {literal(row.decoder_id)}, the newest of this encoder.")
