"""Weights and model folders from anybody: each is one sentence within seconds, whatever is in them, and none runs code."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from tests.checkpoints import TINY, tiny
from tests.hostile_files import HOSTILE
from tests.tiers import thin
from tubelet.ingest import encoders, pretrained
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.networks.hub.models import describe_model
from tubelet.store.errors import TubeletError

ON_CPU = LoadOptions(device=torch.device("cpu"))


def refusal(load, *arguments: object) -> str:
    """The sentence by which something is refused."""
    with pytest.raises(TubeletError) as error:
        load(*arguments)
    told = str(error.value)
    assert "\n" not in told and len(told) < 600, told
    return told


@pytest.mark.parametrize("name", thin(HOSTILE, 4))
def test_a_file_that_holds_no_weights_is_a_sentence_for_every_encoder(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pt"
    HOSTILE[name](path)
    for encoder in ("vjepa2.1-vitb", "efficientnet-lite0", "vjepa2.1-pretrained"):
        assert str(path) in refusal(encoders.load, encoder, replace(ON_CPU, weights=path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", thin(HOSTILE, 4))
def test_a_folder_of_such_files_is_a_sentence(name: str, tmp_path: Path) -> None:
    config = {"model_type": "dinov2", "hidden_size": 64, "num_hidden_layers": 1, "image_size": 32}
    (tmp_path / "config.json").write_text(
        json.dumps({**config, "num_attention_heads": 1, "patch_size": 8})
    )
    for file in ("model.safetensors", "pytorch_model.bin"):
        HOSTILE[name](tmp_path / file)
        refusal(encoders.load, str(tmp_path), ON_CPU)
        made = tmp_path / file
        made.rmdir() if made.is_dir() else made.unlink()
    (tmp_path / "config.json").unlink()
    HOSTILE[name](tmp_path / "config.json")
    refusal(describe_model, str(tmp_path))
    assert not (tmp_path / "ran").exists()


NONE = (0, -1, 2**40, 2**70, "24", None, [], 1.5, True)
ENCODER = {"dim": 24, "depth": 3, "heads": 2, "mlp": 48, "levels": [0, 1, 2]}
PREDICTOR = {"inputs": 24, "outputs": 24, "mask_tokens": 2, "depth": 1, "heads": 2, "dim": 24}
ODD = [
    *(("encoder", {name: value}) for name in (*ENCODER, "patch", "tubelet") for value in NONE),
    *(("predictor", {name: value}) for name in PREDICTOR for value in NONE),
    *(("encoder", {"levels": levels}) for levels in ([0, 99], [-1], ["x"], [1, 0], [0] * 10**5)),
    ("encoder", {"heads": 5}),
    ("predictor", {"heads": 5}),
    ("encoder", {"generation": "V-JEPA 1"}),
    ("predictor", {"interpolated": "yes"}),
    ("predictor", {"hidden": -1}),
]


def write_pretrained(path: Path, described: Mapping[str, str]) -> Path:
    tensors = {f"encoder.{name}": tensor for name, tensor in tiny().state_dict().items()}
    path.write_bytes(save(tensors, {"tubelet_format": pretrained.FORMAT, **described}))
    return path


def test_a_shape_that_no_network_has_is_refused_before_it_is_built(tmp_path: Path) -> None:
    """A depth of a thousand million built blocks for ever; an absurd width ended in a traceback."""
    whole = {"encoder": ENCODER, "predictor": PREDICTOR}
    for part, changes in ODD:
        told = {key: json.dumps(values) for key, values in whole.items()}
        told[part] = json.dumps({**whole[part], **changes})
        path = write_pretrained(tmp_path / "w.safetensors", told)
        read = pretrained.config if part == "encoder" else pretrained.load_predictor
        assert part in refusal(read, path), changes


@pytest.mark.parametrize("text", ["", "[]", "3", "null", "{", "{}", "[" * 3000, '"dim"'])
@pytest.mark.parametrize("part", ["encoder", "predictor"])
def test_a_description_that_is_none_is_a_sentence(part: str, text: str, tmp_path: Path) -> None:
    path = write_pretrained(
        tmp_path / "w.safetensors", {"encoder": json.dumps(ENCODER), part: text}
    )
    refusal(pretrained.config if part == "encoder" else pretrained.load_predictor, path)


def test_a_file_that_says_no_more_than_its_shape_is_loaded(tmp_path: Path) -> None:
    path = write_pretrained(tmp_path / "w.safetensors", {"encoder": json.dumps(ENCODER)})
    facts, _ = encoders.load("vjepa2.1-pretrained", replace(ON_CPU, weights=path))
    assert facts.dim == TINY.dim and "tubelet pretrain" in facts.weights_source
