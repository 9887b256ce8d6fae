"""Transition models: they reach the known optimum of planted dynamics, explain nothing where nothing can be known, and never see a test video."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from tests.commands import run_here
from tests.planted_probes import label, video_ids
from tests.planted_tokens import plant_tokens
from tests.planted_transitions import (
    DIM,
    add_pictures,
    known_optimum,
    plant_linear,
    plant_still,
    plant_walk,
    transition_store,
)
from tubelet.latent.transition.figures import TransitionFigures, summarize
from tubelet.store import Store
from tubelet.store.disk import removal
from tubelet.store.disk.integrity import check, repair
from tubelet.store.errors import StoreError
from tubelet.store.questions.model_rows import TransitionScore
from tubelet.store.questions.transitions import transition_scores
from tubelet.store.schema import ENCODERS
from tubelet.training.fitting.errors import FitError
from tubelet.training.fitting.memory import explain_memory
from tubelet.training.fitting.pixels import PixelSequences, cut_patches, join_patches
from tubelet.training.fitting.split import split_videos
from tubelet.training.fitting.tokens import StretchOptions, TokenSequences, find_places
from tubelet.training.transition.measuring import list_places
from tubelet.training.transition.network import NetworkShape, SliceTransformer, roll_out
from tubelet.training.transition.options import TransitionOptions
from tubelet.training.transition.rows import load_transition
from tubelet.training.transition.run import TransitionRun, fit_transitions
from tubelet.training.transition.summary import TransitionSummary

SMALL = TransitionOptions(width=16, depth=1, steps=160, rate=6e-3, batch=16, horizons=3, device="cpu")  # fmt: skip
SHORT = TransitionOptions(width=8, depth=1, steps=1, horizons=2, device="cpu")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = transition_store(tmp_path_factory.mktemp("transition") / "store")
    plant_linear(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def linear(store):
    """The run on linear dynamics."""
    return fit_transitions(store, ["linear"], SMALL)


def figures(store: Store, run: TransitionRun) -> dict[tuple[str | None, int], TransitionFigures]:
    """By control and horizon."""
    found = summarize(transition_scores(run.run_id).read(store, TransitionScore))
    return {(one.control, one.horizon): one for one in found}


@pytest.mark.long
def test_linear_dynamics_are_predicted_within_5_percent_of_the_optimum(store, linear) -> None:
    """The optimum: the matrix that made them."""
    found = figures(store, linear)
    (encoder,) = {one.encoder_id for one in found.values()}
    optimum = known_optimum(store, encoder, list(linear.split.test))
    assert optimum > 0.8
    reached = found[None, 1]
    assert reached.explained.value >= 0.95 * optimum
    assert reached.explained.low < reached.explained.value < reached.explained.high
    assert reached.rank_within.mean < 0.05 < reached.copy_rank_within.mean
    assert found[None, 3].explained.value > 0.8  # of rollouts, too
    assert {horizon for _, horizon in found} == {1, 2, 3}


def test_shuffled_time_destroys_it(store, linear) -> None:
    """The same slices without their order: worse than a copy in the true order, and the true slice is one among others."""
    found = figures(store, linear)["shuffled", 1]
    assert found.explained.value < 0
    assert 0.35 < found.rank_within.mean < 0.65
    assert found.mean_explained == figures(store, linear)[None, 1].mean_explained


@pytest.mark.long
def test_where_a_copy_is_the_best_guess_nothing_is_explained(tmp_path) -> None:
    made = transition_store(tmp_path / "store", videos=12)
    plant_walk(made)
    run = fit_transitions(made, ["walk"], SMALL)
    found = figures(made, run)[None, 1].explained
    assert abs(found.value) < 0.03
    with np.errstate(invalid="ignore"):  # of statistics of tokens that never change
        plant_still(made)
    still = fit_transitions(made, ["still"], replace(SMALL, steps=10, seed=1))
    assert np.isnan(figures(made, still)[None, 1].explained.value)
    rows = made.rows("SELECT DISTINCT squared_error, copy_error, explained FROM transition_scores s JOIN transitions t USING (transition_id) WHERE t.run_id = $1 AND control IS NULL", [still.run_id])  # fmt: skip
    assert rows == [{"squared_error": 0, "copy_error": 0, "explained": None}]
    assert any("nothing to explain: a copy has no error" in line for line in TransitionSummary.of(made, still).lines())  # fmt: skip
    made.close()


def test_a_rerun_fits_nothing_and_the_file_holds_the_model(store, linear) -> None:
    again = fit_transitions(store, ["linear"], SMALL)
    assert (again.fitted, sorted(again.kept)) == ([], sorted(linear.fitted))
    (row,) = store.rows("SELECT * FROM transitions WHERE control IS NULL")
    network, scaling = load_transition(store, row["transition_id"])
    assert sum(p.numel() for p in network.parameters()) == row["network_parameters"]
    (clip,) = store.rows("SELECT clip_id, video_id FROM clips JOIN videos USING (video_id) WHERE encoder_id = $1 AND video_id = $2", [row["encoder_id"], linear.split.test[0]])  # fmt: skip
    tokens = scaling.scale(torch.from_numpy(store.grid(clip["clip_id"])).float())[None]
    with torch.no_grad():
        predicted = network(tokens[:, :8])[:, 1:]
    error = float((predicted - tokens[:, 2:9]).square().mean())
    (kept,) = store.rows("SELECT squared_error, copy_error FROM transition_scores WHERE transition_id = $1 AND video_id = $2 AND horizon = 1", [row["transition_id"], clip["video_id"]])  # fmt: skip
    assert (
        error == pytest.approx(kept["squared_error"], rel=0.3) and error < 0.5 * kept["copy_error"]
    )
    with pytest.raises(StoreError, match='holds no transition nowhere: list them with `tubelet sql "FROM transitions"'):  # fmt: skip
        load_transition(store, "nowhere")


@pytest.mark.long
def test_weights_are_checked_and_go_with_their_row(tmp_path) -> None:
    made = transition_store(tmp_path / "store", videos=4)
    plant_linear(made)
    fit_transitions(made, ["linear"], SHORT)
    assert list(check(made)) == []
    first, second = sorted((made.root / "models").iterdir())
    first.write_bytes(first.read_bytes()[:-1] + b"\0\0")
    orphan = made.root / "models" / "nobody.safetensors"
    orphan.write_bytes(b"x")
    problems = list(check(made))
    said = " ".join(map(str, problems))
    assert "its file of weights has changed" in said and "weights that no fitted model refers to" in said  # fmt: skip
    with pytest.raises(StoreError, match="is missing or has changed"):
        load_transition(made, first.stem)
    repair(made, problems)
    assert list(check(made)) == [] and list((made.root / "models").iterdir()) == [second]
    assert made.rows("SELECT transition_id FROM transitions") == [{"transition_id": second.stem}]
    removal.remove(made, removal.choose(made, "transitions", [second.stem], None))
    assert list((made.root / "models").iterdir()) == []
    assert made.rows("FROM transition_scores") == []
    fit_transitions(made, ["linear"], SHORT)
    removal.remove(made, removal.choose(made, "encoders", ["linear"], None))
    assert made.rows("FROM transitions") == []
    assert list((made.root / "models").iterdir()) == []
    made.close()


def test_a_prediction_sees_no_later_slice_and_a_rollout_sees_what_it_predicted() -> None:
    torch.manual_seed(0)
    network = SliceTransformer(
        NetworkShape(dim=3, width=8, depth=2, heads=2, block=4, side=2)
    ).eval()
    torch.nn.init.normal_(network.head.weight)
    tokens = torch.randn(2, 4, 2, 1, 3)
    changed = tokens.clone()
    changed[:, 2:] += 1
    with torch.no_grad():
        torch.testing.assert_close(network(tokens)[:, :2], network(changed)[:, :2])
        assert not torch.allclose(network(tokens)[:, 2], network(changed)[:, 2])
        one, two = roll_out(network, tokens, 2)
        torch.testing.assert_close(one, network(tokens)[:, -1])
        grown = torch.cat([tokens[:, 1:], one[:, None]], 1)
        torch.testing.assert_close(two, network(grown)[:, -1])


def test_an_unfitted_network_is_a_copy() -> None:
    network = SliceTransformer(NetworkShape(dim=3, width=8, depth=1, heads=1, block=4, side=2))
    tokens = torch.randn(2, 3, 2, 2, 3)
    torch.testing.assert_close(network(tokens), tokens)


def test_batches_hold_no_more_than_they_are_told(store) -> None:
    ((place, slices),) = find_places(store, ["linear"])
    clips = TokenSequences.of(store, place, side=1)
    batches = list(
        StretchOptions(3, 5, torch.device("cpu")).read(clips, range(7), np.random.default_rng(0))
    )
    assert slices == 12 and {tuple(batch.tokens.shape[1:]) for batch in batches} == {(5, 1, 1, DIM)}
    assert sorted(len(batch.tokens) for batch in batches) == [1, 3, 3]
    for batch in batches:
        for tokens, one in zip(batch.tokens, batch.stretches):
            whole = store.grid(clips.clips[one.number].clip_id).astype(np.float32)
            wanted = whole[one.first : one.first + 5].mean((1, 2))
            np.testing.assert_allclose(tokens[:, 0, 0], wanted, atol=1e-3)
    shuffled = next(iter(StretchOptions(1, 12, torch.device("cpu"), True).read(clips, [0]))).tokens[
        0, :, 0, 0
    ]
    straight = clips.read(0, 0, 12)[:, 0, 0]
    assert not torch.equal(shuffled, straight)
    assert sorted(shuffled[:, 0].tolist()) == sorted(straight[:, 0].tolist())


@pytest.mark.parametrize(("slices", "places"), [(2, [0]), (3, [1]), (5, [1, 2, 3]), (40, [1, 6, 11, 16, 22, 27, 32, 38])])  # fmt: skip
def test_rollouts_start_all_over_a_clip(slices, places) -> None:
    found = list(list_places(slices))
    assert found[0] == places[0] and found[-1] == places[-1] and len(found) == len(places)


def test_groups_stay_together_and_a_split_is_obeyed(tmp_path) -> None:
    made = transition_store(tmp_path / "store", videos=12)
    videos = video_ids(made)
    label(made, "group", {video: f"g{number // 3}" for number, video in enumerate(videos)})
    split = split_videos(made, videos, 0.25, 0)
    sides = [{number // 3 for number, v in enumerate(videos) if v in part} for part in (split.learn, split.held, split.test)]  # fmt: skip
    assert sorted(split.train + split.test) == videos and not split.obeyed
    assert all(sides) and sum(map(len, sides)) == 4  # no group on two sides
    label(made, "split", {v: "test" if n < 6 else "train" for n, v in enumerate(videos)})
    obeyed = split_videos(made, videos, 0.25, 0)
    assert obeyed.obeyed and obeyed.test == tuple(videos[:6]) and set(obeyed.train) == set(videos[6:])  # fmt: skip
    label(made, "group", {video: video for video in videos}, source="own")
    with pytest.raises(FitError, match="no video with tokens has the value 'test' of the label `split`"):  # fmt: skip
        split_videos(made, videos[6:], 0.25, 0)
    made.close()


def test_what_cannot_be_fitted_is_a_sentence(tmp_path) -> None:
    made = transition_store(tmp_path / "store", videos=4)
    flat = plant_tokens(made, "flat", [np.ones((1, 2, 2, 4)) * n + np.arange(4) for n in range(4)])
    with pytest.raises(FitError, match=f"the windows of {flat} have only one slice each"):  # fmt: skip
        fit_transitions(made, ["flat"], SHORT)
    with pytest.raises(FitError, match=r"no clip of toy-\w+ keeps its tokens"):
        fit_transitions(made, ["toy"], SHORT)
    grids = [np.random.default_rng(n).standard_normal((4, 2, 2, 4)) for n in range(4)]
    grids[2][1, 0, 0, 1] = np.nan
    with np.errstate(all="ignore"):
        plant_tokens(made, "holes", grids)
    with pytest.raises(FitError, match=r"the clip \w+ has tokens that are not finite: run `tubelet check`"):  # fmt: skip
        fit_transitions(made, ["holes"], SHORT)
    plant_linear(made)
    with pytest.raises(FitError, match="2 videos are too few: 3 are needed"):
        ids = video_ids(made)[:2]
        fit_transitions(made, ["linear"], TransitionOptions(device="cpu", where=f"video_id IN ('{ids[0]}', '{ids[1]}')"))  # fmt: skip
    label(made, "group", dict.fromkeys(video_ids(made), "one"))
    with pytest.raises(FitError, match="4 videos in 1 group are too few"):
        fit_transitions(made, ["linear"], SHORT)
    assert made.rows("FROM transitions") == [] and not (made.root / "models").exists()
    made.close()


def test_encoders_that_share_no_video_are_refused(tmp_path) -> None:
    made = transition_store(tmp_path / "store", videos=4)
    grids = [np.random.default_rng(n).standard_normal((4, 2, 2, 4)) for n in range(4)]
    ids = [plant_tokens(made, name, grids) for name in ("one", "other")]
    clips = made.rows("SELECT clip_id FROM clips WHERE encoder_id = $1 OR encoder_id = $2 ORDER BY encoder_id, video_id", ids)  # fmt: skip
    halves = [clip["clip_id"] for clip in clips[:2] + clips[6:]]
    removal.remove(made, removal.choose(made, "clips", halves, None))
    with pytest.raises(FitError, match="the encoders share no video with a window of two slices"):
        fit_transitions(made, ["one", "other"], SHORT)
    made.close()


def test_pixels_and_untrained_networks_stand_beside(tmp_path) -> None:
    """The pixels are those of the slice pictures, averaged to tokens; both are controls of the same videos."""
    made = transition_store(tmp_path / "store", videos=4)
    encoder = plant_linear(made)
    plant_linear(made, "random")
    (row,) = made.rows("FROM encoders WHERE name = 'random'")
    row["weights_source"] = "untrained: drawn"
    made.commit({"encoders": pa.Table.from_pylist([row], ENCODERS.arrow)}, {"encoders": [row["encoder_id"]]})  # fmt: skip
    fit_transitions(made, ["linear"], SHORT)
    held = made.rows("SELECT control, encoder_id FROM transitions ORDER BY ALL NULLS FIRST")
    assert held == [{"control": None, "encoder_id": encoder}, {"control": "shuffled", "encoder_id": encoder}, {"control": "untrained", "encoder_id": row["encoder_id"]}]  # fmt: skip
    add_pictures(made, encoder)
    again = fit_transitions(made, ["linear"], SHORT)
    assert len(again.fitted) == 1 and len(again.kept) == 3 and again.notes == []
    assert made.rows("SELECT encoder_id, embed_dim FROM transitions WHERE control = 'pixels'") == [{"encoder_id": None, "embed_dim": 48}]  # fmt: skip
    ((place, _),) = find_places(made, ["linear"])
    pixels = PixelSequences.of(made, TokenSequences.of(made, place, 8).clips)
    picture = join_patches(pixels.read(1, 2, 4), 4)
    assert picture.shape == (2, 8, 8, 3)
    assert picture[0, 0, 0, 0] == pytest.approx((40 + 8 * 1) / 255, abs=0.02)
    assert picture[0, 4].max() > picture[0, 0].max() + 0.1  # the square
    torch.testing.assert_close(cut_patches(picture, 4), pixels.read(1, 2, 4))
    made.close()


def test_out_of_memory_says_what_takes_less() -> None:
    with pytest.raises(FitError, match="memory ran out with 8 clips per step: use a smaller --batch, a smaller --side"), explain_memory(8, "a smaller --side"):  # fmt: skip
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(RuntimeError, match="other"), explain_memory(8, "a smaller --side"):
        raise RuntimeError("other")


@pytest.mark.long
def test_the_command_fits_and_prints(tmp_path) -> None:
    made = transition_store(tmp_path / "store", videos=4)
    plant_linear(made)
    made.close()
    done = run_here("transition", "fit", "--store", made.root, "--encoder", "linear", "--steps", 2, "--width", 8, "--device", "cpu")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "variance explained over copying the last slice" in done.stdout
    assert "fewer than 5 test videos, or groups of them: no interval" in done.stdout
    assert "2 models fitted; tables `transitions` and `transition_scores`" in done.stdout
    with pytest.raises(FitError, match="--block is 0: it must be 1 or more"):
        TransitionOptions(block=0)
