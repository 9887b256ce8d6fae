"""How similar patches of other videos are to a query: the level below which a track is lost.

Whole slices of other videos are scored with the query, and the best patch of each shows what the query reaches where its object cannot be.
The slices are drawn once per encoder, from a few more videos than are wanted, so that each video finds enough that are not its own.

The level is the smallest of these scores that at most 5% of the slices of a further video exceed on average. Slices of one video are alike,
so videos count, not slices: of V videos each has the weight 1 / (V + 1), shared by its slices, and what is left belongs to the further one;
at least 0.95 of all weight lies at or below the level (hierarchical conformal prediction). Fewer than 19 videos have no score that rare:
the largest is then taken, which 1 / (V + 1) exceed at most, and the share is reported with the level.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import betaincinv

from tubelet.array_types import Float, Float32
from tubelet.latent import clips, half
from tubelet.latent.query import TokenQuery
from tubelet.store import Store
from tubelet.store.rows import ClipRow

SLICES = 64  # of other videos, where there are as many
QUANTILE = 0.95
ROUNDING = 1e-9
SURE = (0.025, 0.975)  # between which the share that exceeds a drawn level lies in 95% of draws


@dataclass(frozen=True, kw_only=True)
class Level:
    """A score, the share of unrelated slices that exceed it at most, on average over draws, and the ends between which it lies in 95% of them:
    the lower one as if slices were independent, the upper one as if those of a video were all alike.

    `slices` were scored, of `videos`; NaN where there were none.
    """

    value: float
    exceeded: float
    low: float
    high: float
    slices: int
    videos: int


@dataclass(frozen=True)
class NullSimilarity:
    """Unit vectors float32 ``(n, D)`` of whole slices, one after another, and the video of each."""

    encoder_id: str
    slices: tuple[Float32[np.ndarray, "P D"], ...] = field(repr=False)
    videos: tuple[str, ...]

    def without(self, video_id: str) -> "NullSimilarity":
        """The slices of other videos; nothing is copied."""
        kept = [number for number, video in enumerate(self.videos) if video != video_id]
        return NullSimilarity(
            self.encoder_id,
            tuple(self.slices[n] for n in kept),
            tuple(self.videos[n] for n in kept),
        )

    def best_scores(self, query: TokenQuery) -> Float32[np.ndarray, " s"]:
        """The best score of the query in each slice whose best patch is not recognized as the query, ``(at most slices,)``."""
        return self._score_patch(query)[0]

    def _score_patch(self, query: TokenQuery) -> tuple[np.ndarray, list[str]]:
        """The scores of `best_scores`, and the video of each.

        A patch of another video that is recognized shows the same kind of thing (every match of tennis has its ball): it is not unrelated.
        """
        if not self.slices:
            return np.empty(0, np.float32), []
        query.refuse_other(self.encoder_id)
        scores = [(tokens @ query.vectors.T).max(axis=1) for tokens in self.slices]
        best = np.array([one.max() for one in scores], np.float32)
        patches = np.stack([tokens[one.argmax()] for tokens, one in zip(self.slices, scores)])
        strange = ~query.recognizes(patches)
        return best[strange], [video for video, kept in zip(self.videos, strange) if kept]

    def level(self, query: TokenQuery) -> Level:
        """What at most 5% of unrelated slices exceed; NaN where no other video was available."""
        return level_of(*self._score_patch(query))


def level_of(reached: Float[np.ndarray, " s"], videos: Sequence[str]) -> Level:
    """The level of scores ``(n,)`` of slices, from the video of each."""
    if not len(reached):
        return Level(
            value=math.nan, exceeded=math.nan, low=math.nan, high=math.nan, slices=0, videos=0
        )
    _, own, each = np.unique(np.asarray(videos), return_inverse=True, return_counts=True)
    order, count = np.argsort(reached), len(each)
    below = np.cumsum(1 / each[own][order]) / (count + 1)
    rank = min(int(np.searchsorted(below, QUANTILE - ROUNDING)), len(reached) - 1)
    exceeded = 1 - below[rank]
    return Level(
        value=float(reached[order[rank]]),
        exceeded=float(exceeded),
        low=_share_exceeded(SURE[0], len(reached) - rank, len(reached)),
        high=_share_exceeded(SURE[1], exceeded * (count + 1), count),
        slices=len(reached),
        videos=count,
    )


def _share_exceeded(quantile: float, above: float, draws: int) -> float:
    """A quantile of the share that exceeds the score which `above - 1` of so many independent ones exceed."""
    return float(betaincinv(above, draws + 1 - above, quantile))


def sample_other_videos(store: Store, encoder_id: str, video_id: str) -> NullSimilarity:
    """Slices of videos other than `video_id`, of as many videos as there are."""
    return draw_null_similarity(store, encoder_id).without(video_id)


def draw_null_similarity(store: Store, encoder_id: str) -> NullSimilarity:
    """Slices of as many videos of an encoder as there are, up to 65; without those of any one video still 64, where the others have that many."""
    parts, videos = [], []
    for row, index in _choose_slices(clips.with_embeddings(store, encoder_id)):
        tokens = half.unit(
            half.widen(clips.read(store, row, index, index + 1).reshape(-1, row.embed_dim))
        )
        parts.append(tokens[np.isfinite(tokens).all(axis=1)])
        videos.append(row.video_id)
    kept = [number for number, part in enumerate(parts) if len(part)]
    return NullSimilarity(encoder_id, tuple(parts[n] for n in kept), tuple(videos[n] for n in kept))


def _choose_slices(rows: list[ClipRow]) -> Iterator[tuple[ClipRow, int]]:
    """Clips and their slices: as many of each video, spread over its first clips."""
    by_video: dict[str, list[ClipRow]] = {}
    for row in rows:
        by_video.setdefault(row.video_id, []).append(row)
    videos = list(by_video.values())[: SLICES + 1]
    each = -(-SLICES // (len(videos) - 1)) if len(videos) > 1 else 0
    for own in (video[:each] for video in videos if each):
        yield from [
            (row, index)
            for row in own
            for index in clips.spread_evenly(row.slices, -(-each // len(own)))
        ][:each]
