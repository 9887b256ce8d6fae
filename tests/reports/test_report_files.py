"""The files of the sensitivity report: every section with its SQL, the same numbers in each format, and the command that writes them."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import tubelet.cli as front_door
from tests.browsing import expect, in_browser
from tests.commands import ROOT, tubelet
from tests.planted import Planted, add_planted, planted_store
from tubelet.reports.blocks import Code, Heading, Picture, Table, Text
from tubelet.reports.catalogue import REPORTS, sensitivity_blocks
from tubelet.reports.errors import ReportError
from tubelet.reports.rasters import Raster, downsample
from tubelet.reports.sensitivity import charts, comparison, sections
from tubelet.reports.sensitivity.findings import find
from tubelet.reports.sensitivity.request import SensitivityOptions, SensitivityRequest

BIG = 2_000_000  # bytes a file may have


@pytest.fixture(scope="module")
def store(planted_everything):
    return planted_everything


@pytest.fixture(scope="module")
def found(store):
    return find(store, SensitivityRequest())


def test_every_section_is_there_with_its_sql(store, found):
    blocks = list(sensitivity_blocks(store, found))
    assert [block.anchor for block in blocks if isinstance(block, Heading)] == [
        "dimensions",
        "curve",
        "consistency",
        "videos",
        "frame",
        "foundations",
    ]
    drawn = [block for block in blocks if isinstance(block, Picture | Table)]
    assert all(block.questions for block in drawn) and len({block.name for block in drawn}) == len(
        drawn
    )
    rests = next(block.rows for block in drawn if block.name == "foundations").to_pylist()
    told = {row["what"]: row["value"] for row in rests}
    assert (
        "5e" * 32 in told["SHA-256 of the weights"]
        and "float32; live" in told["precision, source"]
        and told["determinism (one window twice)"].startswith("0 standard")
        and told["noise floor (rounding, one window in fp32 too)"] == "not measured"
    )
    assert (
        told["videos, pairs"] == "40 videos, 40 pairs with 19 shared slices"
        and "numpy" in told["software"]
    )
    assert found.request.command(store) in [
        block.text for block in blocks if isinstance(block, Code)
    ]


@pytest.fixture(scope="module")
def files(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    tubelet(
        "report", "sensitivity", "--store", store.root, "-o", folder / "report.html", check=True
    )
    for format_ in ("md", "parquet"):
        REPORTS["sensitivity"].write(store, SensitivityOptions(), folder / f"report.{format_}")
    return folder


def test_parquet_and_markdown_carry_the_numbers(files, found):
    table = pq.read_table(files / "report.parquet")
    dims = table.filter(pa.compute.equal(table["part"], "dimensions"))
    assert dims["dim"].to_pylist() == found.ranking.order.tolist()
    assert dims["q"].to_pylist()[:3] == pytest.approx(found.ranking.q[found.ranking.order[:3]])
    assert set(table["part"].to_pylist()) >= {
        "curve_relative",
        "dimensions",
        "settling",
        "agreement",
        "videos",
        "outliers",
        "heat",
        "frame",
        "foundations",
    }
    text = (files / "report.md").read_text()
    first = found.ranking.order[0]
    assert (
        f"| 1 | {first} | specialist | {found.ranking.relative.value[first]:.3g} | {found.ranking.relative.low[first]:.3g} |"
        in text
    )
    assert "SQL behind this" in text and "**3 dimensions of 64**" in text


def test_html_is_one_small_file_that_names_its_sections(files):
    text = (files / "report.html").read_text()
    assert len(text) < BIG and text.count("<svg") == 6 and text.count("data:image/png") == 3
    for anchor in (
        "curve",
        "dimensions",
        "consistency",
        "videos",
        "frame",
        "foundations",
        "dimensions-17",
    ):
        assert f'id="{anchor}"' in text
    assert not re.findall(r'(?:src|href)="(?!data:|#|https?://www\.w3\.org)[^"]+"', text)
    assert text.count("<summary>SQL behind this</summary>") >= 10


@in_browser
def test_html_opens_in_a_browser_without_a_network(browser, files):
    asked, wrong = [], []
    context = browser.new_context(
        offline=True, color_scheme="dark", viewport={"width": 800, "height": 900}
    )
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((files / "report.html").as_uri())
    expect(page.locator("h1")).to_have_text(sections.TITLE)
    expect(page.locator("#curve_relative svg")).to_be_visible()
    assert page.locator("#heat img").evaluate("image => image.naturalWidth") == 40
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 23, 28)"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    context.close()
    assert wrong == [] and all(url.startswith(("file:", "data:")) for url in asked)


def test_names_of_files_and_videos_stay_text_in_every_format(tmp_path):
    odd = planted_store(tmp_path / "store", videos=5, dim=8, specialists=())
    name = "<script>alert(1)</script> | *x* [y](z).mp4"
    videos = odd.query("FROM videos").to_pylist()
    odd.commit({}, {"videos": [row["video_id"] for row in videos]})
    from tubelet.store.schema import TABLES

    odd.commit(
        {
            "videos": pa.Table.from_pylist(
                [row | {"name": name} for row in videos], schema=TABLES["videos"].arrow
            )
        }
    )
    for format_ in ("html", "md"):
        REPORTS["sensitivity"].write(
            odd, SensitivityOptions(where="name <> '<b>'"), tmp_path / f"report.{format_}"
        )
    text = (tmp_path / "report.html").read_text()
    assert "<script" not in text and "<b>" not in text and "&lt;script&gt;" in text
    assert "<script" not in (tmp_path / "report.md").read_text().replace(
        "`<script>alert(1)</script>", ""
    )  # a code span shows it
    odd.close()


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A store in which every video was measured at two shifts."""
    made = planted_store(
        tmp_path_factory.mktemp("both") / "store",
        videos=12,
        dim=32,
        specialists=(3, 8),
        context=2,
    )
    second = Planted(videos=12, dim=32, specialists=(3, 9), shift=2, shared=18, context=1, seed=0)
    add_planted(made, second)
    yield made
    made.close()


def test_two_shifts_side_by_side(both):
    a = find(both, SensitivityRequest(shift=1))
    b = find(both, a.request.other("shift=2"))
    blocks = list(comparison.sections(a, b, "shift=2"))
    rows = {
        row["what"]: row
        for row in next(block.rows for block in blocks if isinstance(block, Table)).to_pylist()
    }
    assert (
        rows["shared slices"] == {"what": "shared slices", "a": "19", "b": "18"}
        and rows["specialists"]["a"] == rows["specialists"]["b"] == "2"
    )
    assert (
        rows["context from the first slice"]["a"],
        rows["context from the first slice"]["b"],
    ) == (
        "2 slices, 4 frames, 0.16 s",
        "1 slice, 2 frames, 0.08 s",
    )
    ids = {"toy-1": "encoder toy", "tiny-2": "encoder tiny"}  # in legends by name: no id
    named = [replace(found, request=replace(found.request, encoder=id_)) for found, id_ in zip((a, b), ids)]  # fmt: skip
    drawn = next(block for block in comparison.sections(*named, "encoder=tiny-2") if isinstance(block, Picture))  # fmt: skip
    assert set(drawn.numbers()["which"].to_pylist()) == set(ids.values())
    common = len(set(a.ranking.order[:4].tolist()) & set(b.ranking.order[:4].tolist()))
    assert any(
        f"have {common} in common; 0.5 are expected if all dimensions are alike" in block.markdown
        for block in blocks
        if isinstance(block, Text)
    )


@pytest.mark.long
def test_the_command_writes_two_shifts_side_by_side(both, tmp_path):
    path = tmp_path / "both.html"
    options = ["--store", str(both.root), "-o", str(path)]
    result = CliRunner().invoke(
        front_door.main,
        ["report", "sensitivity", *options, "--shift", "1", "--compare", "shift=2"],
    )
    assert result.exit_code == 0, result.output
    text = path.read_text()
    assert len(text) < BIG and all(
        f'id="{anchor}"' in text for anchor in ("comparison", "a_curve", "b_curve")
    )


@pytest.mark.long
def test_the_command_repeats_the_report(store, tmp_path):
    """What the report says to type makes the same numbers again."""
    found = find(store, SensitivityRequest(where="label = 'cooking' OR name LIKE '%1.mp4'", top=4))
    command = found.request.command(store)
    assert command.startswith("tubelet report sensitivity --store ")
    path = tmp_path / "again.parquet"
    made = subprocess.run(
        command.replace("tubelet report", f"{sys.executable} -m tubelet report").replace(
            "sensitivity.html", str(path)
        ),
        shell=True,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    rows = pq.read_table(path, filters=[("part", "=", "dimensions")])
    assert rows["low"].to_numpy() == pytest.approx(
        np.asarray(found.ranking.relative.low[found.ranking.order]), nan_ok=True
    )


def test_the_command_refuses_in_one_sentence(store, tmp_path):
    for arguments, words in (
        (["sensitivities", "-o", tmp_path / "x.html"], "choose one of sensitivity"),
        (["sensitivity", "-o", tmp_path / "x.pdf"], ".html, .md, .parquet"),
        (["sensitivity", "-o", tmp_path / "none" / "x.md"], "is not a folder"),
        (["sensitivity", "-o", tmp_path / "x.md", "--compare", "color=red"], "encoder=VALUE"),
        (
            ["sensitivity", "-o", tmp_path / "x.md", "--encoder", "other"],
            "no pairs of encoder other",
        ),
    ):
        result = CliRunner().invoke(
            front_door.main, ["report", *map(str, arguments), "--store", str(store.root)]
        )
        assert result.exit_code == 2 and words in result.output, result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_a_report_loads_neither_torch_nor_streamlit(store, tmp_path):
    code = (
        f"import sys; sys.argv = ['tubelet', 'report', 'sensitivity', '--store', {str(store.root)!r}, '-o', {str(tmp_path / 'x.html')!r}]\n"
        "import json, tubelet\ntry: tubelet.main()\nexcept SystemExit: pass\nprint(json.dumps(sorted(sys.modules)))"
    )
    listed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()[-1]
    assert not {"torch", "transformers", "streamlit", "av", "sklearn", "umap"} & set(
        json.loads(listed)
    )


def test_a_raster_has_a_pixel_a_cell_and_the_ends_of_its_colors():
    import io

    from PIL import Image

    raster = Raster(
        values=np.array([[0.0, 1.0, np.nan], [0.5, 2.0, -1.0]]),
        x="x",
        y="y",
        unit="unit",
        low=0.0,
        high=1.0,
    )
    image = Image.open(io.BytesIO(raster.png)).convert("RGB")
    assert image.size == (3, 2)
    assert image.getpixel((0, 0)) == image.getpixel((2, 1)) == (244, 247, 249) and image.getpixel(
        (1, 0)
    ) == image.getpixel((1, 1)) == (
        11,
        26,
        51,
    )
    cells, step = downsample(np.arange(1001.0 * 1001).reshape(1001, 1001))
    assert step == 3 and cells.shape == (334, 334) and cells[0, 0] == np.arange(3).mean() + 1001


def test_dimensions_of_which_none_reacts_have_an_axis_that_can_be_read():
    def ends(relative: list[float]) -> list:
        dims = pa.table({"dim": ["0", "1"], "relative": relative, "low": pa.nulls(2, pa.float64()), "high": pa.nulls(2, pa.float64()), "kind": ["other"] * 2})  # fmt: skip
        drawn = charts.ranked_dimensions(dims, 0.0, "unit").to_dict()
        return drawn["layer"][-1]["encoding"]["x"]["scale"].get("domain")

    assert ends([0.0, 0.0]) == [0, 1] and ends([0.3, 0.1]) is None


@pytest.mark.long
def test_a_drawing_that_dies_is_a_sentence(store, tmp_path):
    """The library that draws ends its process by signal 5 where it cannot reserve the memory that it likes."""
    command = [
        sys.executable,
        "-m",
        "tubelet",
        "report",
        "sensitivity",
        "--store",
        store.root,
        "-o",
        tmp_path / "report.html",
    ]
    limited = ["bash", "-c", 'ulimit -v 6000000; exec "$@"', "bash", *map(str, command)]
    ended = subprocess.run(limited, capture_output=True, text=True, timeout=300)
    assert (
        ended.returncode == 2
        and "a chart could not be drawn" in ended.stderr
        and "Traceback" not in ended.stderr
    )
    assert not (tmp_path / "report.html").exists()


@pytest.mark.long
def test_a_condition_of_any_length_and_more_strongest_dimensions_than_there_are(store, tmp_path):
    hostile = "where=1 = 1 -- " + '<&"%()*{}[] ' * 2000
    REPORTS["sensitivity"].write(
        store, SensitivityOptions(compare=hostile), tmp_path / "report.html"
    )
    with pytest.raises(
        ReportError,
        match="65536 strongest dimensions were asked for, and .* has 64: pass fewer as --top",
    ):
        find(store, SensitivityRequest(top=65_536))
