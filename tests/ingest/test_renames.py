"""Names of transformers become Meta's, tensor by tensor; one without a place, or a missing part, is named."""

from pathlib import Path

import pytest
import torch
from conftest import shared
from safetensors.torch import save_file
from torch.nn import functional as F

from tests.checkpoints import empty
from tubelet.ingest.checkpoints import load_tensors
from tubelet.ingest.errors import CheckpointError
from tubelet.ingest.weights.formats import open_weights
from tubelet.ingest.weights.renames import meta_tensors

# One block of an encoder and of a predictor, as VJEPA2Model names them, written out by hand against Meta's names
RENAMED = {
    "encoder.embeddings.patch_embeddings.proj.weight": ("encoder", "patch_embed.proj.weight"),
    "encoder.embeddings.patch_embeddings.proj.bias": ("encoder", "patch_embed.proj.bias"),
    "encoder.layer.0.norm1.weight": ("encoder", "blocks.0.norm1.weight"),
    "encoder.layer.0.attention.proj.bias": ("encoder", "blocks.0.attn.proj.bias"),
    "encoder.layer.0.norm2.bias": ("encoder", "blocks.0.norm2.bias"),
    "encoder.layer.1.mlp.fc1.weight": ("encoder", "blocks.1.mlp.fc1.weight"),
    "encoder.layer.1.mlp.fc2.bias": ("encoder", "blocks.1.mlp.fc2.bias"),
    "encoder.layernorm.weight": ("encoder", "norm.weight"),
    "predictor.embeddings.predictor_embeddings.weight": ("predictor", "predictor_embed.weight"),
    "predictor.layer.1.attention.proj.weight": ("predictor", "predictor_blocks.1.attn.proj.weight"),
    "predictor.layer.0.mlp.fc2.weight": ("predictor", "predictor_blocks.0.mlp.fc2.weight"),
    "predictor.layernorm.bias": ("predictor", "predictor_norm.bias"),
    "predictor.proj.weight": ("predictor", "predictor_proj.weight"),
}


@pytest.fixture(scope="module")
def hub_model():
    """A small random VJEPA2Model of transformers."""
    from transformers import VJEPA2Config, VJEPA2Model

    torch.manual_seed(0)
    shape = {
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "mlp_ratio": 2,
        "crop_size": 64,
        "frames_per_clip": 4,
    }
    predictor = {
        "pred_hidden_size": 24,
        "pred_num_hidden_layers": 2,
        "pred_num_attention_heads": 2,
        "pred_num_mask_tokens": 3,
    }
    model = VJEPA2Model(VJEPA2Config(**shape, **predictor)).eval()
    for parameter in model.parameters():  # biases and norms, too, have to be told apart
        torch.nn.init.normal_(parameter)
    return model


def test_every_name_of_transformers_becomes_metas(hub_model, tmp_path: Path) -> None:
    hub_model.save_pretrained(tmp_path)
    tensors = open_weights(tmp_path / "model.safetensors")
    state = hub_model.state_dict()
    for theirs, (section, ours) in RENAMED.items():
        assert torch.equal(
            tensors.tensors("target_encoder" if section == "encoder" else section)[ours],
            state[theirs],
        ), theirs
    encoder, predictor = tensors.tensors("target_encoder"), tensors.tensors("predictor")
    for index in range(3):
        assert torch.equal(
            predictor[f"mask_tokens.{index}"], state["predictor.embeddings.mask_tokens"][index]
        )
    assert (len(encoder), len(predictor)) == (2 + 2 + 12 * 2, 2 + 2 + 2 + 3 + 12 * 2)
    assert sum(tensor.numel() for tensor in (*encoder.values(), *predictor.values())) == sum(
        tensor.numel() for tensor in state.values()
    )


def test_joined_rows_give_transformers_queries_keys_and_values(hub_model, tmp_path: Path) -> None:
    hub_model.save_pretrained(tmp_path)
    weights = open_weights(tmp_path)
    tokens = torch.randn(5, 48)
    for index, layer in enumerate(hub_model.encoder.layer):
        tensors = weights.tensors("target_encoder")
        joined = F.linear(
            tokens,
            tensors[f"blocks.{index}.attn.qkv.weight"],
            tensors[f"blocks.{index}.attn.qkv.bias"],
        )
        expected = [getattr(layer.attention, part)(tokens) for part in ("query", "key", "value")]
        torch.testing.assert_close(joined, torch.cat(expected, dim=-1))


def test_renamed_tensors_are_those_of_metas_file_of_the_same_shape(tmp_path: Path) -> None:
    """VJEPA2Model built from the golden card of V-JEPA 2.0 has, renamed, the names and shapes of that checkpoint, no more and no less."""
    from transformers import VJEPA2Config, VJEPA2Model

    source = shared("golden") / "vjepa2_0_tiny.pt"
    meta = open_weights(source)
    encoder, predictor = meta.tensors("target_encoder"), meta.tensors("predictor")
    dim, inner = encoder["norm.weight"].numel(), predictor["predictor_norm.weight"].numel()
    depth = sum(name.endswith("norm1.weight") for name in encoder)
    config = VJEPA2Config(
        hidden_size=dim,
        num_hidden_layers=depth,
        num_attention_heads=2,
        mlp_ratio=encoder["blocks.0.mlp.fc1.bias"].numel() / dim,
        patch_size=encoder["patch_embed.proj.weight"].shape[-1],
        pred_hidden_size=inner,
        pred_num_hidden_layers=sum(name.endswith("norm1.weight") for name in predictor),
        pred_num_attention_heads=2,
        pred_mlp_ratio=predictor["predictor_blocks.0.mlp.fc1.bias"].numel() / inner,
        pred_num_mask_tokens=sum(name.startswith("mask_tokens") for name in predictor),
    )
    renamed = meta_tensors(VJEPA2Model(config).state_dict())
    for section, tensors in (("encoder", encoder), ("predictor", predictor)):
        shapes = {name: tensor.shape for name, tensor in tensors.items() if "pos_embed" not in name}
        assert {name: tensor.shape for name, tensor in renamed[section].items()} == shapes


def test_a_tensor_with_no_place_at_metas_is_named(hub_model, tmp_path: Path) -> None:
    tensors = {
        **hub_model.state_dict(),
        "classifier.weight": torch.ones(2, 2),
        "encoder.layer.0.gate.weight": torch.ones(2),
    }
    save_file(tensors, tmp_path / "model.safetensors")
    names = open_weights(tmp_path / "model.safetensors").tensors("target_encoder")
    assert {"classifier.weight", "encoder.layer.0.gate.weight"} <= names.keys()
    with pytest.raises(CheckpointError, match="lacks blocks|lacks img_mod_embed"):
        load_tensors(empty(), open_weights(tmp_path / "model.safetensors"), "target_encoder")


@pytest.mark.parametrize("missing", ["query", "key"])
def test_a_missing_third_of_an_attention_is_noticed(hub_model, missing: str) -> None:
    tensors = {
        name: tensor
        for name, tensor in hub_model.state_dict().items()
        if name != f"encoder.layer.1.attention.{missing}.weight"
    }
    joined = meta_tensors(tensors)["encoder"].get("blocks.1.attn.qkv.weight")
    assert joined is None if missing == "query" else joined.shape == (96, 48)


def test_shards_hold_what_the_single_file_holds(hub_model, tmp_path: Path) -> None:
    hub_model.save_pretrained(tmp_path / "one")
    hub_model.save_pretrained(tmp_path / "many", max_shard_size="40KB")
    assert len(list((tmp_path / "many").glob("*.safetensors"))) > 3
    one, many = (open_weights(tmp_path / name) for name in ("one", "many"))
    for key in ("target_encoder", "predictor"):
        a, b = one.tensors(key), many.tensors(key)
        assert a.keys() == b.keys() and all(
            torch.equal(tensor, b[name]) for name, tensor in a.items()
        )
    next((tmp_path / "many").glob("*00002-of*")).unlink()
    with pytest.raises(CheckpointError, match="lacks model-00002-of-.*, which its index names"):
        open_weights(tmp_path / "many")


def test_a_fine_tuned_model_is_its_encoder_without_its_heads_and_says_so(
    hub_model, tmp_path: Path
) -> None:
    plain = {name: tensor.contiguous() for name, tensor in hub_model.state_dict().items()}
    tuned = {f"vjepa2.{name}": tensor for name, tensor in plain.items()} | {
        "classifier.weight": torch.zeros(3, 48),
        "pooler.query": torch.zeros(1),
    }
    save_file(plain, tmp_path / "plain.safetensors", {"format": "pt"})
    save_file(tuned, tmp_path / "tuned.safetensors", {"format": "pt"})
    first, second = (open_weights(tmp_path / f"{name}.safetensors") for name in ("plain", "tuned"))
    known, found = first.tensors("target_encoder"), second.tensors("target_encoder")
    assert known.keys() == found.keys() and all(
        torch.equal(known[name], found[name]) for name in known
    )
    assert "without its classifier, pooler" in second.origin("target_encoder")
