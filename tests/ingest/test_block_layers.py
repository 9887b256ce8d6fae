"""Layers at blocks: the residual stream at any depth, equal to what transformers' own models and our own networks hold there."""

import json

import pytest
import torch

from tests import image_network
from tests.ingest.test_hub import FIXED, MEAN, MODELS, STD
from tests.networks import ENCODERS as NETWORKS
from tests.networks import network
from tubelet.ingest import encoders
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.encoders import ENCODERS
from tubelet.ingest.errors import UsageError
from tubelet.ingest.layer import Depth, Layer, LayerChoice
from tubelet.ingest.vjepa_encoder import MEAN as OUR_MEAN
from tubelet.ingest.vjepa_encoder import STD as OUR_STD
from tubelet.ingest.vjepa_encoder import VJEPAEncoder

CPU = torch.device("cpu")
TWO, TWELVE = Depth(blocks=2), Depth(levels=4, blocks=12)


def pictures(frames: int = 4, height: int = 32, width: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(
        0, 256, (2, frames, 3, height, width), dtype=torch.uint8, generator=generator
    )


def states(model: torch.nn.Module, pixels: torch.Tensor) -> list[torch.Tensor]:
    """What transformers itself calls the hidden states: before the first block, and after each block."""
    arguments: dict = {"output_hidden_states": True}
    if type(model).__name__ == "ViTMAEModel":
        model.config.mask_ratio = 0.0  # the noise puts the tokens in their order
        arguments["noise"] = torch.arange(16.0).expand(len(pixels), -1)
    return list(model(pixels, **arguments).hidden_states)


@pytest.fixture(scope="module", params=MODELS)
def model(request, tmp_path_factory) -> tuple:
    """A random small model of transformers: its directory, the encoder inside it, its own tokens before the patches."""
    make, attribute, leading = MODELS[request.param]
    folder = tmp_path_factory.mktemp("model") / request.param
    torch.manual_seed(0)
    made = make().eval().requires_grad_(False)
    for tensor in made.parameters():
        tensor.add_(torch.randn_like(tensor) * 0.1)
    made.save_pretrained(folder)
    settings = {"image_mean": MEAN, "image_std": STD, "size": {"height": 32}}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder, made.get_submodule(attribute), leading


def load(folder, layer: Layer) -> tuple:
    return encoders.load(str(folder), LoadOptions(device=CPU, layer=layer))


def patches(states: torch.Tensor, leading: int, like: torch.Tensor) -> torch.Tensor:
    return states[:, leading:].reshape(like.shape)


def test_blocks_are_the_hidden_states_of_transformers(model) -> None:
    folder, inner, leading = model
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    pixels = (pictures().float() / 255 - mean) / std
    pixels = pixels if folder.name in FIXED else pixels.flatten(0, 1)
    after, before = (
        LayerChoice("blocks:all", side).resolve(folder.name, TWO) for side in ("post", "pre")
    )
    with torch.inference_mode():
        wanted = states(inner, pixels)
        facts, encoder = load(folder, after)
        post = encoder.encode(pictures()).embeddings.chunk(2, dim=-1)
        pre = load(folder, before)[1].encode(pictures()).embeddings.chunk(2, dim=-1)
    assert torch.allclose(post[0], patches(wanted[1], leading, post[0]), atol=2e-5)
    assert torch.allclose(pre[0], patches(wanted[0], leading, pre[0]), atol=2e-5)
    assert torch.equal(pre[1], post[0]) and not torch.allclose(post[1], post[0], atol=0.1)
    assert (facts.layer, facts.dim, facts.side, facts.final_norm) == ("blocks:all", 64, "post", False)  # fmt: skip


def test_the_last_block_and_the_final_norm_make_the_output(model) -> None:
    folder, _, _ = model
    clip = folder.name.startswith("clip")  # whose hidden states are not normed
    if folder.name in FIXED:
        with pytest.raises(UsageError, match="has no final norm: leave it out"):
            depth = encoders.row(str(folder)).depth
            LayerChoice("block:1", None, True).resolve(folder.name, depth)
        return
    layer = LayerChoice("block:1", None, not clip).resolve(folder.name, TWO)
    with torch.inference_mode():
        facts, encoder = load(folder, layer)
        taken = encoder.encode(pictures()).embeddings
        output = load(folder, Layer(name="last", levels=(-1,)))[1].encode(pictures()).embeddings
    assert torch.allclose(taken, output, atol=1e-5) and facts.layer == "block:1"


def test_blocks_behind_the_last_one_wanted_are_not_computed(model) -> None:
    folder, _, _ = model
    _, encoder = load(folder, LayerChoice("block:0").resolve(folder.name, TWO))
    ran = []
    last = [m for m in encoder._model.modules() if isinstance(m, torch.nn.ModuleList)]
    next(found for found in last if len(found) == 2)[1].register_forward_hook(
        lambda *_: ran.append("behind")
    )
    with torch.inference_mode():
        first, again = (encoder.encode(pictures()).embeddings for _ in range(2))
    assert torch.equal(first, again) and not ran


@pytest.mark.parametrize("generation", NETWORKS)
def test_blocks_of_v_jepa_are_what_its_blocks_pass_on(generation) -> None:
    """Held against the blocks called by hand one after the other, and the norm of the output."""
    found = network(NETWORKS[generation])
    depth = Depth(blocks=3)
    frames = pictures(8, 48, 64)
    mean, std = (torch.tensor(values).view(3, 1, 1, 1) * 255 for values in (OUR_MEAN, OUR_STD))
    pixels = (frames.transpose(1, 2) - mean) / std
    grid = found.config.grid(8, 48, 64)
    ids = torch.arange(grid[0] * grid[1] * grid[2])[None]
    with torch.inference_mode():
        streams = [found._embed(pixels, grid)]
        for block in found.blocks:
            streams.append(block(streams[-1], found._turns(ids, grid)))
        for side, offset in (("pre", 0), ("post", 1)):
            layer = LayerChoice("blocks:0,2", side).resolve(generation, depth)
            taken = VJEPAEncoder(found, CPU, "fp32", layer).encode(frames).embeddings
            wanted = torch.cat([streams[offset], streams[2 + offset]], -1)
            torch.testing.assert_close(taken.flatten(1, 3), wanted, atol=1e-5, rtol=0)
        normed = LayerChoice("block:2", None, True).resolve(generation, depth)
        output = VJEPAEncoder(found, CPU, "fp32").encode(frames).embeddings
        taken = VJEPAEncoder(found, CPU, "fp32", normed).encode(frames).embeddings
    torch.testing.assert_close(taken, output, atol=1e-5, rtol=0)


def test_blocks_of_the_image_network_are_its_levels_where_these_end(tmp_path) -> None:
    weights = image_network.write(tmp_path / "seeded.pth")
    depth = ENCODERS["efficientnet-lite0"].depth
    levels = Layer.parse("all", "net", depth.levels)
    blocks = LayerChoice("blocks:2,4,7,10").resolve("net", depth)
    frames = pictures(2, 96, 64)
    with torch.inference_mode():
        one, other = (
            encoders.load(
                "efficientnet-lite0",
                LoadOptions(device=CPU, precision="fp32", weights=weights, layer=layer),
            )[1]
            .encode(frames)
            .embeddings
            for layer in (levels, blocks)
        )
    assert torch.equal(one, other) and one.shape[-1] == 256


def test_one_choice_of_blocks_has_one_name_and_each_its_own_id() -> None:
    def resolve(*asked) -> Layer:
        return LayerChoice(*asked).resolve("net", TWELVE)

    assert resolve("blocks:0-11") == resolve("blocks:all") != resolve("blocks:0-10")
    assert resolve("blocks:5") == resolve("block:5") == resolve("block:5", "post")
    assert resolve("blocks:7,3,3,4") == resolve("blocks:3-4,7")
    assert resolve("blocks:3-4,7").parts == ("block:3", "block:4", "block:7")
    asked = [(), ("pre",), ("post", True), ("pre", True)]
    assert len({resolve("block:5", *more).key for more in asked}) == 4
    assert resolve("block:5", "pre", True).key == "block:5-pre-final-norm"


@pytest.mark.parametrize(
    ("asked", "depth", "told"),
    [
        (("block:12",), TWELVE, "--layer block:12: net has blocks 0 to 11: choose block:N"),
        (("blocks:3-1",), TWELVE, "net has blocks 0 to 11"),
        (("blocks:0-12",), TWELVE, "net has blocks 0 to 11"),
        (("block:-1",), TWELVE, "net has blocks 0 to 11"),
        (("block",), TWELVE, "net has blocks 0 to 11"),
        (("blocks:",), TWELVE, "net has blocks 0 to 11"),
        (("block:0",), Depth(), "net has no blocks: leave --layer out"),
        (("9",), TWELVE, "levels 0 to 3.* or take its blocks 0 to 11"),
        (
            ("last", "pre"),
            TWELVE,
            "--side goes with a layer of blocks, not with --layer last: take",
        ),
        (("all", None, True), TWELVE, "--final-norm goes with a layer of blocks"),
        (("last", "post"), Depth(), "--side goes with .*: leave it out"),
        (("block:1", "pre"), Depth(blocks=3, sides=False), "no residual stream before its blocks"),
        (("block:1", None, True), Depth(blocks=3, final_norm=False), "no final norm"),
    ],
)
def test_a_layer_that_is_not_there_says_which_are(asked, depth, told) -> None:
    with pytest.raises(UsageError, match=told):
        LayerChoice(*asked).resolve("net", depth)


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_of_the_table_whose_blocks_have_one_grid_can_be_read_there(name) -> None:
    depth = ENCODERS[name].depth
    without = ("toy", "dinov3-convnext-tiny", "videoprism-base")
    assert depth.blocks == 0 if name in without else depth.blocks >= 6
