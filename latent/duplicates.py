"""Moments of different videos that are more alike than chance: near-duplicates, and leaks between the splits of a corpus.

found = find_duplicates(moments)                     # any two videos
found = find_duplicates(moments, splits)             # two videos of different splits alone

Moments are means of slices in the leading principal components. Chance is what is left when every component is shuffled among the videos, its
course over time kept: two videos then agree in one component as often as before, but not in all of them at once. The smallest distance of each
such corpus is a draw; what is reported is closer than all but 5% of the draws, so that a corpus without duplicates has a pair reported in
at most 5 of 100 cases; in far fewer where there are not many more videos than components.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tubelet.array_types import Bool, Float, Float32, Int
from tubelet.latent import linear
from tubelet.latent.errors import LatentError
from tubelet.latent.video_vectors import stack_lists
from tubelet.store import Store
from tubelet.store.questions.video_vectors import slice_means

COMPONENTS = 16
MOMENTS = 5_000  # compared with each other, at most; of more slices an even selection per video
VIDEOS_LEAST, VIDEOS_MOST = 5, 20_000
DRAWS, FEW_DRAWS, FEW_FROM = 99, 19, 2_500  # fewer draws from so many moments on
ALPHA = 0.05
BLOCK = 512  # moments compared with all others at a time
CANDIDATES = 20_000  # of a block, at most
PAIRS = 200  # reported, at most


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Slices by video and time: `video` ``(N,)`` numbers `video_ids`, each row of `vectors` is the mean of a slice, `at_s` its middle."""

    video_ids: tuple[str, ...]
    names: tuple[str, ...]
    video: Int[np.ndarray, " N"]
    at_s: Float[np.ndarray, " N"]
    vectors: Float32[np.ndarray, "N D"]

    @cached_property
    def counts(self) -> Int[np.ndarray, " n"]:
        """How many moments each video has."""
        return np.bincount(self.video, minlength=len(self.video_ids))

    @cached_property
    def starts(self) -> Int[np.ndarray, " n"]:
        """The first moment of each video."""
        return np.concatenate([[0], np.cumsum(self.counts)[:-1]])


@dataclass(frozen=True, kw_only=True)
class MomentPair:
    """The closest moments of two videos. `p`: how often a corpus without duplicates has a pair as close as this one, anywhere."""

    video_a: str
    name_a: str
    at_a_s: float
    video_b: str
    name_b: str
    at_b_s: float
    distance: float
    p: float
    split_a: str | None = None
    split_b: str | None = None


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """The pairs that are closer than `level`, the closest first, out of `count`; `videos` and `moments` were compared, of different splits alone where
    `by_split`; `draws` corpora without duplicates say what is chance."""

    pairs: tuple[MomentPair, ...]
    count: int
    level: float
    videos: int
    moments: int
    draws: int
    by_split: bool

    @property
    def video_ids(self) -> list[str]:
        """The videos of the pairs, each once."""
        return list(
            dict.fromkeys(id_ for pair in self.pairs for id_ in (pair.video_a, pair.video_b))
        )


def read_moments(store: Store, encoder_id: str, video_ids: list[str] | None, count: int) -> Moments:
    """The moments of `count` videos: of these, or of all. Raises LatentError for too few or too many."""
    if not VIDEOS_LEAST <= count <= VIDEOS_MOST:
        raise LatentError(
            f"{count:,} encoded videos are {'too few' if count < VIDEOS_LEAST else 'too many'} to compare: select {VIDEOS_LEAST} to {VIDEOS_MOST:,} videos"
        )
    found = slice_means(encoder_id, count_per_video(count), video_ids).answer(store)
    names = dict(zip(found["video_id"].to_pylist(), found["name"].to_pylist()))
    place = {video_id: number for number, video_id in enumerate(names)}
    return Moments(
        video_ids=tuple(names),
        names=tuple(names.values()),
        video=np.array([place[video_id] for video_id in found["video_id"].to_pylist()], int),
        at_s=found["at_s"].to_numpy(),
        vectors=stack_lists(found["vector"]),
    )


def count_per_video(videos: int) -> int:
    """Moments of a video that are compared, at most."""
    return max(1, MOMENTS // videos)


def find_duplicates(moments: Moments, splits: Mapping[str, str] | None = None) -> Duplicates:
    """Pairs of videos with moments closer than chance; with `splits` by video id, pairs of different splits alone, without videos that have none."""
    groups = _number_groups(moments, splits)
    model, _ = linear.pca(moments.vectors, COMPONENTS)
    places = model.transform(moments.vectors)
    draws = DRAWS if len(places) < FEW_FROM else FEW_DRAWS
    randomness = np.random.default_rng(0)
    smallest = np.sort([_find_smallest(moments, _deal(moments, places, randomness), groups) for _ in range(draws)])  # fmt: skip
    level = float(smallest[int(ALPHA * (draws + 1)) - 1])
    below = _find_below(moments, places, groups, level)
    pairs = [
        _describe(moments, near, (1 + int((smallest <= near[2]).sum())) / (draws + 1), splits)
        for near in below[:PAIRS]
    ]
    compared = moments.video if groups is None else moments.video[groups >= 0]
    return Duplicates(
        pairs=tuple(pairs),
        count=len(below),
        level=level,
        videos=len(np.unique(compared)),
        moments=len(compared),
        draws=draws,
        by_split=groups is not None,
    )


def _number_groups(
    moments: Moments, splits: Mapping[str, str] | None
) -> Int[np.ndarray, " N"] | None:
    """The number of each moment's split, -1 for none; None where splits do not matter. Raises LatentError where there are not two of them."""
    if splits is None:
        return None
    own = [splits.get(video_id) for video_id in moments.video_ids]
    names = sorted({name for name in own if name is not None})
    if len(names) < 2:
        raise LatentError(
            "leaks are between two splits: label the videos with `tubelet annotate`, as train and test"
        )
    return np.array([-1 if name is None else names.index(name) for name in own])[moments.video]


def _deal(
    moments: Moments, places: Float32[np.ndarray, "N k"], randomness: np.random.Generator
) -> Float32[np.ndarray, "N k"]:
    """Each component shuffled among the videos; a course over time is stretched to the moments of the video that gets it."""
    within = np.arange(len(places)) - moments.starts[moments.video]
    share = (within + 0.5) / moments.counts[moments.video]
    dealt = np.empty_like(places)
    for component in range(places.shape[1]):
        giver = randomness.permutation(len(moments.video_ids))[moments.video]
        rows = moments.starts[giver] + (share * moments.counts[giver]).astype(int)
        dealt[:, component] = places[rows, component]
    return dealt


def _compare(
    moments: Moments, places: Float32[np.ndarray, "N k"], groups: Int[np.ndarray, " N"] | None
) -> Iterator[tuple[int, Float32[np.ndarray, "b N"]]]:
    """Squared distances of a block of moments to those from its first one on, and the number of that; infinite where two are not to be
    compared. One product of matrices: the squares of either side are components of it."""
    squares = (places**2).sum(axis=1, keepdims=True)
    ones = np.ones_like(squares)
    left, right = np.hstack([-2 * places, squares, ones]), np.hstack([places, ones, squares]).T
    for start in range(0, len(places), BLOCK):
        rows = slice(start, start + BLOCK)
        squared = left[rows] @ right[:, start:]
        ends = (moments.starts + moments.counts)[moments.video[rows]]
        columns = slice(
            start, int(ends[-1]) if groups is None else None
        )  # those after are of later videos
        near = _comparable(moments, groups, rows, columns)
        np.copyto(squared[:, : near.shape[1]], np.inf, where=~near)
        yield start, np.maximum(squared, 0, out=squared)


def _comparable(
    moments: Moments, groups: Int[np.ndarray, " N"] | None, rows: slice, columns: slice
) -> Bool[np.ndarray, "b c"]:
    later = moments.video[rows, None] < moments.video[None, columns]
    if groups is None:
        return later
    others = groups[None, columns]
    labeled = (groups[rows, None] >= 0) & (others >= 0)
    return later & labeled & (groups[rows, None] != others)


def _find_smallest(
    moments: Moments, places: np.ndarray, groups: Int[np.ndarray, " N"] | None
) -> float:
    nearest = min(float(squared.min()) for _, squared in _compare(moments, places, groups))
    return float(np.sqrt(nearest))


def _find_below(
    moments: Moments, places: np.ndarray, groups: Int[np.ndarray, " N"] | None, level: float
) -> list[tuple[int, int, float]]:
    """The closest moments of every two videos that are closer than a level: their numbers and distance, the closest first."""
    best: dict[tuple[int, int], tuple[int, int, float]] = {}
    for start, squared in _compare(moments, places, groups):
        distances = np.sqrt(squared, out=squared)
        rows, columns = np.nonzero(distances < level)
        found = distances[rows, columns]
        for n in np.argsort(found, kind="stable")[:CANDIDATES]:
            one, other = start + int(rows[n]), start + int(columns[n])
            pair = int(moments.video[one]), int(moments.video[other])
            if pair not in best or found[n] < best[pair][2]:
                best[pair] = one, other, float(found[n])
    return sorted(best.values(), key=lambda near: (near[2], near[0], near[1]))


def _describe(
    moments: Moments, near: tuple[int, int, float], p: float, splits: Mapping[str, str] | None
) -> MomentPair:
    one, other, distance = near
    a, b = (int(moments.video[number]) for number in (one, other))
    ids = moments.video_ids
    return MomentPair(
        video_a=ids[a],
        name_a=moments.names[a],
        at_a_s=float(moments.at_s[one]),
        video_b=ids[b],
        name_b=moments.names[b],
        at_b_s=float(moments.at_s[other]),
        distance=distance,
        p=p,
        split_a=splits.get(ids[a]) if splits else None,
        split_b=splits.get(ids[b]) if splits else None,
    )
