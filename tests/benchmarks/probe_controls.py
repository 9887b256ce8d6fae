"""Controls of probes: how often shuffled labels come out at chance, and what motion between slice pictures tells of a direction."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.benchmarks.measure import Row
from tests.planted_probes import DIM, label_halves, plant, planted_store
from tubelet.ingest.pipeline.slice_pictures import draw_sheet, first_frames
from tubelet.latent.probes.controls import shrink_tile, shuffle_labels
from tubelet.latent.probes.folds import make_folds
from tubelet.latent.probes.motion import SIDE, measure_motion
from tubelet.latent.probes.options import CLASSES, ProbeOptions
from tubelet.latent.probes.scoring import Score, score
from tubelet.latent.probes.states import ClipStates, find_places, read_states
from tubelet.latent.probes.trial import Training, run_trial
from tubelet.latent.probes.truth import Truth, read_truth
from tubelet.store.placement import Sheet
from tubelet.training.evaluation.material import SEED, make_direction_scene
from tubelet.training.scenes.motion import DIRECTIONS
from tubelet.training.scenes.photographs import generate_pictures

RUNS, FOLDS, CHANCE = 100, 5, 0.5
DISTANCE = 2.0  # of the two classes, in standard deviations of a clip
SCENES, SLICES, PICTURES = 240, 4, 24


def rows() -> Iterator[Row]:
    truth, states = _plant()
    for kind in ("knn", "linear"):
        held = sum(_hold_chance(truth, states, kind, seed) for seed in range(RUNS))
        what = f"`tubelet probe --kind {kind}`: runs of {RUNS} with shuffled labels whose interval holds chance, {len(truth.values)} videos of two clips, 2 classes, {FOLDS} folds"
        yield Row(what, f"{held}", f"nominal {0.95 * RUNS:.0f}", held / RUNS / 0.95, "1")
    found = _tell_direction()
    what = f"control `motion`: accuracy on {SCENES} generated scenes whose object moves in one of eight directions"
    yield Row(what, f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})", f"chance {1 / DIRECTIONS:.3f}", found.value * DIRECTIONS, "8")  # fmt: skip


def _plant() -> tuple[Truth, ClipStates]:
    """A store whose states tell the class as well as two standard deviations do, until labels are shuffled."""
    with tempfile.TemporaryDirectory() as folder:
        store = planted_store(Path(folder) / "store")
        classes = label_halves(store)
        shift = np.zeros((len(classes), DIM))
        shift[:, 3] = DISTANCE * (classes - 0.5)
        plant(store, shift)
        (place,) = find_places(store, (), ("block:2",))
        found = read_truth(store, "action", ProbeOptions()), read_states(store, place)
        store.close()
    return found


def _hold_chance(truth: Truth, states: ClipStates, kind: str, seed: int) -> bool:
    shuffled = shuffle_labels(truth, seed)
    folds = make_folds(shuffled, FOLDS, seed)
    found = score(shuffled, run_trial(shuffled, states, folds, Training(kind, seed)).predicted)
    return found.low <= CHANCE <= found.high


def _tell_direction() -> Score:
    """As `tubelet probe` does with the control, from the first frame of each slice of two frames."""
    textures = generate_pictures(np.random.default_rng(SEED), PICTURES)
    scenes = [make_direction_scene(seed, textures, textures) for seed in range(SCENES)]
    vectors = [measure_motion(_picture(scene.frames)) for scene, _ in scenes]
    names = tuple(f"scene {number:03d}" for number in range(SCENES))
    values = np.array([str(direction) for _, direction in scenes])
    truth = Truth(name="direction", task=CLASSES, video_ids=names, values=values, groups=np.array(names), sides=None)  # fmt: skip
    states = ClipStates(np.stack(vectors).astype(np.float32), names, np.array(names))
    trial = run_trial(truth, states, make_folds(truth, FOLDS, 0), Training("linear", 0))
    return score(truth, trial.predicted)


def _picture(frames: torch.Tensor) -> np.ndarray:
    """Gray levels ``(S, h, w)`` as the control reads them from the sheet that an ingest draws."""
    sheet = Sheet.fit(SLICES, tuple(frames.shape[2:]))
    image = Image.open(io.BytesIO(draw_sheet(first_frames(frames, SLICES), sheet))).convert("L")
    return np.stack([shrink_tile(image, sheet, number, SIDE) for number in range(SLICES)])
