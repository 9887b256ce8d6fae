"""Why a report cannot be shown, in its own words, with the commands that they name to copy."""

import re

import streamlit as st

from tubelet.dashboard.unpaired import offer_encoders
from tubelet.reports.errors import OtherEncoders, ReportError
from tubelet.reports.literal import literal_block, literal_sentence
from tubelet.store import Store

COMMAND = re.compile(r"`(tubelet [^`]+)`")


def show(store: Store, error: ReportError, chosen: str) -> None:
    """`chosen` is the id of the encoder that the page shows already."""
    _say(error)
    if isinstance(error, OtherEncoders):
        offer_encoders(store, [one for one in error.encoder_ids if one != chosen])


def _say(error: ReportError) -> None:
    said = str(error)
    if "\n" in said:
        st.warning(literal_block(said), icon=":material/warning:")
        return
    sentence, commands = literal_sentence(said[:1].upper() + said[1:]), COMMAND.findall(said)
    if commands:
        st.info(sentence, icon=":material/info:")
    else:
        st.warning(sentence, icon=":material/warning:")
    for command in commands:
        st.code(command, language=None, wrap_lines=True)
