"""What of a token can be seen on the map: a number for each channel, from components, dimensions' basis, statistics or address."""

from collections.abc import Mapping, Sequence

import numpy as np

from dashboard import colours
from latent.basis import Basis
from latent.colours import QUANTILES
from store import Store, StoreError
from store.queries import Question
from store.statistics import TOKEN_STATISTICS

AXES, COLOURS = ("x", "y", "z"), ("red", "green", "blue")
CHANNELS = (*AXES, *COLOURS, "opacity")
FULL = "all alike"
SEPARATOR = "|"  # of the names in a URL
ADDRESS = ("slice", "patch row", "patch column")


def offered(basis: Basis) -> list[str]:
    """Names of the numbers that a token has."""
    noun = "cluster" if basis.kind == "kmeans" else "component"
    return [*(f"{noun} {n + 1}" for n in range(basis.components)), *TOKEN_STATISTICS, *ADDRESS, FULL]


def chosen_by_default(basis: Basis) -> dict[str, str]:
    """Components where they can be told apart, in place and colour alike; the address where there are fewer than three."""
    names = (offered(basis)[: basis.components] + list(ADDRESS))[:3]
    return {**dict(zip(AXES, names)), **dict(zip(COLOURS, names)), "opacity": FULL}


def parse(names: str, basis: Basis) -> tuple[str, ...]:
    """The names of all channels from one text. Raises StoreError where a token has no such number."""
    chosen = tuple(names.split(SEPARATOR))
    if len(chosen) != len(CHANNELS) or not set(chosen) <= set(offered(basis)):
        raise StoreError(f"a map shows {len(CHANNELS)} of: {', '.join(offered(basis))}")
    return chosen


def statistics(clip_id: str) -> Question:
    """One row a token of a clip, in the order of their addresses."""
    names = ", ".join(TOKEN_STATISTICS)
    return Question(f"SELECT {names} FROM token_stats WHERE clip_id = $clip ORDER BY slice, y, x", {"clip": clip_id})


def points(store: Store, clip: Mapping, basis: Basis, chosen: Sequence[str]) -> bytes:
    """16 bytes a token: x, y, z in float32 from -1 to 1, then red, green, blue, opacity in uint8; `chosen` names what each shows."""
    values = _values(store, clip, basis, set(chosen))
    spread = [_spread(values[name]) for name in chosen]  # each (n,), 0 to 1
    places = np.stack(spread[:3], axis=1) * 2 - 1
    shades = np.stack([*spread[3:6], 0.15 + 0.85 * spread[6]], axis=1) * 255
    packed = np.empty(len(places), [("place", "<f4", 3), ("colour", "u1", 4)])
    packed["place"], packed["colour"] = places, shades.round().astype(np.uint8)
    return packed.tobytes()


def _values(store: Store, clip: Mapping, basis: Basis, names: set[str]) -> dict[str, np.ndarray]:
    shape = clip["slices"], clip["height"], clip["width"]
    found = dict(zip(ADDRESS, np.indices(shape).reshape(3, -1).astype(np.float32)))
    found[FULL] = np.full(int(np.prod(shape)), np.inf, np.float32)
    if names & set(TOKEN_STATISTICS):
        table = statistics(clip["clip_id"]).answer(store)
        found |= {name: table[name].to_numpy().astype(np.float32) for name in TOKEN_STATISTICS}
    coordinates = colours.coordinates(store, clip["clip_id"], basis)
    return found | dict(zip(offered(basis), coordinates.reshape(len(found[FULL]), -1).T))


def _spread(values: np.ndarray) -> np.ndarray:
    """Values between their outer quantiles as 0 to 1; what is undefined stands at the lower end, what is the same everywhere at the upper."""
    defined = values[np.isfinite(values)]
    low, high = np.quantile(defined, QUANTILES) if len(defined) else (0.0, 0.0)
    if not high > low:
        return np.ones(len(values), np.float32)
    return np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0, 1).astype(np.float32)
