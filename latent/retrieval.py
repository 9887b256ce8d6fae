"""Search as a page asks for it: by sketch where that pays, exactly where it does not, and which of the two it was."""

from dataclasses import dataclass

import pyarrow as pa

from latent import clips, hits, search, sketch_search, sketches
from latent.hits import Ranking
from latent.query import Query
from latent.sketches import Recall
from store import Store

LARGE = 500_000_000  # bytes of embeddings: about a second of exact search


@dataclass(frozen=True)
class Answer:
    """The hits as `hits.table` gives them; what is known of the sketch that found them, None after exact search; how much was searched."""

    hits: pa.Table
    sketch: Recall | None
    clips: int
    bytes: int

    @property
    def large(self) -> bool:
        return self.bytes >= LARGE


def find(store: Store, query: Query, ranking: Ranking, exactly: bool = False) -> Answer:
    """The tokens most like a query. By sketch where the encoder has one and its embeddings are large, unless asked to search exactly.
    Raises LatentError where no clip has embeddings."""
    chosen = clips.need(clips.with_embeddings(store, query.encoder_id), query.encoder_id)
    size = sum(row.slices * row.height * row.width * row.dim * 2 for row in chosen)
    known = None if exactly or size < LARGE else sketches.newest(store, query.encoder_id)
    found = sketch_search.find(store, sketches.opened(store, query.encoder_id), query, ranking) if known else search.exact(store, query, ranking)
    return Answer(hits.table(found), known, len(chosen), size)
