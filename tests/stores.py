"""Small real stores, made without videos, encoder or GPU: every row goes through `Store.commit`, every value is plausible.

    store = synthetic_store(tmp_path / "store", videos=3, slices=4, side=5, dim=16)
    add_videos(store, Recipe(videos=2), first=3)

The same recipe makes the same ids and the same numbers everywhere. 3 videos take 0.3 s the first time, 1,000 about 6 s.
"""

import atexit
import io
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from tests.measured import joined, measured, pair_row
from tubelet.store import Store, ids
from tubelet.store.disk import derived
from tubelet.store.schema import TABLES
from tubelet.store.statistics import dimension_statistics, token_statistics

PATCH, TUBELET, FPS = 16, 2, 25.0
LABELS = ("cooking", "swimming", "walking", None)  # of video 0, 1, 2, 3, 0, ...
START = datetime(2026, 11, 1, 12)
COMMIT_VIDEOS = 100  # videos in one commit
COPIED_CLIPS = 100  # of the largest store that is kept to be copied


@dataclass(frozen=True)
class Recipe:
    """What a synthetic store holds. Clips of a video overlap by half a window, so neighbors are pairs, and are measured."""

    videos: int = 3
    clips: int = 1  # a video
    slices: int = 4
    side: int = 5  # patches
    dim: int = 16
    seed: int = 0
    failures: int = 1
    embeddings: bool = True  # False: as `--keep statistics` leaves it
    shift: int = 0  # slices from one clip to the next; 0: half a window
    words: tuple[
        str, ...
    ] = ()  # names and labels of the videos in turn, and reasons of the failures, instead of ordinary ones

    @property
    def frames(self) -> int:
        """Frames of a window."""
        return self.slices * TUBELET

    @property
    def hop(self) -> int:
        """Frames from one window to the next: a multiple of the tubelet."""
        return (self.shift or max(self.slices // 2, 1)) * TUBELET


MADE: dict[Recipe | None, Path] = {}  # stores to copy; that of None is empty


def synthetic_store(path: Path, **recipe: int) -> Store:
    """A store with one encoder and the videos of ``Recipe(**recipe)``; the caller closes it. A process writes each once, and copies it from then on."""
    made = Recipe(**recipe)
    return make_store(path, made) if made.videos * made.clips > COPIED_CLIPS else _copy(path, made)


def empty_store(path: Path) -> Store:
    """A store without rows, a copy as well; the caller closes it."""
    return _copy(path, None)


def make_store(path: Path, recipe: Recipe | None) -> Store:
    """The same, with an identity of its own, and every row committed now: for tests of how stores are written, and of several stores."""
    store = Store.create(path)
    if recipe:
        fill_store(store, recipe)
    return store


def _copy(path: Path, recipe: Recipe | None) -> Store:
    if recipe not in MADE:
        folder = Path(tempfile.mkdtemp())
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        make_store(folder / "store", recipe).close()
        MADE[recipe] = folder / "store"
    shutil.copytree(MADE[recipe], path, dirs_exist_ok=True)
    return Store(path)


def fill_store(store: Store, recipe: Recipe) -> None:
    """Add all that a recipe makes to a new store."""
    store.commit(
        {
            "encoders": _table("encoders", [encoder_row(recipe)]),
            "failures": _table("failures", _failure_rows(recipe)),
        }
    )
    add_videos(store, recipe)


def add_videos(store: Store, recipe: Recipe, first: int = 0) -> None:
    """Add videos number ``[first, first + recipe.videos)``, many in a commit."""
    numbers = range(first, first + recipe.videos)
    for start in range(0, recipe.videos, COMMIT_VIDEOS):
        _commit_videos(store, recipe, numbers[start : start + COMMIT_VIDEOS])


def encoder_row(recipe: Recipe) -> dict:
    """The one encoder of a synthetic store."""
    weights = "5e" * 32
    return {
        "encoder_id": ids.encoder_id("toy", weights, "last"),
        "name": recipe.words[0] if recipe.words else "toy",
        "family": "synthetic",
        "layer": "last",
        "embed_dim": recipe.dim,
        "patch": PATCH,
        "tubelet": TUBELET,
        "parameters": recipe.dim * PATCH * PATCH * TUBELET * 3,
        "weights_sha256": weights,
        "weights_source": "untrained: made for tests",
        "preprocessing": f"resize and crop to {recipe.side * PATCH} px, mean and standard deviation of ImageNet",
    }


def grid(recipe: Recipe, number: int, clip: int = 0) -> np.ndarray:
    """Token grid ``(S, H, W, D)``, little-endian half: correlated in space and time, heavy-tailed over dimensions."""
    rng = np.random.default_rng([recipe.seed, number, clip])
    field = rng.standard_normal(
        (recipe.slices + 2, recipe.side + 2, recipe.side + 2, recipe.dim), np.float32
    )
    for axis in range(3):
        size = field.shape[axis]
        field = sum(
            field.take(range(start, start + size - 2), axis) for start in range(3)
        ) / np.float32(1.7)
    dimensions = np.random.default_rng(recipe.seed)
    scale, offset = dimensions.lognormal(0, 0.8, recipe.dim), dimensions.standard_normal(recipe.dim)
    return (field * scale + offset).astype("<f2")


def _commit_videos(store: Store, recipe: Recipe, numbers: range) -> None:
    videos, clips, pairs, derived_rows = [], [], [], {}
    for number in numbers:
        videos.append(_video_row(store, recipe, number))
        store.write_thumbnail(videos[-1]["video_id"], _thumbnail(number))
        for clip in range(recipe.clips):
            row, rows = _clip(store, recipe, number, clip)
            clips.append(row)
            for name, table in rows.items():
                derived_rows.setdefault(name, []).append(table)
        pairs += [
            _pair(recipe, number, clip)
            for clip in range(recipe.clips - 1)
            if recipe.hop < recipe.frames
        ]
    tables = {name: pa.concat_tables(parts) for name, parts in derived_rows.items()} | joined(pairs)
    places = _table("places", list(map(_place_row, videos)))
    store.commit(
        {
            **tables,
            "videos": _table("videos", videos),
            "places": places,
            "clips": _table("clips", clips),
        }
    )


def _clip(store: Store, recipe: Recipe, number: int, clip: int) -> tuple[dict, dict[str, pa.Table]]:
    """The row of a clip and its derived rows; writes its embedding file."""
    row, half = _clip_row(recipe, number, clip), grid(recipe, number, clip)
    if recipe.embeddings:
        path = store.layout.embedding(row["encoder_id"], row["video_id"], row["clip_id"])
        row["embedding_path"] = store.layout.relative(path)
        file = store.write_embedding(row, half)
        row |= {"embedding_bytes": file.bytes, "embedding_sha256": file.sha256}
    full = half.astype(np.float32)
    return row, derived.clip_rows(
        row["clip_id"], token_statistics(full), dimension_statistics(full), half
    )


def _pair(recipe: Recipe, number: int, clip: int) -> dict[str, pa.Table]:
    """What is measured of a clip and the next one of its video."""
    a, b = (_clip_row(recipe, number, clip + step) for step in (0, 1))
    return measured(
        pair_row(a, b, recipe.hop // TUBELET),
        grid(recipe, number, clip),
        grid(recipe, number, clip + 1),
    )


def _video_row(store: Store, recipe: Recipe, number: int) -> dict:
    label, name = LABELS[number % len(LABELS)], f"video-{number:05d}.mp4"
    if recipe.words:
        label = name = recipe.words[number % len(recipe.words)]
    video_id = _video_id(recipe, number)
    frames = recipe.frames + recipe.hop * (recipe.clips - 1) + number % TUBELET
    return {
        "video_id": video_id,
        "name": name,
        "path": "/".join(filter(None, ("/videos", label, name))),
        "bytes": 1_000_000 + 997 * number,
        "modified_ns": 1_790_000_000_000_000_000 + number,
        "container": "mov,mp4,m4a,3gp,3g2,mj2",
        "codec": ("h264", "hevc")[number % 2],
        "width": 320,
        "height": 240,
        "rotation": 0,
        "mirrored": False,
        "transfer": "bt709",
        "primaries": "bt709",
        "bit_depth": 8,
        "corrupt_frames": 0,
        "gaps": [],
        "fps": FPS,
        "frames": frames,
        "duration_s": frames / FPS,
        "label": label,
        "thumbnail": store.layout.relative(store.layout.thumbnail(video_id)),
        "added_at": START + timedelta(minutes=number),
    }


def _place_row(video: dict) -> dict:
    shared = ("video_id", "path", "name", "label", "bytes", "modified_ns", "added_at")
    return {
        "place_id": ids.hash_parts(video["video_id"], video["path"]),
        **{name: video[name] for name in shared},
    }


def _clip_row(recipe: Recipe, number: int, clip: int) -> dict:
    video_id, encoder_id = _video_id(recipe, number), encoder_row(recipe)["encoder_id"]
    first, pixels = clip * recipe.hop, recipe.side * PATCH
    window = first, recipe.frames, 1
    return {
        "clip_id": ids.hash_parts(video_id, encoder_id, window, "crop", pixels, pixels, "float32"),
        "video_id": video_id,
        "encoder_id": encoder_id,
        "first_frame": first,
        "frame_count": recipe.frames,
        "step": 1,
        "start_s": first / FPS,
        "stop_s": (first + recipe.frames) / FPS,
        "corrupt_frames": 0,
        "slices": recipe.slices,
        "grid_height": recipe.side,
        "grid_width": recipe.side,
        "embed_dim": recipe.dim,
        "geometry": "crop",
        "crop_height": pixels,
        "crop_width": pixels,
        "precision": "float32",
        "embedding_path": None,
        "embedding_bytes": None,
        "embedding_sha256": None,
        "encode_s": 0.25 + 0.01 * (number % 7),
        "created_at": START + timedelta(minutes=number, seconds=clip),
    }


def _failure_rows(recipe: Recipe) -> list[dict]:
    encoder_id, error = (
        encoder_row(recipe)["encoder_id"],
        recipe.words[-1] if recipe.words else "no video stream in it",
    )
    paths = [f"/videos/broken-{number}.mp4" for number in range(recipe.failures)]
    return [
        {
            "failure_id": ids.hash_parts(path, None, encoder_id, "open", error, None),
            "path": path,
            "video_id": None,
            "encoder_id": encoder_id,
            "stage": "open",
            "error": error,
            "first_frame": None,
            "failed_at": START,
        }
        for path in paths
    ]


def _video_id(recipe: Recipe, number: int) -> str:
    return ids.hash_parts("synthetic video", recipe.seed, number)


def _thumbnail(number: int) -> bytes:
    """A JPEG of one color, another for every video."""
    sink = io.BytesIO()
    Image.new("HSV", (64, 48), (number * 37 % 256, 160, 200)).convert("RGB").save(sink, "JPEG")
    return sink.getvalue()


def _table(name: str, rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=TABLES[name].arrow)
