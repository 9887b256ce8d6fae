"""Exact search: the tokens most similar to a query, over every embedding of the chosen clips."""

from collections.abc import Sequence

import numpy as np

from tubelet.array_types import Float32
from tubelet.latent import clips, half, hits
from tubelet.latent.hits import Hit, Ranking
from tubelet.latent.query import Query
from tubelet.store import Store
from tubelet.store.rows import ClipRow


def exact(
    store: Store, query: Query, ranking: Ranking = Ranking(), videos: Sequence[str] | None = None
) -> list[Hit]:
    """The best tokens by cosine, of some videos only where named. Raises LatentError where no clip has embeddings."""
    chosen = clips.require_embeddings(
        clips.with_embeddings(store, query.encoder_id, videos), query.encoder_id
    )
    return hits.rank_hits(
        (hits.best_of(row, scores(store, query, row), ranking.of_a_clip) for row in chosen), ranking
    )


def scores(store: Store, query: Query, clip: ClipRow) -> Float32[np.ndarray, " n"]:
    """Score of every token of a clip, ``(S*H*W,)``, NaN where a token has no direction."""
    return np.concatenate([query.scores(tokens) for tokens in half.slices(clips.read(store, clip))])
