"""The tokens of a query.

The similarity of a token to a query is its largest cosine to one of the query's tokens, not the cosine to their mean:
the mean of the parts of a thing may look like none of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tubelet.array_types import Bool, Float32
from tubelet.latent import clips, half
from tubelet.latent.clips import Clip
from tubelet.latent.errors import LatentError
from tubelet.store import Store
from tubelet.store.rows import ClipRow

NEAR = 1  # patches, in each direction: what lies beside a token


class TokenAddress(NamedTuple):
    """A token of a clip."""

    slice: int
    y: int
    x: int


@dataclass(frozen=True, kw_only=True)
class TokenQuery:
    """Tokens of one clip: their addresses, their unit vectors float32 ``(q, D)``, and the unit vectors ``(H*W, D)`` of every slice they lie in."""

    clip_id: str
    video_id: str
    encoder_id: str
    addresses: tuple[TokenAddress, ...]
    vectors: Float32[np.ndarray, "q D"]
    slices: dict[int, Float32[np.ndarray, "P D"]] = field(repr=False)
    grid: tuple[int, int]  # rows and columns of the query's clip

    def scores(self, vectors: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, " n"]:
        """Largest cosine of each float32 token ``(n, D)`` to the query, ``(n,)``; NaN where a token has no direction."""
        return (vectors @ self.vectors.T).max(axis=1) / half.lengths(vectors)

    def recognizes(self, vectors: Float32[np.ndarray, "n D"]) -> Bool[np.ndarray, " n"]:
        """Whether the round trip succeeds, ``(n,)``: of all tokens in one of the query's own slices, the one most similar to a unit vector
        ``(n, D)`` is a query token, or lies beside one."""
        home = np.zeros(len(vectors), bool)
        for number, tokens in self.slices.items():
            scores = np.nan_to_num(vectors @ tokens.T, nan=-np.inf)
            home |= self._around(number)[scores.argmax(axis=1)] & np.isfinite(vectors).all(axis=1)
        return home

    def _around(self, number: int) -> Bool[np.ndarray, " P"]:
        """The query's patches in a slice and those beside them, ``(H*W,)``."""
        found = np.zeros(self.grid, bool)
        for address in self.addresses:
            if address.slice == number:
                found[
                    max(address.y - NEAR, 0) : address.y + NEAR + 1,
                    max(address.x - NEAR, 0) : address.x + NEAR + 1,
                ] = True
        return found.ravel()

    def refuse_other(self, encoder_id: str) -> None:
        """Raise LatentError unless the query comes from this encoder."""
        if encoder_id != self.encoder_id:
            raise LatentError(
                f"the query's tokens come from {self.encoder_id} and cannot be compared with {encoder_id}: search within one encoder"
            )


def query_clip(clip: Clip, addresses: Sequence[tuple[int, int, int]]) -> TokenQuery:
    """The tokens of a clip at ``(slice, y, x)``. Raises LatentError for none, for one outside the grid, and for one without direction."""
    return _make_query(clip, addresses, lambda number: clip.grid[number])


def query_stored(
    store: Store, clip_id: str, addresses: Sequence[tuple[int, int, int]]
) -> TokenQuery:
    """The same for a clip in a store; only the slices with those tokens are read. Raises LatentError also where there is no such clip,
    or none of its embeddings."""
    clip = clips.row(store, clip_id)
    return _make_query(
        clip, addresses, lambda number: clips.read(store, clip, number, number + 1)[0]
    )


def _make_query(
    clip: Clip | ClipRow,
    addresses: Sequence[tuple[int, int, int]],
    grid: Callable[[int], np.ndarray],
) -> TokenQuery:
    """`grid` gives a slice of the clip by its number, ``(H, W, D)``."""
    if not addresses:
        raise LatentError("no patch is selected: select one or more")
    found = tuple(dict.fromkeys(TokenAddress(*map(int, address)) for address in addresses))
    for address in found:
        if any(not 0 <= number < side for number, side in zip(address, clip.positions)):
            raise LatentError(
                f"patch {tuple(address)} lies outside the clip's grid of {' x '.join(map(str, clip.positions))} (slice, y, x)"
            )
    rows, columns = clip.positions[1:]
    slices = {
        s: half.unit(half.widen(grid(s).reshape(rows * columns, -1)))
        for s in sorted({a.slice for a in found})
    }
    vectors = np.stack([slices[a.slice][a.y * columns + a.x] for a in found])
    if not np.isfinite(vectors).all():
        raise LatentError(
            "the embedding of a chosen patch is zero or not finite and has no direction: choose another patch"
        )
    return TokenQuery(
        clip_id=clip.clip_id,
        video_id=clip.video_id,
        encoder_id=clip.encoder_id,
        addresses=found,
        vectors=vectors,
        slices=slices,
        grid=(rows, columns),
    )
