"""Ranked tokens: the best over many clips, at most a given number per video."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.array_types import Float, Float32, Int
from tubelet.store.rows import ClipRow, Row


@dataclass(frozen=True)
class RankingOptions:
    """The number of hits wanted, and the limit per video (None: no limit); how many seconds hits of one video lie apart from each other and
    from the query (None: any), and whether the query's own video is left out."""

    top: int = 20
    per_video: int | None = None
    apart_s: float | None = None
    elsewhere: bool = False

    def wants(self, clip: ClipRow, video_id: str) -> bool:
        """Whether a clip is searched for a query of this video."""
        return not (self.elsewhere and clip.video_id == video_id)

    @property
    def of_a_clip(self) -> int:
        """More of one clip can never be among the hits."""
        return self.top if self.per_video is None else min(self.top, self.per_video)


@dataclass(frozen=True)
class Hit:
    """Tokens of one clip: their numbers in the order of addresses ``(n,)``, and their scores ``(n,)``."""

    clip: ClipRow
    tokens: Int[np.ndarray, " n"]
    scores: Float[np.ndarray, " n"]


def best_of(clip: ClipRow, scores: Float32[np.ndarray, " n"], count: int) -> Hit:
    """The `count` best of a clip's scores ``(S*H*W,)``; NaN is never among them."""
    known = np.where(np.isnan(scores), -np.inf, scores)
    tokens = (
        np.argpartition(-known, count - 1)[:count] if count < len(known) else np.arange(len(known))
    )
    tokens = tokens[np.isfinite(known[tokens])]
    return Hit(clip, tokens, scores[tokens])


def rank_hits(found: Iterable[Hit], ranking: RankingOptions) -> list[Hit]:
    """The hits, the best first, each a Found of one token; equal scores in the order of clip and address."""
    parts, owner, tokens, scores = _best(found, ranking)
    return [Hit(parts[o].clip, tokens[i : i + 1], scores[i : i + 1]) for i, o in enumerate(owner)]


def by_clip(found: Iterable[Hit], ranking: RankingOptions) -> list[Hit]:
    """The same hits, all those of a clip together, by their addresses."""
    parts, owner, tokens, scores = _best(found, ranking)
    groups = [np.flatnonzero(owner == o) for o in np.unique(owner)]
    ordered = [group[np.argsort(tokens[group])] for group in groups]
    return [Hit(parts[owner[group[0]]].clip, tokens[group], scores[group]) for group in ordered]


def _best(
    found: Iterable[Hit], ranking: RankingOptions
) -> tuple[list[Hit], np.ndarray, np.ndarray, np.ndarray]:
    """All that was found, and of the hits in order: which of it they come from, their tokens, their scores."""
    parts = list(found)
    scores, tokens = (
        np.concatenate([np.empty(0, type_), *(getattr(p, name) for p in parts)])
        for name, type_ in (("scores", "f4"), ("tokens", "i8"))
    )
    owner = np.repeat(np.arange(len(parts)), [len(part.tokens) for part in parts])
    if ranking.per_video is None and len(scores) > ranking.top:
        likely = np.flatnonzero(scores >= np.partition(scores, -ranking.top)[-ranking.top])
        scores, tokens, owner = scores[likely], tokens[likely], owner[likely]
    clips = _number_names([part.clip.clip_id for part in parts])
    order = np.lexsort((tokens, clips[owner], -scores))
    if ranking.per_video is not None:
        order = order[
            _places(_number_names([part.clip.video_id for part in parts])[owner[order]])
            < ranking.per_video
        ]
    order = order[: ranking.top]
    return parts, owner[order], tokens[order], scores[order]


def _number_names(names: list[str]) -> np.ndarray:
    """Each name as its number among all in their order."""
    return np.unique(np.array(names, str), return_inverse=True)[1]


def _places(groups: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """How many of the same number stand before each, ``(n,)``."""
    order = np.argsort(groups, kind="stable")
    places = np.empty(len(groups), int)
    places[order] = np.arange(len(groups)) - np.searchsorted(groups[order], groups[order])
    return places


@dataclass(frozen=True, kw_only=True)
class FoundPatch(Row):
    """A row of `table`: a hit by its best patch, `rank` from 1."""

    rank: int
    video_id: str
    clip_id: str
    slice: int
    y: int
    x: int
    score: float


def table(hits: list[Hit]) -> pa.Table:
    """One row per hit: its rank from 1, video, address and score."""
    addresses = [np.unravel_index(int(hit.tokens[0]), hit.clip.positions) for hit in hits]
    columns = {
        "rank": pa.array(range(1, len(hits) + 1), pa.int32()),
        "video_id": pa.array([hit.clip.video_id for hit in hits], pa.string()),
        "clip_id": pa.array([hit.clip.clip_id for hit in hits], pa.string()),
        **{
            name: pa.array([int(address[i]) for address in addresses], pa.int16())
            for i, name in enumerate(("slice", "y", "x"))
        },
        "score": pa.array([float(hit.scores[0]) for hit in hits], pa.float32()),
    }
    return pa.table(columns)
