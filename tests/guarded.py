"""A store with secrets around it, and what would show that a query has reached them or changed anything."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.stores import synthetic_store
from tubelet.store import Store
from tubelet.store.sandbox.untrusted import ask
from tubelet.store.sandbox.worker_pool import PROCESSES

TOKEN = "s3cr3t"


@dataclass(frozen=True)
class Place:
    """A store, and what lies around it."""

    root: Path
    store: Store
    serialized: str

    def filled(self, attempt: str) -> str:
        """An attempt with the paths it is after."""
        file = next((self.store.root / "videos").glob("*.parquet"))
        names = {
            "store": self.store.root,
            "outside": self.root / "outside",
            "file": file,
            "serialized": self.serialized,
        }
        for name, value in names.items():
            attempt = attempt.replace(f"{{{name}}}", str(value))
        return attempt

    def tree(self) -> dict[str, tuple]:
        """Every entry in and around the store: size, time, bytes."""
        entries = sorted(self.root.rglob("*"))
        return {
            str(entry): (entry.lstat().st_mode, entry.lstat().st_mtime_ns, _hash(entry))
            for entry in entries
        }

    def views(self) -> list[dict]:
        """What the next user sees."""
        sql = "SELECT view_name, sql, (SELECT count(*) FROM clips) AS clips FROM duckdb_views() WHERE NOT internal ORDER BY 1"
        return ask(self.store, sql).table.to_pylist()


@contextmanager
def guarded(root: Path) -> Iterator[Place]:
    """A small store at ``root/store``; beside it files, in it links that lead out, and in the environment a variable, each with `TOKEN`."""
    store = synthetic_store(root / "store")
    for folder in ("outside", "store-private"):
        (root / folder).mkdir()
        (root / folder / "secret.txt").write_text(f"{TOKEN} of a file")
    (root / "outside" / "secret.csv").write_text(f"a,b\n{TOKEN} of a file,1\n")
    (root / "outside" / "secret.json").write_text(f'{{"a": "{TOKEN} of a file"}}')
    (root / "outside" / "videos").mkdir()
    duckdb.sql(f"SELECT '{TOKEN} of a file' AS secret").write_parquet(
        str(root / "outside" / "videos" / "secret.parquet")
    )
    (store.root / "link.txt").symlink_to(root / "outside" / "secret.txt")
    (store.root / "folder").symlink_to(root / "outside")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUBELET_TEST_SECRET", f"{TOKEN} of the environment")
        patch.chdir(root / "outside")
        PROCESSES.close()  # those that come have met the environment above
        yield Place(
            root,
            store,
            _serialized(
                f"WITH evil AS (COPY (SELECT 42) TO '{store.root}/evil.csv') SELECT 1 FROM evil"
            ),
        )
    store.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with guarded(tmp_path_factory.mktemp("place")) as made:
        yield made


@pytest.fixture(scope="module")
def before(place: Place) -> tuple[dict, list]:
    """What is there before anything is tried."""
    return place.tree(), place.views()


def _hash(entry: Path) -> str:
    return hashlib.sha256(entry.read_bytes()).hexdigest() if entry.is_file() else ""


def _serialized(sql: str) -> str:
    """A statement as DuckDB's own JSON, quoted for SQL."""
    with duckdb.connect(":memory:") as duck:
        return (
            duck.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0][0].replace("'", "''")
        )
