"""Search by index: codes rank all tokens, embeddings rank the best 3,000 again."""

from collections.abc import Sequence

from tubelet.latent import clips, half, hits, moments, search
from tubelet.latent.codes import TokenIndex
from tubelet.latent.hits import Hit, RankingOptions
from tubelet.latent.query import TokenQuery
from tubelet.store import Store
from tubelet.store.disk import embeddings
from tubelet.store.rows import ClipRow

CANDIDATES = 3000  # tokens ranked again exactly
EACH = 50  # candidates for each hit that a video may have


def find(
    store: Store,
    sketch: TokenIndex,
    query: TokenQuery,
    ranking: RankingOptions = RankingOptions(),
    videos: Sequence[str] | None = None,
) -> list[Hit]:
    """What exact search finds, except for hits that the codes miss; of some videos only, if given. Clips without codes are scored exactly."""
    query.refuse_other(sketch.basis.encoder_id)
    chosen = clips.require_embeddings(
        clips.with_embeddings(store, query.encoder_id, videos), query.encoder_id
    )
    chosen = [row for row in chosen if ranking.wants(row, query.video_id)]
    each = None if ranking.per_video is None else ranking.per_video * EACH
    wide = RankingOptions(CANDIDATES, each)
    candidates = hits.by_clip(
        (_rank_by_code(store, sketch, query, row, wide) for row in chosen), wide
    )
    exact = (_rerank(store, query, found) for found in candidates)
    if ranking.apart_s is not None:
        return moments.rank_apart(exact, ranking, search.query_moment(store, query))
    return hits.rank_hits(exact, ranking)


def _rank_by_code(
    store: Store, sketch: TokenIndex, query: TokenQuery, clip: ClipRow, ranking: RankingOptions
) -> Hit:
    codes = sketch.read(store, clip)
    scores = search.scores(store, query, clip) if codes is None else sketch.scores(codes, query)
    return hits.best_of(clip, scores, ranking.of_a_clip)


def _rerank(store: Store, query: TokenQuery, found: Hit) -> Hit:
    """The candidates of one clip with their cosines, read token by token."""
    tokens = embeddings.read_tokens(clips.find_file(store, found.clip), found.tokens.tolist())
    return Hit(found.clip, found.tokens, query.scores(half.widen(tokens)))
