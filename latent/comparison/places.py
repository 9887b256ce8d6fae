"""The encoders and layers that are compared, and where their states are stored."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tubelet.latent.comparison.options import (
    AUTO,
    POOLED,
    TOKENS,
    ComparisonError,
    ComparisonOptions,
)
from tubelet.store import Store
from tubelet.store.encoder_names import find_encoder
from tubelet.store.questions.comparison import STATISTICS, kept_states


@dataclass(frozen=True)
class Place:
    """A layer of an encoder; `source` says which table or files hold its states."""

    encoder_id: str
    layer: str
    source: str


@dataclass(frozen=True)
class Places:
    """What is compared with what, in the order of encoders and layers; `on` says whether tokens or whole slices are matched."""

    all: tuple[Place, ...]
    on: str

    @property
    def sources(self) -> dict[str, str]:
        """The source of each encoder's states."""
        return {place.encoder_id: place.source for place in self.all}


def find_places(store: Store, wanted: ComparisonOptions) -> Places:
    """Raises ComparisonError where there are not two, or a layer is not there, or tokens are asked for that no clip keeps."""
    chosen = {find_encoder(store, name) for name in wanted.encoders}
    held = [
        row
        for row in kept_states().answer(store).to_pylist()
        if not chosen or row["encoder_id"] in chosen
    ]
    on = _choose_level(held, wanted.on)
    found = [place for row in held for place in _places_of(row, on)]
    kept = [place for place in found if not wanted.layers or place.layer in wanted.layers]
    layers = list(dict.fromkeys(place.layer for place in found))
    if missing := [layer for layer in wanted.layers if layer not in layers]:
        raise ComparisonError(
            f"none of the chosen encoders has states of layer {missing[0]!r}: available are {', '.join(layers) or 'none'}"
        )
    _refuse_few(store, kept)
    return Places(tuple(kept), on)


def _choose_level(held: Sequence[dict], on: str) -> str:
    """Tokens where every encoder keeps them and none has layers of its own in `pooled`."""
    if on == TOKENS and (lacking := [row["encoder_id"] for row in held if not row["token_clips"]]):
        raise ComparisonError(
            f"no clip of {lacking[0]} keeps tokens: pass --on pooled, or ingest its videos again with `--keep embeddings`"
        )
    if on != AUTO:
        return on
    return TOKENS if all(row["token_clips"] and not row["layers"] for row in held) else POOLED


def _places_of(row: dict, on: str) -> list[Place]:
    encoder_id = row["encoder_id"]
    if on == TOKENS:
        return [Place(encoder_id, row["layer"], TOKENS)]
    if row["layers"]:
        return [Place(encoder_id, layer, POOLED) for layer in sorted(row["layers"], key=_depth)]
    return [Place(encoder_id, row["layer"], STATISTICS if row["statistics_clips"] else TOKENS)]


def _depth(layer: str) -> tuple[int, str]:
    number = re.search(r"\d+", layer)
    return (int(number[0]) if number else 10**9, layer)


def _refuse_few(store: Store, places: list[Place]) -> None:
    if not places:
        raise ComparisonError(
            f"{store.name} holds no clips: encode videos with `tubelet ingest PATH... --store {store.shell_name} --encoder NAME`"
        )
    if len(places) < 2:
        (only,) = places
        raise ComparisonError(
            f"there is only layer {only.layer} of {only.encoder_id}, and nothing to compare it with: ingest the same videos with another encoder, or more layers of this one with `--layer blocks:all --keep pooled`"
        )
