"""Ranked tokens: the best over many clips, at most so many a video."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from latent.clips import ClipRow


@dataclass(frozen=True)
class Ranking:
    """How many hits are wanted, and of one video at most (None: no limit)."""

    top: int = 20
    per_video: int | None = None

    @property
    def of_a_clip(self) -> int:
        """More of one clip can never be among the hits."""
        return self.top if self.per_video is None else min(self.top, self.per_video)


@dataclass(frozen=True)
class Found:
    """Tokens of one clip: their numbers in the order of addresses ``(n,)``, and their scores ``(n,)``."""

    clip: ClipRow
    tokens: np.ndarray
    scores: np.ndarray


def best_of(clip: ClipRow, scores: np.ndarray, count: int) -> Found:
    """The `count` best of a clip's scores ``(S*H*W,)``; NaN is never among them."""
    known = np.where(np.isnan(scores), -np.inf, scores)
    tokens = np.argpartition(-known, count - 1)[:count] if count < len(known) else np.arange(len(known))
    tokens = tokens[np.isfinite(known[tokens])]
    return Found(clip, tokens, scores[tokens])


def ranked(found: Iterable[Found], ranking: Ranking) -> list[Found]:
    """The hits, the best first, each a Found of one token; equal scores in the order of clip and address."""
    parts = [part for part in found if len(part.tokens)]
    if not parts:
        return []
    scores, tokens = (np.concatenate([getattr(part, name) for part in parts]) for name in ("scores", "tokens"))
    owner = np.repeat(np.arange(len(parts)), [len(part.tokens) for part in parts])
    ids = np.array([part.clip.clip_id for part in parts])
    hits, taken = [], {}
    for i in np.lexsort((tokens, ids[owner], -scores)):
        clip = parts[owner[i]].clip
        taken[clip.video_id] = taken.get(clip.video_id, 0) + 1
        if ranking.per_video is None or taken[clip.video_id] <= ranking.per_video:
            hits.append(Found(clip, tokens[i : i + 1], scores[i : i + 1]))
            if len(hits) == ranking.top:
                break
    return hits


def table(hits: list[Found]) -> pa.Table:
    """One row a hit: its rank from 1, video, address and score."""
    addresses = [np.unravel_index(int(hit.tokens[0]), hit.clip.positions) for hit in hits]
    columns = {
        "rank": pa.array(range(1, len(hits) + 1), pa.int32()),
        "video_id": pa.array([hit.clip.video_id for hit in hits], pa.string()),
        "clip_id": pa.array([hit.clip.clip_id for hit in hits], pa.string()),
        **{name: pa.array([int(address[i]) for address in addresses], pa.int16()) for i, name in enumerate(("slice", "y", "x"))},
        "score": pa.array([float(hit.scores[0]) for hit in hits], pa.float32()),
    }
    return pa.table(columns)
