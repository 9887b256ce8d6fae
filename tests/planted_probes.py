"""Stores whose pooled states carry a label with a known separability, at one layer only."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.stores import synthetic_store
from tubelet.latent.probes.keeping import save_run
from tubelet.latent.probes.options import ProbeOptions
from tubelet.latent.probes.run import ProbeRun, ProbeSetup
from tubelet.latent.probes.states import ClipStates, StoredLayer
from tubelet.latent.probes.truth import Truth
from tubelet.store import Store
from tubelet.store.schema import CLIPS, LABELS, POOLED, TABLES

LAYERS, DIM, SLICES = ("block:0", "block:1", "block:2", "block:3"), 8, 2


def planted_store(path: Path, videos: int = 60, clips: int = 2) -> Store:
    """A store of one encoder whose clips have no pooled states yet."""
    return synthetic_store(path, videos=videos, clips=clips, slices=SLICES, side=2, dim=4)


def video_ids(store: Store) -> list[str]:
    return store.query("SELECT video_id FROM videos ORDER BY ALL")["video_id"].to_pylist()


def plant(store: Store, shift: Sequence[np.ndarray] | np.ndarray, seed: int = 0) -> None:
    """Pooled states of every layer: unit noise of each clip, and at block:2 the vector ``(videos, D)`` of its video on top."""
    generator = np.random.default_rng(seed)
    place = {video: number for number, video in enumerate(video_ids(store))}
    rows = []
    for clip in store.rows("SELECT clip_id, video_id FROM clips ORDER BY ALL"):
        for layer in LAYERS:
            noise = generator.standard_normal(DIM)
            noise += shift[place[clip["video_id"]]] if layer == "block:2" else 0
            for slice_ in range(SLICES):  # whose mean is the noise
                vector = noise + (0.5 if slice_ else -0.5)
                half = vector.astype("<f2").tobytes()
                rows.append(
                    {"clip_id": clip["clip_id"], "slice": slice_, "layer": layer}
                    | {f"pooled_{name}": half for name in ("mean", "max", "std")}
                )
    clips = [{**row, "pooled_layers": len(LAYERS)} for row in store.rows("FROM clips")]
    store.commit(
        {
            POOLED.name: pa.Table.from_pylist(rows, POOLED.arrow),
            CLIPS.name: pa.Table.from_pylist(clips, CLIPS.arrow),
        },
        {CLIPS.name: [clip["clip_id"] for clip in clips]},
    )


def label(store: Store, name: str, values: dict[str, str], source: str = "") -> None:
    """Import a value per video."""
    source = source or name
    annotation = {
        "annotation_id": source,
        "source": source,
        "kind": "labels",
        "path": f"/{source}.csv",
        "sha256": "0" * 64,
        "matched_by": "id",
        "rows": len(values),
        "unmatched": 0,
    }
    rows = [
        {"annotation_id": source, "row": number, "video_id": video, "name": name, "value": value, "source": source}
        for number, (video, value) in enumerate(values.items(), 1)
    ]  # fmt: skip
    store.commit(
        {
            "annotations": pa.Table.from_pylist([annotation], TABLES["annotations"].arrow),
            LABELS.name: pa.Table.from_pylist(rows, LABELS.arrow),
        }
    )


def halves(store: Store) -> np.ndarray:
    """A class per video, 0 and 1 in turn."""
    return np.arange(len(video_ids(store))) % 2


def label_halves(store: Store, name: str = "action") -> np.ndarray:
    classes = halves(store)
    label(store, name, {v: ("pour", "cut")[c] for v, c in zip(video_ids(store), classes)})
    return classes


def keep_planted_run(store: Store, noise: float = 1.0, share: str = "10,100", told: Sequence[float] = (0.0, 3.0)) -> str:  # fmt: skip
    """Train and keep probes of two layers on states that are made up here, for any store with videos; block:1 has the class in it."""
    return save_run(store, train_planted(store, noise, share, told))


def train_planted(store: Store, noise: float, share: str, told: Sequence[float]) -> ProbeRun:
    """Probes of block:0 and block:1, the classes as far apart in each as `told` says."""
    ids = tuple(video_ids(store))
    values = np.array([("pour", "cut")[number % 2] for number in range(len(ids))])
    truth = Truth(
        name="action",
        task="classes",
        video_ids=ids,
        values=values,
        groups=np.array(ids),
        sides=None,
    )
    generator, options = np.random.default_rng(0), ProbeOptions(kind="knn", share=share)
    bench = ProbeSetup(store, truth, options)
    (encoder, *_) = store.query("SELECT encoder_id FROM encoders")["encoder_id"].to_pylist()
    results = [bench.try_majority(len(ids))]
    for layer, apart in zip(LAYERS, told):
        vectors = noise * generator.standard_normal((len(ids), DIM))
        vectors[:, 0] += apart * (values == "cut")
        states = ClipStates(vectors.astype(np.float32), ids, np.array(ids))
        place = StoredLayer(encoder, layer, True)
        results += [bench.try_share(place, states, share) for share in options.shares]
        results += [bench.try_states(place, states, None), bench.try_shuffled(place, states)]
    return ProbeRun(truth=truth, options=options, folds=5, results=tuple(results), classes=2)
