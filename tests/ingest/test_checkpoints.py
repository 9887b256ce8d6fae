"""Weights in networks: files read strictly; random ones the same everywhere; either summed up in a hash."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.checkpoints import meta_file
from tests.networks import ENCODERS, PREDICTORS, TABLE, encode, network, pixels
from tubelet.ingest.checkpoints import init_untrained, load_meta, weights_sha256
from tubelet.ingest.errors import CheckpointError
from tubelet.ingest.networks.vjepa import (
    UNTRAINED,
    V1,
    V2,
    VARIANTS,
    Predictor,
    VisionTransformer,
    VisionTransformerConfig,
)
from tubelet.ingest.weights.release import RELEASES

TINY = ENCODERS["2.1"]
UNTRAINED_SHA256 = "8f21f1d6d1a2efd31c775d8ef49e1f49ecf70c04a9cc19bed34a82246bd5106b"


@pytest.fixture(scope="module")
def tiny() -> VisionTransformer:
    return network(TINY)


@pytest.mark.parametrize(
    ("name", "encoder", "predictor"),
    [
        ("vjepa2.1-vitb", (86_833_152, 158), (22_874_752, 162)),
        ("vjepa2.1-vitl", (304_680_960, 302), (22_973_056, 162)),
        ("vjepa2.1-vitg", (1_013_267_968, 494), (55_400_704, 308)),
        ("vjepa2.1-vitG", (1_845_216_768, 590), (59_433_472, 308)),
        ("vjepa2-vitl", (303_885_312, 292), (None, 160)),
        ("vjepa2-vith", (631_648_000, 388), (None, 160)),
        ("vjepa2-vitg", (1_012_173_952, 484), (None, 160)),
        ("vjepa2-vitg-384", (1_012_173_952, 484), (None, 160)),
        ("vjepa1-vitl", (303_885_312, 293), (None, 153)),
        ("vjepa1-vith", (631_648_000, 389), (None, 153)),
        ("vjepa1-vith-384", (631_648_000, 389), (None, 153)),
    ],
)
def test_released_networks_have_metas_size(name: str, encoder: tuple, predictor: tuple) -> None:
    """Trained numbers, and tensors in the file; V-JEPA 1's are those of V-JEPA 2 and a table."""
    variant = VARIANTS[name]
    with torch.device("meta"):
        networks = VisionTransformer(variant.encoder), Predictor(variant.predictor)
    for model, (numbers, tensors) in zip(networks, (encoder, predictor), strict=True):
        assert len(model.state_dict()) == tensors
        assert numbers in (None, sum(parameter.numel() for parameter in model.parameters()))
    assert variant.encoder.parameters == encoder[0]


@pytest.mark.parametrize(
    ("name", "tokens", "side"),
    [("vjepa1-vitl", 1568, 224), ("vjepa1-vith", 1568, 224), ("vjepa1-vith-384", 4608, 384)],
)
def test_released_tables_have_metas_size(name: str, tokens: int, side: int) -> None:
    with torch.device("meta"):
        encoder, predictor = (
            VisionTransformer(VARIANTS[name].encoder),
            Predictor(VARIANTS[name].predictor),
        )
    assert encoder.pos_embed.shape == (
        1,
        tokens,
        VARIANTS[name].encoder.dim,
    ) and predictor.predictor_pos_embed.shape == (1, tokens, 384)
    assert VARIANTS[name].side == side


def test_released_files_are_told_apart_by_more_than_case() -> None:
    files = [release.file.lower() for release in RELEASES.values()]
    assert len(set(files)) == len(files) - 1, "g and G of 2.1 differ in case alone, no others do"
    assert all(release.url.startswith("https://") for release in RELEASES.values())


def empty(config: VisionTransformerConfig = TINY) -> VisionTransformer:
    with torch.device("meta"):
        return VisionTransformer(config)


def test_a_file_gives_back_its_weights_and_may_then_go(
    tiny: VisionTransformer, tmp_path: Path
) -> None:
    path = meta_file(tmp_path / "model.pt", tiny.state_dict(), "ema_encoder")
    model = load_meta(path, "ema_encoder", empty())
    path.write_bytes(b"")
    assert weights_sha256(model) == weights_sha256(tiny)
    assert torch.equal(encode(model, pixels(2, 32, 32)), encode(tiny, pixels(2, 32, 32)))


def test_half_precision_weights_arrive_in_float32(tiny: VisionTransformer, tmp_path: Path) -> None:
    halves = {name: tensor.half() for name, tensor in tiny.state_dict().items()}
    model = load_meta(meta_file(tmp_path / "model.pt", halves), "target_encoder", empty())
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda weights: weights.pop("blocks.1.attn.qkv.bias"), "lacks blocks.1.attn.qkv.bias"),
        (
            lambda weights: weights.update({"norm.weight": torch.ones(28)}),
            "model lacks, norm.weight",
        ),
        (
            lambda weights: weights.update({"blocks.2.mlp.fc1.weight": torch.ones(96, 28)}),
            "fc1.weight is (96, 28) where this model has",
        ),
        (
            lambda weights: weights.update({"norms_block.0.bias": torch.ones(28).int()}),
            "norms_block.0.bias is not a tensor of floating",
        ),
        (
            lambda weights: weights.update({"norms_block.0.bias": 3}),
            "norms_block.0.bias is not a tensor of floating",
        ),
        (
            lambda weights: weights.update({"module.norms_block.0.bias": torch.ones(28)}),
            "norms_block.0.bias twice",
        ),
    ],
    ids=["missing", "extra", "shape", "integers", "no tensor", "twice"],
)
def test_a_tensor_in_the_way_is_named(
    tiny: VisionTransformer, tmp_path: Path, change: object, told: str
) -> None:
    weights = tiny.state_dict()
    change(weights)
    path = tmp_path / "model.pt"
    torch.save(
        {"target_encoder": {f"module.backbone.{name}": tensor for name, tensor in weights.items()}},
        path,
    )
    with pytest.raises(CheckpointError) as error:
        load_meta(path, "target_encoder", empty())
    assert told in str(error.value) and str(path) in str(error.value)


def test_a_wrong_key_is_told_what_there_is(tiny: VisionTransformer, tmp_path: Path) -> None:
    path = meta_file(tmp_path / "model.pt", tiny.state_dict(), "averaged")
    with pytest.raises(
        CheckpointError,
        match="no weights under 'ema_encoder', it holds averaged, encoder: name one",
    ):
        load_meta(path, "ema_encoder", empty())


def test_predictors_and_tables_come_back_from_a_file(tmp_path: Path) -> None:
    for kind in ("1", "2", "2.1 of all levels"):
        predictor = network(PREDICTORS[kind])
        with torch.device("meta"):
            fresh = Predictor(PREDICTORS[kind])
        loaded = load_meta(
            meta_file(tmp_path / "model.pt", predictor.state_dict(), "predictor"),
            "predictor",
            fresh,
        )
        assert weights_sha256(loaded) == weights_sha256(predictor)
    table = network(ENCODERS["1"]).state_dict() | {
        "pos_embed": torch.randn(1, 60, 26, generator=torch.Generator().manual_seed(0))
    }
    loaded = load_meta(
        meta_file(tmp_path / "table.pt", table), "target_encoder", empty(ENCODERS["1"])
    )
    assert torch.equal(loaded.pos_embed, table["pos_embed"])


@pytest.mark.parametrize(
    ("generation", "tokens", "told"),
    [
        (V2, 60, None),  # 4 slices of 3 x 5: left by the trainer
        (V2, 30, None),
        (V2, 45, "model lacks, pos_embed"),  # 3 slices
        (V2, 64, "model lacks, pos_embed"),  # another side
        (V1, 64, "pos_embed is (1, 64, 26) where this model has (1, 60, 26)"),
    ],
)
def test_a_left_over_table_is_passed_over_and_another_model_s_is_not(
    generation: object, tokens: int, told: str | None, tmp_path: Path
) -> None:
    config = VisionTransformerConfig(
        dim=26, depth=1, heads=2, mlp=52, generation=generation, table=TABLE
    )
    weights = network(config).state_dict() | {"pos_embed": torch.zeros(1, tokens, 26)}
    path = meta_file(tmp_path / "model.pt", weights)
    if told is None:
        assert load_meta(
            path, "target_encoder", empty(config)
        ).state_dict().keys() == weights.keys() - {"pos_embed"}
    else:
        with pytest.raises(CheckpointError) as error:
            load_meta(path, "target_encoder", empty(config))
        assert told in str(error.value)


def test_a_file_of_v_jepa_1_is_not_v_jepa_2_nor_the_other_way_round(tmp_path: Path) -> None:
    """Same shapes but for the table: it alone tells them apart."""
    for name in ("vjepa2-vitl", "vjepa2-vith"):
        for table in (1568, 4608):
            assert not VARIANTS[name].encoder.is_unused(
                "pos_embed", (1, table, VARIANTS[name].encoder.dim)
            )
    assert VARIANTS["vjepa2-vitl"].encoder.is_unused("pos_embed", (1, 8192, 1024))
    second = VisionTransformerConfig(dim=26, depth=3, heads=2, mlp=52, generation=V2, table=TABLE)
    with pytest.raises(CheckpointError, match="lacks pos_embed"):
        load_meta(
            meta_file(tmp_path / "model.pt", network(second).state_dict()),
            "target_encoder",
            empty(ENCODERS["1"]),
        )


def test_what_is_no_checkpoint_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.pt").write_text("weights will follow")
    torch.save([torch.ones(3)], tmp_path / "list.pt")
    for name, told in [
        ("notes.pt", "not a complete checkpoint"),
        ("list.pt", "by name but list"),
        ("absent.pt", "is not a file"),
        (".", "holds neither"),
    ]:
        with pytest.raises(CheckpointError, match=told):
            load_meta(tmp_path / name, "target_encoder", empty())


def test_untrained_weights_are_the_same_on_every_machine() -> None:
    assert weights_sha256(init_untrained(UNTRAINED, seed=0)) == UNTRAINED_SHA256
    assert weights_sha256(init_untrained(UNTRAINED, seed=1)) != UNTRAINED_SHA256


def test_untrained_tokens_mix() -> None:
    model, clip = init_untrained(), pixels(8, 96, 96)
    changed = clip.clone()
    changed[:, :, :, :48, :48] = 0
    before, after = (
        encode(model, video).unflatten(1, (4, 6, 6))[:, :, 3:, 3:] for video in (clip, changed)
    )
    assert ((before - after).norm(dim=-1) / before.norm(dim=-1)).mean() > 0.2
    assert (
        F.cosine_similarity(before.flatten(1, 3)[:, :1], before.flatten(1, 3)[:, 1:], dim=-1).mean()
        < 0.9
    )


def test_the_weights_hash_is_over_names_shapes_and_float32_values() -> None:
    model = torch.nn.Linear(2, 1)
    model.load_state_dict({"weight": torch.tensor([[1.0, 2.0]]), "bias": torch.tensor([3.0])})
    spelled = (
        b"bias [1]\n"
        + np.array([3], "<f4").tobytes()
        + b"weight [1, 2]\n"
        + np.array([1, 2], "<f4").tobytes()
    )
    assert (
        weights_sha256(model)
        == weights_sha256(model.double())
        == hashlib.sha256(spelled).hexdigest()
    )
