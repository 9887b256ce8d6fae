"""Probes: an attentive probe's minibatches beside a bare loop over mapped .npy files, and a linear probe over 24 layers of 10,000 clips."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.benchmarks.measure import Row, by_turns, milliseconds
from tests.planted_probes import label, video_ids
from tests.stores import synthetic_store
from tubelet.latent.probes.options import ProbeOptions
from tubelet.latent.probes.run import run_probes
from tubelet.latent.probes.tokens import TokenFile
from tubelet.store import Store
from tubelet.store.disk import embeddings
from tubelet.store.disk.files import write_whole
from tubelet.store.schema import POOLED
from tubelet.training.attentive.batches import read_tokens

SHAPE, FILES = (8, 14, 14, 768), 48  # of clips at 224 px, as ViT-B sees them
BATCH = 16
CLIPS, LAYERS, DIM, CLASSES, AIM = 10_000, 24, 768, 10, 60.0  # aim in seconds


def rows() -> Iterator[Row]:
    yield from _reading()
    yield from _linear()


def _reading() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        made = [_write(Path(folder), number) for number in range(FILES)]
        ours, theirs, ratio = by_turns(
            lambda: [read_tokens([file for file, _ in part]) for part in _parts(made)],
            lambda: [_read_arrays([path for _, path in part]) for part in _parts(made)],
        )
    what = f"attentive probe: reading {FILES} clips of {' x '.join(map(str, SHAPE))}, {BATCH} at a time"
    yield Row(what, milliseconds(ours), f"mapped .npy {milliseconds(theirs)}", ratio, "1.3")


def _write(folder: Path, number: int) -> tuple[TokenFile, Path]:
    grid = np.random.default_rng(number).standard_normal(SHAPE, np.float32).astype("<f2")
    ours, npy = folder / f"{number:016x}.parquet", folder / f"{number}.npy"
    write_whole(ours, embeddings.serialize(ours.stem, grid), folder / "unfinished")
    np.save(npy, grid)
    return TokenFile(ours.stem, ours, SHAPE), npy


def _parts(made: list) -> list:
    return [made[start : start + BATCH] for start in range(0, len(made), BATCH)]


def _read_arrays(paths: list[Path]) -> np.ndarray:
    batch = np.empty((len(paths), *SHAPE), np.float16)
    for row, path in zip(batch, paths):
        row[:] = np.load(path, mmap_mode="r")
    return batch


def _linear(clips: int = CLIPS, layers: int = LAYERS, dim: int = DIM) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "store", (clips, layers, dim))
        started, used = time.perf_counter(), time.process_time()
        run_probes(store, "action", (), ProbeOptions())
        took, used = time.perf_counter() - started, time.process_time() - used
        store.close()
    what = f"`tubelet probe`: {layers} layers of {clips:,} clips of {dim} dimensions, {CLASSES} classes, 5 folds, with controls ({used:.0f} s of CPU)"
    yield Row(what, f"{took:.1f} s", f"allowed {AIM:g} s", took / AIM, "1 on 2 cores")


def make_store(path: Path, size: tuple[int, int, int]) -> Store:
    """One clip per video, two slices; the class is a direction of its own, in noise."""
    clips, layers, dim = size
    store = synthetic_store(path, videos=clips, slices=2, side=1, dim=4)
    generator = np.random.default_rng(0)
    classes, ids = np.arange(clips) % CLASSES, video_ids(store)
    label(store, "action", {video: f"c{c}" for video, c in zip(ids, classes)})
    found = store.query("SELECT clip_id FROM clips ORDER BY video_id")["clip_id"].to_pylist()
    centers = generator.standard_normal((CLASSES, dim)) * 0.1
    for layer in range(layers):
        states = centers[classes] + generator.standard_normal((clips, dim), np.float32)
        store.commit({POOLED.name: _pooled(found, f"block:{layer}", states)})
    store.compact()
    return store


def _pooled(clips: list[str], layer: str, states: np.ndarray) -> pa.Table:
    rows = [
        {"clip_id": clip, "slice": slice_, "layer": layer}
        | dict.fromkeys(("pooled_mean", "pooled_max", "pooled_std"), half.tobytes())
        for clip, half in zip(clips, states.astype("<f2"))
        for slice_ in range(2)
    ]
    return pa.Table.from_pylist(rows, POOLED.arrow)
