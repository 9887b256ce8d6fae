"""Search as pages use it: by index where that is faster, exactly where it is not, and which of the two it was."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from tubelet.latent import clips, code_search, hits, search, search_index
from tubelet.latent.hits import RankingOptions
from tubelet.latent.query import TokenQuery
from tubelet.latent.search_index import Recall
from tubelet.store import Store

LARGE = 500_000_000  # bytes of embeddings: about a second of exact search


@dataclass(frozen=True, kw_only=True)
class SearchAnswer:
    """The hits as `hits.table` gives them; what is known of the index that found them, None after exact search; how much was searched, and
    of how many chosen videos, None for all."""

    hits: pa.Table
    sketch: Recall | None
    clips: int
    bytes: int
    videos: int | None = None

    @property
    def large(self) -> bool:
        return self.bytes >= LARGE


def find(
    store: Store,
    query: TokenQuery,
    ranking: RankingOptions,
    exactly: bool = False,
    videos: Sequence[str] | None = None,
) -> SearchAnswer:
    """The tokens most similar to a query, of some videos only, if given. By index where the encoder has one and these embeddings are large,
    unless asked to search exactly. Raises LatentError where no clip has embeddings."""
    chosen = clips.require_embeddings(
        clips.with_embeddings(store, query.encoder_id, videos), query.encoder_id
    )
    size = sum(row.slices * row.grid_height * row.grid_width * row.embed_dim * 2 for row in chosen)
    known = None if exactly or size < LARGE else search_index.newest(store, query.encoder_id)
    if known:
        found = code_search.find(
            store, search_index.open_index(store, query.encoder_id), query, ranking, videos
        )
    else:
        found = search.exact(store, query, ranking, videos)
    return SearchAnswer(
        hits=hits.table(found),
        sketch=known,
        clips=len(chosen),
        bytes=size,
        videos=None if videos is None else len({row.video_id for row in chosen}),
    )
