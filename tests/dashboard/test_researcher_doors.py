"""The questions of researchers through every door: the command, HTTP and the page give the answers of NumPy."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from tests.dashboard.test_api import client_of
from tests.dashboard.test_dashboard import open_page
from tests.store.test_researcher_questions import QUESTIONS, Expected
from tests.stores import synthetic_store
from tubelet import cli
from tubelet.dashboard import consent
from tubelet.dashboard.access import API
from tubelet.store import Store
from tubelet.store.sandbox.statements import find_parameters


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("doors") / "films", videos=4, clips=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def expected(store: Store) -> dict[str, list[tuple]]:
    return Expected(store).answers()


@pytest.fixture(scope="module")
def clip(store: Store) -> str:
    return store.rows("FROM clips ORDER BY clip_id LIMIT 1")[0]["clip_id"]


def agree(name: str, found: Sequence[Sequence[Any]], right: list[tuple]) -> None:
    assert len(found) == len(right), name
    for row, told in zip(found, right):
        assert len(row) == len(told) and all(map(agree_value, row, told)), (name, row, told)


def agree_value(found: Any, right: Any) -> bool:
    """Numbers may be written as text; a page shortens lists, which are not compared there."""
    if isinstance(found, list):
        return all(map(agree_value, found, right))
    if isinstance(found, str) and isinstance(right, list):
        return found.startswith("[")
    if right is None:
        return found is None or found != found
    if isinstance(right, float | np.floating):
        return float(found) == pytest.approx(float(right), rel=2e-4, abs=2e-5)
    return str(found) == str(right) if not isinstance(right, bool) else bool(found) is right


@pytest.mark.long
def test_over_http(
    store: Store, expected: dict, clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(API, "1")
    client = client_of(store)
    for name, sql in QUESTIONS.items():
        values = {"p": f"clip={clip}"} if find_parameters(sql) else {}
        answer = client.get("/api/query", params={"sql": sql, **values})
        assert answer.status_code == 200, (name, answer.text)
        agree(name, [[*row.values()] for row in answer.json()["rows"]], expected[name])


@pytest.mark.long
def test_in_the_command(store: Store, expected: dict, clip: str) -> None:
    runner = CliRunner()
    for name, sql in QUESTIONS.items():
        values = ["-p", f"clip={clip}"] if find_parameters(sql) else []
        asked = ["sql", sql, "--store", str(store.root), "--format", "json", *values]
        done = runner.invoke(cli.main, asked, catch_exceptions=False)
        assert done.exit_code == 0, (name, done.output)
        agree(name, [[*row.values()] for row in json.loads(done.stdout)], expected[name])


@pytest.mark.long
def test_on_the_page(store: Store, expected: dict, clip: str) -> None:
    """One session, as of somebody who asks them one after the other."""
    page = open_page("sql", store)
    for name, sql in QUESTIONS.items():
        page.query_params["values"] = json.dumps({"clip": clip})
        page.query_params[consent.SIGNED] = consent.sign(sql)
        page.query_params["query"] = sql
        page.session_state["query"] = sql
        page.run()
        assert not page.exception and not page.error, (name, page.error)
        shown: list[pd.DataFrame] = [table.value for table in page.dataframe]
        if not expected[name]:
            continue
        agree(name, shown[0].to_numpy(object).tolist(), expected[name])
