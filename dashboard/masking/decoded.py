"""A kept run as a decoder draws it, with what the decoder reached on videos that it never saw."""

import streamlit as st

from tubelet.dashboard import caching
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.video.decoded import draw_image
from tubelet.latent.decoding.decoder import describe_quality
from tubelet.reports.literal import literal, literal_sentence
from tubelet.store import Store, TubeletError
from tubelet.store.questions.decoders import fitted_decoders
from tubelet.store.questions.model_rows import FittedDecoder
from tubelet.store.questions.rows import KeptMasking
from tubelet.store.rows import ClipRow


def show(store: Store, clip: ClipRow, run: KeptMasking) -> None:
    """Where the encoder has no decoder, the command that fits one."""
    question = fitted_decoders(clip.encoder_id)
    row = caching.read_first(store, question, FittedDecoder)
    if row is None:
        command = f"tubelet decoder fit --encoder {clip.encoder_id} --store {store.shell_name}"
        st.caption(literal_sentence(f"To see predictions as pixels, fit a decoder: `{command}`"))
        return
    try:
        png, quality = caching.draw_decoded_masking(
            store, row.decoder_id, clip.clip_id, run.masking_id
        )
    except TubeletError as error:
        st.caption(literal_sentence(error))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(literal_sentence(f"Drawn by a decoder. {quality} {describe_quality(row)}"))
        sql_behind({"Decoders": question}, f"masking-decoded-{run.mask_kind}")
    shown = f"The window under the mask {run.mask_kind} as decoder {row.decoder_id} draws it: its target, what was seen and predicted, and the mean of the seen tokens in place of predictions. {quality}"
    st.html(draw_image(png, shown, row))
    st.caption(f"Decoder {literal(row.decoder_id)}, the newest of this encoder. A patch is drawn from its token and those around it, two patches far.")  # fmt: skip
