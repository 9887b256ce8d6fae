"""Surprise: predictions are Meta's, the context is all that is seen, errors are what a literal computation says, batches change nothing."""

import pytest
import torch
from torch.nn import functional as F

from tests.conftest import shared
from tests.golden.outputs import Prediction
from tests.golden.sets import Set
from tests.networks import ENCODERS, PREDICTORS, network
from tubelet.ingest import encoders
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.ingest.networks.vjepa import VARIANTS, Masks
from tubelet.ingest.prediction.contexts import PredictionTask, SurpriseMeter, list_tasks
from tubelet.ingest.prediction.controls import PixelControls
from tubelet.ingest.prediction.networks import EncoderWithPredictor
from tubelet.ingest.vjepa_encoder import VJEPAEncoder

CPU = torch.device("cpu")
GENERATIONS = {"1": "1", "2": "2", "2.1": "2.1 of all levels"}
SLICES, ROWS, COLUMNS = 4, 3, 5  # of the table of V-JEPA 1
TASKS = [task for pair in ((1, 1), (2, 1), (1, 2), (2, 2)) for task in list_tasks(*pair, SLICES)]


def networks(generation: str) -> EncoderWithPredictor:
    encoder = VJEPAEncoder(network(ENCODERS[generation]), CPU, "fp32")
    return EncoderWithPredictor(encoder, network(PREDICTORS[GENERATIONS[generation]]))


@pytest.fixture(scope="module")
def frames() -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    shape = 2 * SLICES, 3, 16 * ROWS, 16 * COLUMNS
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("name", ["vjepa2_1_tiny_native", "vjepa2_0_tiny", "vjepa1_tiny"])
def test_predictions_equal_those_of_metas_code(name: str) -> None:
    found = Set(shared("golden"), name)
    asked = Prediction.of(found, "pred/mask0")
    encoder = VJEPAEncoder(found.encoder(True), CPU, "fp32")
    ours = EncoderWithPredictor(encoder, found.predictor(found.card.predictor_interpolated))
    context, targets = found.array(asked.context), found.array(asked.targets)
    seen = ours.see(found.pixels(asked.source(found)), context)
    predicted = ours.predict(seen, Masks(context, targets, found.card.predictor_grid))
    torch.testing.assert_close(predicted, found.array("pred/mask0/out_pred"), atol=2e-5, rtol=0)


def literal(
    ours: EncoderWithPredictor, frames: torch.Tensor, task: PredictionTask
) -> dict[str, torch.Tensor]:
    """One task, from the networks alone."""
    model, predictor, places = ours.encoder.model, ours._predictor, ROWS * COLUMNS
    pixels = ours.encoder.normalize(frames[None])
    ids = torch.arange(SLICES * places)
    first, stop = task.first_seen * places, (task.last_seen + 1) * places
    context, targets = ids[first:stop], ids[stop : (task.slice + 1) * places]

    def joined(levels: list[torch.Tensor]) -> torch.Tensor:
        some = levels if predictor.config.inputs > model.config.dim else levels[-1:]
        return torch.cat([F.layer_norm(level[0], (level.shape[-1],)) for level in some], -1)

    with torch.inference_mode():
        levels = model(pixels, context[None])
        raw = torch.cat(levels, -1) if predictor.config.inputs > model.config.dim else levels[-1]
        masks = Masks(context[None], targets[None], (SLICES, ROWS, COLUMNS))
        told = predictor(raw, masks)[0][0, -places:]
        truth = joined(model(pixels))[task.slice * places : (task.slice + 1) * places]
    seen = joined(levels)
    guesses = {"": told, "copy_": seen[-places:], "mean_": seen.mean(0).expand_as(truth)}
    return {
        f"{name}{column}": value.unflatten(0, (ROWS, COLUMNS))
        for name, guess in guesses.items()
        for column, value in (
            ("l1", (truth - guess).abs().mean(-1)),
            ("cosine", F.cosine_similarity(truth, guess, dim=-1)),
        )
    }


@pytest.mark.parametrize("generation", GENERATIONS)
def test_errors_are_what_the_networks_say(generation: str, frames: torch.Tensor) -> None:
    ours = networks(generation)
    measured = list(SurpriseMeter(ours, 8).measure(frames, TASKS))
    assert sorted(one.task for one in measured) == sorted(TASKS)
    for one in measured:
        for name, expected in literal(ours, frames, one.task).items():
            torch.testing.assert_close(one.by_patch[name], expected, atol=1e-5, rtol=1e-4)
        means = {name: float(values.mean()) for name, values in one.by_patch.items()}
        assert one.of_slice["l1"] == pytest.approx(means["l1"])
        assert one.of_slice["l1_over_copy"] == pytest.approx(means["l1"] / means["copy_l1"])
        assert one.of_slice["cosine_over_mean"] == pytest.approx(
            (1 - means["cosine"]) / (1 - means["mean_cosine"]), rel=1e-4
        )


@pytest.mark.parametrize("generation", GENERATIONS)
def test_leaving_out_what_nobody_asks_for_changes_no_token(
    generation: str, frames: torch.Tensor
) -> None:
    ours, places = networks(generation), ROWS * COLUMNS
    patches = ours.embed(ours.encoder.normalize(frames[None]))
    whole = ours.view(patches)
    torch.testing.assert_close(ours.view(patches, 2 * places), whole[:, 2 * places :], atol=1e-5, rtol=0)  # fmt: skip
    ids = torch.arange(SLICES * places)[None]
    masks = Masks(ids[:, :places], ids[:, places:], patches.grid)
    seen = ours.see(patches, masks.context)
    with torch.inference_mode():
        both, _ = ours._predictor(seen, masks)
    torch.testing.assert_close(ours.predict(seen, masks), both, atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.predict(seen, masks, 7), both[:, -7:], atol=1e-5, rtol=0)


def test_a_target_that_is_known_need_not_be_encoded(frames: torch.Tensor) -> None:
    ours, task = networks("2.1"), PredictionTask(context=2, horizon=1, slice=2)
    (alone,) = SurpriseMeter(ours, 8).measure(frames, [task])
    own = ours.view(ours.encoder.normalize(frames[None]))[0]
    (known,) = SurpriseMeter(ours, 8).measure(frames, [task], own)
    torch.testing.assert_close(known.by_patch["l1"], alone.by_patch["l1"], atol=1e-4, rtol=0)
    (other,) = SurpriseMeter(ours, 8).measure(frames, [task], own.flip(0))
    assert not torch.allclose(other.by_patch["l1"], alone.by_patch["l1"], atol=1e-2)


class Cramped(EncoderWithPredictor):
    """One that has memory for two contexts at once."""

    largest = 0

    def see(self, pixels: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        self.largest = max(self.largest, len(context))
        if len(context) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().see(pixels, context)


def test_contexts_one_by_one_together_and_after_memory_ran_out_say_the_same(frames) -> None:
    ours = networks("2.1")
    alone, together = (list(SurpriseMeter(ours, size).measure(frames, TASKS)) for size in (1, 8))
    cramped = Cramped(ours.encoder, ours._predictor)
    meter = SurpriseMeter(cramped, 8)
    squeezed = list(meter.measure(frames, TASKS))
    assert cramped.largest > 2 and meter.batch <= 2
    for others in (together, squeezed):
        by_task = {one.task: one for one in others}
        for one in alone:
            other = by_task[one.task].by_patch
            assert all(torch.allclose(one.by_patch[n], other[n], atol=1e-5) for n in other)


def test_only_the_context_is_seen_and_a_horizon_does_not_depend_on_others(frames) -> None:
    ours, task = networks("2.1"), PredictionTask(context=2, horizon=1, slice=2)
    pixels = ours.encoder.normalize(frames[None])
    later = frames.clone()
    later[4:] = 255 - later[4:]
    ids = torch.arange(2 * ROWS * COLUMNS)[None]
    changed = ours.see(ours.encoder.normalize(later[None]), ids)
    assert torch.equal(ours.see(pixels, ids), changed)
    (alone,) = SurpriseMeter(ours, 8).measure(frames, [task])
    beside = {one.task: one for one in SurpriseMeter(ours, 8).measure(frames, TASKS)}
    torch.testing.assert_close(alone.by_patch["l1"], beside[task].by_patch["l1"], atol=1e-5, rtol=0)


def test_tasks_are_the_slices_with_a_context_before_them() -> None:
    assert [task.slice for task in list_tasks(4, 1, 8)] == [4, 5, 6, 7]
    assert [(t.first_seen, t.last_seen) for t in list_tasks(3, 2, 6)] == [(0, 2), (1, 3)]
    assert [task.slice for task in list_tasks(2, 1, 8, every=3)] == [2, 5]
    assert list_tasks(8, 1, 8) == []


def test_a_predictor_in_the_space_of_its_teacher_is_refused() -> None:
    encoder = VJEPAEncoder(network(ENCODERS["2.1"]), CPU, "fp32")
    with pytest.raises(UsageError, match="predicts features of its teacher"):
        EncoderWithPredictor(encoder, network(PREDICTORS["2.1"]))
    distilled = {name for name, one in VARIANTS.items() if one.predictor.outputs != one.predictor.inputs}  # fmt: skip
    assert distilled == {"vjepa2.1-vitb", "vjepa2.1-vitl"}


def test_the_pixels_of_a_slice_change_and_move_by_what_they_do() -> None:
    coarse = torch.rand(1, 1, 14, 14, generator=torch.Generator().manual_seed(2)) * 255
    texture = F.interpolate(coarse, size=(160, 160), mode="bicubic")[0, 0]
    for speed in (1, 2):
        film = torch.stack([texture[16:144, 16 + speed * at :][:, :128] for at in range(8)])
        controls = PixelControls(film[:, None].expand(-1, 3, -1, -1), 2, 16)
        assert float(controls.motion(2).median()) == pytest.approx(speed, rel=0.2)
    still = torch.full((8, 3, 32, 32), 100.0)
    still[4:] += 51
    jump = PixelControls(still, 2, 16)
    assert torch.allclose(jump.change(2, 1), torch.tensor(0.2))
    assert not jump.change(3, 2).any() and not jump.change(1, 0).any()
    assert not PixelControls(torch.zeros(4, 3, 32, 32), 2, 16).motion(1).any()


def test_the_encoder_in_the_box_and_the_untrained_one_have_predictors_that_fit() -> None:
    for name in ("vjepa2.1-tiny", "vjepa2.1-untrained"):
        setting = LoadOptions(device=CPU)
        _, encoder = encoders.load(name, setting)
        ours = EncoderWithPredictor(encoder, encoders.row(name).predictor(setting))
        assert ours.target == "levels 0 1 2 3 joined, layer-normalized, of the whole window"
    assert encoders.row("toy").predictor is None
