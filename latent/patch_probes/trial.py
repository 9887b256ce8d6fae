"""One trial: a model per fold, trained on tokens of its training videos; each pixel of the other videos gets the class with the highest probability."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tubelet.array_types import Float32
from tubelet.latent.dense.truth import Frames
from tubelet.latent.masks import upsample
from tubelet.latent.patch_probes.sample import Maps, PatchSample
from tubelet.latent.patch_probes.scoring import Tables, count_pixels
from tubelet.latent.patch_probes.sources import TokenSource
from tubelet.latent.patch_probes.truth import MaskTruth, split_slices
from tubelet.latent.probes import models
from tubelet.latent.probes.folds import Fold
from tubelet.latent.probes.options import CLASSES, LINEAR
from tubelet.latent.probes.scoring import Predicted
from tubelet.latent.probes.trial import Trial
from tubelet.store import Store
from tubelet.store.rows import ClipRow


@dataclass(frozen=True)
class MaskTrial(Trial):
    """A trial whose predictions are pixels: `tables` counts them."""

    tables: Tables | None = None


@dataclass(frozen=True)
class EncoderClips:
    """What all trials of an encoder share: its clips by video, in the order of the truth, and the size of a frame of each video."""

    store: Store
    truth: MaskTruth
    videos: Sequence[Sequence[ClipRow]]
    sizes: Sequence[tuple[int, int]]

    def frames(self, place: int, clip: ClipRow) -> Frames:
        return Frames.of(clip, self.sizes[place])

    @property
    def clips(self) -> int:
        return sum(map(len, self.videos))


def run_trial(
    stage: EncoderClips, asked: tuple[TokenSource, PatchSample], folds: Sequence[Fold], seed: int
) -> MaskTrial:
    """Train and predict every fold."""
    source, sample = asked
    rows, strengths = [], []
    for number, (train, test) in enumerate(folds):
        with models.prepare_fits(sample.vectors.size, 1):
            model, strength = _train(sample.of_videos(train), stage.truth, seed)
            strengths.append(strength)
            rows += [(place, number, *_predict(stage, place, source, model)) for place in test]
    return _join(rows, float(np.nanmedian(strengths)) if strengths else np.nan)


def guess_majority(stage: EncoderClips, maps: Maps, folds: Sequence[Fold]) -> MaskTrial:
    """The class that most patches of the training part show, everywhere."""
    rows = []
    for number, (train, test) in enumerate(folds):
        known = np.concatenate(
            [maps[clip.clip_id].ravel() for place in train for clip in stage.videos[place]]
        )
        commonest = int(np.bincount(known[known >= 0]).argmax())
        model = Constant(commonest)
        nothing = TokenSource(lambda clip: np.zeros((*clip.positions, 1), np.float32))
        rows += [(place, number, *_predict(stage, place, nothing, model)) for place in test]
    return _join(rows, float("nan"))


def _join(rows: Sequence[tuple], strength: float) -> MaskTrial:
    places, folds, frames, shares = (list(column) for column in zip(*rows))
    stacked = np.stack(shares)
    tables = Tables(
        places=np.array(places),
        folds=np.array(folds),
        frames=np.array(frames),
        intersections=stacked[:, 0],
        unions=stacked[:, 1],
    )
    empty = np.zeros(len(places))
    return MaskTrial(Predicted(tables.places, tables.folds, empty, empty), strength, tables=tables)


@dataclass(frozen=True)
class Constant:
    """A model that knows one class."""

    number: int

    @property
    def classes_(self) -> np.ndarray:
        return np.array([self.number])

    def predict_proba(self, vectors: np.ndarray) -> np.ndarray:
        return np.ones((len(vectors), 1), np.float32)


def _train(data: tuple, truth: MaskTruth, seed: int) -> tuple[Any, float]:
    """scikit-learn's logistic regression, its strength chosen by groups of videos."""
    vectors, classes, places = data
    if len(np.unique(classes)) == 1:
        return Constant(int(classes[0])), float("nan")
    groups = truth.units.groups[places]
    return models.train(LINEAR, CLASSES, (vectors, classes, groups), seed)


def _predict(
    stage: EncoderClips, place: int, source: TokenSource, model: Any
) -> tuple[int, np.ndarray]:
    """Scored frames of a video, and the shares ``(2, C)`` of its pixels in intersection and union of each class."""
    size = len(stage.truth.classes)
    total, seen = np.zeros((2, size)), 0
    for clip in stage.videos[place]:
        frames = stage.frames(place, clip)
        grid = source.read(clip)
        assert grid is not None  # its sample was drawn
        for slice_, drawn in split_slices(stage.truth.draw(stage.store, frames), frames):
            found = _tell_pixels(model, grid[slice_], (size, *frames.size))
            for truth in drawn:
                total += count_pixels(truth, found, size) / truth.size
            seen += len(drawn)
    return seen, total / max(seen, 1)


def _tell_pixels(
    model: Any, tokens: Float32[np.ndarray, "H W D"], shape: tuple[int, int, int]
) -> np.ndarray:
    """Classes ``(h, w)``: of the probabilities of patches, enlarged to pixels, the highest."""
    told = model.predict_proba(tokens.reshape(-1, tokens.shape[-1]))
    chances = np.zeros((shape[0], *tokens.shape[:2]), np.float32)
    chances[np.asarray(model.classes_, int)] = told.T.reshape(-1, *tokens.shape[:2])
    return upsample(chances, *shape[1:]).argmax(axis=0)


def list_sizes(store: Store, video_ids: Sequence[str]) -> list[tuple[int, int]]:
    """Height and width of each video."""
    rows = store.rows("SELECT video_id, height, width FROM videos")
    known: Mapping[str, tuple[int, int]] = {
        row["video_id"]: (row["height"], row["width"]) for row in rows
    }
    return [known[video_id] for video_id in video_ids]
