"""The V-JEPA 2.1 encoder against outputs of Meta's code, and Meta's files read strictly.

Meta's outputs lie beside the project (`shared/golden`); tests that need them skip with a reason on other machines.
"""

import hashlib
import json
import pickle
import shutil
from pathlib import Path

import golden
import numpy as np
import pytest
import torch
from conftest import SHARED, shared
from torch.nn import functional as F

from ingest.checkpoints import CONFIGS, UNTRAINED, load_meta, untrained, weights_sha256
from ingest.errors import CheckpointError
from ingest.vjepa.encoder import PixelsError, VisionTransformer, VisionTransformerConfig, rotated, rotations
from ingest.weights.release import RELEASES
from store.errors import TubeletError

TINY = VisionTransformerConfig(dim=24, depth=3, heads=2, mlp=48, levels=(0, 1, 2))
UNTRAINED_SHA256 = "8f21f1d6d1a2efd31c775d8ef49e1f49ecf70c04a9cc19bed34a82246bd5106b"


def expected_outputs() -> list[tuple[str, str]]:
    """(set, output) for every encoder output Meta's code left; one pair that skips where the folder is absent."""
    pairs = []
    for path in sorted((SHARED / "golden").glob("*.json")):
        if golden.covered(json.loads(path.read_text())):
            with np.load(path.with_suffix(".npz")) as arrays:
                pairs += [(path.stem, key) for key in golden.expected(arrays) if not key.startswith("pred/")]
    return pairs or [("absent", "absent")]


def picture(frames: int, height: int, width: int, clips: int = 1, seed: int = 0) -> torch.Tensor:
    """Normalised pixels (B, 3, T, H, W) of moving blobs."""
    coarse = torch.randn(clips, 3, 2, 5, 5, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, size=(frames, height, width), mode="trilinear")


def encode(model: VisionTransformer, pixels: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
    with torch.inference_mode():
        return model(pixels, kept)[-1]


@pytest.fixture(scope="module")
def tiny() -> VisionTransformer:
    return untrained(TINY, seed=1)


@pytest.mark.parametrize(("name", "key"), expected_outputs())
def test_every_encoder_output_equals_metas(name: str, key: str) -> None:
    card, arrays, model = golden.load(shared("golden"), name)
    assert golden.difference(golden.output(model, card, arrays, key), arrays[key]) <= golden.TOLERANCE


@pytest.mark.parametrize("head", ["enc64", "pred32"])
def test_rotary_positions_of_the_real_head_sizes(head: str) -> None:
    arrays = np.load(shared("golden") / "rope.npz")
    queries = torch.from_numpy(arrays[f"{head}/q"])
    turns = rotations((32, 24, 24), queries.shape[-1])[torch.from_numpy(arrays["token_ids"]).long()]
    assert golden.difference(rotated(queries, turns).numpy(), arrays[f"{head}/v21_interpolated"]) <= 1e-5


def test_rotation_keeps_lengths_and_the_components_at_rest() -> None:
    vectors = torch.randn(12, 15, generator=torch.Generator().manual_seed(0))
    turned = rotated(vectors, rotations((3, 2, 2), 15))
    torch.testing.assert_close(turned.norm(dim=-1), vectors.norm(dim=-1))
    assert torch.equal(turned[:, 12:], vectors[:, 12:])
    assert not torch.isclose(turned[1:, :12], vectors[1:, :12]).all()


def test_the_golden_command_tells_agreement_from_a_difference_and_from_nothing(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    name = "vjepa2_1_tiny_native"
    assert golden.main(tmp_path) == 2
    for suffix in (".json", ".pt", ".npz"):
        shutil.copyfile(shared("golden") / (name + suffix), tmp_path / (name + suffix))
    assert golden.main(tmp_path) == 0
    assert "14 not covered yet" in capsys.readouterr().out
    arrays = dict(np.load(tmp_path / f"{name}.npz"))
    arrays["rect/out_level1"][0, 3, 5] += 1e-3
    np.savez(tmp_path / f"{name}.npz", **arrays)
    assert golden.main(tmp_path) == 1
    assert "rect/out_level1: 1.0e-03 TOO FAR" in capsys.readouterr().out


def test_the_golden_command_counts_nan_and_another_shape_as_different() -> None:
    assert golden.difference(np.array([np.nan]), np.array([0.0])) == float("inf")
    assert golden.difference(np.zeros((1, 2)), np.zeros(2)) == float("inf")
    assert golden.ratio("48 / 11") * 1408 == 6144


@pytest.mark.parametrize(
    ("frames", "height", "width", "grid"),
    [(1, 32, 32, (1, 2, 2)), (2, 32, 80, (1, 2, 5)), (7, 95, 33, (3, 5, 2)), (16, 96, 224, (8, 6, 14))],
)
def test_the_grid_follows_the_pixels(tiny: VisionTransformer, frames: int, height: int, width: int, grid: tuple[int, int, int]) -> None:
    assert TINY.grid(frames, height, width) == grid
    with torch.inference_mode():
        levels = tiny(picture(frames, height, width))
    assert [level.shape for level in levels] == [(1, np.prod(grid), TINY.dim)] * len(TINY.levels)
    assert all(level.isfinite().all() for level in levels)


def test_what_makes_no_whole_tubelet_is_ignored(tiny: VisionTransformer) -> None:
    pixels = picture(5, 40, 70)
    assert torch.equal(encode(tiny, pixels), encode(tiny, pixels[:, :, :4, :32, :64]))


def test_an_image_is_not_a_repeated_frame(tiny: VisionTransformer) -> None:
    image = picture(1, 48, 48)
    assert not torch.isclose(encode(tiny, image), encode(tiny, image.expand(-1, -1, 2, -1, -1)), atol=0.1).all()


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((1, 3, 4, 31, 64), "at least 32 x 32 px"),
        ((1, 3, 1, 64, 16), "at least 32 x 32 px"),
        ((1, 3, 0, 64, 64), "0 frames make no token"),
        ((3, 4, 64, 64), "(B, 3, T, H, W)"),
        ((1, 4, 3, 64, 64), "(B, 3, T, H, W)"),
    ],
)
def test_pixels_without_positions_are_refused(tiny: VisionTransformer, shape: tuple[int, ...], told: str) -> None:
    with pytest.raises(PixelsError) as error:
        tiny(torch.zeros(shape))
    assert told in str(error.value)
    assert isinstance(error.value, TubeletError) and isinstance(error.value, ValueError)


def test_tokens_left_out_are_never_attended_to(tiny: VisionTransformer) -> None:
    pixels, other = picture(4, 64, 64, clips=2), picture(4, 64, 64, clips=2, seed=1)
    kept = torch.tensor([[0, 1, 16, 17], [5, 4, 21, 20]])  # the upper left quarter of the first clip, patches 4 and 5 of the second
    other[0, :, :, :16, :32] = pixels[0, :, :, :16, :32]
    other[1, :, :, 16:32, :32] = pixels[1, :, :, 16:32, :32]
    assert torch.equal(encode(tiny, pixels, kept), encode(tiny, other, kept))
    assert not torch.isclose(encode(tiny, pixels, kept)[0], encode(tiny, pixels)[0, kept[0]], atol=0.01).all()


@pytest.mark.parametrize("integers", [torch.int16, torch.int32, torch.int64])
def test_all_ids_in_any_order_give_the_same_tokens(tiny: VisionTransformer, integers: torch.dtype) -> None:
    pixels = picture(4, 32, 48, clips=2)
    order = torch.stack([torch.randperm(12, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)])
    whole = torch.stack([tokens[ids] for tokens, ids in zip(encode(tiny, pixels), order, strict=True)])
    torch.testing.assert_close(encode(tiny, pixels, order.to(integers)), whole, atol=1e-5, rtol=0)


def test_ids_need_one_row_a_clip(tiny: VisionTransformer) -> None:
    with pytest.raises(ValueError, match="one row a clip"):
        tiny(picture(4, 32, 32, clips=2), torch.tensor([[0, 1]]))


def test_encoding_twice_is_bitwise_equal() -> None:
    model, pixels = untrained(), picture(6, 64, 96, clips=2)
    assert torch.equal(encode(model, pixels), encode(model, pixels))


def test_bf16_stays_near_float32() -> None:
    model, pixels = untrained(), picture(6, 64, 96)
    exact = encode(model, pixels)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = encode(model, pixels)
    half = encode(model.to(torch.bfloat16), pixels)
    assert (mixed.dtype, half.dtype) == (torch.float32, torch.bfloat16)
    assert F.cosine_similarity(mixed, exact, dim=-1).min() > 0.999
    assert F.cosine_similarity(half.float(), exact, dim=-1).min() > 0.999


@pytest.mark.parametrize("levels", [(), (1, 0), (0, 0), (0, 3), (-1, 2)])
def test_levels_have_to_be_rising_blocks(levels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="levels"):
        VisionTransformerConfig(dim=24, depth=3, heads=2, mlp=48, levels=levels)


@pytest.mark.parametrize(
    ("name", "parameters", "tensors"),
    [
        ("vjepa2.1-vitb", 86_833_152, 158),
        ("vjepa2.1-vitl", 304_680_960, 302),
        ("vjepa2.1-vitg", 1_013_267_968, 494),
        ("vjepa2.1-vitG", 1_845_216_768, 590),
    ],
)
def test_released_encoders_have_metas_size(name: str, parameters: int, tensors: int) -> None:
    with torch.device("meta"):
        weights = VisionTransformer(CONFIGS[name]).state_dict()
    assert (sum(tensor.numel() for tensor in weights.values()), len(weights)) == (parameters, tensors)
    assert RELEASES[name].encoder == parameters


def meta_file(path: Path, weights: dict[str, torch.Tensor], key: str = "target_encoder") -> Path:
    """A checkpoint as Meta's trainer saves it: prefixed names, the student and the optimizer beside the encoder."""
    prefixed = {f"module.backbone.{name}": tensor for name, tensor in weights.items()}
    student = {name: tensor + 1 for name, tensor in prefixed.items()}
    torch.save({"encoder": student, key: prefixed, "opt": {"state": {}}, "epoch": 3, "lr": 1e-4}, path)
    return path


def empty() -> VisionTransformer:
    with torch.device("meta"):
        return VisionTransformer(TINY)


def test_a_file_gives_back_its_weights_and_may_then_go(tiny: VisionTransformer, tmp_path: Path) -> None:
    path = meta_file(tmp_path / "model.pt", tiny.state_dict(), "ema_encoder")
    model = load_meta(path, "ema_encoder", empty())
    path.write_bytes(b"")
    assert weights_sha256(model) == weights_sha256(tiny)
    assert torch.equal(encode(model, picture(2, 32, 32)), encode(tiny, picture(2, 32, 32)))


def test_half_precision_weights_arrive_in_float32(tiny: VisionTransformer, tmp_path: Path) -> None:
    halves = {name: tensor.half() for name, tensor in tiny.state_dict().items()}
    model = load_meta(meta_file(tmp_path / "model.pt", halves), "target_encoder", empty())
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda weights: weights.pop("blocks.1.attn.qkv.bias"), "lacks blocks.1.attn.qkv.bias"),
        (lambda weights: weights.update({"norm.weight": torch.ones(24)}), "does not know, norm.weight"),
        (lambda weights: weights.update({"blocks.2.mlp.fc1.weight": torch.ones(96, 24)}), "fc1.weight is (96, 24) where this model has"),
        (lambda weights: weights.update({"norms_block.0.bias": torch.ones(24).int()}), "norms_block.0.bias is no tensor of floating"),
        (lambda weights: weights.update({"norms_block.0.bias": 3}), "norms_block.0.bias is no tensor of floating"),
        (lambda weights: weights.update({"module.norms_block.0.bias": torch.ones(24)}), "norms_block.0.bias twice"),
    ],
    ids=["missing", "extra", "shape", "integers", "no tensor", "twice"],
)
def test_a_tensor_in_the_way_is_named(tiny: VisionTransformer, tmp_path: Path, change: object, told: str) -> None:
    weights = tiny.state_dict()
    change(weights)
    path = tmp_path / "model.pt"
    torch.save({"target_encoder": {f"module.backbone.{name}": tensor for name, tensor in weights.items()}}, path)
    with pytest.raises(CheckpointError) as error:
        load_meta(path, "target_encoder", empty())
    assert told in str(error.value) and str(path) in str(error.value)


def test_a_wrong_key_is_told_what_there_is(tiny: VisionTransformer, tmp_path: Path) -> None:
    path = meta_file(tmp_path / "model.pt", tiny.state_dict())
    with pytest.raises(CheckpointError, match="no weights under 'ema_encoder', it holds encoder, epoch, lr, opt, target_encoder"):
        load_meta(path, "ema_encoder", empty())
    with pytest.raises(CheckpointError, match="'encoder' is not an encoder to measure with"):
        load_meta(path, "encoder", empty())


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_file_is_a_sentence(tiny: VisionTransformer, tmp_path: Path, kept: float) -> None:
    path = meta_file(tmp_path / "model.pt", tiny.state_dict())
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        load_meta(path, "target_encoder", empty())


def test_what_is_no_checkpoint_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.pt").write_text("weights will follow")
    torch.save([torch.ones(3)], tmp_path / "list.pt")
    for name, told in [("notes.pt", "no whole checkpoint"), ("list.pt", "it holds list"), ("absent.pt", "is no file"), (".", "holds neither")]:
        with pytest.raises(CheckpointError, match=told):
            load_meta(tmp_path / name, "target_encoder", empty())


class Intruder:
    """Pickles as a call that leaves a file behind."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_not_run(tmp_path: Path, zipped: bool) -> None:
    path, marker = tmp_path / "model.pt", tmp_path / "intruded"
    checkpoint = {"target_encoder": {"module.backbone.norm.weight": Intruder(marker)}}
    if zipped:
        torch.save(checkpoint, path)
    else:
        path.write_bytes(pickle.dumps(checkpoint))
    with pytest.raises(CheckpointError, match="none of it was run"):
        load_meta(path, "target_encoder", empty())
    assert not marker.exists()
    if not zipped:
        pickle.loads(path.read_bytes())
        assert marker.exists(), "the file has to be dangerous for this test to mean something"


def test_untrained_weights_are_the_same_on_every_machine() -> None:
    assert weights_sha256(untrained(UNTRAINED, seed=0)) == UNTRAINED_SHA256
    assert weights_sha256(untrained(UNTRAINED, seed=1)) != UNTRAINED_SHA256


def test_untrained_tokens_mix() -> None:
    model, pixels = untrained(), picture(8, 96, 96)
    changed = pixels.clone()
    changed[:, :, :, :48, :48] = 0
    before, after = (encode(model, clip).unflatten(1, (4, 6, 6))[:, :, 3:, 3:] for clip in (pixels, changed))
    assert ((before - after).norm(dim=-1) / before.norm(dim=-1)).mean() > 0.2
    assert F.cosine_similarity(before.flatten(1, 3)[:, :1], before.flatten(1, 3)[:, 1:], dim=-1).mean() < 0.9


def test_the_weights_hash_is_over_names_shapes_and_float32_values() -> None:
    model = torch.nn.Linear(2, 1)
    model.load_state_dict({"weight": torch.tensor([[1.0, 2.0]]), "bias": torch.tensor([3.0])})
    spelled = b"bias [1]\n" + np.array([3], "<f4").tobytes() + b"weight [1, 2]\n" + np.array([1, 2], "<f4").tobytes()
    assert weights_sha256(model) == weights_sha256(model.double()) == hashlib.sha256(spelled).hexdigest()
