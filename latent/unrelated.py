"""How alike patches of other videos are to a query: the level below which a track is lost.

Whole slices of other videos are scored with the query, and the best patch of each is what the query reaches where it cannot be.
"""

from dataclasses import dataclass

import numpy as np

from latent import clips, half
from latent.query import Query
from store import Store

SLICES = 32  # of other videos, at most
QUANTILE = 0.95


@dataclass(frozen=True)
class Unrelated:
    """Unit vectors float32 ``(n, D)`` of whole slices of other videos, one after another; slice i begins at `starts[i]`."""

    encoder_id: str
    vectors: np.ndarray
    starts: np.ndarray
    videos: tuple[str, ...]  # one for each slice

    def reached(self, query: Query) -> np.ndarray:
        """The best score of the query in each slice whose best patch is not recognised as the query, ``(at most slices,)``.

        A patch of another video that is recognised shows the same kind of thing (every match of tennis has its ball): it is not unrelated.
        """
        if not len(self.starts):
            return np.empty(0, np.float32)
        query.refuse_other(self.encoder_id)
        scores = (self.vectors @ query.vectors.T).max(axis=1)
        best = np.array([start + part.argmax() for start, part in zip(self.starts, np.split(scores, self.starts[1:]))])
        return scores[best[~query.recognised(self.vectors[best])]]

    def level(self, query: Query) -> float:
        """What 95 % of these scores stay below; NaN where no other video was there to measure with."""
        reached = self.reached(query)
        return float(np.quantile(reached, QUANTILE)) if len(reached) else float("nan")


def measured(store: Store, encoder_id: str, video_id: str) -> Unrelated:
    """Slices of videos other than `video_id`, of as many videos as there are, up to 32."""
    rows = [row for row in clips.with_embeddings(store, encoder_id) if row.video_id != video_id][:SLICES]
    parts, videos = [], []
    for row in rows:
        for index in clips.spread(row.slices, -(-SLICES // len(rows))):
            tokens = half.unit(half.widen(clips.read(store, row, index, index + 1).reshape(-1, row.dim)))
            parts.append(tokens[np.isfinite(tokens).all(axis=1)])
            videos.append(row.video_id)
    kept = [i for i, part in enumerate(parts) if len(part)]
    starts = np.cumsum([0, *(len(parts[i]) for i in kept)])[:-1]
    vectors = np.concatenate([parts[i] for i in kept]) if kept else np.empty((0, 1), np.float32)
    return Unrelated(encoder_id, vectors, starts, tuple(videos[i] for i in kept))
