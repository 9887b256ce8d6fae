"""Colours of tokens: a basis gives each token three numbers, and on ranges fixed with the basis they become red, green and blue.

A colouring says where the basis comes from. Its name stands in URLs: `corpus`, `video-ID`, `clip-ID`, `basis-ID`, `dimensions-0.1.2`, each
with the options `~unit`, `~positions` and `~foreground` where they are taken.
"""

import re
from dataclasses import dataclass, fields

import numpy as np

from latent import bases, fitting, projections
from latent import colours as scales
from latent.basis import Basis, as_clusters
from latent.clips import opened
from latent.fitting import FIRST_COMPONENT, Wish
from latent.scope import Scope
from store import Store, StoreError

CHANNELS = ("red", "green", "blue")
BACKGROUND = 0.25  # of the grey that stands for what is no foreground
NAME = re.compile(r"(corpus|video|clip|basis|dimensions)(?:-([0-9a-f.]+))?((?:~(?:unit|positions|foreground))*)")


@dataclass(frozen=True)
class Options:
    """How tokens are prepared before a basis is fitted."""

    unit: bool = False
    positions: bool = False
    foreground: bool = False

    @property
    def name(self) -> str:
        return "".join(f"~{option.name}" for option in fields(self) if getattr(self, option.name))


@dataclass(frozen=True)
class Colouring:
    """Where the three numbers of a token come from; `of` is a video, clip or basis id, or dimensions as ``0.1.2``."""

    source: str
    of: str = ""
    options: Options = Options()

    @property
    def name(self) -> str:
        return f"{self.source}{'-' if self.of else ''}{self.of}{self.options.name}"

    @property
    def dimensions(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.of.split(".") if part)

    @classmethod
    def parse(cls, name: str) -> "Colouring":
        """A colouring from its name. Raises StoreError for anything else."""
        found = NAME.fullmatch(name)
        if found is None or (found[1] == "dimensions" and not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,5}){2}", found[2] or "")):
            raise StoreError(f"no colouring is called {name}")
        taken = found[3].split("~")
        return cls(found[1], found[2] or "", Options(*(option.name in taken for option in fields(Options))))


def basis(store: Store, encoder_id: str, colouring: Colouring) -> Basis:
    """The basis of a colouring, read or fitted now. Raises LatentError for what cannot be fitted."""
    if colouring.source == "basis":
        return bases.load(store, colouring.of)
    named = {colouring.source: colouring.of} if colouring.source in ("clip", "video") else {}
    wanted = Scope.of(store, **named, encoder=encoder_id)
    options = colouring.options
    if colouring.source == "dimensions":
        return fitting.fit(store, wanted, Wish("dimensions", dimensions=colouring.dimensions))
    chosen = FIRST_COMPONENT if options.foreground else None
    return fitting.fit(store, wanted, Wish("pca", unit=options.unit, positions=options.positions, foreground=chosen))


def of_clip(store: Store, clip_id: str, fitted: Basis) -> np.ndarray:
    """The colours of a clip's tokens: ``(S, H, W, 3)`` in uint8. Raises LatentError where there is nothing to colour, or not by this basis."""
    found = coordinates(store, clip_id, fitted)
    if fitted.kind == "kmeans":
        return scales.of_clusters(as_clusters(found))
    shown = scales.rgb(found, fitted.limits)
    return shown if fitted.foreground is None else _dimmed(shown, fitted.is_foreground(opened(store, clip_id)))


def coordinates(store: Store, clip_id: str, fitted: Basis) -> np.ndarray:
    """Coordinates of a clip's tokens, ``(S, H, W, k)``: kept ones, or else computed; nothing is written."""
    kept = projections.kept(store, fitted, clip_id)
    return fitted.coordinates(opened(store, clip_id)) if kept is None else kept


def _dimmed(colours: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    """What is no foreground in a dark grey of its own brightness."""
    grey = (colours.mean(axis=-1, keepdims=True) * BACKGROUND).astype(np.uint8)
    return np.where(foreground[..., None], colours, grey)
