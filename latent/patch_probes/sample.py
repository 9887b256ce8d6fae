"""The tokens that a model is trained on: equally many of every video, from patches that masks label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tubelet.array_types import Float32, Int
from tubelet.latent.patch_probes.sources import TokenSource
from tubelet.store.rows import ClipRow

Maps = Mapping[str, np.ndarray]  # classes of patches (S, H, W) of clips by id, -1 where unknown


@dataclass(frozen=True)
class PatchSample:
    """Tokens, their classes, and the places of their videos in the truth."""

    vectors: Float32[np.ndarray, "n D"]
    classes: Int[np.ndarray, " n"]
    places: Int[np.ndarray, " n"]

    def of_videos(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors, classes and places of those of some videos."""
        kept = np.isin(self.places, places)
        return self.vectors[kept], self.classes[kept], self.places[kept]


def draw_sample(
    videos: Sequence[Sequence[ClipRow]], maps: Maps, source: TokenSource, most: int, seed: int
) -> PatchSample | None:
    """At most a number of tokens, evenly over videos; None where a clip has nothing to read."""
    share = max(1, most // len(videos))
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for place, clips in enumerate(videos):
        generator = np.random.default_rng([seed, place])
        for clip, tokens in _pick_tokens(clips, maps, share, generator):
            grid = source.read(clip)
            if grid is None:
                return None
            classes = maps[clip.clip_id].reshape(-1)[tokens]
            vectors = grid.reshape(-1, grid.shape[-1])[tokens]
            parts.append((vectors, classes, np.full(len(tokens), place)))
    return PatchSample(*(np.concatenate(column) for column in zip(*parts)))


def _pick_tokens(
    clips: Sequence[ClipRow], maps: Maps, most: int, generator: np.random.Generator
) -> list[tuple[ClipRow, np.ndarray]]:
    """Numbers of tokens of each clip of a video, at most so many together."""
    known = [np.flatnonzero(maps[clip.clip_id] >= 0) for clip in clips]
    starts = np.cumsum([0, *map(len, known)])
    chosen = np.sort(generator.permutation(starts[-1])[:most])
    cut = np.searchsorted(chosen, starts)
    return [
        (clip, tokens[chosen[low:high] - start])
        for clip, tokens, start, low, high in zip(clips, known, starts, cut, cut[1:])
        if high > low
    ]


def shuffle_classes(sample: PatchSample, seed: int) -> PatchSample:
    """The classes of each video exchanged between its tokens: how common each is stays, what a token tells of its own does not."""
    classes = sample.classes.copy()
    for place in np.unique(sample.places):
        mine = np.flatnonzero(sample.places == place)
        classes[mine] = np.random.default_rng([seed, 41, place]).permutation(classes[mine])
    return replace(sample, classes=classes)
