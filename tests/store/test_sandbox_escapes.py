"""Other people's SQL that tries to write or to read elsewhere: refused or harmless, and nothing around the store changes."""

import os
import subprocess
import sys

import duckdb
import pytest
from click.testing import CliRunner

from tests.attacks import HARMLESS, REFUSED, share
from tests.commands import ROOT
from tests.guarded import TOKEN
from tests.tiers import thin
from tubelet import cli
from tubelet.store.errors import QueryError, TubeletError
from tubelet.store.sandbox import conditions
from tubelet.store.sandbox.untrusted import ask

reachable_by_name = duckdb.sql(f"SELECT '{TOKEN} of a variable' AS secret").to_arrow_table()


@pytest.mark.parametrize("attempt", thin(REFUSED, 8))
def test_attacks_are_refused(attempt, place, before):
    with pytest.raises(QueryError) as refusal:
        ask(place.store, place.filled(attempt))
    assert TOKEN not in str(refusal.value)
    assert (place.tree(), place.views()) == before


@pytest.mark.parametrize("attempt", thin(HARMLESS, 4))
def test_attacks_that_are_harmless(attempt, place, before):
    try:
        told = str(ask(place.store, place.filled(attempt)).table.to_pylist())
    except QueryError as refusal:
        told = str(refusal)
    assert TOKEN not in told
    assert (place.tree(), place.views()) == before


def test_attacks_as_a_condition_on_videos(place, before):
    """What `--where`, the selected videos and a search take."""
    known = {row["video_id"] for row in place.store.rows("FROM videos")}
    for number, attempt in enumerate(share(3, 4)):
        sql = place.filled(attempt)
        where = (sql, f"video_id IN ({sql})", f"true) ; {sql} --")[number % 3]
        try:
            assert set(conditions.videos(place.store, where)) <= known, where
        except TubeletError as refusal:
            assert TOKEN not in str(refusal), where
    assert (place.tree(), place.views()) == before


def test_attacks_by_the_command(place, before):
    runner = CliRunner()
    for attempt in share(2, 8):
        asked = ["sql", "--store", str(place.store.root), "--", place.filled(attempt)]
        done = runner.invoke(cli.main, asked)
        assert TOKEN not in done.output and (done.exit_code or attempt in HARMLESS), attempt
        assert not done.exception or isinstance(done.exception, SystemExit), attempt
    assert (place.tree(), place.views()) == before


def test_the_kernel_forbids_what_the_checks_would_miss(place, before, tmp_path):
    """The attempt that gets past the wrapper and the lock, in a process that lacks the check of names."""
    attempt = f"FROM json_execute_serialized_sql('{place.serialized}')"
    script = f"""
import tempfile
from tubelet.store import Store
from tubelet.store.questions import views
from tubelet.store.sandbox import landlock
if not landlock.confine(tempfile.gettempdir()):
    raise SystemExit(3)
store = Store({str(place.store.root)!r})
duck = views.connect(store.layout, store.snapshot(), "")
for sql in ({attempt!r}, "COPY (SELECT 1) TO '{place.store.root}/evil.csv'"):
    try:
        duck.sql(sql).fetchall() if sql.startswith("FROM") else duck.execute(sql)
        print("not refused")
    except Exception as error:
        print("refused" if "Permission denied" in str(error) else error)
duck.close()
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    if done.returncode == 3:
        pytest.skip("this kernel has no Landlock")
    assert done.stdout == "refused\nrefused\n", done.stderr
    assert (place.tree(), place.views()) == before
