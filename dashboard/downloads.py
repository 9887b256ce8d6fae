"""Files that a page offers: links to the routes of `media`, which hold through every run of the script, and buttons that write a table."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pyarrow as pa
import streamlit as st

from tubelet.reports.literal import html_text
from tubelet.store import Store
from tubelet.store.questions.corpus import Question
from tubelet.store.sandbox import formats

KINDS: Mapping[str, tuple[Callable[[pa.Table], bytes], str]] = {
    "CSV": (formats.csv, "text/csv"),
    "Parquet": (formats.parquet, "application/vnd.apache.parquet"),
}


def offer(heading: str, files: Mapping[str, str]) -> None:
    """What the files are of, and a link by label to the address of each."""
    links = "".join(
        f'<a download href="{html_text(address)}" style="color: inherit; margin-left: 1.2em">{html_text(label)}</a>'
        for label, address in files.items()
    )
    st.html(f'<div style="font-size: 0.875rem">{html_text(heading)}{links}</div>', width="content")


def offer_answer(store: Store, stem: str, question: Question) -> None:
    """Buttons that write the whole answer to a question: all rows of all pages, all of every list. Made when asked for."""
    for kind, (encode, media_type) in KINDS.items():
        st.download_button(
            kind,
            partial(_encode_answer, store, question, encode),
            f"{Path(store.name).name}-{stem}.{kind.lower()}",
            media_type,
            key=f"download-{stem}-{kind}",
            type="tertiary",
            icon=":material/download:",
            on_click="ignore",
        )


def _encode_answer(store: Store, question: Question, encode: Callable[[pa.Table], bytes]) -> bytes:
    return encode(question.answer(store))
