"""Why a report cannot be shown, in its own words, with the commands that they name to copy."""

import re

import streamlit as st

from tubelet.reports.errors import ReportError
from tubelet.reports.literal import literal_block, literal_sentence

COMMAND = re.compile(r"`(tubelet [^`]+)`")


def show(error: ReportError) -> None:
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
