"""Settings of a model of transformers: those that change its numbers are in its id, and hostile ones are a sentence."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from tubelet.ingest import encoders
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.networks.hub.models import describe_model
from tubelet.ingest.networks.hub.ordinary import unusual
from tubelet.store import ids
from tubelet.store.errors import TubeletError

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
ORDINARY = {
    "hidden_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "intermediate_size": 64,
    "image_size": 32,
    "patch_size": 8,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose settings are the ordinary ones of its type."""
    folder = tmp_path_factory.mktemp("models") / "dinov2"
    torch.manual_seed(0)
    transformers.Dinov2Model(transformers.Dinov2Config(**ORDINARY)).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(IMAGENET))
    return folder


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Callable[..., Path]:
    """The model with changes to one of its settings files, or with another in place of the one for pixels."""

    def changed(name: str, **values: object) -> Path:
        folder = Path(shutil.copytree(model, tmp_path / "dinov2", dirs_exist_ok=True))
        if not (model / name).exists():
            (folder / "preprocessor_config.json").unlink()
            (folder / name).write_text("{}")
        (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | values))
        return folder

    return changed


def load(folder: Path) -> tuple:
    return encoders.load(str(folder), LoadOptions(device=torch.device("cpu")))


def encoded(folder: Path) -> tuple[str, torch.Tensor]:
    frames = torch.randint(
        0, 256, (1, 1, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )
    facts, encoder = load(folder)
    with torch.inference_mode():
        return facts.encoder_id, encoder.encode(frames).embeddings


def test_an_ordinary_model_is_known_by_its_weights_alone_as_it_always_was(model: Path) -> None:
    facts, _ = load(model)
    assert (
        facts.encoder_id == f"dinov2-{ids.hash_parts('dinov2', facts.weights_sha256, 'last')}"
        and "unusual" not in facts.preprocessing
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("preprocessor_config.json", {"image_mean": [0.5, 0.5, 0.5]}),
        ("preprocessor_config.json", {"image_std": [0.25, 0.224, 0.225]}),
        ("preprocessor_config.json", {"image_mean": 0.5}),
        ("preprocessor_config.json", {"do_normalize": False}),
        ("preprocessor_config.json", {"rescale_factor": 1 / 127.5}),
        ("preprocessor_config.json", {"do_rescale": False}),
        ("video_preprocessor_config.json", {"do_rescale": False}),
        ("processor_config.json", {"image_processor": {"rescale_factor": 1 / 127.5}}),
        ("config.json", {"layer_norm_eps": 1e-2}),
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"num_attention_heads": 4}),
    ],
)
def test_every_setting_that_changes_a_number_changes_the_id(
    model: Path, copy: Callable, name: str, values: dict
) -> None:
    known, numbers = encoded(model)
    other, changed = encoded(copy(name, **values))
    assert other != known and not torch.allclose(numbers, changed, atol=1e-5)
    assert "unusual settings" in load(copy(name, **values))[0].preprocessing


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("preprocessor_config.json", {"image_mean": None, "image_std": None}),
        ("preprocessor_config.json", {"resample": 3, "crop_size": {"height": 32, "width": 32}}),
        (
            "config.json",
            {"initializer_range": 0.5, "hidden_dropout_prob": 0.4, "architectures": ["Other"]},
        ),
        (
            "config.json",
            {"dtype": "bfloat16", "attn_implementation": "eager", "auto_map": {"AutoModel": "x.Y"}},
        ),
    ],
)
def test_settings_that_change_no_number_leave_the_id(
    model: Path, copy: Callable, name: str, values: dict
) -> None:
    known, numbers = encoded(model)
    other, same = encoded(copy(name, **values))
    assert other == known and torch.equal(numbers, same)


@pytest.mark.parametrize(
    "value", [{"num_register_tokens": 2}, {"tubelet_size": 2}, {"num_frames": 2}], ids=str
)
def test_a_name_that_models_of_the_type_do_not_read_moves_no_token(
    model: Path, copy: Callable, value: dict
) -> None:
    assert torch.equal(encoded(model)[1], encoded(copy("config.json", **value))[1])


def _split(folder: Path, write: Callable, suffix: str) -> Path:
    """The weights of a folder as two shards with an index, beside a shard of an earlier save."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    stem = suffix.rpartition(".")[0]
    names = [f"{stem}-0000{part}-of-00002.{suffix.rpartition('.')[2]}" for part in (1, 2)]
    parts = {name: names[index % 2] for index, name in enumerate(sorted(tensors))}
    for name in names:
        write({at: tensors[at] for at, of in parts.items() if of == name}, folder / name)
    write(
        {at: tensor + 1 for at, tensor in tensors.items()},
        folder / names[1].replace("2-of", "9-of"),
    )
    (folder / f"{suffix}.index.json").write_text(json.dumps({"weight_map": parts}))
    return folder


@pytest.mark.parametrize(
    ("write", "suffix"), [(save_file, "model.safetensors"), (torch.save, "pytorch_model.bin")]
)
def test_shards_and_pickles_are_the_same_encoder_and_those_of_an_earlier_save_are_left_out(
    model: Path, copy: Callable, write: Callable, suffix: str
) -> None:
    id_, numbers = encoded(model)
    folder = _split(copy("config.json"), write, suffix)
    other, same = encoded(folder)
    assert other == id_ and torch.equal(numbers, same)
    next(folder.glob("*-00002-of-00002.*")).unlink()
    with pytest.raises(TubeletError, match="lacks .*-00002-of-00002"):
        load(folder)


@pytest.mark.parametrize(
    "config",
    [
        transformers.Dinov2Config(
            hidden_size=384, num_attention_heads=6, image_size=518, patch_size=14
        ),
        transformers.Dinov2WithRegistersConfig(num_register_tokens=4, image_size=518),
        transformers.DINOv3ViTConfig(
            hidden_size=768, num_attention_heads=12, num_register_tokens=4
        ),
        transformers.IJepaConfig(hidden_size=1280, num_attention_heads=16, num_hidden_layers=32),
        transformers.VideoMAEConfig(use_mean_pooling=False, decoder_num_hidden_layers=4),
        transformers.ViTMAEConfig(mask_ratio=0.0),
        transformers.CLIPVisionConfig(),
    ],
    ids=lambda config: config.model_type,
)
def test_the_well_known_models_have_ordinary_settings(config: object) -> None:
    assert unusual(config, {}) == ""


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        (
            "preprocessor_config.json",
            {"image_mean": "red"},
            "image_mean is 'red', not three numbers",
        ),
        ("preprocessor_config.json", {"image_mean": [1, 2]}, "not three numbers"),
        ("preprocessor_config.json", {"image_std": [0.1, None, 0.1]}, "not three numbers"),
        ("preprocessor_config.json", {"image_std": 0}, "cannot be 0"),
        ("preprocessor_config.json", {"image_std": [float("nan")] * 3}, "not three numbers"),
        ("preprocessor_config.json", {"rescale_factor": 0}, "cannot be 0"),
        ("preprocessor_config.json", {"rescale_factor": "x"}, "not a number"),
        ("preprocessor_config.json", {"crop_size": {"height": -4}}, "not a number of pixels"),
        ("preprocessor_config.json", {"crop_size": [32, 32]}, "not a number of pixels"),
        ("config.json", {"model_type": ["dinov2"]}, "a model of type ['dinov2']"),
        ("config.json", {"hidden_size": 10**9}, "hidden_size is 1000000000, not a number from 1"),
        ("config.json", {"hidden_size": "64"}, "config.json"),
        ("config.json", {"num_attention_heads": 0}, "config.json"),
        ("config.json", {"num_attention_heads": 7}, "cannot be shared by 7 heads"),
        ("config.json", {"patch_size": 0}, "patch_size is 0"),
        ("config.json", {"patch_size": None}, "config.json"),
        ("config.json", {"image_size": []}, "config.json"),
        ("config.json", {"num_hidden_layers": -1}, "num_hidden_layers is -1"),
        ("config.json", {"num_hidden_layers": True}, "config.json"),
        ("config.json", {"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000"),
        ("config.json", {"vision_config": {"hidden_size": [[]]}}, "hidden_size is []"),
        ("config.json", {"hidden_act": "no such"}, "config.json"),
        ("config.json", {"layer_norm_eps": "small"}, "config.json"),
    ],
)
def test_values_that_are_none_are_a_sentence(
    copy: Callable, name: str, values: dict, told: str
) -> None:
    folder = copy(name, **values)
    with pytest.raises(TubeletError) as error:
        describe_model(str(folder))
        load(folder)
    assert told in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", ["[]", '"text"', "3", "{", "[" * 5000], ids=["list", "text", "number", "cut", "deep"]
)
@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_settings_file_that_holds_no_object_is_a_sentence(
    copy: Callable, name: str, content: str
) -> None:
    folder = copy(name)
    (folder / name).write_text(content)
    with pytest.raises(TubeletError, match=name):
        load(folder)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_pipe_in_place_of_a_file_is_never_waited_for(copy: Callable, name: str) -> None:
    folder = copy("config.json")
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(TubeletError, match=name):
        load(folder)
