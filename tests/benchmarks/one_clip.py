"""A question about one clip as the corpus grows: its token statistics out of 1, 10 and 100 million rows, before and after the files are merged."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.benchmarks.measure import Row, by_turns, milliseconds
from tests.benchmarks.scale import make_clips
from tubelet.store import Store, ids
from tubelet.store.schema import TABLES

MILLIONS, AT_ONCE, TURNS = (1, 10, 100), 64, 41  # an ingest commits 64 clips at a time
SHAPE = 22, 24, 24
TOKENS = 22 * 24 * 24
QUESTION = "SELECT slice, y, x, norm, mean, std FROM token_stats WHERE clip_id = ?"


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        stores = {size: make_token_store(Path(folder) / str(size), size) for size in MILLIONS}
        yield from _compare(stores, "as the commits left them")
        for store in stores.values():
            store.compact(whole=True)
        yield from _compare(stores, "merged")
        for store in stores.values():
            store.close()


def make_token_store(root: Path, millions: int) -> Store:
    """A store whose table of token statistics has that many rows; its values are noise, its ids are as scattered as hashes are."""
    store, clips = Store.create(root), millions * 1_000_000 // TOKENS
    for start in range(0, clips, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, clips))
        store.commit({"clips": make_clips(numbers), "token_stats": make_token_rows(numbers)})
    return store


def make_token_rows(numbers: range) -> pa.Table:
    names = [ids.hash_parts("clip", number) for number in numbers]
    which = pa.array(np.repeat(np.arange(len(names), dtype=np.int32), TOKENS))
    addresses = np.indices(SHAPE, dtype=np.int16).reshape(3, -1)
    values = {name: np.tile(of, len(names)) for name, of in zip(("slice", "y", "x"), addresses)}
    values["clip_id"] = pa.DictionaryArray.from_arrays(which, names).cast(pa.string())
    noise = np.random.default_rng(0).standard_normal(len(which), np.float32)
    schema = TABLES["token_stats"].arrow
    return pa.table([values.get(f.name, noise) for f in schema], schema=schema)


def _compare(stores: dict[int, Store], how: str) -> Iterator[Row]:
    """One clip of every store against one of the smallest, by turns, each time another clip."""
    first, *larger = stores
    for millions in larger:
        took, baseline, ratio = by_turns(
            lambda: _ask(stores[millions], millions), lambda: _ask(stores[first], first), TURNS
        )
        what = f"one clip's token statistics of {millions} million rows, files {how}"
        yield Row(
            what,
            milliseconds(took),
            f"of {first} million {milliseconds(baseline)}",
            ratio,
            "1.5, under 20 ms",
        )


def _ask(store: Store, millions: int) -> None:
    number = random.randrange(millions * 1_000_000 // TOKENS)
    assert len(store.query(QUESTION, [ids.hash_parts("clip", number)])) == TOKENS
