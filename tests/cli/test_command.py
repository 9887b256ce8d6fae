"""The command: what it prints, in which formats, and that the README knows all of it."""

import json
import re

import click
import pyarrow.parquet as pq
import pytest

import tubelet as front_door
from tubelet.ingest.encoders import ENCODERS
from tubelet.ingest.errors import UsageError
from tubelet.ingest.samples import sample_videos
from tubelet.store.schema import RELATIONS
from tubelet.store.statistics import TOKEN_STATISTICS
from tests.commands import tubelet
from tests.readme import README, ROOT, written
from tests.stores import synthetic_store


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "store"
    synthetic_store(path, videos=3).close()
    return path


def test_the_readme_holds_the_schema_and_the_tree_as_they_are():
    assert written(README.read_text()) == README.read_text(), "run `python -m tests.readme`"


@pytest.mark.parametrize("name", sorted(front_door.main.commands))
def test_the_readme_names_every_command_with_its_options(name):
    text = README.read_text()
    assert f"tubelet {name}" in text
    for parameter in front_door.main.commands[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[-1] in text or parameter.opts[0] in text, parameter.opts


def test_the_readme_names_encoders_statistics_and_pictures_that_exist():
    text = README.read_text()
    for name in (*ENCODERS, *TOKEN_STATISTICS):
        assert f"`{name}`" in text, name
    pictures = re.findall(r"\]\((docs/[^)]+)\)|src=\"(docs/[^\"]+)\"", text)
    assert pictures and all((ROOT / (a or b)).is_file() for a, b in pictures)


def test_encoders_are_listed_with_geometry_parameters_and_source():
    text = tubelet("encoders", check=True).stdout
    for name, row in ENCODERS.items():
        (line,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
        assert f"{row.parameters:,}" in line and row.weights in line


def test_the_schema_is_printed_with_every_column():
    text = tubelet("schema", check=True).stdout
    for table in RELATIONS.values():
        assert all(f"| `{c.name}` | {c.type} | {c.meaning}" in text for c in table.columns)


def test_sql_prints_a_table_csv_and_json_and_writes_parquet(root, tmp_path):
    query = "SELECT clip_id, slice, embedding FROM tokens WHERE y = 0 AND x = 0 ORDER BY ALL LIMIT 3"
    rows = json.loads(tubelet("sql", query, "--store", root, "--format", "json", check=True).stdout)
    assert len(rows) == 3 and len(rows[0]["embedding"]) == 16
    assert rows[0]["clip_id"] in tubelet("sql", query, "--store", root, check=True).stdout
    lines = tubelet("sql", query, "--store", root, "--format", "csv", check=True).stdout.splitlines()
    assert lines[0] == '"clip_id","slice","embedding"' and len(lines) == 4
    tubelet("sql", query, "--store", root, "--format", "parquet", "-o", tmp_path / "out.parquet", check=True)
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == rows


def test_sql_says_where_it_stopped_and_what_is_wrong(root, tmp_path):
    capped = tubelet("sql", "SELECT unnest(range(5000)) AS n", "--store", root, check=True).stdout
    assert "the first 1,000 rows of more" in capped
    tubelet("sql", "SELECT unnest(range(5000)) AS n", "--store", root, "--format", "csv", "-o", tmp_path / "all.csv", check=True)
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 5001
    for query, words in (("FROM nowhere", "nowhere"), ("DROP VIEW clips", "only queries"), ("SELECT 1", "--format parquet")):
        process = tubelet("sql", query, "--store", root, "--format", "parquet")
        assert process.returncode == 2 and words in process.stderr and "Traceback" not in process.stderr


def test_compact_and_check_say_what_they_did(root):
    assert "files merged away" in tubelet("compact", "--store", root, check=True).stdout
    assert f"{root} is whole" in tubelet("check", "--store", root, check=True).stdout


def test_the_demo_finds_its_videos_without_importing_their_package():
    try:
        paths = sample_videos()
    except UsageError as error:
        pytest.skip(str(error))
    assert [path.name for path in paths] == ["bigbuckbunny.mp4", "bikes.mp4", "carphone_pristine.mp4"]
    assert all(path.stat().st_size > 10**5 for path in paths)
