"""The slices of a corpus that are most like a text: each slice by one vector, each hit with the patch that is most like it."""

from collections.abc import Iterable

import numpy as np

from tubelet.array_types import Float32, Float64
from tubelet.latent import clips, half, hits
from tubelet.latent.hits import Hit, RankingOptions
from tubelet.latent.texts.keeping import KeptHead
from tubelet.store import Store
from tubelet.store.rows import ClipRow


def rank_slices(
    store: Store,
    kept: KeptHead,
    vector: Float64[np.ndarray, " d"],
    slices: Iterable[tuple[ClipRow, Float32[np.ndarray, "S d"]]],
    ranking: RankingOptions,
) -> list[Hit]:
    """The best slices of some clips, each with its vectors, by cosine; a hit's token is the patch of its slice that is most like the text, its score that of the slice."""
    wanted = vector.astype(np.float32)
    best = (hits.best_of(clip, vectors @ wanted, ranking.of_a_clip) for clip, vectors in slices)
    found = hits.rank_hits(best, ranking)  # in which slices stand in the place of tokens
    return [_point(store, kept, vector, hit) for hit in found]


def score_patches(
    store: Store, kept: KeptHead, vector: Float64[np.ndarray, " d"], clip: ClipRow
) -> Float32[np.ndarray, "S H W"]:
    """The cosine of each patch of a clip to a text; NaN where a token has no direction."""
    return score_grid(kept, vector, clips.read(store, clip))


def score_grid(
    kept: KeptHead, vector: Float64[np.ndarray, " d"], grid: np.ndarray
) -> Float32[np.ndarray, "S H W"]:
    """The same of a half-precision grid ``(S, H, W, D)``, a slice at a time."""
    wanted = vector.astype(np.float32)
    scores = [kept.head.read_patches(tokens) @ wanted for tokens in half.slices(grid)]
    return np.stack(scores).reshape(grid.shape[:3])


def _point(store: Store, kept: KeptHead, vector: Float64[np.ndarray, " d"], hit: Hit) -> Hit:
    """The hit by the patch of its slice that is most like the text, the first of equals; the first of all where none has a direction."""
    number = int(hit.tokens[0])
    scores = score_grid(kept, vector, clips.read(store, hit.clip, number, number + 1)).ravel()
    patch = int(np.nan_to_num(scores, nan=-np.inf).argmax())
    return Hit(hit.clip, np.array([number * scores.size + patch]), hit.scores)
