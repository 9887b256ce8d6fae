"""Stores whose slices follow each other in a known way: linear dynamics with noise, a walk at random, and slices that stay as they are."""

import io
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image
from safetensors.numpy import save

from tests.planted_probes import video_ids
from tests.planted_tokens import plant_tokens
from tests.stores import synthetic_store
from tubelet.store import Store, ids
from tubelet.store.disk.models import write_model
from tubelet.store.placement import Sheet
from tubelet.store.rows import ClipRow
from tubelet.store.schema import DECODERS, TRANSITION_SCORES, TRANSITIONS

SLICES, SIDE, DIM = 12, 2, 4
RUN = "0123456789abcdef"
TURN, SHRINK, NOISE = (
    0.7,
    0.98,
    0.3,
)  # radians and share per slice, standard deviation of what comes anew


def transition_store(path: Path, videos: int = 20) -> Store:
    """A store of videos without an encoder of interest yet; the caller closes it."""
    return synthetic_store(path, videos=videos, slices=2, side=2, dim=4, embeddings=False)


def step_matrix() -> np.ndarray:
    """A turn in two planes, at two speeds, and a little shrinking."""
    found = np.zeros((DIM, DIM))
    for plane, angle in ((0, TURN), (2, -TURN / 2)):
        turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        found[plane : plane + 2, plane : plane + 2] = SHRINK * np.array(turn)
    return found


def plant_linear(store: Store, name: str = "linear", noise: float = NOISE) -> str:
    """Each token times the same matrix, plus noise: what comes next can be known but for the noise. The encoder's id."""
    return plant_tokens(store, name, [_walk(n, step_matrix(), noise) for n in range(len(video_ids(store)))])  # fmt: skip


def plant_walk(store: Store, name: str = "walk") -> str:
    """The last slice plus noise: nothing is better than a copy."""
    return plant_tokens(store, name, [_walk(n, np.eye(DIM), NOISE) for n in range(len(video_ids(store)))])  # fmt: skip


def plant_still(store: Store, name: str = "still") -> str:
    """Every slice is a copy of the first."""
    return plant_tokens(store, name, [_walk(n, np.eye(DIM), 0) for n in range(len(video_ids(store)))])  # fmt: skip


def _walk(number: int, matrix: np.ndarray, noise: float) -> np.ndarray:
    generator = np.random.default_rng([number, 17])
    spread = NOISE / np.sqrt(1 - SHRINK**2)
    grid = np.empty((SLICES, SIDE, SIDE, DIM))
    grid[0] = spread * generator.standard_normal((SIDE, SIDE, DIM))
    for slice_ in range(1, SLICES):
        fresh = noise * generator.standard_normal((SIDE, SIDE, DIM))
        grid[slice_] = grid[slice_ - 1] @ matrix.T + fresh
    return grid


def known_optimum(store: Store, encoder_id: str, videos: list[str]) -> float:
    """Variance explained over copying by the matrix itself, on the slices that a transition model predicts."""
    clips = store.rows(
        "SELECT clip_id FROM clips WHERE encoder_id = $1 AND list_contains($2, video_id)",
        [encoder_id, videos],
    )
    grids = np.stack([store.grid(clip["clip_id"]).astype(float) for clip in clips])
    scaled = (grids - grids.mean((0, 1, 2, 3))) / grids.std((0, 1, 2, 3))
    seen, truth = scaled[:, 1:-1], scaled[:, 2:]
    return 1 - float(((seen @ step_matrix().T - truth) ** 2).sum() / ((seen - truth) ** 2).sum())


def add_pictures(store: Store, encoder_id: str) -> None:
    """Slice pictures of every clip of an encoder: a square that moves by four pixels per slice over gray of its video."""
    clips = store.rows("FROM clips WHERE encoder_id = $1 ORDER BY clip_id", [encoder_id])
    for number, row in enumerate(clips):
        clip = ClipRow.of(row)
        sheet = Sheet.of(clip)
        image = Image.new("RGB", sheet.size[::-1], (40 + 8 * number,) * 3)
        for slice_ in range(clip.slices):
            top, left = sheet.corner(slice_)
            x, y = left + 4 * slice_ % sheet.tile[1], top + sheet.tile[0] // 2
            image.paste((250, 60, 20), (x, y, x + 6, y + 6))
        sink = io.BytesIO()
        image.save(sink, "JPEG", quality=95)
        store.write_pictures(row, sink.getvalue())


def plant_transitions(store: Store, explained: float = 0.4, videos: int = 12) -> str:
    """A run whose models were never fitted: of the store's first encoder, its shuffled time (-1), and pixels (0.1); each explains about that of every test video. The run's id."""
    encoder = store.rows("SELECT encoder_id, layer FROM encoders ORDER BY ALL LIMIT 1")[0]
    tested = video_ids(store)[:videos]
    models = [
        (encoder, None, explained),
        (encoder, "shuffled", -1.0),
        ({"encoder_id": None, "layer": None}, "pixels", 0.1),
    ]
    rows, scores = [], []
    for number, (where, control, share) in enumerate(models):
        name = ids.hash_parts("planted transition", number)
        rows.append(
            _model_row(name, number)
            | where
            | {"control": control}
            | write_model(store, name, b"planted")
        )
        scores += [
            score | {"transition_id": name} for score in _planted_scores(tested, share, number)
        ]
    store.commit(
        {
            TRANSITIONS.name: pa.Table.from_pylist(rows, TRANSITIONS.arrow),
            TRANSITION_SCORES.name: pa.Table.from_pylist(scores, TRANSITION_SCORES.arrow),
        }
    )
    return RUN


def _model_row(name: str, number: int) -> dict:
    sizes = {
        "embed_dim": 64,
        "block_slices": 8,
        "grid_side": 8,
        "network_width": 128,
        "network_depth": 2,
    }
    fitted = {
        "network_parameters": 10_000,
        "steps": 400,
        "best_step": 200,
        "held_explained": 0.3,
        "seed": 0,
    }
    when = datetime(2026, 11, 2, 9, number)
    return {
        "transition_id": name,
        "run_id": RUN,
        **sizes,
        **fitted,
        "train_videos": 28,
        "test_videos": 12,
        "settings": "{}",
        "created_at": when,
    }


def _planted_scores(videos: list[str], share: float, seed: int) -> list[dict]:
    generator = np.random.default_rng([seed, 19])
    rows = []
    for video in videos:
        for horizon in (1, 2, 3):
            copied, found = (
                generator.uniform(0.5, 1.5) * horizon,
                share + 0.05 * generator.standard_normal(),
            )
            ranks = {
                "rank_within": 0.1 * horizon,
                "rank_between": 0.0,
                "copy_rank_within": 0.2,
                "copy_rank_between": 0.0,
            }
            rows.append(
                {
                    "video_id": video, "horizon": horizon, "predicted_slices": 5, "squared_error": copied * (1 - found),
                    "copy_error": copied, "mean_error": 1.2 * copied, "explained": found, "mean_explained": -0.2,
                    "candidates_within": 11, "candidates_between": 55, **ranks,
                }
            )  # fmt: skip
    return rows


def plant_decoder(store: Store, encoder_id: str) -> dict:
    """A decoder of an encoder that draws one color, and figures that were never measured; its row."""
    (encoder,) = store.rows("SELECT layer, embed_dim FROM encoders WHERE encoder_id = $1", [encoder_id])  # fmt: skip
    figures = {"psnr": 17.0, "psnr_low": 15.5, "psnr_high": 18.5, "ssim": 0.4, "mean_psnr": 14.0, "mean_ssim": 0.2}  # fmt: skip
    sizes = {"patch_pixels": 2, "network_width": 4, "network_parameters": 1, "steps": 1, "best_step": 1, "seed": 0}  # fmt: skip
    row = {"decoder_id": "planted", "encoder_id": encoder_id, **encoder, **sizes, **figures}
    row |= {"train_videos": 9, "test_videos": 6, "settings": "{}", "created_at": datetime(2026, 11, 2, 9)}  # fmt: skip
    row |= write_model(store, "planted", _plain_head(encoder["embed_dim"], 4, 2))
    store.commit({DECODERS.name: pa.Table.from_pylist([row], DECODERS.arrow)})
    return row


def _plain_head(dim: int, width: int, patch: int) -> bytes:
    """The file of a head whose numbers are all the same."""
    pixels = patch * patch * 3
    shapes: dict[str, tuple[int, ...]] = {"first": (width, dim), "last": (pixels, width), "near": (width, width, 3, 3), "far": (width, width, 3, 3)}  # fmt: skip
    tensors = {f"{name}.weight": np.full(shape, 0.5, np.float32) for name, shape in shapes.items()}
    tensors |= {f"{name}.bias": np.full(shape[0], 0.5, np.float32) for name, shape in shapes.items()}  # fmt: skip
    tensors |= {"scaling.mean": np.zeros(dim, np.float32), "scaling.std": np.ones(dim, np.float32)}
    return save(tensors, {"shape": json.dumps({"patch": patch})})
