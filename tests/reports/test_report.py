"""The findings of the sensitivity report on stores whose answers are known: what was planted is found, and the rest is said or refused."""

from pathlib import Path

import numpy as np
import pytest

from tests.planted import Planted, add_planted, planted_store
from tests.stores import synthetic_store
from tests.tiers import thin
from tests.videos import make_folder
from tubelet.ingest.job import Job
from tubelet.reports.blocks import Code, Picture, Table, Text
from tubelet.reports.catalogue import REPORTS, sensitivity_blocks
from tubelet.reports.errors import ManySettings, NoPairs, ReportError
from tubelet.reports.sensitivity import narrative
from tubelet.reports.sensitivity.findings import find
from tubelet.reports.sensitivity.request import SensitivityOptions, SensitivityRequest
from tubelet.store import Store, StoreError
from tubelet.store.errors import NoVideos, QueryError


@pytest.fixture(scope="module")
def store(planted_everything):
    return planted_everything


@pytest.fixture(scope="module")
def found(store):
    return find(store, SensitivityRequest())


def test_what_was_planted_is_found(found):
    assert sorted(found.ranking.specialists) == [3, 17, 40]
    assert found.relative.reach == (2, 2) and found.relative.u_shaped
    assert np.isnan(found.ranking.relative.value[9]) and found.ranking.order[-1] == 9
    assert [
        found.videos["name"][o.video].as_py()
        for o in found.outliers
        if o.how == "other dimensions react"
    ] == ["video-00005.mp4"]
    assert (
        found.controls["repeated"].largest == 0
        and found.controls["disjoint"].relative > found.relative.edge
    )
    assert found.settling.overlap[-1] == 1 and found.consistency.w > 0.05


def test_the_middle_of_the_frame_reacts_least_as_planted(found):
    l2 = {(row["y"], row["x"]): row["l2"] for row in found.frame.to_pylist()}
    assert len(l2) == 16 and max(l2[y, x] for y in (1, 2) for x in (1, 2)) < min(
        l2[0, x] for x in range(4)
    )


def test_no_structure_no_findings(tmp_path):
    flat = planted_store(tmp_path / "store", videos=30, dim=64, specialists=(), flat=True)
    found = find(flat, SensitivityRequest())
    assert (
        not found.ranking.specialists
        and not found.relative.u_shaped
        and abs(found.consistency.pairwise) < 0.02
    )
    assert "**no dimension** reacts" in narrative.answer(
        found
    ) and "not reliably U-shaped" in narrative.answer(found)
    flat.close()


def test_a_dimension_constant_everywhere_is_reported_and_never_divided_by(found):
    assert "Constant, so without relative values: 9." in narrative.constants(found)
    assert found.dims.to_pylist()[-1]["relative"] is None


@pytest.mark.parametrize("videos", thin([4, 1, 2]))
def test_few_videos_say_what_cannot_be_concluded(videos, tmp_path):
    few = planted_store(tmp_path / "store", videos=videos, dim=16, specialists=(2,), shared=5)
    found = find(few, SensitivityRequest())
    blocks = list(sensitivity_blocks(few, found))
    said = " ".join(block.markdown for block in blocks if isinstance(block, Text))
    assert (
        "one video says" if videos == 1 else f"{videos} videos say"
    ) in said and "nothing about others" in said
    names = {block.name for block in blocks if isinstance(block, Picture | Table)}
    assert not {"settling", "agreement_matrix", "agreement", "share", "outliers"} & names
    columns = next(
        block.columns for block in blocks if isinstance(block, Table) and block.name == "dimensions"
    )
    assert not {"low", "high", "kind", "share", "p", "q"} & {column.name for column in columns}
    rows = next(
        block.rows for block in blocks if isinstance(block, Table) and block.name == "dimensions"
    )
    assert rows["low"].null_count == 16 and not found.ranking.specialists
    assert not any(isinstance(block, Code) and "Specialists" in block.label for block in blocks)
    few.close()


@pytest.mark.parametrize("shared", thin([1, 2, 3]))
def test_few_shared_slices_have_no_curve_to_judge(shared, tmp_path):
    few = planted_store(tmp_path / "store", videos=6, dim=16, specialists=(2,), shared=shared)
    said = " ".join(
        block.markdown
        for block in REPORTS["sensitivity"].blocks(few, SensitivityOptions())
        if isinstance(block, Text)
    )
    assert ("no edges to compare" in said) == (shared < 3)
    few.close()


@pytest.mark.long
def test_dimensions_that_never_vary_at_all_break_nothing(tmp_path):
    dead = planted_store(
        tmp_path / "store", videos=6, dim=8, specialists=(), constant=tuple(range(8))
    )
    found = find(dead, SensitivityRequest())
    assert np.isnan(found.ranking.relative.value).all() and not found.ranking.specialists
    for format_ in ("html", "md", "parquet"):
        REPORTS["sensitivity"].write(dead, SensitivityOptions(), tmp_path / f"report.{format_}")
    dead.close()


@pytest.mark.long
def test_an_encoder_that_sees_one_slice_at_a_time_reacts_nowhere_and_breaks_nothing(tmp_path):
    job = Job.of(
        paths=[str(make_folder(tmp_path / "videos", 6, frames=12))],
        encoder="toy",
        size="64",
        frames=8,
    )
    job.run(str(tmp_path / "store")).execute(job.sources)
    still = Store(tmp_path / "store")
    found = find(still, SensitivityRequest())
    assert found.count == 6 and not np.nan_to_num(found.ranking.relative.value).any()
    assert (
        "**no dimension** reacts: at the window's edges" in narrative.answer(found)
        and found.consistency is None
    )
    for format_ in ("html", "md", "parquet"):
        REPORTS["sensitivity"].write(still, SensitivityOptions(), tmp_path / f"report.{format_}")
    assert "patches; no patch differs." in (tmp_path / "report.md").read_text()
    still.close()


def test_a_store_without_pairs_says_which_command_makes_them(tmp_path):
    empty = synthetic_store(tmp_path / "store", videos=1)
    with pytest.raises(NoPairs, match="--pairs 1 --shift 1.*tubelet pairs --store .* --shift 1"):
        find(empty, SensitivityRequest())
    empty.close()


def test_requests_that_fit_nothing_are_refused_in_a_sentence(store):
    with pytest.raises(ReportError, match="shift 7 are in .*; there are pairs of: toy, "):
        find(store, SensitivityRequest(shift=7))
    with pytest.raises(NoVideos, match="matches no video"):
        find(store, SensitivityRequest(where="label = 'nothing'"))
    with pytest.raises(QueryError, match="labl"):
        find(store, SensitivityRequest(where="labl = 'cooking'"))
    for attack in (
        "1 = 1); DROP VIEW videos; --",
        "video_id IN (SELECT content FROM read_text('/etc/passwd'))",
    ):
        with pytest.raises(QueryError):
            find(store, SensitivityRequest(where=attack))
    with pytest.raises(ReportError, match="--top"):
        SensitivityRequest(top=0)


def test_a_condition_chooses_the_videos(store):
    found = find(store, SensitivityRequest(where="label = 'cooking' OR label IS NULL"))
    assert found.count == 20 and set(found.videos["label"].to_pylist()) == {"cooking", None}
    assert "WHERE (\nlabel = 'cooking' OR label IS NULL\n)" in found.questions["dimensions"].text


def test_settings_are_not_mixed_unasked(tmp_path):
    """The same videos measured from live tensors and from files."""
    two = planted_store(tmp_path / "store", videos=6, dim=16, specialists=(2,))
    add_planted(two, Planted(videos=4, dim=16, specialists=(2,), source="stored", side=8))
    with pytest.raises(
        ManySettings,
        match=r"made in 2 ways.*\n  --setting 'step 1, crop 64 x 64, float32, live'  \(6 videos\)\n  --setting .*stored",
    ) as refused:
        find(two, SensitivityRequest())
    found = find(two, SensitivityRequest(setting=refused.value.settings[1]))
    assert found.count == 4 and found.foundations.source == "stored"
    mixed = find(two, SensitivityRequest(mix=True))
    assert mixed.count == 6 and mixed.foundations.pairs == 10 and len(mixed.settings) == 2
    said = narrative.subject(mixed)
    assert (
        "2 settings mixed" in said and mixed.request.encoder not in said and len(mixed.frame) == 16
    )
    two.close()


def test_a_store_that_is_damaged_is_a_sentence(tmp_path):
    with pytest.raises(StoreError):
        find(Store(Path(tmp_path / "nowhere")), SensitivityRequest())
