"""The V-JEPA predictors: masks, mask tokens, grids, images, gradients, precision, and what they refuse."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from tests.networks import PREDICTORS, TABLE, network
from tubelet.ingest.networks.vjepa import VARIANTS, Masks, Predictor

CONTEXT, TARGETS = (
    torch.tensor([[7, 0, 31, 12], [1, 2, 3, 4]]),
    torch.tensor([[3, 58, 44], [9, 8, 50]]),
)
MASKS = Masks(CONTEXT, TARGETS, TABLE)


@pytest.fixture(scope="module", params=list(PREDICTORS))
def model(request: pytest.FixtureRequest) -> Predictor:
    return network(PREDICTORS[request.param])


def given(model: Predictor, seed: int = 3) -> torch.Tensor:
    return torch.randn(
        *CONTEXT.shape, model.config.inputs, generator=torch.Generator().manual_seed(seed)
    )


def predict(
    model: Predictor, masks: Masks = MASKS, context: torch.Tensor | None = None, **more: object
) -> torch.Tensor:
    with torch.inference_mode():
        return model(given(model) if context is None else context, masks, **more)[0]


def test_answers_come_in_the_order_of_their_masks(model: Predictor) -> None:
    order, other = torch.tensor([2, 0, 1]), torch.tensor([3, 1, 0, 2])
    shuffled = Masks(CONTEXT[:, other].int(), TARGETS[:, order].short(), TABLE)
    torch.testing.assert_close(
        predict(model, shuffled, given(model)[:, other]),
        predict(model)[:, order],
        atol=1e-5,
        rtol=0,
    )
    with torch.inference_mode():
        known, answered = model(given(model), MASKS)[1], model(given(model)[:, other], shuffled)[1]
    assert (known is None) is (answered is None) is (not model.config.generation.answers_context)
    if known is not None:
        torch.testing.assert_close(answered, known[:, other], atol=1e-5, rtol=0)


def test_targets_know_their_place_and_their_context(model: Predictor) -> None:
    base = predict(model)
    moved = predict(model, Masks(CONTEXT, TARGETS + torch.tensor([1, 0, 0]), TABLE))
    assert not torch.isclose(moved[:, 0], base[:, 0], atol=1e-3).all(dim=-1).any()
    assert (
        not torch.isclose(predict(model, context=given(model, seed=4)), base, atol=1e-2)
        .all(dim=-1)
        .any()
    )


def test_the_mask_token_is_the_first_unless_another_is_named_and_they_go_round(
    model: Predictor,
) -> None:
    count = model.config.mask_tokens
    assert torch.equal(predict(model), predict(model, mask_index=0)) and torch.equal(
        predict(model, mask_index=count), predict(model)
    )
    answers = [predict(model, mask_index=index) for index in range(count)]
    assert not any(
        torch.isclose(a, b, atol=1e-3).all() for i, a in enumerate(answers) for b in answers[:i]
    )


def test_the_grid_is_the_one_given(model: Predictor) -> None:
    """The same ids on a rectangle turned on its side are other places."""
    turned = Masks(CONTEXT, TARGETS, (TABLE[0], TABLE[2], TABLE[1]))
    assert not torch.isclose(predict(model, turned), predict(model), atol=1e-3).all()


def test_stretched_rows_and_columns_are_other_places_save_on_the_trained_grid() -> None:
    plain = network(PREDICTORS["2.1"])
    stretched = network(dataclasses.replace(plain.config, interpolated=True))
    assert not torch.isclose(predict(plain), predict(stretched), atol=1e-3).all()
    trained = Masks(CONTEXT, TARGETS, (4, 16, 16))
    torch.testing.assert_close(predict(plain, trained), predict(stretched, trained))


def test_an_image_is_told_from_a_video_where_the_generation_can(model: Predictor) -> None:
    if model.config.generation.images:
        assert not torch.isclose(predict(model, image=True), predict(model), atol=1e-3).all()
    else:
        with pytest.raises(ValueError, match="no embedding for images"):
            predict(model, image=True)


def test_the_future_has_places_where_positions_are_rotations(model: Predictor) -> None:
    future = Masks(CONTEXT, TARGETS + 60, TABLE)
    if model.config.generation.rotary is None:
        with pytest.raises(ValueError, match="grid's 60 tokens alone"):
            predict(model, future)
    else:
        assert predict(model, future).isfinite().all()


@pytest.mark.parametrize(
    ("context", "targets", "grid", "told"),
    [
        (CONTEXT, TARGETS[:1], TABLE, "one row per clip"),
        (CONTEXT[0], TARGETS[0], TABLE, "one row per clip"),
        (CONTEXT, TARGETS[:, :0], TABLE, "one row per clip"),
        (CONTEXT - 1, TARGETS, TABLE, "count from 0"),
        (CONTEXT, TARGETS, (4, 1, 5), "under two patches"),
    ],
)
def test_masks_that_are_none_are_refused(
    context: torch.Tensor, targets: torch.Tensor, grid: tuple[int, int, int], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        Masks(context, targets, grid)


def test_a_context_of_another_shape_is_refused(model: Predictor) -> None:
    for wrong in (given(model)[:, :3], given(model)[..., :-1], given(model)[0]):
        with pytest.raises(ValueError, match="output of the tokens masked in"):
            model(wrong, MASKS)


def test_every_trained_number_gets_a_gradient(model: Predictor) -> None:
    outputs = [answer for answer in model(given(model), MASKS) if answer is not None]
    sum(answer.square().mean() for answer in outputs).backward()
    idle = {
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    }
    unused = {f"mask_tokens.{index}" for index in range(1, model.config.mask_tokens)}
    assert idle - unused == ({"img_mod_embed"} if model.config.generation.images else set())
    model.zero_grad()


def test_bf16_stays_near_float32(model: Predictor) -> None:
    exact = predict(model)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = predict(model)
    assert F.cosine_similarity(mixed.float(), exact, dim=-1).min() > 0.995


@pytest.mark.parametrize("name", VARIANTS)
def test_released_predictors_take_what_their_encoders_give(name: str) -> None:
    encoder, predictor = VARIANTS[name].encoder, VARIANTS[name].predictor
    assert (
        predictor.generation == encoder.generation
        and predictor.dim == 384
        and predictor.mlp == 1536
    )
    assert predictor.inputs in (encoder.dim, encoder.dim * len(encoder.levels))
    taught = {
        "vjepa2.1-vitb": 1664,
        "vjepa2.1-vitl": 1664,
        "vjepa2.1-vitg": 5632,
        "vjepa2.1-vitG": 6656,
    }
    assert predictor.outputs == taught.get(name, encoder.dim)
