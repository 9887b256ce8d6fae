"""Rows of `surprise` and `slice_surprise`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from tubelet.ingest.prediction.contexts import Surprise
from tubelet.ingest.prediction.networks import EncoderWithPredictor
from tubelet.store.clock import now
from tubelet.store.disk.derived import rows_of
from tubelet.store.schema import SLICE_SURPRISE, SURPRISE

Rows = Mapping[str, pa.Table]  # table name to rows


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a prediction is compared with, by which predictor and in which arithmetic it was made, and when."""

    target: str
    predictor_sha256: str
    precision: str
    measured_at: datetime


def describe_prediction(
    networks: EncoderWithPredictor, predictor_sha256: str, target: str = ""
) -> Provenance:
    """How the predictions were made; `target` adds to the description of the networks."""
    return Provenance(
        target=networks.target + target,
        predictor_sha256=predictor_sha256,
        precision=networks.encoder.precision,
        measured_at=now(),
    )


def surprise_rows(clip_id: str, measured: Sequence[Surprise], made: Provenance) -> Rows:
    """The rows of one clip, in both tables."""
    return {
        SURPRISE.name: rows_of(SURPRISE, clip_id, _list_tokens(measured)),
        SLICE_SURPRISE.name: rows_of(SLICE_SURPRISE, clip_id, _list_slices(measured, made)),
    }


def _list_tokens(measured: Sequence[Surprise]) -> dict[str, np.ndarray]:
    height, width = measured[0].by_patch["l1"].shape
    y, x = np.indices((height, width))
    shape = len(measured), height, width
    columns = {
        name: np.broadcast_to(_of_tasks(measured, name)[:, None, None], shape)
        for name in ("context", "horizon", "slice")
    }
    values = {
        name: np.stack([one.by_patch[name].numpy() for one in measured])
        for name in measured[0].by_patch
    }
    return {**columns, "y": np.broadcast_to(y, shape), "x": np.broadcast_to(x, shape), **values}


def _list_slices(
    measured: Sequence[Surprise], made: Provenance
) -> dict[str, np.ndarray | pa.Array]:
    columns = {name: _of_tasks(measured, name) for name in ("context", "horizon", "slice")}
    values = {name: np.array([one.of_slice[name] for one in measured]) for name in measured[0].of_slice}  # fmt: skip
    repeated = {
        name: pa.array([value] * len(measured), SLICE_SURPRISE.arrow.field(name).type)
        for name, value in vars(made).items()
    }
    return {**columns, **values, **repeated}


def _of_tasks(measured: Sequence[Surprise], name: str) -> np.ndarray:
    return np.array([getattr(one.task, name) for one in measured], np.int16)
