"""Predictions whose answer is known: the rows that the report `prediction` reads, and labels that pair videos."""

import numpy as np
import pyarrow as pa

from tests.planted_probes import label
from tubelet.store import Store
from tubelet.store.clock import now
from tubelet.store.schema import SLICE_SURPRISE, SURPRISE

CLIPS = """SELECT c.clip_id, c.video_id, c.slices FROM clips c WHERE encoder_id = (SELECT min(encoder_id) FROM clips) AND ({where})
ORDER BY video_id, first_frame, clip_id"""
CONTEXT = 2


def plant_surprise(
    store: Store, ratio: float = 1.5, follows: float = 1.0, where: str = "true"
) -> list[str]:
    """Slices after a context of two, of every clip: surprise is `ratio` times the error of copying on average, and `follows` says how far it goes
    with the change of pixels (1: their order is one, 0: it has nothing to do with them). The ids of the videos."""
    clips = store.rows(CLIPS.format(where=where))
    generator = np.random.default_rng(7)
    rows = [row for clip in clips for row in _predict(clip, generator, (ratio, follows))]
    store.commit({SLICE_SURPRISE.name: pa.Table.from_pylist(rows, SLICE_SURPRISE.arrow)})
    return sorted({clip["video_id"] for clip in clips})


def plant_tokens(store: Store, clip_id: str) -> None:
    """The tokens of a clip's predicted slices: the error is the column of the patch, plus ten per slice."""
    clip = store.rows("SELECT slices, grid_height, grid_width FROM clips WHERE clip_id = ?", [clip_id])[0]  # fmt: skip
    rows = [
        {"clip_id": clip_id, "slice": at, "y": y, "x": x, "context": CONTEXT, "horizon": 1, "l1": 10.0 * at + x}
        for at in range(CONTEXT, clip["slices"])
        for y in range(clip["grid_height"])
        for x in range(clip["grid_width"])
    ]  # fmt: skip
    store.commit({SURPRISE.name: pa.Table.from_pylist(rows, SURPRISE.arrow)})


def _predict(
    clip: dict, generator: np.random.Generator, planted: tuple[float, float]
) -> list[dict]:
    ratio, follows = planted
    slices = range(CONTEXT, clip["slices"])
    change, apart, motion = generator.uniform(0.01, 0.2, (3, len(slices)))
    l1 = 0.3 + follows * change + (1 - follows) * apart
    return [
        {
            "clip_id": clip["clip_id"],
            "slice": at,
            "context": CONTEXT,
            "horizon": 1,
            "l1": float(l1[number]),
            "cosine": float(1 - l1[number]),
            "copy_l1": float(l1.mean() / ratio),
            "copy_cosine": 0.9,
            "l1_over_copy": float(l1[number] / (l1.mean() / ratio)),
            "pixel_change": float(change[number]),
            "motion": float(motion[number]),
            "target": "the last level, layer-normalized, of the whole window",
            "predictor_sha256": "5e" * 32,
            "precision": "fp32",
            "measured_at": now().replace(tzinfo=None),
        }
        for number, at in enumerate(slices)
    ]


def pair_by_label(store: Store, videos: list[str], sides: tuple[str, str]) -> None:
    """Labels `scene` and `side`: the first two videos are scene 0, one of each side, and so on."""
    label(store, "scene", {v: f"scene {n // 2:02d}" for n, v in enumerate(videos)})
    label(store, "side", {v: sides[n % 2] for n, v in enumerate(videos)})
