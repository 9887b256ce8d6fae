"""V-JEPA 2 beside the same weights in transformers' VJEPA2Model, where both claim the same: square clips of the configured size."""

import re

import pytest
import torch

from tests.networks import network, pixels
from tubelet.ingest.networks.vjepa import (
    V2,
    Masks,
    Predictor,
    PredictorConfig,
    VisionTransformer,
    VisionTransformerConfig,
)

SIDE, FRAMES, DIM = 4, 6, 60  # patches, frames, width: heads of 20 components
GRID = (FRAMES // 2, SIDE, SIDE)
NEAR = 2e-5
RENAMED = (
    (r"^patch_embed\.proj\.", "encoder.embeddings.patch_embeddings.proj."),
    (r"^blocks\.", "encoder.layer."),
    (r"^norm\.", "encoder.layernorm."),
    (r"^predictor_blocks\.", "predictor.layer."),
    (r"^predictor_embed\.", "predictor.embeddings.predictor_embeddings."),
    (r"^predictor_norm\.", "predictor.layernorm."),
    (r"^predictor_proj\.", "predictor.proj."),
    (r"\.attn\.proj\.", ".attention.proj."),
)


@pytest.fixture(scope="module")
def ours() -> tuple[VisionTransformer, Predictor]:
    encoder = VisionTransformerConfig(dim=DIM, depth=3, heads=3, mlp=4 * DIM, generation=V2)
    predictor = PredictorConfig(
        inputs=DIM, outputs=DIM, depth=2, heads=2, mask_tokens=3, dim=40, mlp=160, generation=V2
    )
    return network(encoder), network(predictor, seed=2)


@pytest.fixture(scope="module")
def theirs(ours: tuple[VisionTransformer, Predictor]) -> torch.nn.Module:
    transformers = pytest.importorskip("transformers")
    shape = {
        "hidden_size": DIM,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
        "mlp_ratio": 4,
        "crop_size": SIDE * 16,
    }
    predictor = {
        "pred_hidden_size": 40,
        "pred_num_hidden_layers": 2,
        "pred_num_attention_heads": 2,
        "pred_num_mask_tokens": 3,
    }
    model = transformers.VJEPA2Model(
        transformers.VJEPA2Config(**shape, **predictor, frames_per_clip=FRAMES, pred_mlp_ratio=4)
    )
    weights = renamed(ours[0].state_dict() | ours[1].state_dict())
    model.load_state_dict(weights, strict=True)
    return model.eval()


def renamed(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Meta's names as transformers', with queries, keys and values apart and mask tokens in one tensor."""
    masks = [weights.pop(name) for name in sorted(weights) if name.startswith("mask_tokens.")]
    found = {"predictor.embeddings.mask_tokens": torch.stack(masks)}
    for name, tensor in weights.items():
        for pattern, replacement in RENAMED:
            name = re.sub(pattern, replacement, name)
        if ".attn.qkv." in name:
            parts = zip(("query", "key", "value"), tensor.chunk(3), strict=True)
            found |= {
                name.replace(".attn.qkv.", f".attention.{part}."): piece for part, piece in parts
            }
        else:
            found[name] = tensor
    return found


def clips() -> torch.Tensor:
    return pixels(FRAMES, SIDE * 16, SIDE * 16, clips=2)


@torch.inference_mode()
def test_tokens_of_a_square_clip_are_those_of_transformers(
    ours: tuple, theirs: torch.nn.Module
) -> None:
    wanted = theirs(clips().transpose(1, 2), skip_predictor=True).last_hidden_state
    torch.testing.assert_close(ours[0](clips())[-1], wanted, atol=NEAR, rtol=0)


@torch.inference_mode()
def test_predictions_are_those_of_transformers_from_the_same_context(
    ours: tuple, theirs: torch.nn.Module
) -> None:
    """Transformers encodes the whole clip, then takes the context from it, and always uses mask token 1."""
    order = torch.stack(
        [torch.randperm(48, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    )
    context, targets = order[:, :20].sort().values, order[:, 20:].sort().values
    wanted = theirs(
        clips().transpose(1, 2), context_mask=[context], target_mask=[targets]
    ).predictor_output.last_hidden_state
    whole = ours[0](clips())[-1].gather(1, context[:, :, None].expand(-1, -1, DIM))
    got, _ = ours[1](whole, Masks(context, targets, GRID), mask_index=1)
    torch.testing.assert_close(got, wanted, atol=NEAR, rtol=0)
    ours_alone, _ = ours[1](
        ours[0](clips(), context)[-1], Masks(context, targets, GRID), mask_index=1
    )
    assert (ours_alone - wanted).abs().max() > 0.1, (
        "context masks keep tokens from meeting, theirs only leave some out of the answer"
    )
