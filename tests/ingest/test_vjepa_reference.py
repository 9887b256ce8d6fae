"""Encoders and predictors of every generation against a second, literal computation in float64 (tests/reference.py)."""

import numpy as np
import pytest
import torch

from tests import reference
from tests.networks import ENCODERS, PREDICTORS, TABLE, network, pixels
from tubelet.ingest.networks.vjepa import V1, Masks, VisionTransformer
from tubelet.ingest.networks.vjepa.positions import sincos_table

NEAR = 2e-5  # float32 against float64


def weights(model: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}


def levels(
    model: VisionTransformer, kind: str, clip: torch.Tensor, kept: list[int] | None = None
) -> list[np.ndarray]:
    """The reference's normed levels of one clip (3, T, H, W)."""
    known, config = weights(model), model.config
    stream = reference.encoded(
        reference.Network(known, kind, config.heads, config.table), clip.double().numpy(), kept
    )
    norms = [f"norms_block.{j}" if kind == "2.1" else "norm" for j in range(len(config.levels))]
    return [
        reference.normed(known, name, stream[block])
        for name, block in zip(norms, config.levels, strict=True)
    ]


def far(got: list[torch.Tensor], clip: int, wanted: list[np.ndarray]) -> float:
    assert len(got) == len(wanted) and all(
        ours[clip].shape == theirs.shape for ours, theirs in zip(got, wanted)
    )
    return max(np.abs(ours[clip].numpy() - theirs).max() for ours, theirs in zip(got, wanted))


@pytest.mark.parametrize(
    ("kind", "frames", "height", "width"),
    [
        ("1", 8, 48, 80),  # the grid of the table
        ("1", 4, 48, 80),  # fewer frames
        ("1", 6, 64, 48),  # another rectangle
        ("2", 4, 48, 64),
        ("2.1", 4, 48, 64),
        ("2.1", 5, 80, 32),  # an odd frame too many
        ("2.1", 1, 48, 64),  # an image
    ],
)
def test_every_level_is_that_of_the_literal_encoder(
    kind: str, frames: int, height: int, width: int
) -> None:
    model, clips = network(ENCODERS[kind]), pixels(frames, height, width, clips=2)
    with torch.inference_mode():
        got = model(clips)
    for clip in range(2):
        assert far(got, clip, levels(model, kind, clips[clip])) < NEAR


@pytest.mark.parametrize("kind", ENCODERS)
def test_tokens_left_out_are_left_out_of_the_literal_encoder_too(kind: str) -> None:
    model, clips, kept = (
        network(ENCODERS[kind]),
        pixels(4, 48, 64, clips=2),
        [[3, 0, 17, 22, 8], [1, 2, 12, 4, 23]],
    )
    with torch.inference_mode():
        got = model(clips, torch.tensor(kept))
    for clip in range(2):
        assert far(got, clip, levels(model, kind, clips[clip], kept[clip])) < NEAR


def places(
    kind: str, ids: list[int], interpolated: bool, grid: tuple[int, int, int]
) -> list[reference.Place]:
    """Where the reference puts ids; a table is indexed by them directly."""
    _, rows, columns = grid
    stretch = (15 / (rows - 1), 15 / (columns - 1)) if interpolated else (1, 1)
    found = [
        (i // (rows * columns), i // columns % rows * stretch[0], i % columns * stretch[1])
        for i in ids
    ]
    return [(i, 0, 0) for i in ids] if kind == "1" else found


@pytest.mark.parametrize("name", PREDICTORS)
def test_predictions_are_those_of_the_literal_predictor(name: str) -> None:
    kind, model = name.partition(" ")[0], network(PREDICTORS[name])
    config, known = model.config, weights(model)
    context, targets = (
        [7, 0, 31, 12],
        [3, 58, 44] if kind == "1" else [3, 58, 75],
    )  # 75 lies beyond the clip of 60 tokens
    given = torch.randn(1, len(context), config.inputs, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        asked, answered = model(
            given,
            Masks(torch.tensor([context]), torch.tensor([targets]), TABLE),
            mask_index=config.mask_tokens + 1,
        )
    where = places(kind, context + targets, config.interpolated, TABLE)
    tokens = reference.predicted(
        reference.Network(known, kind, config.heads), given[0].double().numpy(), where, mask=1
    )
    assert (
        np.abs(asked[0].numpy() - reference.linear(known, "predictor_proj", tokens[0])).max() < NEAR
    )
    if kind == "2.1":
        assert (
            np.abs(
                answered[0].numpy() - reference.linear(known, "predictor_proj_context", tokens[1])
            ).max()
            < NEAR
        )
    else:
        assert answered is None


def test_the_table_is_sines_and_cosines() -> None:
    for grid, dim in ((TABLE, 26), ((2, 2, 2), 24), ((1, 4, 3), 7)):
        np.testing.assert_allclose(
            sincos_table(grid, dim)[0].numpy(), reference.sincos(grid, dim), atol=1e-6
        )
    assert (
        torch.equal(network(ENCODERS["1"]).pos_embed, sincos_table(TABLE, 26))
        and ENCODERS["1"].generation is V1
    )
