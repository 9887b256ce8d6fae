"""Every report of the catalogue: written in every format, shown as a page, refused options that are not its own."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

import tubelet.cli as front_door
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.dashboard import consent, report_page
from tubelet.dashboard.chosen import VideoChoice
from tubelet.reports.blocks import Block, Column, Heading, Picture, Table, Text
from tubelet.reports.catalogue import FORMATS, REPORTS, Report
from tubelet.reports.command_line import report_command
from tubelet.reports.errors import ReportError
from tubelet.store import Store
from tubelet.store.errors import TubeletError
from tubelet.store.options import Option, check_options, option, options_of
from tubelet.store.questions.corpus import Question
from tubelet.store.sandbox import conditions


@dataclass(frozen=True)
class SpreadOptions:
    """Options of a report that a newcomer adds."""

    least: float = option(0.0, help="Only statistics above it.", least=0, most=10)
    by: str = option("std", help="What spread means.", choices=("std", "range"))
    mean_too: bool = option(False, help="The mean beside it.")
    where: str | None = option(None, help="Only clips that meet a condition.", metavar="SQL")

    def __post_init__(self) -> None:
        check_options(self, ReportError)


MEASURE = {"std": "stddev_pop(norm)", "range": "max(norm) - min(norm)"}


def spread(store: Store, options: SpreadOptions) -> Iterator[Block]:
    """The report of the README's recipe: a sentence and a table with its SQL."""
    mean = ", avg(norm) AS mean" if options.mean_too else ""
    question = Question(
        f"SELECT slice, {MEASURE[options.by]} AS spread{mean} FROM slice_stats GROUP BY slice HAVING spread >= $least ORDER BY slice",
        {"least": options.least},
    )
    rows = question.answer(store)
    yield Text(f"{len(rows):,} slices vary")
    yield Heading("Slice by slice", "slices")
    columns = tuple(
        Column(name, name, ".3g" if name != "slice" else "d") for name in rows.column_names
    )
    yield Table(
        name="slices",
        title="Spread of the norm",
        rows=rows,
        columns=columns,
        questions={"slices": question},
    )


SPREAD = Report("How much do norms vary?", SpreadOptions, spread)


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row more in the catalogue."""
    monkeypatch.setitem(REPORTS, "spread", SPREAD)


@pytest.fixture(scope="module")
def store(planted_everything: Store) -> Store:
    return planted_everything


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("small") / "store", videos=2)
    yield made
    made.close()


@pytest.mark.parametrize("name", thin(REPORTS, ["scores"]))
def test_every_report_is_written_in_every_format(name: str, store: Store, tmp_path: Path) -> None:
    refuse_unsound(REPORTS[name], store, tmp_path)


def refuse_unsound(report: Report, store: Store, folder: Path) -> None:
    """What every report must hold: its defaults are enough, each number can be asked for again, each format has all of it."""
    options = report.options()
    blocks = list(report.blocks(store, options))
    assert blocks and all(isinstance(block, Block) for block in blocks)
    named = [block for block in blocks if isinstance(block, Table | Picture)]
    assert named and len({block.name for block in named}) == len(named), (
        "tables and pictures have names of their own"
    )
    assert all(block.questions for block in named), "each shows the SQL behind it"
    assert all(
        described.help for _, described in options_of(report.options)
    ) and report.title.endswith("?")
    for suffix in FORMATS:
        report.write(store, options, folder / f"report{suffix}")
    html, markdown = ((folder / f"report{suffix}").read_text() for suffix in (".html", ".md"))
    parts = set(pq.read_table(folder / "report.parquet")["part"].to_pylist())
    for block in blocks:
        if isinstance(block, Heading):
            assert f'id="{block.anchor}"' in html
    assert report.title in html and report.title in markdown
    assert {block.name for block in named if isinstance(block, Table) and len(block.rows)} <= parts


@pytest.mark.parametrize(
    "wrong",
    [
        lambda store, options: iter(()),
        lambda store, options: iter(["a sentence"]),
        lambda store, options: (block for _ in range(2) for block in spread(store, options)),
        lambda store, options: iter(
            [
                Table(
                    name="bare",
                    title="No SQL",
                    rows=pa.table({"a": [1]}),
                    columns=(Column("a", "a", "d"),),
                )
            ]
        ),
    ],
    ids=["empty", "no blocks", "one name twice", "no SQL"],
)
def test_a_wrong_report_is_noticed(wrong, small: Store, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, KeyError, AttributeError)):
        refuse_unsound(Report("What is wrong?", SpreadOptions, wrong), small, tmp_path)


def test_a_report_that_is_added_by_one_row_is_sound_and_a_command(
    added: None, small: Store, tmp_path: Path
) -> None:
    refuse_unsound(REPORTS["spread"], small, tmp_path)
    output = tmp_path / "spread.parquet"
    done = command("spread", small, output, "--by", "range", "--mean-too")
    assert done.exit_code == 0, done.output
    assert pq.read_table(output)["mean"].null_count == 0 and len(pq.read_table(output)) == 4
    assert (
        "How much do norms vary?"
        in CliRunner().invoke(front_door.main, ["report", "--help"]).output
    )
    assert (
        "--mean-too" in CliRunner().invoke(front_door.main, ["report", "spread", "--help"]).output
    )
    assert (
        report_command("spread", small, SpreadOptions(by="range", mean_too=True))
        == f"tubelet report spread --store {small.shell_name} --by range --mean-too -o spread.html"
    )


@pytest.mark.parametrize(
    "name, flags",
    [
        ("sensitivity", ("--encoder ", "--frames ", "--shift 1")),
        ("changes", ("--encoder ", "--frames ", "--setting ")),
        ("dimensions", ("--encoder ", "--frames ")),
        ("prediction", ("--encoder ", "--context ", "--horizon ")),
        ("probes", ("--run ",)),
        ("transition", ("--run ",)),
    ],
)
def test_the_command_that_repeats_a_report_names_what_the_report_chose(
    planted_everything, tmp_path, name, flags
):
    report, again = REPORTS[name], tmp_path / "again.md"
    *_, told = report.blocks(planted_everything, report.options())
    assert all(flag in told.text for flag in flags)
    pasted = [*shlex.split(told.text)[1:-1], str(again)]
    assert not CliRunner().invoke(front_door.main, pasted).exit_code
    assert told.text in again.read_text()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--shift", "7", "--setting", "xyz"), "No such option"),
        (("--setting", "xyz"), "No such option"),
        (("--compare", "shift=2"), "No such option"),
        (("--least", "11"), "it must be 10 or less"),
        (("--by", "mean"), "choose std or range"),
    ],
)
def test_a_report_refuses_options_that_it_does_not_bring(
    added: None, small: Store, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = command("spread", small, tmp_path / "spread.html", *arguments)
    assert done.exit_code == 2 and words in done.output and not (tmp_path / "spread.html").exists()


def test_options_may_stand_before_the_name(store: Store, tmp_path: Path) -> None:
    output = tmp_path / "report.md"
    done = CliRunner().invoke(
        front_door.main,
        ["report", "--store", str(store.root), "--top", "3", "sensitivity", "-o", str(output)],
    )
    assert done.exit_code == 0 and output.exists(), done.output
    done = CliRunner().invoke(
        front_door.main, ["report", "--store", str(store.root), "-o", str(output)]
    )
    assert done.exit_code == 2 and "no report was named: pass one of sensitivity" in done.output


def command(name: str, store: Store, output: Path, *arguments: str):
    return CliRunner().invoke(
        front_door.main, ["report", name, "--store", str(store.root), "-o", str(output), *arguments]
    )


def page(name: str, path: str) -> None:
    """What the app does for the page of a report; AppTest runs its source."""
    from tubelet.dashboard import caching, report_page, selection

    store = caching.open_store(path)
    report_page.make_pages(())[name].show(store, selection.choose(store))


def open_page(
    name: str, store: Store, sidebar: Mapping[str, str] | None = None, **url: str
) -> AppTest:
    test = AppTest.from_function(page, args=(name, str(store.root)), default_timeout=60)
    for key, value in (sidebar or {}).items():
        test.query_params[key] = value
    for key, value in url.items():
        test.query_params[f"{name}-{key}"] = value
    return test.run()


def test_the_videos_of_a_reports_table_can_be_selected(store: Store) -> None:
    shown = open_page("scores", store)
    assert not shown.exception
    labels = {one.key: one.label for one in shown.button if (one.key or "").startswith("go-select-table-")}  # fmt: skip
    assert labels and all(re.fullmatch(r"Select [1-9]\d* videos?", one) for one in labels.values())
    shown.button(next(iter(labels))).click().run()
    chosen = "".join(shown.query_params["selected"])
    count = int(next(iter(labels.values())).split()[1])
    assert len(conditions.keys(store, "videos", "video_id", VideoChoice.parse(chosen).condition)) == count  # fmt: skip


def test_a_report_that_is_added_has_a_page_with_its_options(added: None, small: Store) -> None:
    assert set(report_page.make_pages({"sensitivity"})) == REPORTS.keys() - {"sensitivity"}
    shown = open_page("spread", small, by="range", mean_too="true", least="0.001")
    assert not shown.exception and shown.title[0].value == "How much do norms vary?"
    assert (
        shown.dataframe[0].value["mean"].notna().all()
        and len(shown.dataframe[0].value) == 4
        and "slices vary" in "".join(element.value for element in shown.markdown)
    )
    assert any("--least 0.001 --by range --mean-too" in code.value for code in shown.code)
    assert {
        widget.label
        for widget in (*shown.number_input, *shown.selectbox, *shown.toggle, *shown.text_input)
    } >= {"Least", "By", "Mean too", "Where"}


def test_sql_of_a_link_waits_on_the_page_of_a_report(added: None, small: Store) -> None:
    shown = open_page("spread", small, where="1 = 1")
    assert not shown.dataframe and "Read it before you apply it" in shown.info[0].value


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_has_a_page_made_from_its_options(name: str, store: Store) -> None:
    shown = open_page(name, store)
    assert not shown.exception and not shown.error and not shown.warning and shown.dataframe
    assert any("untrained weights" in element.value for element in shown.markdown)


def test_the_sidebar_chooses_the_encoder_and_the_videos_of_every_report(store: Store) -> None:
    cooking = store.query("SELECT count(*) AS n FROM videos WHERE label = 'cooking'")["n"][
        0
    ].as_py()
    shown = open_page("dimensions", store, sidebar={"selected": "where:label = 'cooking'", "signed": consent.sign("label = 'cooking'")})  # fmt: skip
    assert not shown.exception and "Encoder" not in {box.label for box in shown.text_input}
    said = "".join(element.value for element in shown.markdown)
    assert f"{cooking} videos" in said and "40 videos" not in said
    (encoder,) = store.query("SELECT encoder_id FROM encoders")["encoder_id"].to_pylist()
    assert any(f"--encoder {encoder}" in one.value and "--where" in one.value for one in shown.code)


def test_a_video_and_a_dimension_of_a_report_lead_to_their_pages(small: Store) -> None:
    shown = open_page("dimensions", small)
    dims, videos = (
        next(table.value for table in shown.dataframe if name in table.value.columns)
        for name in ("mostly", "starts")
    )
    (encoder,) = small.query("SELECT encoder_id FROM encoders")["encoder_id"].to_pylist()
    assert dims["page"][0] == f"dimension?encoder={encoder}&dimension={dims['dim'][0]}"
    known = small.query("SELECT video_id FROM videos")["video_id"].to_pylist()
    assert sorted(videos["video_id"]) == sorted(f"video?video={video}" for video in known)


def test_a_report_that_cannot_be_made_says_what_to_type(small: Store) -> None:
    shown = open_page("changes", small)
    assert "holds no changed windows: measure some with `tubelet" in shown.info[0].value
    assert f"--store {small.shell_name} --encoder NAME --change" in shown.code[0].value


def refuse_unchecked(options: type) -> None:
    """Every bound and choice of a report's options is held by whoever fills them, as `check_options` in `__post_init__` does."""
    for field, described in options_of(options):
        for wrong in wrong_values(described):
            with pytest.raises(ReportError):
                options(**{field.name: wrong})


def wrong_values(described: Option) -> list[object]:
    """What an option refuses."""
    beyond = [described.least - 1] if described.least is not None else []
    beyond += [described.most + 1] if described.most is not None else []
    return [*beyond, *(["none of them"] if described.choices else [])]


@pytest.mark.parametrize("name", REPORTS)
def test_the_options_of_every_report_hold_their_bounds(name: str) -> None:
    refuse_unchecked(REPORTS[name].options)


def test_options_that_hold_no_bounds_are_noticed() -> None:
    @dataclass(frozen=True)
    class Unchecked:
        least: float = option(0.0, help="Only above it.", least=0, most=10)

    refuse_unchecked(SpreadOptions)
    with pytest.raises(pytest.fail.Exception):
        refuse_unchecked(Unchecked)


HOSTILE = (
    "x' OR '1'='1",
    "1=1) OR (1=1",
    "x', 'y",
    "0 UNION ALL SELECT 1",
    'name" OR "name" = "name',
)  # each answers where it is put into SQL


def texts_of(options: type) -> list[str]:
    """The options that take any text."""
    return [
        field.name
        for field, described in options_of(options)
        if "str" in str(field.type) and not described.choices
    ]


def refuse_hostile(report: Report, store: Store) -> None:
    """No text of an option reaches SQL unless bound, or as a condition that runs in the sandbox."""
    for name in texts_of(report.options):
        for text in HOSTILE:
            with pytest.raises(TubeletError):
                list(report.blocks(store, report.options(**{name: text})))


@pytest.mark.parametrize("name", thin(REPORTS, 3))
def test_no_option_of_a_report_is_put_into_sql(name: str, store: Store) -> None:
    refuse_hostile(REPORTS[name], store)


def test_most_reports_have_options_of_text() -> None:
    assert sum(bool(texts_of(report.options)) for report in REPORTS.values()) >= 8


@pytest.mark.parametrize(
    "sql",
    [
        "FROM clips WHERE ({})",
        "FROM clips WHERE role = '{}'",
        "FROM clips WHERE slices IN ({})",
        "FROM clips WHERE role IN ('{}')",
        'SELECT 1 AS name WHERE "{}" IS NOT NULL',
    ],
)
def test_a_report_that_puts_an_option_into_sql_is_noticed(sql: str, small: Store) -> None:
    def concatenate(store: Store, options: SpreadOptions) -> Iterator[Block]:
        yield Text(f"{len(store.query(sql.replace('{}', options.where or '')))} clips")

    with pytest.raises((pytest.fail.Exception, duckdb.Error)):
        refuse_hostile(Report("Concatenated", SpreadOptions, concatenate), small)


def test_a_report_over_a_store_without_clips_says_what_to_type(stores: dict[str, Store]) -> None:
    shown = open_page("probes", stores["empty"])
    assert not shown.exception and "tubelet ingest FOLDER" in shown.code[0].value
    assert not shown.number_input  # options would change nothing
