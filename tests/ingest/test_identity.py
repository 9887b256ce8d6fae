"""The contract of `encoder_id`: each input of each encoder that changes a number changes the id, and what changes none leaves it.

A kind is the loader that rows of the table share; a new one has to come with its inputs here. Small networks stand in for released ones.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import save, save_file

from tests.checkpoints import TINY, meta_file, tiny
from tests.image_network import write
from tubelet.ingest import efficientnet_encoder, encoders, pretrained, vjepa_rows
from tubelet.ingest.contract import Encoder, EncoderEntry, LoadOptions
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.layer import Depth, Layer
from tubelet.ingest.networks.hub import rows as hub_rows
from tubelet.ingest.weights.release import RELEASES

Loaded = tuple[EncoderFacts, Encoder]
FRAMES = torch.randint(
    0, 256, (1, 4, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
)


@dataclass(frozen=True)
class Inputs:
    """What an encoder of one kind is loaded from: as it is, changed so that its numbers change, and changed without that."""

    plain: Callable[[], Loaded]
    changing: dict[str, Callable[[], Loaded]] = field(default_factory=dict)
    idle: dict[str, Callable[[], Loaded]] = field(default_factory=dict)


def options(**changes: Any) -> LoadOptions:
    return LoadOptions(device=torch.device("cpu"), **changes)


def layer(text: str, levels: int) -> Layer:
    return Layer.parse(text, "encoder", levels)


def of_row(name: str, row: EncoderEntry, **changes: Any) -> Callable[[], Loaded]:
    return lambda: row.load(name, row, options(**changes))


def _toy(_: Path) -> Inputs:
    return Inputs(of_row("toy", encoders.ENCODERS["toy"]))


def _efficientnet(folder: Path) -> Inputs:
    def row(file: str, level: str = "last", **changed: torch.Tensor) -> Callable[[], Loaded]:
        path = write(folder / file, **changed)
        of = efficientnet_encoder.ROW
        return of_row("efficientnet-lite0", of, weights=path, layer=layer(level, of.depth.levels))

    return Inputs(
        row("plain.pt"),
        {
            "a weight": row("a.pt", **{"_bn0.bias": torch.full((32,), 0.5)}),
            "an earlier layer": row("b.pt", "0"),
            "joined layers": row("c.pt", "0-1"),
        },
        {
            "the file's name": row("d.pt"),
            "the other name of the last layer": row("e.pt", str(efficientnet_encoder.ROW.depth.levels - 1)),
            "weights after the last block": row("f.pt", **{"_fc.bias": torch.ones(1000)}),
            "counters of training": row("g.pt", **{"_bn0.num_batches_tracked": torch.tensor(8)}),
        },
    )  # fmt: skip


def _released(folder: Path) -> Inputs:
    name = "vjepa2.1-vitb"
    row = replace(vjepa_rows.make_released_row(TINY, 64, RELEASES[name]), depth=Depth(levels=3))
    weights = tiny().state_dict()
    other = {**weights, "norms_block.2.bias": weights["norms_block.2.bias"] + 0.5}
    key = RELEASES[name].key
    made = partial(of_row, name, row)
    bare = folder / "bare.safetensors"
    save_file({f"module.{at}": tensor for at, tensor in weights.items()}, bare)
    return Inputs(
        made(weights=meta_file(folder / "meta.pt", weights, key)),
        {
            "a weight": made(weights=meta_file(folder / "other.pt", other, key)),
            "the student": made(weights=folder / "meta.pt", weights_key="encoder"),
            "an earlier layer": made(weights=folder / "meta.pt", layer=layer("0", 3)),
            "all layers": made(weights=folder / "meta.pt", layer=layer("all", 3)),
        },
        {
            "the file's format": made(weights=meta_file(folder / "old.pt", weights, key, zipped=False)),
            "a bare state dict": made(weights=bare),
            "the key by its name": made(weights=folder / "meta.pt", weights_key=key),
            "the other name of the last layer": made(weights=folder / "meta.pt", layer=layer("2", 3)),
        },
    )  # fmt: skip


def _untrained(_: Path) -> Inputs:
    made = partial(of_row, "vjepa2.1-untrained", replace(vjepa_rows.make_untrained_row(TINY, 64)))
    wider = replace(TINY, mlp=96)
    return Inputs(
        made(),
        {
            "an earlier layer": made(layer=layer("0", 3)),
            "another shape": of_row("vjepa2.1-untrained", vjepa_rows.make_untrained_row(wider, 64)),
        },
        {"the other name of the last layer": made(layer=layer("2", 3))},
    )


def _pretrained(folder: Path) -> Inputs:
    row = encoders.ENCODERS["vjepa2.1-pretrained"]

    def file(name: str, seed: int = 1, words: dict | None = None, **shape: Any) -> Callable:
        told = {"dim": 24, "depth": 3, "heads": 2, "mlp": 48, "levels": [0, 1, 2], **shape}
        tensors = {f"encoder.{at}": tensor for at, tensor in tiny(seed).state_dict().items()}
        marked = {"tubelet_format": pretrained.FORMAT, "encoder": json.dumps(told), **(words or {})}
        (folder / name).write_bytes(save(tensors, marked))
        return of_row("vjepa2.1-pretrained", row, weights=folder / name)

    return Inputs(
        file("plain.st"),
        {"a weight": file("a.st", seed=2), "heads": file("b.st", heads=3)},
        {"the steps": file("c.st", words={"steps": "9"}), "its words": file("d.st", words={"made_with": "x"})},
    )  # fmt: skip


def _packaged(_: Path) -> Inputs:
    made = partial(of_row, "vjepa2.1-tiny", encoders.ENCODERS["vjepa2.1-tiny"])
    return Inputs(
        made(),
        {
            "an earlier layer": made(layer=layer("0", 4)),
            "joined layers": made(layer=layer("0-1", 4)),
        },
        {"the other name of the last layer": made(layer=layer("3", 4))},
    )


def _hub(folder: Path) -> Inputs:
    torch.manual_seed(0)
    shape = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1, "image_size": 32}
    config = transformers.Dinov2Config(**shape, intermediate_size=64, patch_size=8)
    model = transformers.Dinov2Model(config)

    def saved(name: str, settings: dict | None = None, **attributes: Any) -> Callable[[], Loaded]:
        place = folder / name / "model"
        model.save_pretrained(place)
        told = json.loads((place / "config.json").read_text()) | attributes
        (place / "config.json").write_text(json.dumps(told))
        if settings:
            (place / "preprocessor_config.json").write_text(json.dumps(settings))
        return lambda: encoders.load(str(place), options())

    plain, decayed = saved("plain"), saved("decayed", layer_norm_eps=1e-2)
    with torch.no_grad():
        model.layernorm.bias += 0.5
    changed = saved("changed")
    with torch.no_grad():
        model.layernorm.bias -= 0.5
    return Inputs(
        plain,
        {
            "a weight": changed,
            "the configuration": decayed,
            "the pixels": saved("pixels", {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 1]}),
        },
        {"training": saved("training", initializer_range=0.5, hidden_dropout_prob=0.4)},
    )


KINDS: dict[Callable, Callable[[Path], Inputs]] = {
    encoders._load_toy: _toy,
    efficientnet_encoder._load: _efficientnet,
    vjepa_rows._load_released: _released,
    vjepa_rows._load_untrained: _untrained,
    vjepa_rows._load_pretrained: _pretrained,
    vjepa_rows._load_tiny: _packaged,
    hub_rows._load: _hub,
}
named = pytest.mark.parametrize(
    "kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}"
)


def loader(row: EncoderEntry) -> Callable:
    return row.load.func if isinstance(row.load, partial) else row.load


def test_every_encoder_of_the_table_is_of_a_kind_whose_inputs_are_tried() -> None:
    for name, row in encoders.ENCODERS.items():
        assert loader(row) in KINDS, f"say in this test what {name} is loaded from"
    assert {loader(row) for row in encoders.ENCODERS.values()} == set(KINDS)


@torch.inference_mode()
def known(load: Callable[[], Loaded]) -> tuple[str, torch.Tensor]:
    """The id, and what the encoder makes of some frames."""
    facts, encoder = load()
    return facts.encoder_id, encoder.encode(FRAMES).embeddings


def differs(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape != b.shape or not torch.allclose(a, b, atol=1e-6)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Callable], Inputs]]:
    made: dict[Callable, Inputs] = {}

    def of(kind: Callable) -> Inputs:
        if kind not in made:
            made[kind] = KINDS[kind](tmp_path_factory.mktemp("inputs"))
        return made[kind]

    yield of


@named
def test_what_changes_a_number_changes_the_id(kind: Callable, inputs: Callable) -> None:
    tried = inputs(kind)
    id_, numbers = known(tried.plain)
    ids = {id_}
    for what, load in tried.changing.items():
        other, changed = known(load)
        assert differs(numbers, changed), f"{what} changes no number: try another change"
        assert other not in ids, what
        ids.add(other)


@named
def test_what_changes_no_number_leaves_the_id(kind: Callable, inputs: Callable) -> None:
    tried = inputs(kind)
    id_, numbers = known(tried.plain)
    for what, load in {"the same again": tried.plain, **tried.idle}.items():
        other, same = known(load)
        assert other == id_ and torch.equal(numbers, same), what
