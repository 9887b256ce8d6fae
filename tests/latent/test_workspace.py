"""One object keeps what is fitted over a store: each thing once for all threads, the same until the corpus has grown, and no more than stated."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import numpy as np
import pytest

from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.latent import colorings
from tubelet.latent.colorings import Coloring
from tubelet.latent.errors import LatentError
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.memo import Memo
from tubelet.latent.workspace import Workspace
from tubelet.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("workspace") / "store", videos=3, clips=2)
    yield made
    made.close()


def encoder_of(store: Store) -> str:
    return store.rows("FROM encoders")[0]["encoder_id"]


def test_a_result_is_made_once_for_all_threads_and_others_are_not_held_up() -> None:
    memo, made, start, going = Memo(3), [], Barrier(8), Event()

    def make() -> int:
        made.append(1)
        assert going.wait(20)
        return 7

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(lambda: (start.wait(20), memo.get("slow", make))[1]) for _ in range(8)]
        assert memo.get("other", lambda: 1) == 1
        going.set()
        assert [one.result(20) for one in asked] == [7] * 8
    assert len(made) == 1


def test_what_was_asked_for_longest_ago_goes_first_and_an_error_is_not_kept() -> None:
    memo, made = Memo(2), []
    for key in "abacab":
        memo.get(key, lambda key=key: made.append(key))
    assert made == ["a", "b", "c", "b"] and len(memo) == 2
    with pytest.raises(ZeroDivisionError):
        memo.get("x", lambda: 1 / 0)
    assert memo.get("x", lambda: 5) == 5


def test_bases_sample_and_level_stay_until_the_corpus_has_grown_by_a_fifth(tmp_path: Path) -> None:
    store = synthetic_store(tmp_path / "store", videos=20, clips=1)
    workspace, encoder = Workspace(store), encoder_of(store)
    basis, sample = workspace.basis(encoder, Coloring("corpus")), workspace.sample(encoder)
    add_videos(store, Recipe(videos=1, clips=1), first=20)
    assert (
        workspace.basis(encoder, Coloring("corpus")) is basis
        and workspace.sample(encoder) is sample
    )
    assert workspace.find_basis(encoder, "corpus", basis.basis_id) is basis
    add_videos(store, Recipe(videos=10, clips=1), first=21)
    assert workspace.basis(encoder, Coloring("corpus")).basis_id != basis.basis_id
    for late in (
        lambda: workspace.find_basis(encoder, "corpus", basis.basis_id),
        lambda: workspace.find_sample(encoder, sample.sample_id),
    ):
        with pytest.raises(LatentError, match="reload the page"):
            late()
    store.close()


def test_colors_are_those_of_the_latent_room_and_nobody_can_change_them(store: Store) -> None:
    workspace, (clip, *_) = Workspace(store), store.rows("FROM clips ORDER BY clip_id")
    basis = workspace.basis(clip["encoder_id"], Coloring("corpus"))
    colors = workspace.clip_colors(clip["clip_id"], basis)
    assert (
        np.array_equal(colors, colorings.color_clip(store, clip["clip_id"], basis))
        and workspace.clip_colors(clip["clip_id"], basis) is colors
    )
    with pytest.raises(ValueError, match="read-only"):
        colors[0] = 0


def test_a_track_of_marks_on_a_clip_that_is_not_there_is_a_sentence(store: Store) -> None:
    (clip, *_) = store.rows("FROM clips")
    with pytest.raises(LatentError, match="holds no clip 00ff"):
        Workspace(store).track(clip["clip_id"], MarkedPatches("00ff", ((0, 0, 0),)))


def test_a_sampled_token_is_found_in_few_steps(store: Store) -> None:
    """From the route to the row: the modules of ours that are entered, each function once, before the store is asked."""
    workspace, encoder = Workspace(store), encoder_of(store)
    sample = workspace.sample(encoder)
    workspace.find_sampled(encoder, sample.sample_id, 5)
    entered: list[tuple[str, str]] = []

    def watch(frame, event: str, _argument: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if (
            event == "call"
            and module.startswith("tubelet.latent")
            and not frame.f_code.co_name.startswith("__")
        ):
            entered.append((module, frame.f_code.co_name))

    sys.setprofile(watch)
    try:
        token = workspace.find_sampled(encoder, sample.sample_id, 5)
    finally:
        sys.setprofile(None)
    clip_id, patch = sample.address(5)
    assert (token.clip["clip_id"], token.patch) == (clip_id, patch)
    (row,) = store.rows(
        "SELECT v.name, c.* FROM clips c JOIN videos v USING (video_id) WHERE clip_id = ?",
        [clip_id],
    )
    seconds = row["start_s"] + patch[0] * (row["stop_s"] - row["start_s"]) / row["slices"]
    assert token.video_name == row["name"] and token.seconds == pytest.approx(seconds)
    assert len(set(entered)) < 10 and {module for module, _ in entered} <= {
        f"tubelet.latent.{name}" for name in ("workspace", "memo", "sample")
    }, entered


def test_numbers_outside_the_sample_are_a_sentence(store: Store) -> None:
    workspace, encoder = Workspace(store), encoder_of(store)
    sample = workspace.sample(encoder)
    for number in (None, -1, len(sample)):
        with pytest.raises(LatentError, match=f"tokens 0 to {len(sample) - 1}"):
            workspace.find_sampled(encoder, sample.sample_id, number)
