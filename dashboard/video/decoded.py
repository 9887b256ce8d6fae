"""What a decoder draws of the window: its slices below those that the encoder saw, with what the decoder reached on videos it never saw."""

import base64

import streamlit as st

from tubelet.dashboard import caching
from tubelet.dashboard.sql_link import sql_behind
from tubelet.latent.decoding.decoder import describe_quality
from tubelet.reports.literal import html_text, literal, literal_sentence
from tubelet.store import Store, TubeletError
from tubelet.store.questions.decoders import fitted_decoders
from tubelet.store.questions.model_rows import FittedDecoder
from tubelet.store.rows import ClipRow

STYLE = "width: 100%; display: block; border-radius: 3px"
KNOWN = "What is missing may be in the tokens all the same: a decoder draws what it has learned to read from them."


def show(store: Store, clip: ClipRow) -> None:
    """Nothing where the encoder has no decoder, or the window no tokens."""
    question = fitted_decoders(clip.encoder_id)
    found = caching.read(store, question, FittedDecoder)
    if not found or clip.embedding_path is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("What does a decoder draw of this window?", anchor="decoded", width="content")
        sql_behind({"Decoders": question}, "decoded")
    row = found[0]
    st.markdown(f"{literal_sentence(describe_quality(row))} {KNOWN}")
    try:
        png = caching.draw_decoded_sheet(store, row.decoder_id, clip.clip_id)
    except TubeletError as error:
        st.error(literal_sentence(error), icon=":material/error:")
        return
    shown = f"Slices of the window as the encoder saw them, and below as decoder {row.decoder_id} draws them."
    st.html(draw_image(png, shown, row))
    st.caption(f"Decoder {literal(row.decoder_id)}, the newest of this encoder.")


def draw_image(png: bytes, shown: str, row: FittedDecoder, style: str = STYLE) -> str:
    """The picture as HTML, whose text says what it shows and how well it is drawn."""
    data = base64.b64encode(png).decode()
    alt = html_text(f"{shown} {describe_quality(row)}")
    return f'<img alt="{alt}" src="data:image/png;base64,{data}" style="{style}">'
