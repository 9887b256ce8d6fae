"""Local files of every format: the same tensors give the same hash, whichever file they came from, and no code runs."""

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import shared
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.checkpoints import Intruder, empty, meta_file, tiny
from tests.commands import ROOT
from tubelet.ingest.checkpoints import load_tensors, weights_sha256
from tubelet.ingest.encoders import ENCODERS, row
from tubelet.ingest.errors import CheckpointError, DownloadError, UsageError
from tubelet.ingest.weights import extraction
from tubelet.ingest.weights.extraction import Origin, extract
from tubelet.ingest.weights.formats import open_weights

ORIGIN = Origin(
    url="https://example.org/model.pt",
    key="target_encoder",
    sha256="ab" * 32,
    bytes=123,
    downloaded="2026-11-21T10:00:00+00:00",
)


def extracted(source: Path, path: Path, key: str = "target_encoder") -> Path:
    extract(
        open_weights(source),
        Origin(
            url=ORIGIN.url,
            key=key,
            sha256=ORIGIN.sha256,
            bytes=ORIGIN.bytes,
            downloaded=ORIGIN.downloaded,
        ),
        path,
    )
    return path


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("key", ["ema_encoder", "target_encoder"])
def test_the_same_tensors_have_one_hash_in_every_format(
    tmp_path: Path, key: str, zipped: bool
) -> None:
    model = tiny()
    source = meta_file(tmp_path / "model.pth.tar", model.state_dict(), key, zipped)
    kept = extracted(source, tmp_path / "model.safetensors", key)
    expected = weights_sha256(model)
    assert [
        weights_sha256(load_tensors(empty(), open_weights(path), key)) for path in (source, kept)
    ] == [expected, expected]


def test_what_is_kept_is_the_averaged_encoder_and_the_predictor_and_says_where_from(
    tmp_path: Path,
) -> None:
    model = tiny()
    source = meta_file(tmp_path / "model.pt", model.state_dict())
    path = extracted(source, tmp_path / "kept.safetensors")
    tensors = load_file(path)
    assert {name for name in tensors if not name.startswith("predictor.")} == {
        f"target_encoder.{name}" for name in model.state_dict()
    }
    assert (
        torch.equal(tensors["predictor.predictor_norm.bias"], torch.arange(4.0))
        and "predictor.mask_tokens.0" in tensors
    )
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    assert (
        metadata["url"] == ORIGIN.url
        and metadata["sha256"] == ORIGIN.sha256
        and metadata["downloaded"] == ORIGIN.downloaded
    )
    assert (
        open_weights(path).origin("target_encoder")
        == "https://example.org/model.pt, sha256 abababababababab, target_encoder"
    )
    assert (
        path.stat().st_size < source.stat().st_size
        and [p.name for p in tmp_path.iterdir() if "unfinished" in p.name] == []
    )


def test_the_golden_checkpoints_keep_their_tensors(tmp_path: Path) -> None:
    for source in sorted(shared("golden").glob("*.p*t*")):
        checkpoint = torch.load(source, weights_only=True)
        key = "ema_encoder" if "ema_encoder" in checkpoint else "target_encoder"
        kept = open_weights(extracted(source, tmp_path / f"{source.name}.safetensors", key))
        for section in (key, "predictor"):
            tensors = {
                name.removeprefix("module.backbone."): tensor
                for name, tensor in checkpoint[section].items()
            }
            assert kept.tensors(section).keys() == tensors.keys() and len(tensors) > 20
            assert all(
                torch.equal(tensor, tensors[name]) for name, tensor in kept.tensors(section).items()
            )


def test_no_space_for_what_is_kept_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = meta_file(tmp_path / "model.pt", tiny().state_dict())
    monkeypatch.setattr(extraction.cache, "free", lambda path: 1000)
    with pytest.raises(
        DownloadError,
        match=r"no space for encoder and predictor of model.pt: .* are needed in .* \(what was downloaded is kept\)",
    ):
        extracted(source, tmp_path / "kept.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_a_full_disk_leaves_no_half_file(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {"blocks.0.attn.qkv.weight": torch.randn(1 << 21)}
    source = meta_file(tmp_path / "model.pt", weights)
    monkeypatch.setattr(extraction.cache, "free", lambda path: 1 << 40)
    with pytest.raises(
        DownloadError,
        match="cannot be written, the download is kept: free some space .*No space left",
    ):
        extracted(source, small_disk / "kept.safetensors")
    assert list(small_disk.iterdir()) == []


@pytest.mark.long
def test_the_extraction_never_holds_the_file(tmp_path: Path) -> None:
    """Peak memory of a process that extracts 32 MB from 256 MB: the kept pages are mapped, the others never touched."""
    kept = {f"blocks.{index}.mlp.fc1.weight": torch.zeros(1024, 1024) for index in range(8)}
    rest = {f"{index}": torch.zeros(1024, 1024) for index in range(56)}
    torch.save({"opt": rest, "target_encoder": kept}, tmp_path / "model.pt")
    code = (
        "import sys, re, pathlib; from tubelet.ingest.weights.extraction import *; from tubelet.ingest.weights.formats import open_weights\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1]) / 1024\n"
        "before = peak(); extract(open_weights(sys.argv[1]), Origin(url='u', key='target_encoder', sha256='s', bytes=1, downloaded='d'), pathlib.Path(sys.argv[2]))\n"
        "print(peak() - before)"
    )
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read from /proc, which this system does not have")
    process = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model.pt", tmp_path / "kept.safetensors"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert (tmp_path / "model.pt").stat().st_size > 256 << 20 and (
        tmp_path / "kept.safetensors"
    ).stat().st_size > 32 << 20
    assert float(process.stdout) < 64  # MiB


@pytest.mark.parametrize(
    "map_", [{"a": "../secret.safetensors"}, {"a": "/etc/passwd"}, ["a"], None]
)
def test_an_index_names_files_beside_it_only(tmp_path: Path, map_: object) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": map_}))
    with pytest.raises(
        CheckpointError, match="names files of other folders|is not an index of shards"
    ):
        open_weights(tmp_path)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.999])
@pytest.mark.parametrize("name", ["old.pt", "kept.safetensors"])
def test_a_truncated_file_is_a_sentence(tmp_path: Path, name: str, kept: float) -> None:
    source = meta_file(tmp_path / "old.pt", tiny().state_dict(), zipped=False)
    path = (
        extracted(source, tmp_path / "kept.safetensors") if name == "kept.safetensors" else source
    )
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(CheckpointError, match="not a complete checkpoint|damaged data"):
        open_weights(path)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_in_a_pickle_is_not_run_whatever_the_file_is_called(
    tmp_path: Path, protocol: int
) -> None:
    marker = tmp_path / "intruded"
    data = pickle.dumps({"target_encoder": {"norm.weight": Intruder(marker)}}, protocol)
    for name in ("model.pt", "model.pth.tar", "model.safetensors"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CheckpointError, match="none of it was run|not a complete checkpoint"):
            open_weights(tmp_path / name)
    assert not marker.exists()
    pickle.loads(data)
    assert marker.exists(), "the data has to be dangerous for this test to mean something"


def test_code_in_a_shard_or_folder_is_not_run(tmp_path: Path) -> None:
    torch.save({"x": Intruder(tmp_path / "intruded")}, tmp_path / "pytorch_model.bin")
    for name in ("pytorch_model.bin", "model.safetensors"):
        if name != "pytorch_model.bin":
            shutil.copy(tmp_path / "pytorch_model.bin", tmp_path / name)
        with pytest.raises(
            CheckpointError, match=f"{name} (holds code or damaged data|is not a complete)"
        ):
            open_weights(tmp_path)
    assert not (tmp_path / "intruded").exists()


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.backbone."])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_bare_state_dict_is_the_encoder_whatever_wraps_its_names(
    prefix: str, suffix: str, tmp_path: Path
) -> None:
    path, tensors = (
        tmp_path / f"own{suffix}",
        {prefix + name: tensor.contiguous() for name, tensor in tiny().state_dict().items()},
    )
    save_file(tensors, path, {"format": "pt"}) if suffix == ".safetensors" else torch.save(
        tensors, path
    )
    for key in ("target_encoder", "ema_encoder"):
        weights = open_weights(path)
        assert weights_sha256(load_tensors(empty(), weights, key)) == weights_sha256(tiny())
        assert "bare state dict" in weights.origin(key)


WRAPPED = {
    "target_encoder": lambda tensors: wrap("target_encoder.", tensors),
    "encoder": lambda tensors: wrap("encoder.module.backbone.", tensors),
    "module.target_encoder": lambda tensors: wrap("module.target_encoder.", tensors),
    "state_dict": lambda tensors: {"state_dict": tensors, "epoch": 3},
    "state_dict.model": lambda tensors: {"state_dict": wrap("model.", tensors)},
    "model.teacher": lambda tensors: {"model": {"teacher": wrap("module.", tensors)}},
}


def wrap(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("key", WRAPPED)
def test_a_refusal_names_the_keys_that_hold_an_encoder(key: str, tmp_path: Path) -> None:
    """It named 48 tensors; a safetensors file whose networks have Meta's names was taken for transformers', and lacked all of them."""
    content = WRAPPED[key](tiny().state_dict())
    paths = [tmp_path / "own.pt"]
    torch.save(content, paths[0])
    if key not in ("state_dict", "state_dict.model", "model.teacher"):
        paths.append(tmp_path / "own.safetensors")
        save_file({name: one.clone() for name, one in content.items()}, paths[1])
    for path in paths:
        with pytest.raises(CheckpointError, match=f"it holds {key}: name one of them"):
            open_weights(path).tensors("student")
        weights = load_tensors(empty(), open_weights(path), key)
        assert weights_sha256(weights) == weights_sha256(tiny())


def test_an_averaged_encoder_may_go_by_the_other_trainer_s_name_and_the_source_says_which(
    tmp_path: Path,
) -> None:
    weights = open_weights(meta_file(tmp_path / "own.pt", tiny().state_dict()))
    assert weights_sha256(load_tensors(empty(), weights, "ema_encoder")) == weights_sha256(tiny())
    assert (
        weights.origin("ema_encoder")
        == weights.origin("target_encoder")
        == "own.pt, target_encoder"
    )


def test_an_id_of_the_hub_is_the_encoder_of_the_table() -> None:
    for id_, name in (
        ("facebook/vjepa2-vitl-fpc64-256", "vjepa2-vitl"),
        ("facebook/vjepa2-vitg-fpc64-384", "vjepa2-vitg-384"),
    ):
        assert row(id_) is ENCODERS[name]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("vjepa2.1_vitl", "vjepa2.1-vitl"),
        ("v-jepa2-vitl", "vjepa2-vitl"),
        ("d\u0456nov2-small", "dinov2-small"),
        ("dinov2\u2011small", "dinov2-small"),
        ("Facebook/VJEPA2-ViTL-fpc64-256", "facebook/vjepa2-vitl-fpc64-256"),
        ("facebook/vjepa2-vitl-fpc64-256@main", "facebook/vjepa2-vitl-fpc64-256"),
        ("https://hf.co/facebook/dinov2-small/tree/main", "facebook/dinov2-small"),
        ("facebook\\dinov2-small", "facebook/dinov2-small"),
    ],
)
def test_a_name_spelled_otherwise_is_told_the_one_that_is_meant(typed: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean {meant}"):
        row(typed)


def test_a_file_as_an_encoder_is_told_where_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    path.write_bytes(b"")
    with pytest.raises(UsageError, match="is a file: pass it as --weights"):
        row(str(path))
