"""The V-JEPA encoders: grids, images, context masks, levels, precision, and what they refuse."""

import math

import pytest
import torch
from torch.nn import functional as F

from tests.networks import ENCODERS, encode, network, pixels
from tubelet.ingest.checkpoints import init_untrained
from tubelet.ingest.networks.vjepa import (
    V1,
    V2,
    V21,
    PixelsError,
    VisionTransformer,
    VisionTransformerConfig,
)
from tubelet.ingest.networks.vjepa.positions import Rotary, interleave, rotate
from tubelet.store.errors import TubeletError

ROTARY = Rotary(interleave, interpolated=True)


@pytest.fixture(scope="module", params=list(ENCODERS))
def model(request: pytest.FixtureRequest) -> VisionTransformer:
    return network(ENCODERS[request.param])


@pytest.fixture(scope="module")
def tiny() -> VisionTransformer:
    return network(ENCODERS["2.1"])


@pytest.mark.parametrize(
    ("frames", "height", "width", "grid"),
    [(2, 32, 80, (1, 2, 5)), (7, 95, 33, (3, 5, 2)), (16, 96, 224, (8, 6, 14))],
)
def test_the_grid_follows_the_pixels(
    model: VisionTransformer, frames: int, height: int, width: int, grid: tuple[int, int, int]
) -> None:
    assert model.config.grid(frames, height, width) == grid
    with torch.inference_mode():
        levels = model(pixels(frames, height, width))
    assert [level.shape for level in levels] == [(1, math.prod(grid), model.config.dim)] * len(
        model.config.levels
    )
    assert all(level.isfinite().all() for level in levels)


def test_what_makes_no_whole_tubelet_is_ignored(model: VisionTransformer) -> None:
    clip = pixels(5, 40, 70)
    assert torch.equal(encode(model, clip), encode(model, clip[:, :, :4, :32, :64]))


def test_an_image_is_not_a_repeated_frame(tiny: VisionTransformer) -> None:
    image = pixels(1, 48, 48)
    assert tiny.config.grid(1, 48, 48) == (1, 3, 3)
    assert not torch.isclose(
        encode(tiny, image), encode(tiny, image.expand(-1, -1, 2, -1, -1)), atol=0.1
    ).all()


@pytest.mark.parametrize("kind", ["1", "2"])
def test_one_frame_is_no_image_before_v_jepa_2_1(kind: str) -> None:
    with pytest.raises(PixelsError, match=f"1 frame makes no token: give V-JEPA {kind} at least 2"):
        network(ENCODERS[kind])(torch.zeros(1, 3, 1, 64, 64))


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((1, 3, 4, 31, 64), "at least 32 x 32 px"),
        ((1, 3, 4, 64, 16), "at least 32 x 32 px"),
        ((1, 3, 0, 64, 64), "0 frames make no token"),
        ((1, 3, 4, 0, 0), "0 x 0 px is too small"),
        ((3, 4, 64, 64), "(B, 3, T, H, W)"),
        ((1, 4, 3, 64, 64), "(B, 3, T, H, W)"),
    ],
)
def test_pixels_without_positions_are_refused(
    model: VisionTransformer, shape: tuple[int, ...], told: str
) -> None:
    with pytest.raises(PixelsError) as error:
        model(torch.zeros(shape))
    assert told in str(error.value)
    assert isinstance(error.value, TubeletError) and isinstance(error.value, ValueError)


def test_tokens_left_out_are_never_attended_to(model: VisionTransformer) -> None:
    clips, other = pixels(4, 64, 64, clips=2), pixels(4, 64, 64, clips=2, seed=1)
    kept = torch.tensor(
        [[0, 1, 16, 17], [5, 4, 21, 20]]
    )  # the upper left quarter of the first clip, patches 4 and 5 of the second
    other[0, :, :, :16, :32] = clips[0, :, :, :16, :32]
    other[1, :, :, 16:32, :32] = clips[1, :, :, 16:32, :32]
    assert torch.equal(encode(model, clips, kept), encode(model, other, kept))
    assert not torch.isclose(
        encode(model, clips, kept)[0], encode(model, clips)[0, kept[0]], atol=0.01
    ).all()


@pytest.mark.parametrize("integers", [torch.int16, torch.int32, torch.int64])
def test_all_ids_in_any_order_give_the_same_tokens(
    model: VisionTransformer, integers: torch.dtype
) -> None:
    clips = pixels(4, 32, 48, clips=2)
    order = torch.stack(
        [torch.randperm(12, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    )
    whole = torch.stack(
        [tokens[ids] for tokens, ids in zip(encode(model, clips), order, strict=True)]
    )
    torch.testing.assert_close(encode(model, clips, order.to(integers)), whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ([[0, 1]], "one row per clip"),
        ([[], []], "one row per clip"),
        ([[0, 8], [0, 1]], "ids from 0 to 7, not from 0 to 8"),
        ([[0, -1], [0, 1]], "not from -1 to 1"),
    ],
)
def test_ids_have_to_be_those_of_tokens(tiny: VisionTransformer, kept: list, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        tiny(pixels(4, 32, 32, clips=2), torch.tensor(kept))


def test_rotation_keeps_lengths_and_the_components_at_rest() -> None:
    vectors = torch.randn(12, 15, generator=torch.Generator().manual_seed(0))
    turned = rotate(vectors, ROTARY.turns(torch.arange(12), (3, 2, 2), 15))
    torch.testing.assert_close(turned.norm(dim=-1), vectors.norm(dim=-1))
    assert torch.equal(turned[:, 12:], vectors[:, 12:])
    assert not torch.isclose(turned[1:, :12], vectors[1:, :12]).all()


@pytest.mark.parametrize(
    "rotary", [generation.rotary for generation in (V2, V21)], ids=["2", "2.1"]
)
def test_positions_stay_float32_where_half_precision_would_lose_them(rotary: Rotary) -> None:
    """Column 201 of 202 has no bfloat16; in float32 it turns the queries of any type exactly alike."""
    turns = rotary.turns(torch.tensor([201]), (1, 2, 202), 12)
    assert turns.straight.dtype == torch.complex64
    queries = torch.randn(1, 12, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert torch.equal(rotate(queries, turns), rotate(queries.float(), turns))


def test_blocks_after_the_wanted_level_are_not_computed(tiny: VisionTransformer) -> None:
    clip, ran = pixels(2, 32, 32), []
    hooks = [
        block.register_forward_hook(lambda *_, i=i: ran.append(i))
        for i, block in enumerate(tiny.blocks)
    ]
    with torch.inference_mode():
        every, first, last, both = (
            tiny(clip),
            tiny(clip, wanted=(0,)),
            tiny(clip, wanted=(-1,)),
            tiny(clip, wanted=(0, 1)),
        )
    for hook in hooks:
        hook.remove()
    assert ran == [0, 1, 2, 0, 0, 1, 2, 0, 1]
    assert (
        torch.equal(first[0], every[0])
        and torch.equal(last[0], every[2])
        and len(first) == len(last) == 1
    )
    assert all(torch.equal(got, known) for got, known in zip(both, every[:2], strict=True))


@pytest.mark.parametrize("levels", [(1, 0), (0, 0), (0, 3), (-1, 2)])
def test_levels_have_to_be_rising_blocks(levels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="levels"):
        VisionTransformerConfig(dim=24, depth=3, heads=2, mlp=48, levels=levels)


def test_a_shape_without_levels_returns_its_last_block_and_v_jepa_1_needs_a_table() -> None:
    assert VisionTransformerConfig(dim=24, depth=3, heads=2, mlp=48, generation=V2).levels == (2,)
    with pytest.raises(ValueError, match="V-JEPA 1 adds a table"):
        VisionTransformerConfig(dim=24, depth=3, heads=2, mlp=48, generation=V1)


def test_encoding_twice_is_bitwise_equal(model: VisionTransformer) -> None:
    clips = pixels(6, 64, 96, clips=2)
    assert torch.equal(encode(model, clips), encode(model, clips))


@pytest.mark.parametrize("generation", [V1, V2, V21], ids=lambda generation: generation.name)
def test_bf16_stays_near_float32(generation: object) -> None:
    model, clip = (
        init_untrained(
            VisionTransformerConfig(
                dim=192, depth=6, heads=3, mlp=768, generation=generation, table=(3, 4, 6)
            )
        ),
        pixels(6, 64, 96),
    )
    exact = encode(model, clip)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = encode(model, clip)
    half = encode(model.to(torch.bfloat16), clip)
    assert (mixed.dtype, half.dtype) == (torch.float32, torch.bfloat16)
    assert F.cosine_similarity(mixed, exact, dim=-1).min() > 0.999
    assert F.cosine_similarity(half.float(), exact, dim=-1).min() > 0.999


def test_under_autocast_the_residual_stream_stays_float32(model: VisionTransformer) -> None:
    seen = []
    hooks = [
        block.register_forward_hook(
            lambda _, given, made: seen.append((given[0].dtype, made.dtype))
        )
        for block in model.blocks
    ]
    with torch.autocast("cpu", torch.bfloat16):
        encode(model, pixels(2, 48, 64))
    for hook in hooks:
        hook.remove()
    assert set(seen) == {(torch.float32, torch.float32)}
