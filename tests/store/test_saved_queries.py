"""Saved queries: kept in the store, filled with values of the right type, exchanged as TOML, answered by the command."""

import json
from collections.abc import Iterator

import pyarrow as pa
import pytest

from tests.commands import run_here
from tests.stores import synthetic_store
from tubelet.store import Store, StoreError
from tubelet.store.annotations import tags
from tubelet.store.clock import now
from tubelet.store.sandbox.statements import find_parameters
from tubelet.store.sandbox.untrusted import Query, ask
from tubelet.store.saved_queries import (
    SavedQuery,
    find_kept,
    find_query,
    keep_query,
    list_queries,
    read_toml,
    read_value,
    remove_query,
    save_queries,
    save_query,
    write_toml,
)
from tubelet.store.schema import TABLES

LARGEST = SavedQuery(
    name="largest norms",
    sql='SELECT clip_id, norm FROM token_stats\nWHERE clip_id <> $video -- $no """ \\ here\nORDER BY norm DESC LIMIT $k',
    description='the "largest" of all \\ \u00e9\U0001f600\x7f',
    defaults={"k": 20, "video": "o'brien", "share": 0.5, "all": True},
    picture="chart",
)


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    made = synthetic_store(tmp_path / "films", videos=1)
    yield made
    made.close()


def test_a_query_is_saved_replaced_listed_and_removed(store: Store) -> None:
    before = store.rows("FROM token_stats ORDER BY ALL")
    save_queries(store, [LARGEST, SavedQuery(name="b", sql="SELECT 1")])
    assert list_queries(store) == [SavedQuery(name="b", sql="SELECT 1"), LARGEST]
    save_query(store, SavedQuery(name="b", sql="SELECT 2", description="another"))
    assert find_query(Store(store.root), "b").sql == "SELECT 2"
    assert store.rows("SELECT query_name, picture FROM saved_queries ORDER BY 1")[1] == {
        "query_name": "largest norms",
        "picture": "chart",
    }
    remove_query(store, "b")
    assert list_queries(store) == [LARGEST]
    with pytest.raises(StoreError, match="did you mean largest norms"):
        find_query(store, "largest norm")
    with pytest.raises(StoreError, match="no saved query"):
        remove_query(store, "b")
    assert store.rows("FROM token_stats ORDER BY ALL") == before


def test_toml_holds_all_of_a_query() -> None:
    several = [LARGEST, SavedQuery(name='odd "name" \'', sql="SELECT '\r\n\t' || $x")]
    assert read_toml(write_toml(several)) == several


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "has no"),
        ("name = 'a'", "has no"),
        ("[[query]]", "not a name"),
        ("[[query]]\nname = 'a'\nsql = 3", "must be text"),
        ("[[query]]\nname = 'a'\nsql = 'SELECT 1'\ndefaults = 3", "not a file"),
        ("[[query]]\nname = 'a'\nsql = 'SELECT 1'\ndefaults.k = [1]", "default of"),
        ("[[query]\n", "not a file of saved queries"),
        ("query = 3", "not a file"),
        ("[[query]]\nname = 'a'\nsql = ' '", "characters of SQL"),
        ("a = " + "[" * 100_000, "not a file"),
        (".".join(["a"] * 20_000) + " = 1", "more than 200 parts"),
        (f"[[query]]\nname = 'a'\nsql = 'SELECT $k'\ndefaults.k = {'9' * 5000}", "not a file"),
        (f"[[query]]\nname = 'a'\nsql = 'SELECT $k'\ndefaults.k = {1 << 127}", "default of"),
    ],
)
def test_a_file_that_holds_no_queries_is_refused_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        read_toml(text)


def test_values_are_read_as_the_defaults_are() -> None:
    filled = SavedQuery(
        name="a", sql="SELECT $k, $video, $share, $all, $free", defaults=LARGEST.defaults
    )
    given = {"k": "7", "video": "12", "share": "1", "all": "false", "free": "12"}
    assert filled.fill(given).values == {
        "k": 7,
        "video": "12",
        "share": 1,
        "all": False,
        "free": 12,
    }
    assert filled.fill({"free": "x1"}).values["free"] == "x1"
    for wrong in ({"k": "many"}, {"all": "7"}, {"share": "x"}, {"none": "1"}):
        with pytest.raises(StoreError, match=r"\$"):
            filled.fill(wrong)


@pytest.mark.parametrize(
    "text, value",
    [
        ("-7", -7), ("0", 0), (str((1 << 127) - 1), (1 << 127) - 1), ("1e3", 1000.0), (".5", 0.5),
        *((text, text) for text in ("007", "1_000", "\u0661\u0662", "nan", "inf", "1e999", "9" * 39, "9" * 5000, " 7", "")),
    ],
)  # fmt: skip
def test_a_value_without_a_default_is_a_number_only_where_nothing_of_its_text_is_lost(text: str, value: object) -> None:  # fmt: skip
    read = read_value(text, "k")
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize("text", ["nan", "1_000", "\u0661", "1e999", "x"])
def test_a_number_is_read_as_it_is_written_where_the_default_is_one(text: str) -> None:
    with pytest.raises(StoreError, match=r"\$k is a number"):
        read_value(text, "k", 1.5)
    assert read_value("007", "k", 1) == 7


@pytest.mark.parametrize(
    "row",
    [
        {"defaults": "{"}, {"defaults": "[1]"}, {"defaults": '{"k": NaN}'}, {"defaults": '{"k": %s}' % ("9" * 5000)},
        {"defaults": '{"k": [1]}'}, {"query_name": "a\nb"}, {"query_name": "a" * 300}, {"sql": ""}, {"sql": None},
    ],
)  # fmt: skip
def test_a_row_from_somebody_else_hides_no_other_query_and_can_be_removed(store: Store, row: dict) -> None:  # fmt: skip
    good = SavedQuery(name="good", sql="SELECT 1")
    save_query(store, good)
    bad = {"query_name": "bad", "sql": "SELECT $k", "description": "", "defaults": "{}", "picture": "table", "saved_at": now()} | row  # fmt: skip
    store.commit({"saved_queries": pa.Table.from_pylist([bad], TABLES["saved_queries"].arrow)})
    assert list_queries(store) == [good]
    with pytest.raises(StoreError):
        find_query(store, bad["query_name"])
    remove_query(store, bad["query_name"])
    assert store.rows("SELECT query_name FROM saved_queries") == [{"query_name": "good"}]


def test_parameters_are_found_where_they_are_parameters() -> None:
    sql = "SELECT $k, '$a', $$ $b $$, \"$c\" -- $d\n, /* $e */ $Video, $t$ $f $t$ || $k || $limit"
    assert find_parameters(sql) == ("k", "Video", "limit")


def test_a_saved_query_is_answered_with_its_values(store: Store) -> None:
    save_query(store, LARGEST)
    assert len(ask(store, find_query(store, LARGEST.name).fill({"k": "3"})).table) == 3


def test_the_command_saves_lists_answers_exchanges_and_removes(store: Store, tmp_path) -> None:
    at = ("--store", store.root)
    run_here("queries", "save", "top", "SELECT $k + 1 AS n, $name AS name", "-p", "k=4", "-p", "name=a b", "--description", "a sum", *at, check=True)  # fmt: skip
    assert run_here("queries", "list", *at).stdout == "top  $k=4 $name=a b  a sum\n"
    asked = run_here("sql", "--saved", "top", "-p", "k=20", "--format", "jsonl", *at, check=True)
    assert json.loads(asked.stdout) == {"n": 21, "name": "a b"}
    run_here("queries", "export", *at, "-o", tmp_path / "kept.toml", check=True)
    run_here("queries", "remove", "top", *at, check=True)
    run_here("queries", "import", tmp_path / "kept.toml", *at, check=True)
    typed = run_here("sql", "SELECT $a || 'x' AS a", "-p", "a=1'2", "--format", "csv", *at)
    assert typed.stdout == '"a"\n"1\'2x"\n'
    for wrong, words in (
        (("sql", "--saved", "tip"), "did you mean top"),
        (("sql",), "pass a query"),
        (("sql", "SELECT 1", "--saved", "top"), "pass a query"),
        (("sql", "SELECT $a", "-p", "a"), "write -p NAME=VALUE"),
        (("sql", "SELECT $a"), "no value for $a"),
        (("sql", "SELECT 1", "-p", "a=1"), "no parameter $a"),
    ):
        assert words in run_here(*wrong, *at).stderr


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, [1]])
def test_a_default_that_json_and_toml_cannot_write_is_refused(value: object) -> None:
    with pytest.raises(StoreError, match=r"the default of \$k must be text"):
        SavedQuery(name="a", sql="SELECT $k", defaults={"k": value})


def test_a_query_is_kept_once_for_a_link_and_stands_in_no_list(store: Store) -> None:
    asked = Query("SELECT $k, $word", {"k": 5, "word": "cup"})
    kept_id = keep_query(store, asked, "chart")
    before = store.fingerprint
    again = Query(asked.sql, {"word": "cup", "k": 5})
    assert keep_query(store, again, "chart") == kept_id and store.fingerprint == before
    assert keep_query(store, Query(asked.sql, {"k": 6, "word": "cup"}), "chart") != kept_id
    found = find_kept(store, kept_id)
    assert found and (found.sql, found.defaults, found.picture) == (
        asked.sql,
        asked.values,
        "chart",
    )
    assert find_kept(store, "0" * 16) is None and list_queries(store) == []
    with pytest.raises(StoreError, match="reserved for short links"):
        save_query(store, SavedQuery(name="kept:mine", sql="SELECT 1"))


def test_what_a_terminal_would_act_on_is_printed_as_text(store: Store) -> None:
    save_query(store, SavedQuery(name="top", sql="SELECT 1", description="\x1b]0;owned\x07 café"))
    (video,) = store.rows("SELECT video_id FROM videos")
    tags.add_tag(store, "odd", [tags.TagMember(video_id=video["video_id"])], "\x1b[2J")
    listed = run_here("queries", "list", "--store", store.root, check=True).stdout
    assert listed == "top  \\x1b]0;owned\\x07 café\n"
    tagged = run_here("tag", "--store", store.root, check=True).stdout
    assert tagged == "odd (1 video): \\x1b[2J\n"
