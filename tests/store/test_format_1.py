"""A store that Tubelet wrote in format 1 (by commit 428f204: one video, three clips, three pairs, a failure, a basis): read, added to, migrated.

The archive holds the store and the video it was made from.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.commands import ROOT, environment, tubelet
from tests.contents import contents, rows
from tests.tiers import thin
from tests.videos import make_video
from tubelet.latent import bases
from tubelet.store import Store, StoreError
from tubelet.store.disk import snapshot, tables
from tubelet.store.disk.integrity import check
from tubelet.store.schema import FITS, TABLES
from tubelet.store.schema.renames import RENAMED

ARCHIVE = Path(__file__).parent / "stored" / "format-1.tar.xz"
INGEST = ("--encoder", "toy", "--frames", "8", "--size", "32", "--device", "cpu", "--pairs", "1")
KILLED_AFTER = """
import os, signal, sys
from pathlib import Path
from tubelet.store import Store
from tubelet.store.disk import snapshot, tables

left = int(sys.argv[2])

def dying(work):
    def work_and_die(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*arguments, **named)
    return work_and_die

tables.overwrite, tables.append, snapshot.publish = map(dying, (tables.overwrite, tables.append, snapshot.publish))
store = Store(sys.argv[1])
if sys.argv[3] == "compact":
    store.compact()
else:
    row = store.query("FROM failures").to_pylist()[0]
    import pyarrow as pa
    from tubelet.store.schema import TABLES
    changed = {**row, "failure_id": "another", "failed_at": row["failed_at"].replace(tzinfo=None)}
    store.commit({"failures": pa.Table.from_pylist([changed], TABLES["failures"].arrow)})
"""


@pytest.fixture
def folder(tmp_path):
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.fixture
def root(folder):
    return folder / "store"


def files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def raw(root: Path, name: str):
    """The rows of a table as they lie in the files that its first versions added."""
    return pq.read_table(min((root / name).glob("*.parquet")))


def format_of(root: Path) -> int:
    return json.loads((root / "tubelet.json").read_text())["format"]


def test_it_is_read_under_todays_names_and_nothing_is_written(root):
    before = files(root)
    for name, renamed in RENAMED.items():
        written, (key, *_) = raw(root, name), TABLES[name].key
        assert set(renamed) <= set(written.column_names), "the archive is not of format 1"
        order = ", ".join(TABLES[name].key)
        shown = rows(root, f"FROM {name} ORDER BY {order}")
        expected = written.sort_by(
            [(column, "ascending") for column in TABLES[name].key]
        ).to_pylist()
        for old, new in renamed.items():
            assert [
                row[new] if old != "at" else row[new].replace(tzinfo=None) for row in shown
            ] == [row[old] for row in expected]
        assert all(row[key] for row in shown)
    assert rows(root, "SELECT name, width, frames FROM videos JOIN clips USING (video_id)") == 3 * [
        {"name": "first.mp4", "width": 64, "frames": 20}
    ]
    store = Store(root)
    assert list(check(store)) == []
    store.close()
    assert files(root) == before and format_of(root) == 1


def test_its_relative_edge_sensitivity_is_worked_out_with_the_bits_that_a_writer_stores(root):
    written = raw(root, "dim_sensitivity").sort_by([("pair_id", "ascending"), ("dim", "ascending")])
    edge, std = (written[name].to_numpy() for name in ("edge", "std"))
    shown = [
        row["relative_edge"]
        for row in rows(root, "SELECT relative_edge FROM dim_sensitivity ORDER BY pair_id, dim")
    ]
    assert [value is None for value in shown] == list(std == 0) and 0 < shown.count(None) < len(
        shown
    )
    assert np.array_equal(
        [value for value in shown if value is not None], (edge[std > 0] / std[std > 0]).tolist()
    )


def test_what_is_fitted_in_it_is_loaded(root):
    store = Store(root)
    (row,) = store.rows("SELECT basis_id, settings FROM bases")
    assert bases.load_basis(store, row["basis_id"]).parameters == json.loads(row["settings"])
    store.close()


@pytest.mark.long
def test_an_ingest_adds_to_it_and_finds_what_is_there(folder, root):
    before = contents(root)
    make_video(folder / "videos" / "second.mp4", frames=20, height=48, width=64, seed=2)
    report = json.loads(
        tubelet("ingest", folder / "videos", "--store", root, *INGEST, "--json").stdout
    )
    assert (report["clips"], report["pairs"]) == (3, 3), report  # those of the second video alone
    after = contents(root)
    for name, held in before.items():
        if name not in (
            "videos",
            "places",
            "failures",
            "labels",
        ):  # which name the folder that the archive lies in now
            assert set(held) <= set(after[name]) and (
                len(after[name]) == 2 * len(held)
                or name in ("encoders", *(table.name for table in FITS))
            ), name
    assert tubelet("check", "--store", root).returncode == 0 and format_of(root) == 2
    tubelet("compact", "--store", root, check=True)
    assert contents(root) == after and is_migrated(root)


def is_migrated(root: Path) -> bool:
    """Whether no table has a column of format 1."""
    versions = json.loads((root / "tubelet.json").read_text())["versions"]
    held = {name: tables.open_table(root / name, versions[name]).columns for name in RENAMED}
    return all(columns == {c.name for c in TABLES[name].columns} for name, columns in held.items())


def test_a_compaction_migrates_it_and_changes_no_value(root):
    before = contents(root)
    assert not is_migrated(root)
    tubelet("compact", "--store", root, check=True)
    assert contents(root) == before and is_migrated(root) and format_of(root) == 2
    assert tubelet("check", "--store", root).returncode == 0
    assert duckdb.sql(
        f"SELECT count(relative_edge) FROM '{root}/dim_sensitivity/*.parquet'"
    ).fetchall() == [(45,)]
    assert tubelet("compact", "--store", root, check=True) and contents(root) == before


@pytest.mark.parametrize(
    ("work", "after"),
    thin(
        [("compact", 3), ("compact", 1), ("compact", len(RENAMED)), ("commit", 0), ("commit", 1)],
        spread=True,
    ),
)
def test_killed_half_way_it_is_as_whole_as_before(root, work, after):
    """The process dies at the table, or the marker, that is written after `after` others."""
    before = contents(root)
    process = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER, str(root), str(after), work],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == -9, process.stderr
    assert contents(root) == before and format_of(root) == 1
    tubelet("compact", "--store", root, check=True)
    assert contents(root) == before and is_migrated(root)
    assert tubelet("check", "--store", root).returncode == 0


def test_damage_is_not_hidden_by_a_migration(root):
    store, before = Store(root), set((root / "failures").glob("*.parquet"))
    (row,) = store.rows("FROM failures")
    store.commit(
        {
            "failures": pa.Table.from_pylist(
                [{**row, "failure_id": "another", "failed_at": None}], TABLES["failures"].arrow
            )
        }
    )
    (added,) = set((root / "failures").glob("*.parquet")) - before
    held = contents(root)
    whole = added.read_bytes()
    added.write_bytes(whole[:200] + bytes([whole[200] ^ 4]) + whole[201:])
    with pytest.raises(StoreError, match="is damaged, and merging it would hide that"):
        store.compact()
    assert not is_migrated(root)
    added.write_bytes(whole)
    store.compact()
    store.close()
    assert is_migrated(root) and contents(root) == held


def test_a_store_of_a_later_format_is_refused(root):
    marker = json.loads((root / "tubelet.json").read_text())
    (root / "tubelet.json").write_text(json.dumps({**marker, "format": snapshot.FORMAT + 1}))
    with pytest.raises(
        StoreError, match=f"format {snapshot.FORMAT + 1}.*up to {snapshot.FORMAT}: upgrade"
    ):
        Store(root)
