"""The rows of a run: one of `probes` per probe and control, one of `predictions` per video that it predicted."""

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from tubelet.latent.probes.controls import SHUFFLED
from tubelet.latent.probes.options import CLASSES, WHOLE
from tubelet.latent.probes.run import ProbeResult, ProbeRun
from tubelet.latent.probes.scoring import metric_of
from tubelet.latent.probes.weights import ProbeWeights
from tubelet.store import Store
from tubelet.store.clock import now
from tubelet.store.ids import hash_parts
from tubelet.store.schema import PREDICTIONS, PROBE_ATTENTION, PROBE_WEIGHTS, PROBES


def save_run(store: Store, run: ProbeRun) -> str:
    """Commit a run, whose id is returned; what the store has already stays as it is."""
    run_id = name_run(run)
    rows = [describe_probe(run_id, run, result) for result in run.results]
    predictions = [
        _predictions(row["probe_id"], run, result)
        for row, result in zip(rows, run.results)
        if result.control != SHUFFLED and result.share == WHOLE  # one truth, one draw
    ]
    kept = [
        (row["probe_id"], result.trial)
        for row, result in zip(rows, run.results)
        if result.control is None and result.share == WHOLE
    ]
    weights = [row for name, trial in kept for row in _weight_rows(name, trial.weights)]
    attention = [row for name, trial in kept for row in _attention_rows(name, trial.attention)]
    store.commit(
        {
            PROBES.name: pa.Table.from_pylist(rows, PROBES.arrow),
            PREDICTIONS.name: pa.concat_tables(predictions),
            PROBE_WEIGHTS.name: pa.Table.from_pylist(weights, PROBE_WEIGHTS.arrow),
            PROBE_ATTENTION.name: pa.Table.from_pylist(attention, PROBE_ATTENTION.arrow),
        }
    )
    return run_id


def name_run(run: ProbeRun) -> str:
    truth = run.truth
    return hash_parts(truth.name, truth.task, truth.video_ids, list(map(str, truth.values)), list(truth.groups), run.options.settings)  # fmt: skip


def describe_probe(run_id: str, run: ProbeRun, result: ProbeResult) -> dict:
    """The row of `probes`."""
    place, truth, trial = result.place, run.truth, result.trial
    where = (place.encoder_id, place.layer) if place else (None, None)
    videos = np.unique(trial.predicted.places)
    return {
        "probe_id": hash_parts(run_id, *where, result.control, result.share),
        "run_id": run_id,
        "encoder_id": where[0],
        "layer": where[1],
        "label_name": truth.name,
        "kind": run.options.kind,
        "control": result.control,
        "task": truth.task,
        "metric": metric_of(truth.task),
        "score": none_for_nan(result.score.value),
        "score_low": none_for_nan(result.score.low),
        "score_high": none_for_nan(result.score.high),
        "train_share": result.share,
        "video_count": len(videos),
        "group_count": len(set(truth.groups[videos])),
        "clip_count": result.clips,
        "class_count": run.classes,
        "fold_count": run.folds,
        "hyperparameter": none_for_nan(trial.strength),
        "settings": json.dumps(run.options.settings),
        "created_at": now(),
    }


def _weight_rows(probe_id: str, found: ProbeWeights | None) -> list[dict]:
    if found is None:
        return []
    names = found.classes or (None,)
    return [
        {"probe_id": probe_id, "number": number, "class_value": None if name is None else str(name), "weights": row.tolist(), "bias": float(bias)}
        for number, (name, row, bias) in enumerate(zip(names, found.weights, found.biases))
    ]  # fmt: skip


def _attention_rows(probe_id: str, attention: Mapping[int, np.ndarray]) -> list[dict]:
    return [
        {"probe_id": probe_id, "fold": fold, "head": head, "vector": vector.tolist()}
        for fold, vectors in attention.items()
        for head, vector in enumerate(vectors)
    ]


def none_for_nan(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _predictions(probe_id: str, run: ProbeRun, result: ProbeResult) -> pa.Table:
    truth, found = run.truth, result.trial.predicted
    true, classes = truth.values[found.places], truth.task == CLASSES
    size = len(found.places)
    return pa.table(
        {
            "probe_id": pa.array([probe_id] * size),
            "video_id": pa.array([truth.video_ids[place] for place in found.places]),
            "fold": pa.array(found.folds.astype(np.int16)),
            "truth": pa.array([str(value) for value in true]),
            "prediction": pa.array([str(value) for value in found.predictions]),
            "confidence": pa.array(found.confidence, from_pandas=True),
            "correct": pa.array(true == found.predictions)
            if classes
            else pa.nulls(size, pa.bool_()),
        },
        schema=PREDICTIONS.arrow,
    )
