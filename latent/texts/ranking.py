"""What a page shows of a text: the slices most like it, of the clips whose slices a search has read. Nothing is written."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.latent import clips, hits
from tubelet.latent.hits import RankingOptions
from tubelet.latent.texts.keeping import require_head
from tubelet.latent.texts.search import rank_slices
from tubelet.latent.texts.shade import find_searched
from tubelet.store import Store
from tubelet.store.rows import ClipRow


@dataclass(frozen=True)
class TextRanking:
    """Rows of `hits.table`; how many clips were compared, and how many no search has read yet."""

    hits: pa.Table
    compared: int
    unread: int


def rank_kept(store: Store, encoder_id: str, text_id: str, ranking: RankingOptions) -> TextRanking:
    """The best slices. Raises LatentError where there is no such text."""
    text, kept = find_searched(store, encoder_id, text_id), require_head(store, encoder_id)
    held = clips.with_embeddings(store, encoder_id)
    unread = 0

    def load_all() -> Iterator[tuple[ClipRow, np.ndarray]]:
        nonlocal unread
        for row in held:
            vectors = kept.load_slices(store, row)
            if vectors is None:
                unread += 1
            else:
                yield row, vectors

    found = rank_slices(store, kept, np.array(text.text_vector), load_all(), ranking)
    return TextRanking(hits.table(found), len(held) - unread, unread)
