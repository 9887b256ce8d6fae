"""What the reader is looking at: read from the URL once a run, handed to the page, never changed by it."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from tubelet.dashboard import caching
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.questions import corpus

VIDEO = "video"  # URL parameters that no widget of their own carries


@dataclass(frozen=True)
class Encoder:
    """The encoder whose clips are shown."""

    encoder_id: str
    name: str
    layer: str
    untrained: bool

    @property
    def label_markdown(self) -> Markdown:
        """Its name within a sentence, and that its weights are untrained where they are."""
        return f"{literal(self.name)} (untrained)" if self.untrained else literal(self.name)

    @property
    def label(self) -> str:
        """Its name, and that its weights are untrained where they are."""
        return f"{self.name} (untrained)" if self.untrained else self.name


@dataclass(frozen=True)
class Selection:
    """What all pages share: the encoder (None in a store without one) and the chosen video."""

    encoder: Encoder | None = None
    video_id: str | None = None

    @property
    def encoder_id(self) -> str:
        return self.encoder.encoder_id if self.encoder else ""


def choose(store: Store) -> Selection:
    """Draw the shared widgets where the caller stands and read the selection from the URL."""
    known = {row["encoder_id"]: _encoder(row) for row in caching.rows(store, corpus.encoders())}
    chosen = st.selectbox(
        "Encoder",
        list(known),
        key="encoder",
        bind="query-params",
        help="Clips, tokens and statistics are those of this encoder.",
        placeholder="none yet",
        disabled=not known,
    )
    if chosen and known[chosen].untrained:
        st.badge("untrained weights", icon=":material/warning:", color="orange")
    return Selection(known.get(chosen), st.query_params.get(VIDEO))


def untrained_badge(store: Store, encoder_id: str | None = None) -> Markdown:
    """Markdown that names the encoders whose weights are untrained, of all or of one that a result is about; empty where there are none.
    Belongs beside every result."""
    about = [row for row in caching.rows(store, corpus.encoders()) if encoder_id in (None, row["encoder_id"])]
    names = sorted({row["name"] for row in about if row["untrained"]})
    return f":orange-badge[:material/warning: untrained weights:] {', '.join(map(literal, names))}" if names else ""


def _encoder(row: Mapping) -> Encoder:
    return Encoder(row["encoder_id"], row["name"], row["layer"], row["untrained"])

