"""Exact search: the tokens most similar to a query, over every embedding of the chosen clips."""

from collections.abc import Sequence

import numpy as np

from tubelet.array_types import Float32
from tubelet.latent import clips, half, hits, moments
from tubelet.latent.hits import Hit, RankingOptions
from tubelet.latent.query import TokenQuery
from tubelet.store import Store
from tubelet.store.rows import ClipRow


def exact(
    store: Store,
    query: TokenQuery,
    ranking: RankingOptions = RankingOptions(),
    videos: Sequence[str] | None = None,
) -> list[Hit]:
    """The best tokens by cosine, of some videos only where named. Raises LatentError where no clip has embeddings."""
    chosen = clips.require_embeddings(
        clips.with_embeddings(store, query.encoder_id, videos), query.encoder_id
    )
    chosen = [row for row in chosen if ranking.wants(row, query.video_id)]
    if ranking.apart_s is not None:
        best = (moments.best_of_slices(row, scores(store, query, row)) for row in chosen)
        return moments.rank_apart(best, ranking, query_moment(store, query))
    return hits.rank_hits(
        (hits.best_of(row, scores(store, query, row), ranking.of_a_clip) for row in chosen), ranking
    )


def query_moment(store: Store, query: TokenQuery) -> tuple[ClipRow, list[int]]:
    """The clip of a query, and the slices that its tokens lie in."""
    return clips.row(store, query.clip_id), sorted({address.slice for address in query.addresses})


def scores(store: Store, query: TokenQuery, clip: ClipRow) -> Float32[np.ndarray, " n"]:
    """Score of every token of a clip, ``(S*H*W,)``, NaN where a token has no direction."""
    return np.concatenate([query.scores(tokens) for tokens in half.slices(clips.read(store, clip))])
