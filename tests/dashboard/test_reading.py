"""What the SQL page says of what a query reads: before it runs, and of its answer."""

from collections.abc import Iterator

import pytest

from tests.attacks import share
from tests.dashboard.test_dashboard import open_page, text
from tests.guarded import TOKEN, Place
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.dashboard.sql import reading
from tubelet.store import Store

AVERAGE = "SELECT avg(embedding[1]) AS mean FROM tokens"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("reading") / "films", videos=2)
    yield made
    made.close()


def test_an_answer_says_rows_seconds_and_bytes(store: Store) -> None:
    test = open_page("sql", store, query=AVERAGE)
    assert not test.exception and not test.warning
    said = next(one.value for one in test.markdown if "**1 row in" in one.value)
    assert " read**" in said and " s, " in said


def test_a_query_that_waits_shows_its_estimate(store: Store) -> None:
    test = open_page("sql", store, query=AVERAGE, signed="")
    assert "came with a link" in test.info[0].value and not test.dataframe
    assert "of embeddings, 2 of 2 embedding files; scans about 200 rows" in text(test)
    wrong = open_page("sql", store, query="SELECT nam FROM videos", signed="")
    assert not wrong.exception and "Estimate" not in text(wrong)


def test_many_embeddings_are_read_after_a_yes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "ASK_BYTES", 100)
    test = open_page("sql", store, query=AVERAGE)
    assert "reads at most" in test.warning[0].value and not test.dataframe
    test.button(key="read-anyway").click()
    test.run()
    assert not test.warning and test.dataframe[0].value["mean"].tolist()
    assert open_page("sql", store, query="FROM token_stats").dataframe, "no embeddings, no question"
    assert not open_page("sql", store, query=f"EXPLAIN {AVERAGE}").warning


@pytest.mark.parametrize("attempt", thin(share(2, 24), 4))
def test_attacks_through_the_page_reach_nothing(attempt: str, place: Place, before: tuple) -> None:
    sql = place.filled(attempt).encode(errors="replace").decode()
    test = open_page("sql", place.store, query=sql)
    assert not test.exception and TOKEN not in text(test)
    assert all(TOKEN not in str(frame.value.to_dict()) for frame in test.dataframe)
    assert (place.tree(), place.views()) == before
