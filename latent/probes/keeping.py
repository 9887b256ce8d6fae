"""The rows of a run: one of `probes` per probe and control, one of `predictions` per video that it predicted."""

import json

import numpy as np
import pyarrow as pa

from tubelet.latent.probes.controls import SHUFFLED
from tubelet.latent.probes.options import CLASSES, WHOLE
from tubelet.latent.probes.run import ProbeRun, Result
from tubelet.latent.probes.scoring import metric_of
from tubelet.latent.probes.weights import Weights
from tubelet.store import Store
from tubelet.store.clock import now
from tubelet.store.ids import hash_parts
from tubelet.store.schema import PREDICTIONS, PROBE_WEIGHTS, PROBES


def save_run(store: Store, run: ProbeRun) -> str:
    """Commit a run, whose id is returned; what the store has already stays as it is."""
    run_id = _run_id(run)
    rows = [_probe_row(run_id, run, result) for result in run.results]
    predictions = [
        _predictions(row["probe_id"], run, result)
        for row, result in zip(rows, run.results)
        if result.control != SHUFFLED and result.share == WHOLE  # one truth, one draw
    ]
    weights = [
        weight
        for row, result in zip(rows, run.results)
        if result.control is None and result.share == WHOLE
        for weight in _weight_rows(row["probe_id"], result.trial.weights)
    ]
    store.commit(
        {
            PROBES.name: pa.Table.from_pylist(rows, PROBES.arrow),
            PREDICTIONS.name: pa.concat_tables(predictions),
            PROBE_WEIGHTS.name: pa.Table.from_pylist(weights, PROBE_WEIGHTS.arrow),
        }
    )
    return run_id


def _run_id(run: ProbeRun) -> str:
    truth = run.truth
    return hash_parts(truth.name, truth.task, truth.video_ids, list(map(str, truth.values)), list(truth.groups), run.options.settings)  # fmt: skip


def _probe_row(run_id: str, run: ProbeRun, result: Result) -> dict:
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
        "score": _number(result.score.value),
        "score_low": _number(result.score.low),
        "score_high": _number(result.score.high),
        "train_share": result.share,
        "video_count": len(videos),
        "group_count": len(set(truth.groups[videos])),
        "clip_count": result.clips,
        "class_count": len(set(truth.values)) if truth.task == CLASSES else None,
        "fold_count": run.folds,
        "hyperparameter": _number(trial.strength),
        "settings": json.dumps(run.options.settings),
        "created_at": now(),
    }


def _weight_rows(probe_id: str, found: Weights | None) -> list[dict]:
    if found is None:
        return []
    names = found.classes or (None,)
    return [
        {"probe_id": probe_id, "number": number, "class_value": None if name is None else str(name), "weights": row.tolist(), "bias": float(bias)}
        for number, (name, row, bias) in enumerate(zip(names, found.weights, found.biases))
    ]  # fmt: skip


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _predictions(probe_id: str, run: ProbeRun, result: Result) -> pa.Table:
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
