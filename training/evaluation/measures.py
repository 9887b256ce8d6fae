"""The measures: everything that is measured of one encoder on the material, as intervals over scenes or videos."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from tubelet.store.intervals import Interval, interval
from tubelet.training.evaluation import direction, foreground, shifting
from tubelet.training.evaluation.material import Material
from tubelet.training.evaluation.page_scenes import CORRECTIONS, PageScene, measure_scenes
from tubelet.training.evaluation.prediction import FEWEST, HIDDEN, Predict
from tubelet.training.evaluation.spectrum import effective_rank
from tubelet.training.evaluation.tracking import track
from tubelet.training.scenes.scene import Scene

SPARSE = 8  # of that many tokens, one goes into the rank

MEANINGS: Mapping[str, str] = {
    "tracking, plain": "share of slices in which the best match of the object's center lies within one patch of it",
    "tracking, changed": "the same while the object turns, grows or shrinks, and its light changes",
    "exact hits, plain": "share of slices in which the best match is the very patch",
    "exact hits, changed": "the same while the appearance changes",
    "direction": "share of scenes whose direction of eight a linear probe of the mean token tells; chance 0.125",
    "foreground": "best AUC of the first three components for the object's mask, scenes with changes",
    "window shift": "mean difference of the same frames' tokens in windows one slice apart, over the spread of the dimension",
    "edges over middle": "that difference at the first and last shared slice, over that in the middle third",
    "shift consistency": "mean rank correlation between videos of the dimensions' differences, scale removed; chance 0",
    "effective rank": "exponential of the entropy of the covariance's eigenvalues, over tokens of a video",
    "page, tracked": "scenes of the Video page: share of slices that show the patch in which its track lies within one patch of it",
    "page, kept": "the same slices: share in which the track is not called lost",
    "page, lost": "share of slices without the object in which the track is called lost",
    "page, IoU": "intersection over union of the object cut out, in pixels, from marks on two slices",
    "page, IoU corrected": f"the same after {CORRECTIONS} corrections where it is most wrong",
    "hard, tracked": "harder scenes (text, checkers, noise, turning, scaling, light, twins that cross, leaving): as page, tracked",
    "hard, kept": "the same scenes: as page, kept",
    "hard, lost": "the same scenes: as page, lost, over those that the object leaves",
    "hard, IoU": "the same scenes: as page, IoU",
    "hard, IoU corrected": "the same scenes: as page, IoU corrected",
    "prediction, videos": f"error of the predictor's last {HIDDEN} of 8 slices over that of copying the last slice seen, windows of videos; below 1 is better",
    "prediction, scenes": "the same on the scenes with changes",
    "prediction, page": "the same on a stretch of each of the page's scenes",
    "prediction, moving": "the same on all of these, of the tokens alone whose pixels change",
    "moving, over mean": "the predictor's error at these tokens over that of the mean token; below 1 is better",
}
STRETCH = slice(
    20, 36
)  # frames of a page's scene on which prediction is measured: the object moves, and the occluder comes and goes


SHARE, POSITIVE = (0.0, 1.0), (0.0, math.inf)
BOUNDS: Mapping[
    str, tuple[float, float]
] = {  # between which a measure lies, and its interval with it
    **dict.fromkeys(MEANINGS, SHARE),
    **dict.fromkeys(("window shift", "edges over middle", "effective rank"), POSITIVE),
    **dict.fromkeys((key for key in MEANINGS if key.startswith("prediction")), POSITIVE),
    "moving, over mean": POSITIVE,
    "shift consistency": (-1.0, 1.0),
}


@dataclass(frozen=True)
class Measures:
    """`intervals` by the names of MEANINGS, and the mean difference at each shared slice."""

    name: str
    dim: int
    intervals: Mapping[str, Interval]
    curve: Sequence[float]


Encode = Callable[
    [torch.Tensor], torch.Tensor
]  # frames (T, 3, H, W) in uint8 to tokens (S, H, W, D)


def measure_encoder(
    name: str, encode: Encode, material: Material, patch: int, predict: Predict | None = None
) -> Measures:
    """One encoder on all of the material; its predictor too, where it has one."""
    plain, changed = (
        _score_tracking(encode, material.plain, patch),
        _score_tracking(encode, material.changed, patch),
    )
    shifts = [
        shifting.shift(encode(window[:-2]), encode(window[2:])) for window in material.windows
    ]
    tokens = [encode(window[:-2]).flatten(0, 2)[::SPARSE] for window in material.windows] or [
        changed[3]
    ]
    scores = {
        "tracking, plain": plain[0],
        "tracking, changed": changed[0],
        "exact hits, plain": plain[1],
        "exact hits, changed": changed[1],
        "direction": score_direction(encode, material),
        "foreground": changed[2],
        "window shift": [found.size for found in shifts],
        "edges over middle": [found.edges_over_middle for found in shifts if found.size],
        "shift consistency": shifting.consistency(shifts),
        "effective rank": [effective_rank(each) for each in tokens],
        **_measure_page("page", encode, material.page),
        **_measure_page("hard", encode, material.hard),
        **_measure_prediction(predict, material),
    }
    curve = (
        torch.tensor([found.curve.tolist() for found in shifts]).mean(0).tolist() if shifts else []
    )
    return Measures(
        name,
        tokens[0].shape[1],
        {key: interval(values, *BOUNDS[key]) for key, values in scores.items()},
        curve,
    )


def score_direction(encode: Encode, material: Material) -> list[float]:
    """The direction probe alone: 1 for a scene predicted correctly, 0 for one predicted wrongly."""
    means = [direction.mean_token(encode(scene.frames)) for scene, _ in material.directed]
    return direction.probe(means, [way for _, way in material.directed])


def _measure_page(name: str, encode: Encode, scenes: Sequence[PageScene]) -> dict:
    """Scores by the names of MEANINGS; a scene that its object never leaves has none of calling it lost."""
    found = measure_scenes(encode, scenes)
    keys = "tracked", "kept", "lost", "IoU", "IoU corrected"
    scores = found.tracked, found.kept, found.lost, found.first, found.corrected
    return {
        f"{name}, {key}": [score for score in each if math.isfinite(score)]
        for key, each in zip(keys, scores, strict=True)
    }


def _measure_prediction(predict: Predict | None, material: Material) -> dict[str, list[float]]:
    """Nothing but empty lists for an encoder without a predictor."""
    pages = (
        torch.from_numpy(scene.frames()[STRETCH]).permute(0, 3, 1, 2) for scene in material.page
    )
    windows = {
        "videos": (window[:-2] for window in material.windows),
        "scenes": (scene.frames for scene in material.changed),
        "page": pages,
    }
    predictions = {
        name: [predict(frames) for frames in each] if predict else []
        for name, each in windows.items()
    }
    ratios = {
        f"prediction, {name}": [one.over_copying for one in each]
        for name, each in predictions.items()
    }
    moving = [one for each in predictions.values() for one in each if one.moving.sum() >= FEWEST]
    return {
        **ratios,
        "prediction, moving": [one.moving_over_copying for one in moving],
        "moving, over mean": [one.moving_over_mean for one in moving],
    }


def _score_tracking(
    encode: Encode, scenes: Sequence[Scene], patch: int
) -> tuple[list[float], list[float], list[float], torch.Tensor]:
    """Near and exact shares and foreground AUC of every scene, and some tokens of the last."""
    near, exact, areas = [], [], []
    for scene in scenes:
        grid = encode(scene.frames)
        found = track(grid, scene, patch)
        near.append(found.near)
        exact.append(found.exact)
        areas.append(foreground.foreground(grid, scene, patch))
    return near, exact, areas, grid.flatten(0, 2)[::SPARSE]
