"""Files that a page offers as links to the routes of `media`. They hold through every run of the script; a button's file does not."""

from collections.abc import Mapping

import streamlit as st

from tubelet.reports.literal import html_text


def offer(heading: str, files: Mapping[str, str]) -> None:
    """What the files are of, and a link by label to the address of each."""
    links = "".join(
        f'<a download href="{html_text(address)}" style="color: inherit; margin-left: 1.2em">{html_text(label)}</a>'
        for label, address in files.items()
    )
    st.html(f'<div style="font-size: 0.875rem">{html_text(heading)}{links}</div>', width="content")
