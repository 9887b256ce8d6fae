"""Stores of every kind that a page may meet: empty, small, without embeddings, with failures alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stores import empty_store, synthetic_store
from tubelet.store import Store

KINDS: dict[str, Callable[[Path], Store]] = {
    "empty": empty_store,
    "small": lambda path: synthetic_store(path, videos=3, clips=2),
    "statistics only": lambda path: synthetic_store(path, videos=3, embeddings=False, failures=0),
    "failures only": lambda path: synthetic_store(path, videos=0, failures=2),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Store]]:
    made = {
        kind: make(tmp_path_factory.mktemp("stores") / kind.replace(" ", "-"))
        for kind, make in KINDS.items()
    }
    yield made
    for store in made.values():
        store.close()


@pytest.fixture(scope="module")
def small(stores: dict[str, Store]) -> Store:
    return stores["small"]
