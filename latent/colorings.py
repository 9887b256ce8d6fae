"""Colors of tokens: a basis gives each token three numbers, and on ranges fixed with the basis they become red, green and blue.

A coloring says where the basis comes from. Its name appears in URLs: `corpus`, `video-ID`, `clip-ID`, `basis-ID`, `dimensions-0.1.2`, and
`clusters-10`, `labels` and `videos`, whose colors are those of categories, and `direction-` with the name of a direction in hexadecimal digits of UTF-8, `attention-` with the id of an attentive probe, or `text-` with that of a text, which are gray; each with the options `~unit`, `~positions` and `~foreground` if they are set.
"""

import re
from dataclasses import dataclass, fields

import numpy as np

from tubelet.array_types import Bool, Float32, UInt8
from tubelet.latent import bases, clips, fitting, gaze, projections
from tubelet.latent import categories as kinds
from tubelet.latent import colors as scales
from tubelet.latent.basis import Basis
from tubelet.latent.categories import Categories
from tubelet.latent.clips import open_clip
from tubelet.latent.directions import shade
from tubelet.latent.directions.naming import find_direction
from tubelet.latent.fitting import FIRST_COMPONENT, BasisSpec
from tubelet.latent.scope import Scope
from tubelet.latent.texts import shade as text_shade
from tubelet.store import Store, StoreError

CHANNELS = ("red", "green", "blue")
DIRECTION = "direction"
ATTENTION = "attention"
TEXT = text_shade.KIND
PLACELESS = "kmeans", DIRECTION, ATTENTION, TEXT  # kinds of bases that place nothing on a map
BACKGROUND = 0.25  # of the gray that stands for what is not foreground
CATEGORICAL = {"labels": kinds.LABEL, "videos": kinds.VIDEO}
FORMS = "choose corpus, video-ID, clip-ID, basis-ID or dimensions-I.J.K"
NAME = re.compile(
    r"(corpus|video|clip|basis|dimensions|clusters|labels|videos|direction|attention|text)(?:-([0-9a-f.]+))?((?:~(?:unit|positions|foreground))*)"
)


@dataclass(frozen=True)
class PreparationOptions:
    """How tokens are prepared before a basis is fitted."""

    unit: bool = False
    positions: bool = False
    foreground: bool = False

    @property
    def name(self) -> str:
        return "".join(f"~{option.name}" for option in fields(self) if getattr(self, option.name))


@dataclass(frozen=True)
class Coloring:
    """Where the three numbers of a token come from; `of` is a video, clip or basis id, or dimensions as ``0.1.2``."""

    source: str
    of: str = ""
    options: PreparationOptions = PreparationOptions()

    @property
    def name(self) -> str:
        return f"{self.source}{'-' if self.of else ''}{self.of}{self.options.name}"

    @property
    def dimensions(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.of.split(".") if part)

    @property
    def direction(self) -> str:
        """The name of a direction; raises StoreError where the digits are none."""
        try:
            return bytes.fromhex(self.of).decode()
        except ValueError as error:
            raise StoreError(f"no coloring is called {self.name}: {FORMS}") from error

    @classmethod
    def along(cls, name: str) -> "Coloring":
        """Color by a direction."""
        return cls(DIRECTION, name.encode().hex())

    @classmethod
    def parse(cls, name: str) -> "Coloring":
        """A coloring from its name. Raises StoreError for anything else."""
        found = NAME.fullmatch(name)
        if found is None or (
            (
                found[1] == "dimensions"
                and not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,5}){2}", found[2] or "")
            )
            or (found[1] == "clusters" and not re.fullmatch(r"[1-9][0-9]?", found[2] or ""))
        ):
            raise StoreError(f"no coloring is called {name or repr(name)}: {FORMS}")
        taken = found[3].split("~")
        return cls(
            found[1],
            found[2] or "",
            PreparationOptions(*(option.name in taken for option in fields(PreparationOptions))),
        )


def fit_basis(store: Store, encoder_id: str, coloring: Coloring) -> Basis:
    """The basis of a coloring, read or fitted now. Raises LatentError for what cannot be fitted."""
    if coloring.source == "basis":
        return bases.load_basis(store, coloring.of)
    if coloring.source == DIRECTION:
        return shade.make_basis(store, find_direction(store, encoder_id, coloring.direction))
    if coloring.source == ATTENTION:
        return gaze.make_basis(store, encoder_id, coloring.of)
    if coloring.source == TEXT:
        return text_shade.make_basis(store, encoder_id, coloring.of)
    named = {coloring.source: coloring.of} if coloring.source in ("clip", "video") else {}
    wanted = Scope.of(store, **named, encoder=encoder_id)
    options = coloring.options
    if coloring.source == "clusters":
        return fitting.fit_basis(
            store, wanted, BasisSpec(kind="kmeans", clusters=int(coloring.of), unit=options.unit)
        )
    if coloring.source == "dimensions":
        return fitting.fit_basis(
            store, wanted, BasisSpec(kind="dimensions", dimensions=coloring.dimensions)
        )
    chosen = FIRST_COMPONENT if options.foreground else None
    return fitting.fit_basis(
        store,
        wanted,
        BasisSpec(kind="pca", unit=options.unit, positions=options.positions, foreground=chosen),
    )


def find_categories(
    store: Store, encoder_id: str, coloring: Coloring, fitted: Basis
) -> Categories | None:
    """The categories that a coloring shows, by its own basis; None where colors are a matter of degree."""
    if coloring.source in CATEGORICAL:
        return kinds.find_categories(store, encoder_id, CATEGORICAL[coloring.source])
    return kinds.list_clusters(fitted) if fitted.kind == "kmeans" else None


def color_clip(
    store: Store, clip_id: str, fitted: Basis, categories: Categories | None = None
) -> UInt8[np.ndarray, "S H W 3"]:
    """The colors of a clip's tokens: ``(S, H, W, 3)`` in uint8. Raises LatentError where there is nothing to color, or not by this basis."""
    if categories is not None and categories.basis is None:
        clip = clips.row(store, clip_id)
        return scales.color_categories(np.full(clip.positions, categories.of_video(clip.video_id)))
    found = coordinates(store, clip_id, fitted)
    if fitted.kind == "kmeans":
        return scales.color_categories(kinds.list_clusters(fitted).of_coordinates(found))
    shown = scales.to_rgb(found, fitted.limits)
    return (
        shown
        if fitted.foreground is None
        else _dim_background(shown, fitted.is_foreground(open_clip(store, clip_id)))
    )


def coordinates(store: Store, clip_id: str, fitted: Basis) -> Float32[np.ndarray, "S H W k"]:
    """Coordinates of a clip's tokens, ``(S, H, W, k)``: stored ones, or else computed; nothing is written."""
    kept = projections.load_projection(store, fitted, clip_id)
    return fitted.coordinates(open_clip(store, clip_id)) if kept is None else kept


def _dim_background(
    colors: UInt8[np.ndarray, "S H W 3"], foreground: Bool[np.ndarray, "S H W"]
) -> UInt8[np.ndarray, "S H W 3"]:
    """What is not foreground in a dark gray of its own brightness."""
    gray = (colors.mean(axis=-1, keepdims=True) * BACKGROUND).astype(np.uint8)
    return np.where(foreground[..., None], colors, gray)
