"""Our networks against outputs of Meta's code, and the command that compares them.

Meta's outputs lie beside the project (`shared/golden`); tests that need them skip with a reason on other machines.
"""

import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import SHARED, shared
from tests.golden import loose, report
from tests.golden.__main__ import main
from tests.golden.cards import Card, Unchecked, ratio
from tests.golden.outputs import output
from tests.golden.sets import Set
from tests.networks import encode, network, pixels
from tubelet.ingest.checkpoints import init_untrained
from tubelet.ingest.networks.vjepa import VisionTransformer, VisionTransformerConfig

SUFFIXES = {"vjepa1_tiny": ".pth.tar"}
opened = cache(Set)


@pytest.mark.parametrize(
    ("name", "key"), list(report.outputs(SHARED / "golden")) or [("absent", "absent")]
)
def test_every_output_equals_metas(name: str, key: str) -> None:
    found = opened(shared("golden"), name)
    assert report.difference(output(found, key).numpy(), found.arrays[key]) <= report.TOLERANCE


@pytest.mark.parametrize("head", ["enc64", "pred32"])
@pytest.mark.parametrize("name", loose.ROTATIONS)
def test_rotary_positions_of_the_real_head_sizes(head: str, name: str) -> None:
    with np.load(shared("golden") / "rope.npz") as arrays:
        ours = dict(loose.rotation_outputs(arrays))[f"{head}/{name}"]
        assert report.difference(ours, arrays[f"{head}/{name}"]) <= 1e-5


def copied(folder: Path, *names: str) -> Path:
    for name in names:
        for suffix in (".json", ".npz", SUFFIXES.get(name, ".pt")):
            shutil.copyfile(shared("golden") / (name + suffix), folder / (name + suffix))
    return folder


def edited(folder: Path, name: str, **changes: object) -> None:
    """The set's JSON with other fields; None takes one away."""
    path = folder / f"{name}.json"
    fields = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in fields.items() if value is not None}))


def rewritten(folder: Path, name: str, **changes: np.ndarray) -> None:
    path = folder / f"{name}.npz"
    arrays = dict(np.load(path)) | {key.replace("__", "/"): value for key, value in changes.items()}
    np.savez(path, **arrays)


@pytest.mark.parametrize("name", ["vjepa2_0_tiny", "vjepa1_tiny"])
def test_the_command_tells_agreement_from_a_difference(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main([str(copied(tmp_path, name))]) == 0
    told = capsys.readouterr().out
    assert "0 too far; 0 outputs or files not checked" in told and f"{name} pred/mask1: " in told
    arrays = dict(np.load(tmp_path / f"{name}.npz"))
    arrays["pred/mask0/out_pred"][0, 3, 5] += 1e-3
    rewritten(tmp_path, name, pred__mask0__out_pred=arrays["pred/mask0/out_pred"])
    assert main([str(tmp_path)]) == 1
    assert f"{name} pred/mask0: 1.0e-03 TOO FAR in out_pred" in capsys.readouterr().out


def test_nothing_to_compare_and_wrong_use_are_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for arguments in ([str(tmp_path)], [], [str(tmp_path / "absent")], ["a", "b"]):
        assert main(arguments) == 2
    assert "holds nothing to compare" in capsys.readouterr().err


def test_what_cannot_be_compared_is_named_and_exit_3(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    name = "vjepa2_0_tiny"
    copied(tmp_path, name)
    new = {
        "square__out_attention0": np.zeros(3),
        "pred__sideways__out_pred": np.zeros(3),
        "other__out_last": np.zeros(3),
    }
    rewritten(tmp_path, name, **new)
    np.savez(tmp_path / "mystery.npz", a=np.zeros(3))
    (tmp_path / "notes.json").write_text('{"about": "nothing"}')
    (tmp_path / "alien.json").write_text('{"family": "vjepa3", "encoder": {}}')
    np.savez(tmp_path / "alien.npz", **{"square/out_last": np.zeros(3)})
    assert main([str(tmp_path)]) == 3
    told = capsys.readouterr().out
    for words in (
        "square/out_attention0: NOT CHECKED, outputs of this name are unknown",
        "pred/sideways/out_pred: NOT CHECKED, sideways in the name of a prediction is unknown",
        "other/out_last: NOT CHECKED, its .npz lacks other/in_video_i8",
        "mystery: NOT CHECKED, there is no card",
        "alien: NOT CHECKED, family vjepa3 is unknown",
        "0 too far; 5 outputs or files not checked",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"encoder": {"embed_dim": 24, "depth": 11, "num_heads": 2, "mlp_ratio": "48 / 11"}},
            "are not rising block indices",
        ),
        (
            {"encoder_derived": {"hierarchical_layers": [2, 5, 8, 11], "mlp_hidden": 96}},
            "is (104, 24) where this model has (96, 24)",
        ),
        (
            {"encoder": {"embed_dim": 24, "depth": 12, "mlp_ratio": 4}},
            "its JSON lacks encoder.num_heads",
        ),
        ({"checkpoint_key": "opt"}, "under 'opt' lacks blocks.0.attn.proj.bias"),
        ({"predictor": None}, "its JSON lacks predictor"),
    ],
)
def test_a_card_that_does_not_fit_its_weights_is_no_agreement(
    changes: dict, told: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    copied(tmp_path, "vjepa2_1_tiny_native")
    edited(tmp_path, "vjepa2_1_tiny_native", **changes)
    assert main([str(tmp_path)]) == 3
    assert told in capsys.readouterr().out


def test_a_set_without_its_weights_is_no_agreement(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    copied(tmp_path, "vjepa2_0_tiny")
    (tmp_path / "vjepa2_0_tiny.pt").unlink()
    assert main([str(tmp_path)]) == 3
    assert "there is no vjepa2_0_tiny.pt or vjepa2_0_tiny.pth.tar" in capsys.readouterr().out


def test_loose_arrays_are_compared_too(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("rope.npz", "masks.npz", "preprocess.npz", "preprocess.json"):
        shutil.copyfile(shared("golden") / name, tmp_path / name)
    assert main([str(tmp_path)]) == 0
    assert "masks of training are left out" in capsys.readouterr().out
    rewritten(tmp_path, "rope", enc64__v20=np.load(tmp_path / "rope.npz")["enc64/v20"] + 1e-3)
    frames = np.load(tmp_path / "preprocess.npz")["portrait/in_uint8_THWC"]
    rewritten(tmp_path, "preprocess", portrait__in_uint8_THWC=255 - frames)
    assert main([str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert "rope enc64: 1.0e-03 TOO FAR in v20" in told and "preprocess portrait: " in told
    assert ", 2 too far;" in told


def made_set(folder: Path, patch: int, tubelet: int, dtype: torch.dtype) -> None:
    """A set of ours in the format, of a shape that no released model has, without a predictor."""
    config = VisionTransformerConfig(
        dim=36, depth=5, heads=3, mlp=60, levels=(1, 4), patch=patch, tubelet=tubelet
    )
    model = network(config).to(dtype).float()
    clip = (pixels(2 * tubelet, 3 * patch, 2 * patch) * 32).round().clamp(-128, 127)
    with torch.inference_mode():
        early, last = model(clip / 32)
    arrays = {
        "wide/in_video_i8": clip.numpy().astype(np.int8),
        "wide/out_level0": early.numpy(),
        "wide/out_last": last.numpy(),
    }
    np.savez(folder / "odd.npz", **arrays)
    weights = {
        f"module.backbone.{name}": tensor.to(dtype) for name, tensor in model.state_dict().items()
    }
    torch.save({"ema_encoder": weights, "encoder": weights}, folder / "odd.pt")
    encoder = {"embed_dim": 36, "depth": 5, "num_heads": 3, "mlp_ratio": "5 / 3"}
    card = {
        "patch_size": patch,
        "tubelet_size": tubelet,
        "checkpoint_key": "ema_encoder",
        "encoder": encoder,
    }
    (folder / "odd.json").write_text(
        json.dumps(card | {"encoder_derived": {"hierarchical_layers": [1, 4]}})
    )


@pytest.mark.parametrize(
    ("patch", "tubelet", "dtype"), [(8, 2, torch.float32), (16, 4, torch.bfloat16)]
)
def test_other_shapes_come_from_the_card(
    patch: int, tubelet: int, dtype: torch.dtype, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    made_set(tmp_path, patch, tubelet, dtype)
    assert main([str(tmp_path)]) == 0
    assert "odd wide: 0.0e+00 in out_level0, out_last" in capsys.readouterr().out


def test_nan_and_another_shape_are_different() -> None:
    assert report.difference(np.array([np.nan]), np.array([0.0])) == float("inf")
    assert report.difference(np.array([0.0]), np.array([np.nan])) != report.difference(
        np.array([0.0]), np.array([0.0])
    )
    assert report.difference(np.zeros((1, 2)), np.zeros(2)) == float("inf")


def test_ratios_are_read_and_grids_are_found_from_places() -> None:
    assert (
        int(ratio("48 / 11") * 1408) == 6144
        and int(ratio("64 / 13") * 1664) == 8192
        and ratio(4.0) == 4
    )
    assert int(ratio("48 / 11") * 110) == 479, (
        "a float falls short of 480, and Meta's width with it"
    )
    ids, places = np.array([0, 5, 17, 33]), np.array([[0, 0, 0], [0, 1, 1], [1, 1, 1], [2, 2, 1]])
    assert loose.grid_of(ids, places) == (3, 3, 4)
    with pytest.raises(Unchecked):
        loose.grid_of(ids + np.array([0, 0, 0, 1]), places)


def test_cards_without_levels_take_metas_for_their_depth() -> None:
    fields = {
        "family": "vjepa2_1",
        "encoder": {"embed_dim": 24, "depth": 48, "num_heads": 2, "mlp_ratio": 4},
    }
    assert Card(fields).encoder((), cut=True).levels == (11, 23, 37, 47)
    with pytest.raises(Unchecked, match="hierarchical_layers"):
        Card(fields | {"encoder": fields["encoder"] | {"depth": 10}}).encoder((), cut=True)


def test_a_stretched_table_is_the_default_of_v_jepa_1() -> None:
    """facebookresearch/jepa stretches; Meta's later class cuts, and the set has both."""
    found = opened(shared("golden"), "vjepa1_tiny")
    case = "same_res_fewer_frames_2code"
    config = found.encoder(True).config
    default = VisionTransformerConfig(
        dim=config.dim,
        depth=config.depth,
        heads=config.heads,
        mlp=config.mlp,
        generation=config.generation,
        table=config.table,
    )
    model = VisionTransformer(default)
    model.load_state_dict(found.encoder(True).state_dict())
    ours = encode(model.eval(), found.pixels(case)).numpy()
    assert (
        report.difference(ours, found.arrays[f"{case}/out_last_interpolated_pos"])
        <= report.TOLERANCE
    )
    assert report.difference(ours, found.arrays[f"{case}/out_last"]) > 0.1


def test_the_table_of_v_jepa_1_is_the_one_in_its_file() -> None:
    found = opened(shared("golden"), "vjepa1_tiny")
    for model, name in (
        (found.encoder(True), "pos_embed"),
        (found.predictor(False), "predictor_pos_embed"),
    ):
        torch.testing.assert_close(
            init_untrained(model.config).state_dict()[name],
            model.state_dict()[name],
            atol=1e-6,
            rtol=0,
        )
