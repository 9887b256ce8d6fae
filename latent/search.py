"""Exact search: the tokens most like a query, over every embedding of the chosen clips."""

from collections.abc import Sequence

import numpy as np

from latent import clips, half, hits
from latent.clips import ClipRow
from latent.hits import Found, Ranking
from latent.query import Query
from store import Store


def exact(store: Store, query: Query, ranking: Ranking = Ranking(), videos: Sequence[str] | None = None) -> list[Found]:
    """The best tokens by cosine, of some videos only where named. Raises LatentError where no clip has embeddings."""
    chosen = clips.need(clips.with_embeddings(store, query.encoder_id, videos), query.encoder_id)
    return hits.ranked((hits.best_of(row, scores(store, query, row), ranking.of_a_clip) for row in chosen), ranking)


def scores(store: Store, query: Query, clip: ClipRow) -> np.ndarray:
    """Score of every token of a clip, ``(S*H*W,)``, NaN where a token has no direction."""
    return np.concatenate([query.scores(tokens) for tokens in half.slices(clips.read(store, clip))])
