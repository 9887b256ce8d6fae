"""The page Masking: what is asked for is what runs, a kept run is found by its address, and one color means the same in every row."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.dashboard.test_dashboard import open_page, stands, text
from tests.planted_maskings import plant_masking
from tests.stores import synthetic_store
from tubelet.cli.prediction import mask
from tubelet.dashboard.masking import pictures, results, running
from tubelet.dashboard.masking.request import COMPARED, MaskRequest
from tubelet.store import Store
from tubelet.store.jobs.recording import Recording
from tubelet.store.jobs.state import LOG
from tubelet.store.questions import clips, maskings
from tubelet.store.questions.rows import KeptMasking
from tubelet.store.rows import ClipRow, NamedClip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("masking") / "store", videos=2, clips=2)
    clip = find_clip(made)
    for kind in COMPARED:
        plant_masking(made, clip, kind)
    plant_masking(made, clip, "painted", "0.0.1,1.1.0")
    yield made
    made.close()


def find_clip(store: Store) -> ClipRow:
    found = (
        "SELECT c.* FROM clips c JOIN videos USING (video_id) ORDER BY name, first_frame LIMIT 1"
    )
    return ClipRow.of(store.rows(found)[0])


def kept_runs(store: Store) -> list[KeptMasking]:
    question = maskings.maskings_of_clip(find_clip(store).clip_id)
    return [KeptMasking.of(row) for row in question.answer(store).to_pylist()]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            MaskRequest(kinds=("tube",), percent=60, seed=3),
            {"mask": "tube", "ratio": 0.6, "seed": 3},
        ),
        (MaskRequest(kinds=COMPARED, percent=7), {"mask": "tube,random", "ratio": 0.07, "seed": 0}),
        (
            MaskRequest(kinds=("every-other",), percent=60, seed=3),
            {"mask": "every-other", "ratio": None, "seed": 0},
        ),
        (MaskRequest(kinds=("multi-block",), seed=2), {"ratio": None, "seed": 2}),
        (MaskRequest(kinds=("painted",), paint="1.2.3", until=4), {"paint": "1.2.3", "until": 4}),
    ],
)
def test_what_is_asked_for_is_what_the_command_is_told(asked: MaskRequest, said: dict) -> None:
    name, *words = asked.words("/tmp/a store", "ab12")
    told = mask.make_context(name, words).params
    assert name == "mask" and {**told, "store": "/tmp/a store", "clip": "ab12", **said} == told


def test_a_kept_run_is_found_by_what_was_asked_for_and_asks_for_itself(store: Store) -> None:
    kept = kept_runs(store)
    assert {row.mask_kind for row in kept} == {"tube", "random", "painted"}
    for row in kept:
        assert MaskRequest.of(row).find(kept) == {row.mask_kind: row}
    assert list(MaskRequest(kinds=COMPARED).find(kept)) == ["tube", "random"]
    for other in (MaskRequest(kinds=("tube",), percent=74), MaskRequest(kinds=("tube",), seed=1), MaskRequest(kinds=("future",), percent=50)):  # fmt: skip
        assert other.find(kept) == {}
    painted = MaskRequest(kinds=("painted",), paint="1.1.0, 0.0.1")
    assert painted.find(kept) and not replace(painted, until=1).find(kept)


@pytest.mark.parametrize("paint, said", [("", "Nothing is painted yet"), ("1.2", "cannot be read")])
def test_a_painted_mask_that_cannot_run_says_why(paint: str, said: str) -> None:
    asked = MaskRequest(kinds=("painted",), paint=paint)
    assert said in asked.wrong and not MaskRequest(kinds=("tube",), paint=paint).wrong


def test_one_color_means_the_same_in_every_row_and_errors_are_of_hidden_tokens(
    store: Store,
) -> None:
    clip = find_clip(store)
    named = NamedClip.of(clips.clip_of_video(clip.clip_id).answer(store).to_pylist()[0])
    tokens = maskings.masked_window(clip.clip_id, f"tube-{clip.clip_id}").answer(store)
    grid = pictures.MaskedGrid.of(tokens, named)
    assert np.array_equal(grid.shown, grid.own) and grid.own.min() == 0 and grid.own.max() == 255
    places = np.indices(clip.positions)
    assert np.array_equal(grid.hidden, (places[1] + places[2]) % 2 == 1)
    for errors in grid.errors.values():
        assert np.array_equal(np.isnan(errors), ~grid.hidden)
    assert grid.largest == 1.0
    drawn = pictures.render_window(store, named, grid, grid.largest)
    assert drawn.count('role="group"') == 7 and "Error of the prediction, 0 to 1" in drawn


def test_the_page_shows_a_kept_run_at_its_address_and_the_command_for_another(store: Store) -> None:
    clip = find_clip(store)
    test = open_page("masking", store, clip=clip.clip_id, mask="tube")
    assert not test.exception and stands(test, "video") == clip.video_id
    shown = text(test)
    assert "prediction errs 0.500, 1.25 times as much as copying the nearest seen token" in shown
    assert "0.50 times as much as the mean of the seen tokens: worse than copying" in shown
    assert "not run on this window" not in shown and "FROM masking_projections" in shown
    other = open_page("masking", store, clip=clip.clip_id, mask="tube", **{"mask-percent": "40"})
    assert "not run on this window yet" in text(other)
    assert f"--clip={clip.clip_id} --mask=tube --ratio=0.4 --seed=0" in text(other)


def test_an_encoder_without_a_predictor_is_told_so_and_offered_no_command(tmp_path) -> None:
    made = synthetic_store(tmp_path / "store", videos=1)
    shown = text(open_page("masking", made))
    assert "toy (untrained) has no predictor" in shown and "tubelet mask" not in shown
    assert f"tubelet ingest FOLDER --encoder vjepa2.1-tiny --store {made.shell_name}" in shown
    made.close()


def test_tubes_stand_beside_random_tokens_after_one_click(store: Store) -> None:
    test = open_page("masking", store, clip=find_clip(store).clip_id, mask="future")
    test = next(one for one in test.button if one.label.startswith("Compare tubes")).click().run()
    assert not test.exception and stands(test, "mask-compare") == "true"
    shown = text(test)
    assert "copying errs **1.60 times** as much under tubes, and the prediction **1.00 times**" in shown  # fmt: skip
    test = next(one for one in test.button if one.label.startswith("Show painted")).click().run()
    assert stands(test, "mask") == "painted" and stands(test, "mask-paint") == "0.0.1,1.1.0"
    assert not stands(test, "mask-compare") and "**painted**:" in text(test)


@pytest.mark.parametrize(
    ("code", "said", "printed", "shown"),
    [
        (1, "", "0 maskings predicted\na.mp4: /films/a.mp4 is gone: bring it back\n", "a.mp4 is gone"),
        (2, "toy has no predictor, so nothing can be predicted with it", "", "toy has no predictor"),
        (137, "", "", "failed"),
    ],
)  # fmt: skip
def test_a_run_that_failed_says_why(
    store: Store, code: int, said: str, printed: str, shown: str
) -> None:
    job = Recording(store.root, ["mask"])
    assert job.begin() and job.folder
    job_id = job.folder.name
    (job.folder / LOG).write_text(printed)
    job.end(code, said)
    test = open_page("masking", store, clip=find_clip(store).clip_id, mask="future")
    test.session_state[running.JOB] = job_id
    test = test.run()
    (error,) = test.error
    assert error.value.startswith("The mask was not run: ") and shown in error.value
    assert running.JOB not in test.session_state


def test_a_window_that_is_gone_is_named(store: Store) -> None:
    test = open_page("masking", store, clip="ab" * 16)
    assert (not test.exception and "no window" in text(test)) or "no clip" in text(test)


def test_runs_are_judged_against_both_guesses() -> None:
    row = {"masking_id": "m", "mask_kind": "tube", "mask_ratio": 0.75, "seed": 0, "painted": None, "seen_tokens": 1, "hidden_tokens": 3, "measured_at": None}  # fmt: skip
    good = KeptMasking(**row, l1=0.1, near_l1=0.2, mean_l1=0.4, l1_over_near=0.5, l1_over_mean=0.25)
    assert results.describe_run(good).endswith("tokens: better than both.")
    still = replace(good, near_l1=0.0, l1_over_near=None)
    assert "nearest" not in results.describe_run(still)
    assert results.compare_runs({"tube": good}) == ""
    assert results.compare_runs({"tube": good, "random": still}) == ""
