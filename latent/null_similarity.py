"""How alike patches of other videos are to a query: the level below which a track is lost.

Whole slices of other videos are scored with the query, and the best patch of each is what the query reaches where it cannot be. The slices
are drawn once an encoder, from a few more videos than are wanted, so that each video finds enough that are not its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tubelet.latent import clips, half
from tubelet.latent.clips import ClipRow
from tubelet.latent.query import Query
from tubelet.store import Store

SLICES = 32  # of other videos, where there are as many
QUANTILE = 0.95


@dataclass(frozen=True)
class NullSimilarity:
    """Unit vectors float32 ``(n, D)`` of whole slices, one after another, and the video of each."""

    encoder_id: str
    slices: tuple[np.ndarray, ...] = field(repr=False)
    videos: tuple[str, ...]

    def without(self, video_id: str) -> "NullSimilarity":
        """The slices of other videos; nothing is copied."""
        kept = [number for number, video in enumerate(self.videos) if video != video_id]
        return NullSimilarity(self.encoder_id, tuple(self.slices[n] for n in kept), tuple(self.videos[n] for n in kept))

    def best_scores(self, query: Query) -> np.ndarray:
        """The best score of the query in each slice whose best patch is not recognized as the query, ``(at most slices,)``.

        A patch of another video that is recognized shows the same kind of thing (every match of tennis has its ball): it is not unrelated.
        """
        if not self.slices:
            return np.empty(0, np.float32)
        query.refuse_other(self.encoder_id)
        scores = [(tokens @ query.vectors.T).max(axis=1) for tokens in self.slices]
        best = np.array([one.max() for one in scores], np.float32)
        patches = np.stack([tokens[one.argmax()] for tokens, one in zip(self.slices, scores)])
        return best[~query.recognizes(patches)]

    def level(self, query: Query) -> float:
        """What 95 % of these scores stay below; NaN where no other video was there to measure with."""
        reached = self.best_scores(query)
        return float(np.quantile(reached, QUANTILE)) if len(reached) else float("nan")


def sample_other_videos(store: Store, encoder_id: str, video_id: str) -> NullSimilarity:
    """Slices of videos other than `video_id`, of as many videos as there are."""
    return draw_null_similarity(store, encoder_id).without(video_id)


def draw_null_similarity(store: Store, encoder_id: str) -> NullSimilarity:
    """Slices of as many videos of an encoder as there are, up to 33; without those of any one video still 32, where the others have so many."""
    parts, videos = [], []
    for row, index in _chosen(clips.with_embeddings(store, encoder_id)):
        tokens = half.unit(half.widen(clips.read(store, row, index, index + 1).reshape(-1, row.dim)))
        parts.append(tokens[np.isfinite(tokens).all(axis=1)])
        videos.append(row.video_id)
    kept = [number for number, part in enumerate(parts) if len(part)]
    return NullSimilarity(encoder_id, tuple(parts[n] for n in kept), tuple(videos[n] for n in kept))


def _chosen(rows: list[ClipRow]) -> Iterator[tuple[ClipRow, int]]:
    """Clips and their slices: as many of each video, spread over its first clips."""
    by_video: dict[str, list[ClipRow]] = {}
    for row in rows:
        by_video.setdefault(row.video_id, []).append(row)
    videos = list(by_video.values())[: SLICES + 1]
    each = -(-SLICES // (len(videos) - 1)) if len(videos) > 1 else 0
    for own in (video[:each] for video in videos if each):
        yield from [(row, index) for row in own for index in clips.spread_evenly(row.slices, -(-each // len(own)))][:each]
