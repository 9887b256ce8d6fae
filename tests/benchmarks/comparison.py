"""`tubelet report encoders`: 24 layers against 24 over pooled states of 1,000 clips, beside the one product of Gram matrices that CKA cannot do without."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.benchmarks.measure import Row, seconds
from tests.compared import Other, add_encoder
from tests.stores import synthetic_store
from tubelet.latent.comparison.options import ComparisonOptions
from tubelet.latent.comparison.run import compare
from tubelet.store import Store
from tubelet.store.schema import POOLED

VIDEOS, LAYERS, DIM, AIM = 1000, 24, 768, 30.0  # aim in seconds


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "store")
        started, used = time.perf_counter(), time.process_time()
        compare(store, ComparisonOptions())
        took, used = time.perf_counter() - started, time.process_time() - used
        store.close()
    floor = seconds(_floor)
    what = f"{LAYERS} x {LAYERS} layers, {VIDEOS:,} clips of {DIM} dimensions, all measures with intervals ({used:.0f} s of CPU)"
    yield Row(what, f"{took:.1f} s", f"Gram matrices alone {floor:.1f} s", took / floor, f"{AIM:g} s on 2 cores")  # fmt: skip


def make_store(path: Path) -> Store:
    """Two encoders; each layer is the one before it, turned a little towards noise."""
    store = synthetic_store(path, videos=VIDEOS, slices=4, side=2, dim=4)
    add_encoder(store, Other("other", factor=1, embeddings=False))
    for number, row in enumerate(store.rows("FROM encoders ORDER BY encoder_id")):
        generator = np.random.default_rng(number)
        states = generator.standard_normal((VIDEOS, DIM))
        clips = store.query(
            "SELECT clip_id FROM clips WHERE encoder_id = ? ORDER BY video_id", [row["encoder_id"]]
        )["clip_id"].to_pylist()
        for layer in range(LAYERS):
            states = 0.9 * states + 0.4 * generator.standard_normal((VIDEOS, DIM))
            store.commit({POOLED.name: _pooled(clips, f"block:{layer}", states, generator)})
    store.compact()
    return store


def _pooled(
    clips: list[str], layer: str, states: np.ndarray, generator: np.random.Generator
) -> pa.Table:
    """Four slices around the state of a clip."""
    rows = [
        {"clip_id": clip, "slice": slice_, "layer": layer}
        | dict.fromkeys(("pooled_mean", "pooled_max", "pooled_std"), half.tobytes())
        for clip, state in zip(clips, states)
        for slice_, half in enumerate(
            (state + 0.2 * generator.standard_normal((4, DIM))).astype("<f2")
        )
    ]
    return pa.Table.from_pylist(rows, POOLED.arrow)


def _floor() -> None:
    """Two moments of 48 places."""
    states = np.random.default_rng(0).standard_normal((VIDEOS, DIM)).astype(np.float32)
    for _ in range(2 * 2 * LAYERS):
        states @ states.T
