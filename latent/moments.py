"""Hits that lie apart in time: of a video only the best of its moments, and none of the moment of the query itself."""

from collections.abc import Iterable

import numpy as np

from tubelet.latent.hits import Hit, RankingOptions
from tubelet.store.rows import ClipRow


def best_of_slices(clip: ClipRow, scores: np.ndarray) -> Hit:
    """The best of a clip's scores ``(S*H*W,)`` in every slice; NaN is never among them."""
    by_slice = np.where(np.isnan(scores), -np.inf, scores).reshape(clip.slices, -1)
    best = by_slice.argmax(axis=1)
    kept = np.flatnonzero(np.isfinite(by_slice[np.arange(clip.slices), best]))
    tokens = kept * by_slice.shape[1] + best[kept]
    return Hit(clip, tokens, scores[tokens])


def rank_apart(
    found: Iterable[Hit], ranking: RankingOptions, asked: tuple[ClipRow, Iterable[int]]
) -> list[Hit]:
    """The hits, the best first, each further than `ranking.apart_s` from better ones of its video and from the query, whose clip and slices
    are `asked`; equal scores in the order of clip and address."""
    clip, slices = asked
    taken = {clip.video_id: [_time(clip, slice_) for slice_ in slices]}
    counts: dict[str, int] = {}
    kept: list[Hit] = []
    for hit in sorted(
        _split(found), key=lambda hit: (-hit.scores[0], hit.clip.clip_id, hit.tokens[0])
    ):
        video, time = hit.clip.video_id, _time(hit.clip, _slice(hit))
        times = taken.setdefault(video, [])
        if any(abs(time - other) <= (ranking.apart_s or 0) for other in times):
            continue
        if ranking.per_video is not None and counts.get(video, 0) >= ranking.per_video:
            continue
        times.append(time)
        counts[video] = counts.get(video, 0) + 1
        kept.append(hit)
        if len(kept) == ranking.top:
            break
    return kept


def _split(found: Iterable[Hit]) -> Iterable[Hit]:
    """Each token as a hit of its own."""
    for hit in found:
        for number in range(len(hit.tokens)):
            yield Hit(hit.clip, hit.tokens[number : number + 1], hit.scores[number : number + 1])


def _slice(hit: Hit) -> int:
    return int(hit.tokens[0]) // (hit.clip.grid_height * hit.clip.grid_width)


def _time(clip: ClipRow, slice_: int) -> float:
    """When a slice begins, in seconds."""
    return clip.start_s + slice_ / clip.slices * (clip.stop_s - clip.start_s)
