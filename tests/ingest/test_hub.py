"""Encoders through transformers: small random models that transformers itself saved, against their own hidden states."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.commands import ROOT, environment, tubelet
from tests.tiers import thin
from tests.videos import make_video
from tubelet.ingest import encoders
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import CheckpointError, UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.networks.hub.named import NAMED
from tubelet.store import Store
from tubelet.store.errors import TubeletError

MEAN, STD = (0.3, 0.4, 0.5), (0.2, 0.25, 0.3)
SIZE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
IMAGE = {**SIZE, "image_size": 32, "patch_size": 8}
DECODER = {f"decoder_{key}": value for key, value in {**SIZE, "hidden_size": 16}.items()}

# name -> the model as saved, the part of it that is the encoder, tokens before the patches
MODELS = {
    "videomae": (lambda: transformers.VideoMAEForPreTraining(transformers.VideoMAEConfig(**IMAGE, **DECODER, num_frames=4)), "videomae", 0),
    "videomae-classifier": (lambda: transformers.VideoMAEForVideoClassification(transformers.VideoMAEConfig(**IMAGE, num_frames=4)), "videomae", 0),
    "dinov2": (lambda: transformers.Dinov2Model(transformers.Dinov2Config(**IMAGE)), "", 1),
    "dinov2-registers": (
        lambda: transformers.Dinov2WithRegistersForImageClassification(transformers.Dinov2WithRegistersConfig(**IMAGE, num_register_tokens=3)),
        "dinov2_with_registers", 4,
    ),
    "dinov3": (lambda: transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(**IMAGE, num_register_tokens=2)), "", 3),
    "ijepa": (lambda: transformers.IJepaModel(transformers.IJepaConfig(**IMAGE)), "", 0),
    "vit-mae": (lambda: transformers.ViTMAEForPreTraining(transformers.ViTMAEConfig(**IMAGE, **DECODER, mask_ratio=0.75)), "vit", 1),
    "clip": (
        lambda: transformers.CLIPModel(transformers.CLIPConfig(text_config={**SIZE, "vocab_size": 50}, vision_config=IMAGE, projection_dim=8)),
        "vision_model", 1,
    ),
    "siglip": (
        lambda: transformers.SiglipModel(transformers.SiglipConfig(text_config={**SIZE, "vocab_size": 50, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None}, vision_config=IMAGE)),
        "vision_model", 0,
    ),
    "siglip-vision": (lambda: transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**IMAGE)), "", 0),
    "tipsv2": (
        lambda: transformers.Tipsv2Model(transformers.Tipsv2Config(text_config={**SIZE, "vocab_size": 50}, vision_config={**IMAGE, "num_register_tokens": 1})),
        "vision_model", 2,
    ),
    "tipsv2-vision": (lambda: transformers.Tipsv2VisionModel(transformers.Tipsv2VisionConfig(**IMAGE, num_register_tokens=1)), "", 2),
    "radio": (lambda: transformers.RadioModel(transformers.RadioConfig(**SIZE, patch_size=8, max_img_size=64, num_cls_tokens=2, num_registers=3)), "", 5),
    "clip-vision": (lambda: transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**IMAGE)), "", 1),
}  # fmt: skip
FIXED = ("videomae", "videomae-classifier")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Every model in a directory of its own, with random norms and positions, and the encoder inside it."""
    folder, inner = tmp_path_factory.mktemp("models"), {}
    torch.manual_seed(0)
    for name, (make, attribute, _) in MODELS.items():
        model = make().eval().requires_grad_(False)
        for tensor in model.parameters():
            tensor.add_(torch.randn_like(tensor) * 0.1)
        model.save_pretrained(folder / name)
        (folder / name / "preprocessor_config.json").write_text(
            json.dumps({"image_mean": MEAN, "image_std": STD, "size": {"height": 32}})
        )
        inner[name] = model.get_submodule(attribute)
    return folder, inner


def load(path, precision="fp32", device="cpu"):
    return encoders.load(str(path), LoadOptions(device=torch.device(device), precision=precision))


def hidden(model, pixels):
    """The model's own hidden states, ViT-MAE's tokens put back from the order in which it drew them."""
    name = type(model).__name__
    if name == "ViTMAEModel":
        model.config.mask_ratio = 0.0
        out = model(
            pixels,
            noise=torch.rand(len(pixels), 1000)[:, : pixels.shape[2] * pixels.shape[3] // 64],
            interpolate_pos_encoding=True,
        )
        patches = out.last_hidden_state[:, 1:].gather(
            1, out.ids_restore[..., None].expand(-1, -1, 32)
        )
        return torch.cat([out.last_hidden_state[:, :1], patches], dim=1)
    arguments = (
        {"interpolate_pos_encoding": True}
        if name in ("IJepaModel", "CLIPVisionModel", "SiglipVisionModel")
        else {}
    )
    return model(pixels, **arguments).last_hidden_state


def expected(model, frames, leading, tubelet):
    """Token grids of frames (B, T, 3, H, W), one token at a time from the hidden states."""
    pixels = torch.stack(
        [(frames[:, :, c].float() / 255 - MEAN[c]) / STD[c] for c in range(3)], dim=2
    )
    clips, count, _, height, width = frames.shape
    grid = torch.empty(clips, count // tubelet, height // 8, width // 8, 32)
    for b in range(clips):
        for s in range(count // tubelet):
            states = (
                hidden(model, pixels[b : b + 1])
                if tubelet == 2
                else hidden(model, pixels[b, s : s + 1])
            )
            for y in range(height // 8):
                for x in range(width // 8):
                    index = (
                        (s if tubelet == 2 else 0) * (height // 8) * (width // 8)
                        + y * (width // 8)
                        + x
                    )
                    grid[b, s, y, x] = states[0, leading + index]
    return grid


@pytest.mark.parametrize(
    "name,size",
    thin(
        [
            (name, size)
            for name in MODELS
            for size in ((32, 32), (48, 48), (24, 40))
            if name not in FIXED or size == (32, 32)
        ],
        3,
        spread=True,
    ),
)
def test_the_grid_is_the_model_s_own_hidden_states(name, size, saved):
    folder, inner = saved
    facts, encoder = load(folder / name)
    frames = torch.randint(0, 256, (2, 4, 3, *size), dtype=torch.uint8)
    with torch.inference_mode():
        grids = encoder.encode(frames).embeddings
        wanted = expected(inner[name], frames, MODELS[name][2], facts.tubelet)
    assert grids.shape == wanted.shape and torch.allclose(grids, wanted, atol=2e-5), float(
        (grids - wanted).abs().max()
    )
    assert (facts.dim, facts.patch, facts.tubelet, facts.name) == (
        32,
        8,
        2 if name in FIXED else 1,
        name,
    )
    assert str(MEAN[0]) in facts.preprocessing and "preprocessor_config.json" in facts.preprocessing


@pytest.mark.parametrize("name", thin(MODELS, 3))
def test_half_precision_keeps_norms_positions_and_the_residual_stream_in_float32(name, saved):
    folder, _ = saved
    frames = torch.randint(0, 256, (1, 4, 3, 32, 32), dtype=torch.uint8)
    exact, rounded = (load(folder / name, precision)[1] for precision in ("fp32", "bf16"))
    seen = []
    for module in rounded._model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.register_forward_pre_hook(
                lambda module, given: seen.append((given[0].dtype, module.weight.dtype))
            )
    with torch.inference_mode():
        a, b = exact.encode(frames).embeddings, rounded.encode(frames).embeddings
    assert set(seen) == {(torch.float32, torch.float32)} and b.dtype == torch.float32
    assert 0 < float((a - b).norm() / a.norm()) < 0.02
    linear = next(m for m in rounded._model.modules() if isinstance(m, torch.nn.Linear))
    assert linear.weight.dtype == torch.bfloat16


@pytest.mark.long
def test_an_ingest_with_a_model_from_a_directory_stores_a_slice_a_frame(saved, tmp_path):
    folder, _ = saved
    video = make_video(tmp_path / "a.mp4", frames=8)
    arguments = ("--frames", "4", "--size", "32x40")
    process = tubelet(
        "ingest", video, "--store", tmp_path / "store", "--encoder", folder / "dinov2", *arguments
    )
    assert process.returncode == 0, process.stderr
    assert "Loading" not in process.stderr and "Warning" not in process.stderr, process.stderr
    store = Store(tmp_path / "store")
    assert store.rows("SELECT DISTINCT slices, grid_height, grid_width, embed_dim FROM clips") == [
        {"slices": 4, "grid_height": 4, "grid_width": 5, "embed_dim": 32}
    ]
    assert store.rows("SELECT name, family FROM encoders") == [
        {"name": "dinov2", "family": "DINOv2"}
    ]
    store.close()


@pytest.mark.parametrize(
    "name,arguments,words",
    [
        (
            "videomae",
            {"frames": 8},
            "--frames 8: this VideoMAE model takes clips of exactly 4 frames at 32 x 32 px",
        ),
        ("videomae", {"frames": 4, "size": "48"}, "--size 48: this VideoMAE model"),
        ("videomae", {"frames": 4, "tail": True}, "--tail: this VideoMAE model"),
        ("videomae", {"frames": 4, "fit": True}, "--fit: this VideoMAE model"),
        ("dinov2", {"size": "30"}, "dinov2's patch of 8 px: use 32"),
        ("dinov2", {"weights": Path("w.pt")}, "brings its own"),
        ("text", {}, "the types that Tubelet can run are videomae, dinov2"),
        ("blind", {}, "without a vision part"),
        ("empty", {}, "has no config.json"),
        ("weightless", {}, "holds no model.safetensors"),
        ("cut", {}, "not a complete checkpoint"),
    ],
)
def test_what_cannot_run_is_a_sentence(name, arguments, words, saved, tmp_path):
    folder, _ = saved
    _broken_models(folder)
    video = make_video(tmp_path / "a.mp4", frames=8)
    with pytest.raises(TubeletError) as error:
        Job.of(paths=[str(video)], encoder=str(folder / name), **arguments)
    assert words in str(error.value) and "\n" not in str(error.value)


def _broken_models(folder):
    configs = {
        "text": {"model_type": "bert"}, "blind": {"model_type": "clip", "text_config": {}}, "empty": None,
        "weightless": json.loads((folder / "dinov2" / "config.json").read_text()), "cut": json.loads((folder / "dinov2" / "config.json").read_text()),
    }  # fmt: skip
    for name, config in configs.items():
        (folder / name).mkdir(exist_ok=True)
        if config:
            (folder / name / "config.json").write_text(json.dumps(config))
    (folder / "cut" / "model.safetensors").write_bytes(
        (folder / "dinov2" / "model.safetensors").read_bytes()[:5000]
    )


@pytest.mark.parametrize("name", thin(MODELS, 3))
def test_a_missing_an_unknown_and_a_misshapen_tensor_are_named(name, saved, tmp_path):
    folder, _ = saved
    tensors = load_file(folder / name / "model.safetensors")
    key = next(
        key
        for key in tensors
        if key.endswith("norm2.weight")
        or ("layernorm_after.weight" in key and "decoder" not in key)
    )
    key = key.replace("text_model", "vision_model")
    changed = {
        "lacks": {**tensors},
        "does not know, stray.weight": {**tensors, "stray.weight": torch.zeros(2)},
        "another shape": {**tensors, key: torch.zeros(3)},
    }
    del changed["lacks"][key]
    for words, held in changed.items():
        copy = _copied(folder / name, tmp_path / words.split()[0], held)
        with pytest.raises(CheckpointError) as error:
            load(copy)
        assert words in str(error.value) and (
            "stray" in words or key.split(".")[-2] in str(error.value)
        ), str(error.value)


def _copied(source, target, tensors):
    target.mkdir()
    (target / "config.json").write_text((source / "config.json").read_text())
    save_file(tensors, target / "model.safetensors", {"format": "pt"})
    return target


def test_pickled_weights_are_the_same_model_and_code_in_them_is_never_run(saved, tmp_path):
    folder, _ = saved
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text((folder / "dinov2" / "config.json").read_text())
    torch.save(
        load_file(folder / "dinov2" / "model.safetensors"), tmp_path / "m" / "pytorch_model.bin"
    )
    assert load(tmp_path / "m")[0].weights_sha256 == load(folder / "dinov2")[0].weights_sha256

    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harmed"),)

    torch.save({"a": Harm()}, tmp_path / "m" / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="none of it was run"):
        load(tmp_path / "m")
    assert not (tmp_path / "harmed").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    "name,variables,words",
    [
        ("someone/unheard-of", {}, "HF_HUB_OFFLINE is set"),
        (
            "dinov2-small",
            {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"},
            "the Hub cannot be reached",
        ),
    ],
)
def test_without_network_or_cache_it_says_how_to_get_the_model(name, variables, words, tmp_path):
    """Variables are read as the client is imported, so a process has its own of them from the beginning."""
    video = make_video(tmp_path / "a.mp4", frames=4)
    arguments = ("ingest", video, "--store", tmp_path / "store", "--encoder", name, "--frames", "4")
    process = (
        subprocess.run(
            [sys.executable, "-m", "tubelet", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**environment(), "HF_HOME": str(tmp_path), **variables},
        )
        if variables
        else tubelet(*arguments)
    )
    assert (
        process.returncode == 2 and words in process.stderr and "hf download" in process.stderr
    ), process.stderr
    assert "Traceback" not in process.stderr and not (tmp_path / "store").exists()


@pytest.mark.long
def test_a_model_in_the_cache_is_used_offline_under_its_id(saved, tmp_path):
    folder, _ = saved
    _cache(tmp_path, "someone/tiny", folder / "dinov2")
    program = (
        "import torch; from tubelet.ingest import contract, encoders; facts, _ = encoders.load('someone/tiny', contract.LoadOptions(device=torch.device('cpu'))); "
        "print(facts.name, facts.encoder_id)"
    )
    process = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment(), "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
    )
    assert process.returncode == 0, process.stderr
    name, encoder_id = process.stdout.split()
    assert name == "someone/tiny" and encoder_id.startswith("someone-tiny-")


def _cache(home: Path, id_: str, source: Path) -> None:
    """The files of a model as the Hub's client keeps them."""
    root = home / "hub" / f"models--{id_.replace('/', '--')}"
    revision = "0" * 40
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(revision)
    (root / "snapshots" / revision).mkdir(parents=True)
    for file in source.iterdir():
        (root / "snapshots" / revision / file.name).write_bytes(file.read_bytes())


@pytest.mark.parametrize("name", NAMED)
def test_the_named_rows_agree_with_the_models_that_their_numbers_describe(name):
    row = encoders.row(name)
    assert encoders.row(NAMED[name].id) == row
    videos = {"VideoMAE": (2, 16), "VideoPrism": (1, 16)}
    assert row.side % row.patch == 0
    assert (row.tubelet, row.frames) == videos.get(row.family, (1, None))


@pytest.mark.parametrize(
    "name,words",
    [
        ("resnet", "a Hugging Face id or a directory"),
        ("/nowhere/model", "a Hugging Face id"),
        ("./nowhere", "neither a directory nor"),
    ],
)
def test_a_name_that_is_neither_row_id_nor_directory_is_refused(name, words):
    with pytest.raises(UsageError, match=words):
        encoders.row(name)


@pytest.mark.long
def test_transformers_is_imported_only_for_its_encoders():
    program = "import sys, tubelet.ingest.job; from tubelet.ingest import encoders; encoders.row('dinov2-base'); print('transformers' in sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, env=environment()
    )
    assert process.stdout.split() == ["False"], process.stderr
