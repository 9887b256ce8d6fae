"""The states of a sample: one vector per moment and unit, averaged over what of an encoder's grid lies in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.array_types import Float32
from tubelet.latent.comparison.options import TOKENS, ComparisonError
from tubelet.latent.comparison.places import Place
from tubelet.latent.comparison.sample import Cell, ComparisonSample
from tubelet.latent.comparison.windows import Span
from tubelet.latent.half import widen
from tubelet.store import Store
from tubelet.store.disk import embeddings
from tubelet.store.questions.comparison import slice_states

ROWS = 2048  # of an answer at a time


@dataclass(frozen=True)
class MomentStates:
    """`now` and `following` ``(moments, units, D)``; NaN in `following` where a clip ends with the moment."""

    place: Place
    now: Float32[np.ndarray, "m n D"]
    following: Float32[np.ndarray, "m n D"]


def read_states(
    store: Store, places: Sequence[Place], sample: ComparisonSample
) -> Iterator[MomentStates]:
    """The states of all layers of one encoder, in their order. Raises ComparisonError where some are missing or not finite."""
    encoder_id, source = places[0].encoder_id, places[0].source
    cells = [cell for of_moment in sample.cells for cell in of_moment]
    for place, vectors in (
        [(places[0], _read_tokens(store, encoder_id, cells))]
        if source == TOKENS
        else _read_slices(store, places, cells)
    ):
        shaped = vectors.reshape(2, len(sample.cells), len(sample.units), -1)
        _refuse_holes(place, shaped[0])
        yield MomentStates(place, shaped[0], shaped[1])


def _spans(cell: Cell, encoder_id: str) -> tuple[Span, Span | None]:
    """The moment, and the one after it if the same clip shows that too."""
    following = cell.following
    return cell.time, following if cell.windows[encoder_id].covers(0, following) else None


def _read_tokens(store: Store, encoder_id: str, cells: Sequence[Cell]) -> np.ndarray:
    """Of moments, then of those after them ``(2 * cells, D)``, from embedding files."""
    found: list[list[np.ndarray | None]] = [[], []]
    for cell in cells:
        for kind, span in zip(found, _spans(cell, encoder_id)):
            kind.append(None if span is None else _average_tokens(store, encoder_id, cell, span))
    dim = next(len(vector) for vector in found[0] if vector is not None)
    blank = np.full(dim, np.nan, np.float32)
    return np.stack([blank if one is None else one for kind in found for one in kind])


def _average_tokens(store: Store, encoder_id: str, cell: Cell, time: Span) -> np.ndarray:
    window = cell.windows[encoder_id]
    weights = [
        window.weights(axis, span) for axis, span in enumerate((time, cell.rows, cell.columns))
    ]
    first, stop = _range(weights[0])
    (top, bottom), (left, right) = _range(weights[1]), _range(weights[2])
    path = store.layout.embedding_file(window.path or "", window.clip_id)
    part = widen(
        np.ascontiguousarray(embeddings.read(path, first, stop)[:, top:bottom, left:right])
    )
    return np.einsum(
        "tyxd,t,y,x->d", part, weights[0][first:stop], weights[1][top:bottom], weights[2][left:right]
    ).astype(np.float32)  # fmt: skip


def _range(weights: np.ndarray) -> tuple[int, int]:
    used = np.flatnonzero(weights)
    return int(used[0]), int(used[-1]) + 1


def _read_slices(
    store: Store, places: Sequence[Place], cells: Sequence[Cell]
) -> Iterator[tuple[Place, np.ndarray]]:
    """The same from the means over patches, of every layer in one pass."""
    shares = _shares_of_slices(cells, places[0].encoder_id)
    layers = {place.layer: place for place in places}
    sums: dict[str, np.ndarray] = {}
    weights: dict[str, np.ndarray] = {layer: np.zeros(2 * len(cells)) for layer in layers}
    clip_ids = sorted({clip for clip, _ in shares})
    question = slice_states(places[0].encoder_id, places[0].source, list(layers), clip_ids)

    def ask() -> None:
        sums.clear()
        for layer in layers:
            weights[layer][:] = 0
        for batch in store.batches(question.sql, question.values, ROWS):
            _add_batch(batch, shares, sums, weights)

    store.newest(ask)
    for layer, place in layers.items():
        yield place, _finish(place, sums.pop(layer, None), weights[layer])


def _shares_of_slices(
    cells: Sequence[Cell], encoder_id: str
) -> dict[tuple[str, int], list[tuple[int, float]]]:
    """Of each clip and slice that is needed: which vectors it is part of, and with which weight."""
    shares: dict[tuple[str, int], list[tuple[int, float]]] = {}
    for number, cell in enumerate(cells):
        window = cell.windows[encoder_id]
        for kind, span in enumerate(_spans(cell, encoder_id)):
            weights = np.zeros(0) if span is None else window.weights(0, span)
            for slice_ in np.flatnonzero(weights):
                target = (kind * len(cells) + number, float(weights[slice_]))
                shares.setdefault((window.clip_id, int(slice_)), []).append(target)
    return shares


def _add_batch(batch: pa.RecordBatch, shares: dict, sums: dict, weights: dict) -> None:
    """Add what each row of the answer contributes to the vectors of its layer."""
    column = batch.column("state")
    vectors = np.asarray(column.flatten(), np.float32).reshape(len(column), -1)
    names = (batch.column(name).to_pylist() for name in ("clip_id", "slice", "layer"))
    for vector, clip, slice_, layer in zip(vectors, *names):
        for target, weight in shares.get((clip, slice_), ()):
            if layer not in sums:
                sums[layer] = np.zeros((len(weights[layer]), len(vector)), np.float32)
            sums[layer][target] += np.float32(weight) * vector
            weights[layer][target] += weight


def _finish(place: Place, vectors: np.ndarray | None, weights: np.ndarray) -> np.ndarray:
    """NaN where not all of a vector was found."""
    if vectors is None:
        raise ComparisonError(
            f"the clips of {place.encoder_id} hold neither pooled states nor statistics of layer {place.layer}: ingest them with `--keep pooled`"
        )
    vectors[weights < 1 - 1e-3] = np.nan
    return vectors


def _refuse_holes(place: Place, now: np.ndarray) -> None:
    wrong = int((~np.isfinite(now).all(axis=-1)).sum())
    if wrong:
        raise ComparisonError(
            f"{wrong:,} of {now.shape[0] * now.shape[1]:,} states of layer {place.layer} of {place.encoder_id} are missing or not finite: run `tubelet check`, and ingest these videos again"
        )
