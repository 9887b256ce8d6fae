"""The command: what it prints, and in which formats."""

import json
import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import tubelet.cli as front_door
from tests.commands import run_here, tubelet
from tests.stores import synthetic_store
from tubelet.ingest.arguments import RunOptions, WindowOptions
from tubelet.ingest.encoders import ENCODERS
from tubelet.ingest.errors import UsageError
from tubelet.ingest.samples import sample_videos
from tubelet.reports.catalogue import REPORTS
from tubelet.store.encoder_names import has_predictor
from tubelet.store.options import options_of
from tubelet.store.pairs.stored import StoredPairs
from tubelet.store.schema import RELATIONS


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "store"
    synthetic_store(path, videos=3).close()
    return path


def test_encoders_are_listed_with_geometry_parameters_and_source():
    text = run_here("encoders", check=True).stdout
    for name, row in ENCODERS.items():
        (line,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
        assert f"{row.parameters:,}" in line and row.weights in line
        assert has_predictor(row.family) == bool(row.predictor), name  # what pages go by


def test_the_schema_is_printed_with_every_column():
    text = run_here("schema", check=True).stdout
    for table in RELATIONS.values():
        assert all(f"| `{c.name}` | {c.type} | {c.meaning}" in text for c in table.columns)


def test_sql_prints_a_table_csv_and_json_and_writes_parquet(root, tmp_path):
    query = (
        "SELECT clip_id, slice, embedding FROM tokens WHERE y = 0 AND x = 0 ORDER BY ALL LIMIT 3"
    )
    rows = json.loads(
        run_here("sql", query, "--store", root, "--format", "json", check=True).stdout
    )
    assert len(rows) == 3 and len(rows[0]["embedding"]) == 16
    assert rows[0]["clip_id"] in run_here("sql", query, "--store", root, check=True).stdout
    lines = run_here(
        "sql", query, "--store", root, "--format", "csv", check=True
    ).stdout.splitlines()
    assert lines[0] == '"clip_id","slice","embedding"' and len(lines) == 4
    run_here(
        "sql",
        query,
        "--store",
        root,
        "--format",
        "parquet",
        "-o",
        tmp_path / "out.parquet",
        check=True,
    )
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == rows


def test_sql_says_what_is_wrong(root):
    for query, words in (
        ("FROM nowhere", "nowhere"),
        ("DROP VIEW clips", "only queries"),
        ("SELECT 1", "--format parquet"),
    ):
        process = run_here(
            "sql",
            query,
            "--store",
            root,
            "--format",
            "parquet" if words.startswith("--") else "csv",
        )
        assert (
            process.returncode == 2
            and words in process.stderr
            and "Traceback" not in process.stderr
        )


def test_bare_tubelet_greets(root):
    process = tubelet()
    assert (
        process.returncode == 0
        and "tubelet ingest FOLDER --store STORE --encoder NAME" in process.stdout
    )
    assert all(len(line) <= 80 for line in process.stdout.splitlines())
    assert tubelet("basis").returncode == 0


def test_the_list_of_commands_is_whole_at_80_columns():
    lines = CliRunner(env={"COLUMNS": "80"}).invoke(front_door.main, ["--help"]).output.splitlines()
    listed = lines[lines.index("Commands:") + 1 :]
    assert [line.split()[0] for line in listed] == list(front_door.COMMANDS)
    assert all(
        len(line) <= 80 and line.endswith(".") and not line.endswith("...") for line in listed
    )


@pytest.mark.parametrize("name", front_door.COMMANDS)
def test_every_command_explains_itself(name):
    answer = CliRunner(env={"COLUMNS": "80"}).invoke(front_door.main, [name, "--help"])
    assert (
        answer.exit_code == 0
        and f"tubelet {name}" in answer.output.replace("main ", "tubelet ")
        and max(map(len, answer.output.splitlines())) <= 80
    )


@pytest.mark.parametrize(
    "arguments, told",
    [
        (
            ("ingest", "{video}", "--encoder", "toy", "--hop", "4", "--limit", "0"),
            "--hop is now called --stride",
        ),
        (
            ("plan", "{video}", "--encoder", "toy", "--hop=4", "--limit", "0"),
            "--hop is now called --stride",
        ),
        (
            ("basis", "fit", "--unit", "--positions", "--components", "0"),
            "--positions is now called --remove-position-mean",
        ),
        (("sketch", "--anew", "--encoder", "nobody"), "--anew is now called --rebuild"),
    ],
)
def test_names_from_before_say_the_new_one_and_work(arguments, told, root):
    store = [] if arguments[0] == "plan" else ["--store", root]
    process = run_here(*arguments, *store)
    assert (
        told in process.stderr
        and process.returncode == 2
        and "No such option" not in process.stderr
    )
    if arguments[0] == "sketch":
        assert (
            "`tubelet sketch` is now called `tubelet index`" in process.stderr
            and "of encoder nobody" in process.stderr
        )


def test_an_option_does_not_take_the_next_one_for_its_value(root):
    for name, following in (("--surprise", "--store"), ("--store", "--encoder=toy")):
        process = run_here("ingest", "absent.mp4", name, following, root)
        assert process.returncode == 2
        assert f"{name} needs a value, and {following} follows it: write {name} " in process.stderr
    assert "/--store does not exist" in run_here("ingest", "--store", root, "--", "--store").stderr


def test_a_default_stands_in_one_place():
    for class_, name in ((WindowOptions, "ingest"), (RunOptions, "plan"), (StoredPairs, "pairs")):
        parameters = {parameter.name: parameter for parameter in front_door.main.load(name).params}
        for field, _ in options_of(class_):
            assert parameters[field.name].default == field.default, (name, field.name)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_has_the_options_that_it_brings_and_no_others(name):
    made = front_door.main.load("report").get_command(None, name)
    own = {field.name: field.default for field, _ in options_of(REPORTS[name].options)}
    assert {
        parameter.name: parameter.default
        for parameter in made.params
        if parameter.name not in ("store", "store_options", "output")
    } == own


def test_compact_and_check_say_what_they_did(root):
    assert "files merged" in run_here("compact", "--store", root, check=True).stdout
    assert f"{root} is whole" in run_here("check", "--store", root, check=True).stdout


def test_the_demo_finds_its_videos_without_importing_their_package():
    try:
        paths = sample_videos()
    except UsageError as error:
        pytest.skip(str(error))
    assert [path.name for path in paths] == [
        "bigbuckbunny.mp4",
        "bikes.mp4",
        "carphone_pristine.mp4",
    ]
    assert all(path.stat().st_size > 10**5 for path in paths)


@pytest.mark.long
def test_threads_of_the_encoder_give_their_core_away_while_they_wait():
    """Spinning ones took six times the processor time of an ingest whose decoder and writer had work, too."""
    asked = {
        **{name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"},
        "OMP_DISPLAY_ENV": "true",
    }
    done = subprocess.run(
        [sys.executable, "-c", "import tubelet.cli, tubelet.ingest.encoders"],
        env=asked,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr
