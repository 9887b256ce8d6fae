"""The dashboard over a store in a bucket: it reads, sees what is committed, and writes nothing."""

import json
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from tests import buckets
from tests.buckets import URL
from tests.commands import tubelet
from tests.dashboard.test_dashboard import APP, SLOW, page_script
from tests.stores import Recipe, add_videos, fill_store
from tubelet.dashboard import caching, consent
from tubelet.dashboard.access import READ_ONLY, STORE_OPTIONS
from tubelet.dashboard.sql import reading
from tubelet.store import Store


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with buckets.serve_bucket():
        made = Store.create(URL, {"cache": str(tmp_path / "writer")})
        fill_store(made, Recipe(videos=2))
        yield made
        made.close()


def read_sidebar(page: AppTest) -> str:
    return "\n".join(one.value for one in [*page.sidebar.markdown, *page.sidebar.caption])


@pytest.mark.long
def test_pages_show_a_bucket_and_follow_its_commits(store, tmp_path, monkeypatch):
    monkeypatch.setenv(READ_ONLY, "1")
    monkeypatch.setenv(STORE_OPTIONS, json.dumps({"cache": str(tmp_path / "reader")}))
    monkeypatch.setattr("sys.argv", ["app.py", URL])
    before = buckets.held()
    page = AppTest.from_file(str(APP), default_timeout=SLOW).run()
    assert not page.exception and "2 videos" in read_sidebar(page)
    assert "**store**" in read_sidebar(page)
    assert list((tmp_path / "reader").rglob("thumbnail.jpg")), "fetched to be shown"
    assert buckets.held() == before
    add_videos(store, Recipe(videos=1), first=2)
    caching.open_store(URL).layout.home._looked = float("-inf")
    assert "3 videos" in read_sidebar(page.run())
    caching.open_store(URL).close()


def test_a_query_that_copies_much_from_the_bucket_waits_for_a_yes(store, tmp_path, monkeypatch):
    monkeypatch.setenv(STORE_OPTIONS, json.dumps({"cache": str(tmp_path / "reader")}))
    monkeypatch.setattr(reading, "ASK_BYTES", 100)
    sql = "SELECT count(DISTINCT clip_id) AS clips FROM token_stats"
    page = AppTest.from_function(page_script, args=("sql", URL), default_timeout=SLOW)
    page.query_params["query"], page.query_params[consent.SIGNED] = sql, consent.sign(sql)
    page.run()
    assert "first copies 1 file" in page.warning[0].value and not page.dataframe
    page.button(key="read-anyway").click()
    page.run()
    assert not page.warning and page.dataframe[0].value["clips"].tolist() == [2]
    caching.open_store(URL).close()


def test_commands_are_not_started_from_the_dashboard_of_a_bucket(store):
    refused = tubelet("dashboard", "--store", URL, "--allow-jobs")
    assert refused.returncode == 2 and "needs a store in a folder" in refused.stderr
