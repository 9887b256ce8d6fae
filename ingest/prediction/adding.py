"""Adding predictions to a store: whoever else adds some of the same clips at the same time, each slice is there once per context and horizon."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from tubelet.ingest.prediction.missing import HeldTasks, find_held
from tubelet.store import Store
from tubelet.store.errors import Overtaken
from tubelet.store.schema import SLICE_SURPRISE, SURPRISE

TABLES = (SLICE_SURPRISE.name, SURPRISE.name)
CODE = 1 << 20  # more than any number of slices


def commit_predictions(
    store: Store,
    encoder_id: str,
    rows: Mapping[str, pa.Table],
    gone: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Commit rows, those of surprise among them, and take out `gone`: all or nothing.

    Predictions that the store holds by then are left out, and those of another predictor for the same clips go. The commit counts only if
    nobody else has committed since the store was asked; else it is asked again.
    """
    while True:
        made_from = store.fingerprint
        held = _ask_held(store, encoder_id, rows)
        replaced = {table: [*(gone or {}).get(table, ()), *held.outdated] for table in TABLES}
        try:
            store.commit(drop_held(rows, held), {**(gone or {}), **replaced}, made_from)
        except Overtaken:
            continue
        return


def _ask_held(store: Store, encoder_id: str, rows: Mapping[str, pa.Table]) -> HeldTasks:
    """What the store holds of the clips of these rows."""
    slices = rows.get(SLICE_SURPRISE.name)
    if slices is None or not len(slices):
        return HeldTasks()
    clips = slices["clip_id"].unique().to_pylist()
    return find_held(store, encoder_id, slices["predictor_sha256"][0].as_py(), clips)


def drop_held(rows: Mapping[str, pa.Table], held: HeldTasks) -> dict[str, pa.Table]:
    """The rows without predictions that are held; clips that another predictor answered have none."""
    return {
        name: _drop_held(table, held) if name in TABLES else table for name, table in rows.items()
    }


def _drop_held(table: pa.Table, held: HeldTasks) -> pa.Table:
    context, horizon, slice_ = (
        table[name].to_numpy().astype(np.int64) for name in ("context", "horizon", "slice")
    )
    codes = (context * CODE + horizon) * CODE + slice_
    clips = table["clip_id"].combine_chunks().dictionary_encode()
    numbers, known = clips.indices.to_numpy(zero_copy_only=False), np.zeros(len(table), bool)
    for number, clip_id in enumerate(clips.dictionary.to_pylist()):
        if tasks := () if clip_id in held.outdated else held.by_clip.get(clip_id, ()):
            taken = [(one.context * CODE + one.horizon) * CODE + one.slice for one in tasks]
            known |= (numbers == number) & np.isin(codes, taken)
    return table.filter(pa.array(~known)) if known.any() else table
