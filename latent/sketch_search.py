"""Search by sketch: codes rank all tokens, embeddings rank the best 3,000 again."""

from collections.abc import Sequence

from latent import clips, half, hits, search
from latent.clips import ClipRow
from latent.hits import Found, Ranking
from latent.query import Query
from latent.sketch import Sketch
from store import Store, embeddings

CANDIDATES = 3000  # tokens ranked again exactly
EACH = 50  # candidates for each hit that a video may have


def find(store: Store, sketch: Sketch, query: Query, ranking: Ranking = Ranking(), videos: Sequence[str] | None = None) -> list[Found]:
    """What exact search finds, but for hits that the codes miss; of some videos only where named. Clips without codes are scored exactly."""
    query.refuse_other(sketch.basis.encoder_id)
    chosen = clips.need(clips.with_embeddings(store, query.encoder_id, videos), query.encoder_id)
    wide = Ranking(CANDIDATES, None if ranking.per_video is None else ranking.per_video * EACH)
    candidates = hits.by_clip((_roughly(store, sketch, query, row, wide) for row in chosen), wide)
    return hits.ranked((_exactly(store, query, found) for found in candidates), ranking)


def _roughly(store: Store, sketch: Sketch, query: Query, clip: ClipRow, ranking: Ranking) -> Found:
    codes = sketch.read(store, clip)
    scores = search.scores(store, query, clip) if codes is None else sketch.scores(codes, query)
    return hits.best_of(clip, scores, ranking.of_a_clip)


def _exactly(store: Store, query: Query, found: Found) -> Found:
    """The candidates of one clip with their cosines, read token by token."""
    tokens = embeddings.read_tokens(store.layout.embedding_file(found.clip.embedding_path), found.tokens)
    return Found(found.clip, found.tokens, query.scores(half.widen(tokens)))
