"""Files that a page offers as links to the routes of `media`. They hold through every run of the script; a button's file does not."""

from collections.abc import Mapping
from html import escape

import streamlit as st


def offer(heading: str, files: Mapping[str, str]) -> None:
    """What the files are of, and a link by label to the address of each."""
    links = "".join(
        f'<a download href="{escape(address)}" style="color: inherit; margin-left: 1.2em">{escape(label)}</a>'
        for label, address in files.items()
    )
    st.html(f'<div style="font-size: 0.875rem">{escape(heading)}{links}</div>', width="content")
