"""The sensitivity report on stores whose answers are known: its questions, its numbers, its refusals, and its files."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import tubelet as front_door
from ingest.job import Job
from reports import comparison, sensitivity, wording
from reports.blocks import Code, Heading, Picture, Table, Text
from reports.catalogue import REPORTS, sensitivity_blocks
from reports.errors import ManySettings, NoPairs, NoVideos, ReportError
from reports.findings import find
from reports.rasters import Raster, reduced
from reports.request import Request
from store import Store, StoreError
from store import sensitivity_queries as queries
from store.errors import QueryError
from store.sandbox import Limits, ask
from store.sensitivity_queries import Chosen, Scope
from tests.commands import ROOT, tubelet
from tests.planted import Planted, add_planted, planted_store, relative_edges
from tests.stores import synthetic_store
from tests.videos import make_folder

PLANTED = {
    "videos": 40,
    "dim": 64,
    "specialists": (3, 17, 40),
    "context": 2,
    "controls": 3,
    "outliers": (5,),
    "constant": (9,),
    "full": True,
}
BIG = 2_000_000  # bytes a file may have


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = planted_store(tmp_path_factory.mktemp("report") / "store", **PLANTED)
    yield made
    made.close()


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Measured from grids, two pairs a video."""
    made = synthetic_store(tmp_path_factory.mktemp("report") / "real", videos=6, clips=3, slices=12, side=4, dim=16, shift=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def found(store):
    return find(store, Request())


def scope_of(store, **more):
    row = queries.scopes().answer(store).to_pylist()[0]
    return Scope(row["encoder_id"], row["frames"], row["shift"], **more)


def every_question(scope):
    kinds = {kind: queries.control_levels(scope, kind) for kind in ("repeated", "disjoint")}
    once = {f"by video {several}": queries.by_video(scope, several) for several in (False, True)}
    asked = (
        queries.settings, queries.foundations, queries.videos_measured,
        queries.curve_band, queries.curves, queries.dimension_ranking, queries.frame_map,
    )  # fmt: skip
    return {**{question.__name__: question(scope) for question in asked}, **kinds, **once}


@pytest.mark.parametrize("where", [None, "label = 'cooking' -- it's only these"])
def test_the_sql_shown_gives_the_answer_shown(store, where):
    ids = [row["video_id"] for row in store.rows("FROM videos WHERE label = 'cooking'")]
    scope = scope_of(store, setting="step 1, crop 64 x 64, float32, live", videos=Chosen(ids, where) if where else None)
    for name, question in every_question(scope).items():
        shown, ran = (
            t.sort_by([(c, "ascending") for c in t.column_names])
            for t in (ask(store, question.text, Limits(rows=None)).table, question.answer(store))
        )
        assert len(ran), name
        for column in ran.column_names:
            a, b = shown[column].to_pylist(), ran[column].to_pylist()
            assert a == b or np.allclose(a, b, rtol=1e-6), (name, column)


def matrices(store):
    """edge / std, edge and middle as ``(videos, pairs, D)`` by plain Python, videos by id."""
    rows = store.rows(
        "SELECT video_id, pair_id, dim, edge, middle, std FROM dim_sensitivity JOIN pairs USING (pair_id) WHERE kind = 'shifted'"
    )
    videos, pairs = sorted({row["video_id"] for row in rows}), {}
    for row in rows:
        pairs.setdefault(row["video_id"], {}).setdefault(row["pair_id"], {})[row["dim"]] = row
    dims = range(max(row["dim"] for row in rows) + 1)

    def values(value):
        return np.array([[[value(of[d]) for d in dims] for of in pairs[video].values()] for video in videos])

    return values(lambda r: r["edge"] / r["std"] if r["std"] else np.nan), values(lambda r: r["edge"]), values(lambda r: r["middle"])


@pytest.mark.parametrize("fixture", ["store", "real"])
def test_the_ranking_is_the_mean_over_videos_of_the_mean_over_pairs(fixture, request):
    held = request.getfixturevalue(fixture)
    relative, edge, middle = matrices(held)
    rows = queries.dimension_ranking(scope_of(held)).answer(held).to_pylist()
    expected = relative.mean(1).mean(0)
    varying = [d for d in np.argsort(-expected, kind="stable") if np.isfinite(expected[d])]
    assert [row["dim"] for row in rows][: len(varying)] == varying
    for row in rows:
        d = row["dim"]
        assert row["edge"] == pytest.approx(edge.mean((0, 1))[d], rel=1e-5)
        if d in varying:
            assert row["relative"] == pytest.approx(expected[d], rel=1e-5)
            assert row["ratio"] == pytest.approx(edge.mean((0, 1))[d] / middle.mean((0, 1))[d], rel=1e-5)
        else:
            assert row["relative"] is None and row["varying"] == 0
    estimate = find(held, Request()).ranking.relative.value
    assert np.allclose(estimate, expected, rtol=1e-5, equal_nan=True)


def test_several_pairs_of_a_video_count_as_one_video(tmp_path):
    """A video with 4 pairs and one with 1 weigh the same."""
    made = Planted(videos=1, pairs=4, dim=16, specialists=(2,), seed=1)
    with_many = planted_store(tmp_path / "store", videos=1, pairs=4, dim=16, specialists=(2,), seed=1)
    add_planted(with_many, Planted(videos=1, dim=16, specialists=(2,), seed=1, strength=9.0), first=1)
    many, one = (
        relative_edges(made, range(0, 1)),
        relative_edges(Planted(videos=1, dim=16, specialists=(2,), seed=1, strength=9.0), range(1, 2)),
    )
    rows = {row["dim"]: row["relative"] for row in queries.dimension_ranking(scope_of(with_many)).answer(with_many).to_pylist()}
    assert [rows[d] for d in range(16)] == pytest.approx((many.mean(0) + one[0]) / 2, rel=1e-4)
    by_video = queries.by_video(scope_of(with_many), several=True).answer(with_many)
    assert len(by_video) == 2 * 16
    with_many.close()


def test_the_band_is_that_of_numpy_and_the_rollups_fit_the_full_rows(store):
    band = queries.curve_band(scope_of(store)).answer(store)
    rows = queries.curves(scope_of(store)).answer(store)
    curves = rows["relative"].to_numpy().reshape(40, 19)
    for name, share in (("relative_q25", 0.25), ("relative_median", 0.5), ("relative_q75", 0.75)):
        assert band[name].to_numpy() == pytest.approx(np.quantile(curves, share, axis=0), rel=1e-6)
    full = store.rows("""SELECT max(abs(f.mean - s.mean)) AS apart FROM dim_sensitivity f JOIN pairs USING (pair_id)
        JOIN (SELECT pair_id, dim, avg(mean_abs) AS mean FROM sensitivity GROUP BY ALL) s USING (pair_id, dim) WHERE kind = 'shifted'""")
    assert full[0]["apart"] < 1e-5


def test_the_report_reads_rollups_only(store):
    assert not any(re.search(r"(FROM|JOIN) sensitivity\b", question.sql) for question in every_question(scope_of(store)).values())


def test_what_was_planted_is_found(found):
    assert sorted(found.ranking.specialists) == [3, 17, 40]
    assert found.relative.reach == (2, 2) and found.relative.u_shaped
    assert np.isnan(found.ranking.relative.value[9]) and found.ranking.order[-1] == 9
    assert [found.videos["name"][o.video].as_py() for o in found.outliers if o.how == "other dimensions react"] == ["video-00005.mp4"]
    assert found.controls["repeated"]["largest"] == 0 and found.controls["disjoint"]["relative"] > found.relative.edge
    assert found.settling.overlap[-1] == 1 and found.consistency.w > 0.05


def test_the_middle_of_the_frame_reacts_least_as_planted(found):
    l2 = {(row["y"], row["x"]): row["l2"] for row in found.frame.to_pylist()}
    assert len(l2) == 16 and max(l2[y, x] for y in (1, 2) for x in (1, 2)) < min(l2[0, x] for x in range(4))


def test_no_structure_no_findings(tmp_path):
    flat = planted_store(tmp_path / "store", videos=30, dim=64, specialists=(), flat=True)
    found = find(flat, Request())
    assert not found.ranking.specialists and not found.relative.u_shaped and abs(found.consistency.pairwise) < 0.02
    assert "**no dimension** reacts" in wording.answer(found) and "not reliably U-shaped" in wording.answer(found)
    flat.close()


def test_a_dimension_constant_everywhere_is_reported_and_never_divided_by(found):
    assert "Constant, so without relative values: 9." in wording.constants(found)
    assert found.dims.to_pylist()[-1]["relative"] is None


@pytest.mark.parametrize("videos", [1, 2, 4])
def test_few_videos_say_what_cannot_be_concluded(videos, tmp_path):
    few = planted_store(tmp_path / "store", videos=videos, dim=16, specialists=(2,), shared=5)
    found = find(few, Request())
    blocks = list(sensitivity_blocks(few, found))
    said = " ".join(block.markdown for block in blocks if isinstance(block, Text))
    assert ("one video says" if videos == 1 else f"{videos} videos say") in said and "nothing about others" in said
    names = {block.name for block in blocks if isinstance(block, Picture | Table)}
    assert not {"settling", "agreement_matrix", "agreement", "share", "outliers"} & names
    columns = next(block.columns for block in blocks if isinstance(block, Table) and block.name == "dimensions")
    assert not {"low", "high", "kind", "share", "p", "q"} & {column.name for column in columns}
    rows = next(block.rows for block in blocks if isinstance(block, Table) and block.name == "dimensions")
    assert rows["low"].null_count == 16 and not found.ranking.specialists
    assert not any(isinstance(block, Code) and "Specialists" in block.label for block in blocks)
    few.close()


@pytest.mark.parametrize("shared", [1, 2, 3])
def test_few_shared_slices_have_no_curve_to_judge(shared, tmp_path):
    few = planted_store(tmp_path / "store", videos=6, dim=16, specialists=(2,), shared=shared)
    said = " ".join(block.markdown for block in REPORTS["sensitivity"].blocks(few, Request(), None) if isinstance(block, Text))
    assert ("no edges to compare" in said) == (shared < 3)
    few.close()


def test_dimensions_that_never_vary_at_all_break_nothing(tmp_path):
    dead = planted_store(tmp_path / "store", videos=6, dim=8, specialists=(), constant=tuple(range(8)))
    found = find(dead, Request())
    assert np.isnan(found.ranking.relative.value).all() and not found.ranking.specialists
    for format_ in ("html", "md", "parquet"):
        REPORTS["sensitivity"].write(dead, Request(), tmp_path / f"report.{format_}")
    dead.close()


def test_an_encoder_that_sees_one_slice_at_a_time_reacts_nowhere_and_breaks_nothing(tmp_path):
    job = Job.of(paths=[str(make_folder(tmp_path / "videos", 6, frames=12))], encoder="toy", size="64", frames=8)
    job.run(str(tmp_path / "store")).execute(job.sources)
    still = Store(tmp_path / "store")
    found = find(still, Request())
    assert found.count == 6 and not np.nan_to_num(found.ranking.relative.value).any()
    assert "**no dimension** reacts: at the window's edges" in wording.answer(found) and found.consistency is None
    for format_ in ("html", "md", "parquet"):
        REPORTS["sensitivity"].write(still, Request(), tmp_path / f"report.{format_}")
    still.close()


def test_a_store_without_pairs_says_which_command_makes_them(tmp_path):
    empty = synthetic_store(tmp_path / "store", videos=1)
    with pytest.raises(NoPairs, match="--pairs 1 --shift 1.*tubelet pairs --store .* --shift 1"):
        find(empty, Request())
    empty.close()


def test_requests_that_fit_nothing_are_refused_in_a_sentence(store):
    with pytest.raises(ReportError, match="shift 7 .*there are pairs of: toy-"):
        find(store, Request(shift=7))
    with pytest.raises(NoVideos, match="lets no video through"):
        find(store, Request(where="label = 'nothing'"))
    with pytest.raises(QueryError, match="labl"):
        find(store, Request(where="labl = 'cooking'"))
    for attack in ("1 = 1); DROP VIEW videos; --", "video_id IN (SELECT content FROM read_text('/etc/passwd'))"):
        with pytest.raises(QueryError):
            find(store, Request(where=attack))
    with pytest.raises(ReportError, match="--top"):
        Request(top=0)


def test_a_condition_chooses_the_videos(store):
    found = find(store, Request(where="label = 'cooking' OR label IS NULL"))
    assert found.count == 20 and set(found.videos["label"].to_pylist()) == {"cooking", None}
    assert "WHERE (\nlabel = 'cooking' OR label IS NULL\n)" in found.questions["dimensions"].text


def test_settings_are_not_mixed_unasked(tmp_path):
    """The same videos measured from live tensors and from files."""
    two = planted_store(tmp_path / "store", videos=6, dim=16, specialists=(2,))
    add_planted(two, Planted(videos=4, dim=16, specialists=(2,), source="stored", side=8))
    with pytest.raises(
        ManySettings, match=r"made in 2 ways.*\n  --setting 'step 1, crop 64 x 64, float32, live'  \(6 videos\)\n  --setting .*stored"
    ) as refused:
        find(two, Request())
    found = find(two, Request(setting=refused.value.settings[1]))
    assert found.count == 4 and found.foundations["source"] == "stored"
    mixed = find(two, Request(mix=True))
    assert mixed.count == 6 and mixed.foundations["pairs"] == 10 and len(mixed.settings) == 2
    assert "2 settings mixed" in wording.subject(mixed) and len(mixed.frame) == 16
    two.close()


def test_the_command_repeats_the_report(store, tmp_path):
    """What the report says to type makes the same numbers again."""
    found = find(store, Request(where="label = 'cooking' OR name LIKE '%1.mp4'", top=4))
    command = found.request.command(store)
    assert command.startswith("tubelet report sensitivity --store ")
    path = tmp_path / "again.parquet"
    made = subprocess.run(
        command.replace("tubelet report", f"{sys.executable} {ROOT / 'tubelet.py'} report").replace("sensitivity.html", str(path)),
        shell=True,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    rows = pq.read_table(path, filters=[("part", "=", "dimensions")])
    assert rows["low"].to_numpy() == pytest.approx(np.asarray(found.ranking.relative.low[found.ranking.order]), nan_ok=True)


def test_every_section_is_there_with_its_sql(store, found):
    blocks = list(sensitivity_blocks(store, found))
    assert [block.anchor for block in blocks if isinstance(block, Heading)] == [
        "curve",
        "dimensions",
        "consistency",
        "videos",
        "frame",
        "foundations",
    ]
    drawn = [block for block in blocks if isinstance(block, Picture | Table)]
    assert all(block.questions for block in drawn) and len({block.name for block in drawn}) == len(drawn)
    rests = next(block.rows for block in drawn if block.name == "foundations").to_pylist()
    told = {row["what"]: row["value"] for row in rests}
    assert (
        "5e" * 32 in told["SHA-256 of the weights"]
        and "float32; live" in told["precision, source"]
        and told["noise floor"].startswith("0 standard")
    )
    assert told["videos, pairs"] == "40 videos, 40 pairs of 19 shared slices" and "numpy" in told["software"]
    assert found.request.command(store) in [block.text for block in blocks if isinstance(block, Code)]


@pytest.fixture(scope="module")
def files(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    tubelet("report", "sensitivity", "--store", store.root, "-o", folder / "report.html", check=True)
    for format_ in ("md", "parquet"):
        REPORTS["sensitivity"].write(store, Request(), folder / f"report.{format_}")
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
    assert f"| 1 | {first} | specialist | {found.ranking.relative.value[first]:.3g} | {found.ranking.relative.low[first]:.3g} |" in text
    assert "SQL behind this" in text and "**3 dimensions of 64**" in text


def test_html_is_one_small_file_that_names_its_sections(files):
    text = (files / "report.html").read_text()
    assert len(text) < BIG and text.count("<svg") == 6 and text.count("data:image/png") == 3
    for anchor in ("curve", "dimensions", "consistency", "videos", "frame", "foundations", "dimensions-17"):
        assert f'id="{anchor}"' in text
    assert not re.findall(r'(?:src|href)="(?!data:|#|https?://www\.w3\.org)[^"]+"', text)
    assert text.count("<summary>SQL behind this</summary>") >= 10


def test_html_opens_in_a_browser_without_a_network(files):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'tubelet[test]'")
    chromium = shutil.which("chromium") or pytest.skip("no chromium on this machine: apt-get install chromium")
    asked, wrong = [], []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(offline=True, color_scheme="dark", viewport={"width": 800, "height": 900}).new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto((files / "report.html").as_uri())
        sync_api.expect(page.locator("h1")).to_have_text(sensitivity.TITLE)
        sync_api.expect(page.locator("#curve_relative svg")).to_be_visible()
        assert page.locator("#heat img").evaluate("image => image.naturalWidth") == 40
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 23, 28)"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
        browser.close()
    assert wrong == [] and all(url.startswith(("file:", "data:")) for url in asked)


def test_names_of_files_and_videos_stay_text_in_every_format(tmp_path):
    odd = planted_store(tmp_path / "store", videos=5, dim=8, specialists=())
    name = "<script>alert(1)</script> | *x* [y](z).mp4"
    videos = odd.query("FROM videos").to_pylist()
    odd.commit({}, {"videos": [row["video_id"] for row in videos]})
    from store.schema import TABLES

    odd.commit({"videos": pa.Table.from_pylist([row | {"name": name} for row in videos], schema=TABLES["videos"].arrow)})
    for format_ in ("html", "md"):
        REPORTS["sensitivity"].write(odd, Request(where="name <> '<b>'"), tmp_path / f"report.{format_}")
    text = (tmp_path / "report.html").read_text()
    assert "<script" not in text and "<b>" not in text and "&lt;script&gt;" in text
    assert "<script" not in (tmp_path / "report.md").read_text().replace("\\<script", "")
    odd.close()


def test_two_shifts_side_by_side(tmp_path):
    both = planted_store(tmp_path / "store", videos=12, dim=32, specialists=(3, 8), context=2)
    add_planted(both, Planted(videos=12, dim=32, specialists=(3, 9), shift=2, shared=18, context=1, seed=0))
    a = find(both, Request(shift=1))
    b = find(both, a.request.other("shift=2"))
    blocks = list(comparison.sections(a, b, "shift=2"))
    rows = {row["what"]: row for row in next(block.rows for block in blocks if isinstance(block, Table)).to_pylist()}
    assert (
        rows["shared slices"] == {"what": "shared slices", "a": "19", "b": "18"}
        and rows["specialists"]["a"] == rows["specialists"]["b"] == "2"
    )
    assert (rows["context from the first slice"]["a"], rows["context from the first slice"]["b"]) == (
        "2 slices, 4 frames, 0.16 s",
        "1 slice, 2 frames, 0.08 s",
    )
    common = len(set(a.ranking.order[:4].tolist()) & set(b.ranking.order[:4].tolist()))
    assert any(f"have {common} in common; 0.5 would be by chance" in block.markdown for block in blocks if isinstance(block, Text))
    path = tmp_path / "both.html"
    result = CliRunner().invoke(
        front_door.main, ["report", "sensitivity", "--store", str(both.root), "-o", str(path), "--shift", "1", "--compare", "shift=2"]
    )
    assert result.exit_code == 0, result.output
    text = path.read_text()
    assert len(text) < BIG and all(f'id="{anchor}"' in text for anchor in ("comparison", "a_curve", "b_curve"))
    both.close()


def test_the_command_refuses_in_one_sentence(store, tmp_path):
    for arguments, words in (
        (["sensitivities", "-o", tmp_path / "x.html"], "the reports are sensitivity"),
        (["sensitivity", "-o", tmp_path / "x.pdf"], ".html, .md, .parquet"),
        (["sensitivity", "-o", tmp_path / "none" / "x.md"], "is no folder"),
        (["sensitivity", "-o", tmp_path / "x.md", "--compare", "colour=red"], "encoder=VALUE"),
        (["sensitivity", "-o", tmp_path / "x.md", "--encoder", "other"], "no pairs of encoder other"),
    ):
        result = CliRunner().invoke(front_door.main, ["report", *map(str, arguments), "--store", str(store.root)])
        assert result.exit_code == 2 and words in result.output, result.output
    assert list(tmp_path.iterdir()) == []


def test_a_report_loads_neither_torch_nor_streamlit(store, tmp_path):
    code = (
        f"import sys; sys.argv = ['tubelet', 'report', 'sensitivity', '--store', {str(store.root)!r}, '-o', {str(tmp_path / 'x.html')!r}]\n"
        "import json, tubelet\ntry: tubelet.main()\nexcept SystemExit: pass\nprint(json.dumps(sorted(sys.modules)))"
    )
    listed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    assert not {"torch", "transformers", "streamlit", "av", "sklearn", "umap"} & set(json.loads(listed))


def test_a_raster_has_a_pixel_a_cell_and_the_ends_of_its_colours():
    import io

    from PIL import Image

    raster = Raster(np.array([[0.0, 1.0, np.nan], [0.5, 2.0, -1.0]]), "x", "y", "unit", 0.0, 1.0)
    image = Image.open(io.BytesIO(raster.png)).convert("RGB")
    assert image.size == (3, 2)
    assert image.getpixel((0, 0)) == image.getpixel((2, 1)) == (244, 247, 249) and image.getpixel((1, 0)) == image.getpixel((1, 1)) == (
        11,
        26,
        51,
    )
    cells, step = reduced(np.arange(1001.0 * 1001).reshape(1001, 1001))
    assert step == 3 and cells.shape == (334, 334) and cells[0, 0] == np.arange(3).mean() + 1001


def test_a_store_that_is_damaged_is_a_sentence(tmp_path):
    with pytest.raises(StoreError):
        find(Store(Path(tmp_path / "nowhere")), Request())
