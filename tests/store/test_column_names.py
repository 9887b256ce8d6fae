"""One name, one meaning: over all tables, a column's name says the same thing, and old names are answered with the new ones."""

import pytest

from tests.stores import synthetic_store
from tubelet.store.disk import tables
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.untrusted import Limits, ask
from tubelet.store.schema import DIM_STATS, RELATIONS, SLICE_STATS, TABLES, TOKEN_STATS
from tubelet.store.schema.renames import DERIVED, RENAMED
from tubelet.store.schema.shared import SHARED
from tubelet.store.statistics import TOKEN_STATISTICS

NAMES = sorted({column.name for table in RELATIONS.values() for column in table.columns})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = synthetic_store(tmp_path_factory.mktemp("names") / "store", videos=1, clips=2)
    yield made
    made.close()


def uses(name: str) -> dict[str, tuple[str, str, str]]:
    """Type, unit and meaning of a column in every table that has it."""
    return {
        t.name: (c.type, c.unit, c.meaning)
        for t in RELATIONS.values()
        for c in t.columns
        if c.name == name
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_name_means_one_thing_in_every_table(name):
    found = uses(name)
    if name in TOKEN_STATISTICS:  # a statistic of a token, and its mean over the tokens of a slice
        assert found.keys() == {TOKEN_STATS.name, SLICE_STATS.name}
    elif name in SHARED:
        assert len({(type_, unit) for type_, unit, _ in found.values()}) == 1, (
            f"{name} has several types or units: {found}"
        )
    else:
        assert len(set(found.values())) == 1, (
            f"{name} has several meanings: give them names of their own, or say in SHARED what they have in common: {found}"
        )


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_name_is_shared(name):
    assert len({meaning for _, _, meaning in uses(name).values()}) > 1, (
        f"{name} needs no line in SHARED"
    )


def test_a_renamed_column_is_there_under_its_new_name_alone():
    for table, names in RENAMED.items():
        held = {column.name for column in TABLES[table].columns}
        assert set(names.values()) <= held and held.isdisjoint(names)
    assert all(name in {column.name for column in TABLES[table].columns} for table, name in DERIVED)


def test_the_video_and_its_clips_are_joined_without_ambiguity(store):
    (row,) = store.rows(
        "SELECT DISTINCT name, width, height, frames, grid_width, frame_count FROM videos JOIN clips USING (video_id)"
    )
    assert (row["width"], row["height"], row["grid_width"], row["frame_count"]) == (320, 240, 5, 8)
    assert store.rows("SELECT count(DISTINCT dim_mean) > 9 AS many, count(mean) > 0 AS there FROM dim_stats JOIN slice_stats USING (clip_id, slice)")[0] == {
        "many": True, "there": True
    }  # fmt: skip


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [(table, old, new) for table, names in RENAMED.items() for old, new in names.items()],
)
@pytest.mark.parametrize(
    "sql",
    [
        'SELECT "{old}" FROM {table}',
        "SELECT t.{old} FROM {table} t",
        "SELECT {new} FROM {table} WHERE {table}.{old} IS NOT NULL",
    ],
)
def test_a_query_with_an_old_name_is_told_the_new_one(store, sql, table, old, new):
    with pytest.raises(QueryError) as refused:
        ask(
            store,
            sql.format(table=table, old=old, new=new),
            Limits(rows=9, seconds=20, memory="1GB"),
        )
    assert f"{table}.{old} is now {table}.{new}" in str(refused.value)


def test_a_query_of_python_is_told_the_new_name_and_a_strange_one_nothing(store):
    for sql, notes in (
        (
            "SELECT c.height FROM clips c",
            ["Columns were renamed: clips.height is now clips.grid_height"],
        ),
        ("SELECT depth FROM clips", []),
    ):
        with pytest.raises(Exception, match="height|depth") as refused:
            store.rows(sql)
        assert getattr(refused.value, "__notes__", []) == notes
    with pytest.raises(Exception, match="std") as refused:  # of two tables: the one that is asked
        store.rows("SELECT std FROM dim_sensitivity")
    assert refused.value.__notes__ == [
        "Columns were renamed: dim_sensitivity.std is now dim_sensitivity.pair_std"
    ]


def test_statistics_of_dimensions_are_what_their_table_says(store):
    assert {column.name for column in DIM_STATS.columns} == {
        "clip_id",
        "slice",
        "dim",
        "dim_mean",
        "dim_std",
        "dim_min",
        "dim_max",
    }
    (row,) = store.rows(
        "SELECT min(dim_min - dim_mean) AS below, max(dim_mean - dim_max) AS above FROM dim_stats"
    )
    assert row["below"] < 0 and row["above"] < 0


def test_a_new_store_holds_no_old_name(tmp_path):
    for table, names in RENAMED.items():
        tables.create(tmp_path / "store" / table, TABLES[table])
        log = next((tmp_path / "store" / table / "_delta_log").glob("*.json")).read_text()
        assert not any(f'\\"name\\":\\"{old}\\"' in log for old in names)
        assert all(f'\\"name\\":\\"{new}\\"' in log for new in names.values())
