"""Determinism and rounding are two things: bf16 repeats itself bit by bit, and is far from fp32 all the same."""

import numpy as np
import pytest

from tests.videos import make_folder
from tubelet.dashboard.windows import page as windows
from tubelet.ingest.job import Job
from tubelet.reports.sensitivity import narrative
from tubelet.reports.sensitivity.findings import find
from tubelet.reports.sensitivity.request import SensitivityRequest
from tubelet.store import Store
from tubelet.store.pairs.stored import measure_stored
from tubelet.store.questions import pairs as pair_queries
from tubelet.store.questions.rows import ControlNoise


@pytest.fixture(scope="module")
def rounded(tmp_path_factory):
    """Three videos in bf16 with their pairs, and the same windows in fp32."""
    folder = tmp_path_factory.mktemp("rounding")
    videos, at = str(make_folder(folder / "videos", 3, frames=16)), str(folder / "store")
    for precision, pairs in (("bf16", "1"), ("fp32", "0")):
        job = Job.of(
            paths=[videos],
            encoder="vjepa2.1-untrained",
            size="64",
            frames=8,
            precision=precision,
            pairs=pairs,
            device="cpu",
        )
        job.run(at).execute(job.sources)
    made = Store(at)
    assert (
        "was not measured: ingest a few of the videos again with `--precision fp32`"
        in narrative.controls(find(made, SensitivityRequest()))
    )
    measure_stored(made)
    yield made
    made.close()


@pytest.mark.long
def test_one_window_in_two_precisions_is_a_pair_whose_numbers_are_those_of_the_grids(rounded):
    (pair,) = rounded.rows("FROM pairs WHERE kind = 'rounding' ORDER BY video_id LIMIT 1")
    assert (
        pair["precision"] == "bf16"
        and pair["shift"] == 0
        and pair["source"] == "stored"
        and pair["clip_a"] != pair["clip_b"]
    )
    a, b = (rounded.grid(pair[clip]).astype(np.float64) for clip in ("clip_a", "clip_b"))
    rows = rounded.rows(
        "SELECT shared_slice, relative FROM slice_sensitivity WHERE pair_id = ? ORDER BY shared_slice",
        [pair["pair_id"]],
    )
    std = np.concatenate([a, b]).reshape(-1, a.shape[-1]).std(0)
    expected = (np.abs(b - a).mean((1, 2)) / std).mean(1)
    assert [row["relative"] for row in rows] == pytest.approx(expected, rel=1e-3) and (
        expected > 1e-3
    ).all()


def test_bf16_is_deterministic_and_rounds(rounded):
    """That the same window twice gives the same numbers was called a noise floor of 0."""
    found = find(rounded, SensitivityRequest())
    assert (
        found.controls["repeated"]["largest"] == 0 and found.controls["rounding"]["relative"] > 1e-3
    )
    said = narrative.controls(found)
    assert (
        "the arithmetic is deterministic" in said
        and "Rounding to bf16 alone, against fp32 of the same window, is " in said
    )
    assert "noise floor is 0" not in said and said.count("noise floor") == 1
    (shifted,) = rounded.rows("FROM pairs WHERE kind = 'shifted' ORDER BY pair_id LIMIT 1")
    again, floor = (
        ControlNoise.of(ask(shifted["pair_id"]).answer(rounded).to_pylist()[0])
        for ask in (pair_queries.determinism, pair_queries.noise_floor)
    )
    assert "twice differs by at most 0 (" in windows.noise(again, floor, "bf16")
    assert floor.mean is not None and floor.mean > 0


def test_a_second_call_measures_nothing_again_and_fp32_has_no_floor_of_another_precision(rounded):
    assert measure_stored(rounded).measured == 0
    sql = "SELECT count(DISTINCT pair_id) AS n FROM pairs WHERE kind = 'rounding'"
    assert rounded.rows(sql)[0]["n"] == 3
