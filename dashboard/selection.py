"""What the reader is looking at: read from the URL once per run, handed to the page, never changed by it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from tubelet.dashboard import address, caching, completion, consent, selected_videos
from tubelet.dashboard.parameters import (
    AREA,
    CELL,
    CLIP,
    COMPARE,
    ENCODER,
    HIT,
    PAIR,
    PATCHES,
    SEGMENT,
    SLICE,
    VIDEO,
)
from tubelet.dashboard.selected_videos import SelectedVideos
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.encoder_names import add_layer, has_predictor
from tubelet.store.questions import corpus
from tubelet.store.questions.rows import ListedEncoder

SUFFIX = 6  # characters of an id that tell encoders of one name apart
OF_ENCODER = (
    CLIP,
    SLICE,
    PATCHES,
    SEGMENT,
    HIT,
    AREA,
    PAIR,
    COMPARE,
    *CELL,
)  # parameters that mean nothing to another encoder


@dataclass(frozen=True, kw_only=True)
class ChosenEncoder:
    """The encoder whose clips are shown."""

    encoder_id: str
    name: str
    layer: str
    untrained: bool
    tubelet: int = 2  # frames per token
    causal: bool = False  # whether each slice was encoded from its prefix alone
    family: str = ""

    @classmethod
    def of(cls, row: ListedEncoder) -> "ChosenEncoder":
        """The encoder of a row of `corpus.encoders`."""
        return cls(
            encoder_id=row.encoder_id,
            name=row.name,
            layer=row.layer,
            untrained=row.untrained,
            tubelet=row.tubelet,
            causal=bool(row.causal),
            family=row.family,
        )

    @property
    def is_image(self) -> bool:
        """Whether it encodes each frame alone."""
        return self.tubelet == 1

    @property
    def predicts(self) -> bool:
        """Whether it comes with a predictor, which answers whole windows."""
        return has_predictor(self.family) and not self.causal

    @property
    def label_markdown(self) -> Markdown:
        """The encoder's name within a sentence, marked where it is causal or its weights are untrained."""
        said = f"{literal(self.name)} (causal)" if self.causal else literal(self.name)
        return f"{said} (untrained)" if self.untrained else said

    @property
    def label(self) -> str:
        """The encoder's name, marked where it is causal or its weights are untrained."""
        said = f"{self.name} (causal)" if self.causal else self.name
        return f"{said} (untrained)" if self.untrained else said


@dataclass(frozen=True)
class Selection:
    """What all pages share: the encoder (None in a store without one), the chosen video, and the selected videos (None for all)."""

    encoder: ChosenEncoder | None = None
    video_id: str | None = None
    videos: SelectedVideos | None = None

    @property
    def encoder_id(self) -> str:
        return self.encoder.encoder_id if self.encoder else ""

    @property
    def video_ids(self) -> list[str] | None:
        """The ids of the selected videos; None for all."""
        return None if self.videos is None else self.videos.ids

    def narrow(self, where: str | None) -> str | None:
        """A typed condition within the selected videos, which the reader has already accepted."""
        if self.videos is None:
            return where or None
        if not where:
            consent.ask(self.videos.condition)
            return self.videos.condition
        both = f"({self.videos.condition}\n) AND (\n{where}\n)"
        if consent.is_asked(where):
            consent.ask(both)
        return both


def complete_address(store: Store, page: str) -> None:
    """Write what the address of a page implies into it."""
    address.write(**completion.complete(store, page, address.read(), address.last_encoder()))


def choose(store: Store, page: str = "") -> Selection:
    """Draw the shared widgets where the caller stands and read the selection of a page from the URL."""
    known = {encoder.encoder_id: encoder for encoder in list_encoders(store)}
    complete_address(store, page)
    stands = address.read()
    missing = stands[ENCODER] if known and stands[ENCODER] not in known else ""
    chosen = next(iter(known), "") if missing else stands[ENCODER]
    names = name_encoders(list(known.values()))
    key = f"encoder-choice-{chosen}"  # a link from elsewhere is another choice
    st.selectbox(
        "Encoder",
        list(known),
        list(known).index(chosen) if known else None,
        format_func=lambda known_id: names[known_id],
        key=key,
        on_change=lambda: change_encoder(st.session_state[key]),
        help="Clips, tokens and statistics are those of this encoder.",
        placeholder="none yet",
        disabled=not known,
    )
    if missing:
        st.warning(
            f"This store has no encoder {literal(missing)}. Showing {known[chosen].label_markdown} instead.",
            icon=":material/search_off:",
        )
    if chosen and known[chosen].untrained:
        st.badge("untrained weights", icon=":material/warning:", color="orange")
    return Selection(known.get(chosen), stands[VIDEO] or None, selected_videos.show(store))


def list_encoders(store: Store) -> list[ChosenEncoder]:
    """Every encoder of a store; a layer is one of its own."""
    return [ChosenEncoder.of(row) for row in caching.read(store, corpus.encoders(), ListedEncoder)]


def name_encoders(known: Sequence[ChosenEncoder]) -> dict[str, str]:
    """The display name of each encoder, by id: name and layer, and the end of the id where two share both."""
    called = {
        one.encoder_id: add_layer(f"{one.name}{', causal' * one.causal}", one.layer, ", layer ")
        for one in known
    }
    often = Counter(called.values())
    return {
        id_: f"{name} ({id_[-SUFFIX:]})" if often[name] > 1 else name
        for id_, name in called.items()
    }


def change_encoder(encoder_id: str) -> None:
    """Another encoder: the video stays, what was of the last encoder goes."""
    address.redirect(**{ENCODER: encoder_id}, **dict.fromkeys(OF_ENCODER, ""))


def describe_untrained(store: Store, encoder_id: str | None = None) -> Markdown:
    """Markdown that names the encoders whose weights are untrained, of all or of one that a result is about; empty where there are none.
    Belongs beside every result."""
    about = [one for one in list_encoders(store) if encoder_id in (None, one.encoder_id)]
    names = sorted({one.name for one in about if one.untrained})
    where = "" if encoder_id else " in this store"
    return (
        f":orange-badge[:material/warning: untrained weights{where}:] {', '.join(map(literal, names))}"
        if names
        else ""
    )
