"""Channels of a map: one number per token from components, statistics, clusters or addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tubelet.array_types import Float, Float32, Shaped
from tubelet.latent import colorings, tracking
from tubelet.latent import sample as samples
from tubelet.latent.bases import ListedBasis
from tubelet.latent.basis import Basis
from tubelet.latent.categories import Categories
from tubelet.latent.clips import open_clip
from tubelet.latent.colors import QUANTILES, color_categories
from tubelet.latent.memo import Memo
from tubelet.latent.query import TokenQuery
from tubelet.latent.sample import Sample
from tubelet.store import Store, StoreError
from tubelet.store.questions.corpus import Question
from tubelet.store.rows import ClipRow
from tubelet.store.statistics import TOKEN_STATISTICS

AXES, COLOURS = ("x", "y", "z"), ("red", "green", "blue")
CHANNELS = (*AXES, *COLOURS, "opacity")
FULL = "all alike"
SEPARATOR = "|"  # of the names in a URL
ADDRESS = ("slice", "patch row", "patch column")
VIDEO = "video"

CATEGORY = "category"  # what red, green and blue show together where categories have colors

Numbers = Mapping[str, np.ndarray]  # by name, one per token: each (n,)


@dataclass(frozen=True)
class Look:
    """How tokens are drawn on a map: the `basis` that places them, what each channel shows, and the categories that color them, if any."""

    basis: Basis
    chosen: tuple[str, ...]
    categories: Categories | None = None

    @property
    def key(self) -> tuple:
        """What is the same for the same picture."""
        return self.basis.basis_id, self.chosen, self.categories and self.categories.key


class MapTokens(Protocol):
    """The tokens of a map, always in the same order."""

    def addresses(self) -> Numbers:
        """The numbers of ADDRESS and VIDEO."""

    def statistics(self) -> Numbers:
        """Every token statistic; NaN where it is not defined."""

    def coordinates(self, basis: Basis) -> np.ndarray:
        """Coordinates in a basis, ``(n, k)``."""

    def of_videos(self, categories: Categories) -> np.ndarray:
        """The category of each token's video: its place in the names, ``(n,)``."""

    def cosines(self, query: TokenQuery) -> np.ndarray:
        """Largest cosine to a query, ``(n,)``."""


@dataclass(frozen=True)
class OfClip:
    """All tokens of a `clips` row, slice by slice, row by row."""

    store: Store
    clip: ClipRow

    def addresses(self) -> Numbers:
        found = np.indices(self.clip.positions).reshape(3, -1).astype(np.float32)
        return {**dict(zip(ADDRESS, found)), VIDEO: np.zeros(found.shape[1], np.float32)}

    def statistics(self) -> Numbers:
        table = statistics(self.clip.clip_id).answer(self.store)
        return {name: table[name].to_numpy().astype(np.float32) for name in TOKEN_STATISTICS}

    def coordinates(self, basis: Basis) -> Float32[np.ndarray, "n k"]:
        return colorings.coordinates(self.store, self.clip.clip_id, basis).reshape(
            -1, basis.components
        )

    def of_videos(self, categories: Categories) -> np.ndarray:
        return np.full(
            int(np.prod(self.clip.positions)), categories.of_video(self.clip.video_id), int
        )

    def cosines(self, query: TokenQuery) -> np.ndarray:
        return tracking.heat(query, open_clip(self.store, self.clip.clip_id)).ravel()


class OfSample:
    """The tokens of a sample, and what was computed of them last: its statistics, and its coordinates in a few bases."""

    def __init__(self, store: Store, sample: Sample) -> None:
        self.store, self.sample = store, sample
        self._statistics: Memo[Numbers] = Memo(1)
        self._coordinates: Memo[np.ndarray] = Memo(4)

    def addresses(self) -> Numbers:
        numbers = zip(ADDRESS, (self.sample.slice, self.sample.y, self.sample.x))
        videos = self.sample.clips["video"].to_numpy()[self.sample.clip]
        return {name: values.astype(np.float32) for name, values in (*numbers, (VIDEO, videos))}

    def statistics(self) -> Numbers:
        return self._statistics.get("", lambda: samples.statistics_of(self.store, self.sample))

    def coordinates(self, basis: Basis) -> Float32[np.ndarray, "n k"]:
        return self._coordinates.get(
            basis.basis_id, lambda: samples.coordinates(self.store, self.sample, basis)
        )

    def of_videos(self, categories: Categories) -> np.ndarray:
        videos = self.sample.clips["video_id"].to_pylist()
        return np.array([categories.of_video(video) for video in videos], int)[self.sample.clip]

    def cosines(self, query: TokenQuery) -> np.ndarray:
        return samples.cosines(self.store, self.sample, query)


def list_channels(basis: Basis, clusterings: Sequence[str] = ()) -> list[str]:
    """Names of the numbers that a token has."""
    return [*_components(basis), *TOKEN_STATISTICS, *ADDRESS, VIDEO, *clusterings, FULL]


def clusterings(bases: Sequence[ListedBasis]) -> dict[str, str]:
    """The name of every clustering among rows of `bases.list_bases`, and its basis."""
    return {
        f"cluster of {basis.basis_id[:6]}": basis.basis_id
        for basis in bases
        if basis.kind == "kmeans"
    }


def choose_defaults(basis: Basis) -> dict[str, str]:
    """Components for position and color if there are at least three; else the address."""
    names = (_components(basis) + list(ADDRESS))[:3]
    return {**dict(zip(AXES, names)), **dict(zip(COLOURS, names)), "opacity": FULL}


def parse(names: str, basis: Basis, clusterings: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of all channels from one text. Raises StoreError where a token has no such number."""
    chosen, known = tuple(names.split(SEPARATOR)), [*list_channels(basis, clusterings), CATEGORY]
    if len(chosen) != len(CHANNELS) or not set(chosen) <= set(known):
        raise StoreError(f"a map shows {len(CHANNELS)} of: {', '.join(known)}")
    return chosen


def statistics(clip_id: str) -> Question:
    """One row per token of a clip, in the order of their addresses."""
    names = ", ".join(TOKEN_STATISTICS)
    return Question(
        f"SELECT {names} FROM token_stats WHERE clip_id = $clip ORDER BY slice, y, x",
        {"clip": clip_id},
    )


def categorize(tokens: MapTokens, categories: Categories) -> np.ndarray:
    """The category of each token: its place in the names, -1 for others, ``(n,)``."""
    if categories.basis is None:
        return tokens.of_videos(categories)
    return categories.of_coordinates(tokens.coordinates(categories.basis))


def points(
    tokens: MapTokens,
    basis: Basis,
    chosen: Sequence[str],
    clusterings: Mapping[str, Basis] | None = None,
    categories: Categories | None = None,
) -> bytes:
    """16 bytes per token: x, y, z in float32 from -1 to 1, then red, green, blue, opacity in uint8; `chosen` names what each shows, and
    `categories` color the tokens in place of red, green and blue."""
    values = _values(tokens, basis, set(chosen), clusterings or {})
    spread = {name: _stretch(values[name]) for name in set(chosen)}  # each (n,), 0 to 1
    packed = np.empty(len(spread[chosen[0]]), [("place", "<f4", 3), ("color", "u1", 4)])
    for axis, name in enumerate(chosen[:3]):
        packed["place"][:, axis] = spread[name] * 2 - 1
    for channel, name in enumerate(chosen[3:]):
        shade = 0.15 + 0.85 * spread[name] if channel == 3 else spread[name]
        packed["color"][:, channel] = np.rint(shade * 255)
    if categories is not None:
        packed["color"][:, :3] = color_categories(categorize(tokens, categories))
    return packed.tobytes()


def _components(basis: Basis) -> list[str]:
    noun = "cluster" if basis.kind == "kmeans" else "component"
    return [f"{noun} {n + 1}" for n in range(basis.components)]


def _values(
    tokens: MapTokens, basis: Basis, names: set[str], clusterings: Mapping[str, Basis]
) -> Numbers:
    """The numbers of these names; expensive ones are computed only if requested."""
    found = dict(tokens.addresses())
    found |= dict.fromkeys((FULL, CATEGORY), np.full(len(found[VIDEO]), np.inf, np.float32))
    if names & set(TOKEN_STATISTICS):
        found |= tokens.statistics()
    if names & set(_components(basis)):
        found |= dict(zip(_components(basis), tokens.coordinates(basis).T))
    return found | {
        name: tokens.coordinates(of)[:, 0] for name, of in clusterings.items() if name in names
    }


def _stretch(values: Shaped[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Values between their outer quantiles as 0 to 1; undefined values are at the lower end, constant ones at the upper."""
    defined = values[np.isfinite(values)]
    low, high = np.quantile(defined, QUANTILES) if len(defined) else (0.0, 0.0)
    if not high > low:
        return np.ones(len(values), np.float32)
    return np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0, 1).astype(np.float32)
