"""SQL over the small tables against NumPy on arrays in memory, and how its cost grows with the corpus."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.measure import Row, by_turns, milliseconds
from tests.stores import synthetic_store
from tubelet.store import Store

SIZES = (100, 1000)
QUESTIONS = {
    "token_stats: mean and spread of a statistic by slice": (
        "SELECT slice, avg(norm) AS mean, stddev_pop(norm) AS spread FROM token_stats GROUP BY slice ORDER BY slice",
        "token_stats",
        "slice",
        "norm",
    ),
    "dim_stats: mean and spread by dimension": (
        "SELECT dim, avg(dim_mean) AS mean, stddev_pop(dim_mean) AS spread FROM dim_stats GROUP BY dim ORDER BY dim",
        "dim_stats",
        "dim",
        "dim_mean",
    ),
}


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        stores = {
            size: synthetic_store(Path(folder) / str(size), videos=size, slices=8, side=14, dim=16)
            for size in SIZES
        }
        for store in stores.values():
            store.compact()
        for what, question in QUESTIONS.items():
            yield from _question(what, stores, *question)
        for store in stores.values():
            store.close()


def _question(
    what: str, stores: dict[int, Store], sql: str, table: str, group: str, value: str
) -> Iterator[Row]:
    times = {}
    for size, store in stores.items():
        arrays = store.query(f'SELECT "{group}", "{value}" FROM {table}')
        groups, values = arrays[group].to_numpy().astype(np.int64), arrays[value].to_numpy()
        assert np.allclose(
            store.query(sql)["mean"].to_numpy(), _numpy(groups, values)[0], rtol=1e-4
        )
        times[size], baseline, ratio = by_turns(
            lambda: store.query(sql), lambda: _numpy(groups, values), 9
        )
        yield Row(
            f"{what}, {size:,} videos ({len(values):,} rows)",
            milliseconds(times[size]),
            f"NumPy {milliseconds(baseline)}",
            ratio,
            "",
        )
    small, large = SIZES
    growth = times[large] / times[small]
    yield Row(
        f"the same: {large // small} x the rows",
        milliseconds(times[large]),
        milliseconds(times[small]),
        growth,
        f"{large // small}",
    )


def _numpy(groups: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts = np.bincount(groups)
    mean = np.bincount(groups, values) / counts
    return mean, np.sqrt(np.bincount(groups, values.astype(np.float64) ** 2) / counts - mean**2)
