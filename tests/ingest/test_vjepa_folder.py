"""V-JEPA 2 as transformers saves it, as `--encoder`: its tokens are those of transformers; `--weights-key` chooses among the networks of a file."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.checkpoints import TINY, empty, meta_file, tiny
from tubelet.ingest import encoders, vjepa_rows
from tubelet.ingest.checkpoints import load_meta
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import CheckpointError, UsageError
from tubelet.ingest.layer import Depth
from tubelet.ingest.vjepa_encoder import MEAN, STD

CPU = torch.device("cpu")
SHAPE = {
    "hidden_size": 60,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "mlp_ratio": 4,
    "crop_size": 64,
    "frames_per_clip": 4,
}
PREDICTOR = {
    "pred_hidden_size": 40,
    "pred_num_hidden_layers": 1,
    "pred_num_attention_heads": 2,
    "pred_num_mask_tokens": 2,
    "pred_mlp_ratio": 4,
}


@pytest.fixture(scope="module")
def model() -> "torch.nn.Module":
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    return transformers.VJEPA2Model(transformers.VJEPA2Config(**SHAPE, **PREDICTOR)).eval()


@pytest.fixture(scope="module")
def saved(model: "torch.nn.Module", tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "mine"
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def changed(saved: Path, tmp_path: Path) -> Callable[..., Path]:
    def change(name: str, **values: object) -> Path:
        folder = Path(shutil.copytree(saved, tmp_path / "mine", dirs_exist_ok=True))
        before = json.loads((folder / name).read_text()) if (folder / name).exists() else {}
        (folder / name).write_text(json.dumps(before | values))
        return folder

    return change


def load(folder: Path) -> tuple:
    return encoders.load(str(folder), LoadOptions(device=CPU))


@torch.inference_mode()
def test_a_folder_of_v_jepa_2_is_an_encoder_with_the_tokens_of_transformers(
    model: "torch.nn.Module", saved: Path
) -> None:
    facts, encoder = load(saved)
    frames = torch.randint(
        0, 256, (1, 4, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )
    pixels = (frames / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    wanted = model(pixels, skip_predictor=True).last_hidden_state
    torch.testing.assert_close(
        encoder.encode(frames).embeddings.flatten(1, 3), wanted, atol=2e-5, rtol=0
    )
    assert (facts.name, facts.dim, encoders.row(str(saved)).side) == (
        "mine",
        60,
        64,
    ) and "the student" in facts.weights_source


def test_a_folder_of_pickles_is_the_same_encoder(saved: Path, changed: Callable) -> None:
    folder = changed("config.json")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert load(folder)[0].encoder_id == load(saved)[0].encoder_id


def test_the_number_of_heads_is_in_the_id(saved: Path, changed: Callable) -> None:
    assert (
        load(saved)[0].encoder_id
        != load(changed("config.json", num_attention_heads=6))[0].encoder_id
    )


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("config.json", {"hidden_size": "60"}, "hidden_size is '60', not a number"),
        ("config.json", {"num_hidden_layers": 10**12}, "num_hidden_layers is 1000000000000"),
        ("config.json", {"num_attention_heads": 0}, "num_attention_heads is 0"),
        ("config.json", {"num_attention_heads": 7}, "60 dimensions in 7 heads"),
        ("config.json", {"crop_size": 0}, "crop_size is 0"),
        ("config.json", {"crop_size": 16}, "at 16 px"),
        ("config.json", {"mlp_ratio": None}, "mlp_ratio is None"),
        ("config.json", {"mlp_ratio": 1e300}, "mlp_ratio is 1e+300"),
        ("config.json", {"patch_size": 14}, "patch_size 14"),
        ("config.json", {"layer_norm_eps": 1e-2}, "layer_norm_eps 0.01"),
        ("config.json", {"num_hidden_layers": 3}, "lacks blocks.2"),
        (
            "preprocessor_config.json",
            {"image_mean": [0.5, 0.5, 0.5]},
            "pixels of mean and standard deviation 0.5 0.5 0.5 and 0.229 0.224 0.225 (from preprocessor_config.json)",
        ),
        ("video_preprocessor_config.json", {"do_normalize": False}, "0 0 0 and 1 1 1"),
        ("video_preprocessor_config.json", {"rescale_factor": 1 / 127.5}, "where V-JEPA 2 has"),
        ("processor_config.json", {"video_processor": {"do_rescale": False}}, "where V-JEPA 2 has"),
    ],
)
def test_a_config_that_is_not_the_models_is_a_sentence(
    changed: Callable, name: str, values: dict, told: str
) -> None:
    with pytest.raises((UsageError, CheckpointError)) as error:
        load(changed(name, **values))
    assert told in str(error.value)


def test_a_key_names_the_network_and_dots_lead_inwards(tmp_path: Path) -> None:
    weights = tiny().state_dict()
    path = meta_file(tmp_path / "meta.pt", weights)
    averaged, student = (load_meta(path, key, empty()) for key in ("target_encoder", "encoder"))
    assert all(
        torch.equal(student.state_dict()[name], tensor + 1)
        and torch.equal(averaged.state_dict()[name], tensor)
        for name, tensor in weights.items()
    )
    torch.save(
        {
            "state_dict": {f"model.net.{name}": tensor for name, tensor in weights.items()},
            "epoch": 3,
        },
        tmp_path / "lightning.ckpt",
    )
    assert torch.equal(
        load_meta(tmp_path / "lightning.ckpt", "state_dict.model.net", empty()).state_dict()[
            "norms_block.0.bias"
        ],
        weights["norms_block.0.bias"],
    )
    with pytest.raises(
        CheckpointError,
        match="no weights under 'state_dict.model.other', it holds state_dict.model.net: name one of them as --weights-key",
    ):
        load_meta(tmp_path / "lightning.ckpt", "state_dict.model.other", empty())


def test_student_and_averaged_encoder_have_ids_and_sources_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, name = (
        meta_file(tmp_path / "meta.pt", tiny().state_dict(), "ema_encoder"),
        "vjepa2.1-vitb",
    )
    entry = vjepa_rows.make_released_row(TINY, 64, vjepa_rows.RELEASES[name])
    monkeypatch.setattr(
        encoders, "ENCODERS", {**encoders.ENCODERS, name: replace(entry, depth=Depth(levels=3))}
    )
    averaged, student = (
        encoders.load(name, LoadOptions(device=CPU, weights=path, weights_key=key))[0]
        for key in (None, "encoder")
    )
    assert averaged.encoder_id != student.encoder_id
    assert (
        averaged.weights_source == "meta.pt, ema_encoder"
        and student.weights_source == "meta.pt, encoder"
    )


def test_a_key_without_a_file_of_several_networks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--weights-key encoder: toy has one network"):
        encoders.load("toy", LoadOptions(device=CPU, weights_key="encoder"))
    with pytest.raises(UsageError, match="give the file as --weights"):
        encoders.load("vjepa2.1-vitb", LoadOptions(device=CPU, weights_key="encoder"))
