"""Released weights from the Hugging Face hub: huggingface_hub itself against a server that answers as the hub does."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from tests.checkpoints import empty
from tests.servers import Served, Server, serving
from tubelet.ingest.checkpoints import check
from tubelet.ingest.errors import CheckpointError, DownloadError
from tubelet.ingest.weights.fetching import fetch, find_cached
from tubelet.ingest.weights.formats import Weights, open_weights
from tubelet.ingest.weights.release import HUB, Release

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def anything(weights: Weights) -> None:
    """For a release whose network is not here yet."""


@pytest.fixture
def hub(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """A release on a hub that is the server; its cache is empty."""
    monkeypatch.setattr(constants, "ENDPOINT", server.address)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        server.address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    server.absent = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
    return Release(
        name="vjepa2-vitl",
        url=f"{HUB}facebook/tiny",
        key="target_encoder",
        encoder=20_000,
        predictor=8,
        licence="see SOURCE",
    )


def offer(server: Server, folder: Path) -> None:
    """Serve a folder as the hub serves the main branch of facebook/tiny."""
    for path in folder.iterdir():
        etag = f'"{hashlib.sha256(path.read_bytes()).hexdigest()}"'
        served = Served(path.read_bytes(), etag=etag, headers={"X-Repo-Commit": COMMIT})
        server.files |= {
            f"/facebook/tiny/resolve/{revision}/{path.name}": served
            for revision in ("main", COMMIT)
        }


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small VJEPA2Model as one file and in shards."""
    from transformers import VJEPA2Config, VJEPA2Model

    shape = {
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "crop_size": 64,
        "frames_per_clip": 4,
    }
    model = VJEPA2Model(
        VJEPA2Config(
            **shape, pred_hidden_size=24, pred_num_hidden_layers=1, pred_num_attention_heads=2
        )
    )
    one, many = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("many")
    model.save_pretrained(one)
    model.save_pretrained(many, max_shard_size="100KB")
    return one, many


@pytest.mark.parametrize("index", [0, 1], ids=["one file", "shards"])
def test_a_release_on_the_hub_comes_through_huggingface_hub(
    server: Server,
    hub: Release,
    saved: tuple[Path, Path],
    index: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert find_cached(hub) is None
    offer(server, saved[index])
    weights = fetch(hub, anything)
    expected = open_weights(saved[index]).tensors(hub.key)
    assert weights.tensors(hub.key).keys() == expected.keys()
    assert all(
        torch.equal(tensor, expected[name]) for name, tensor in weights.tensors(hub.key).items()
    )
    assert (
        weights.origin(hub.key)
        == f"{hub.url} at {COMMIT[:12]}, encoder: the student, as far as its conversion tells"
    )
    asked = len(server.asked)
    server.files.clear()
    assert fetch(hub, anything).path == weights.path == find_cached(hub)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(hub, anything).path == weights.path
    assert len(server.asked) == asked


def test_a_release_on_the_hub_of_another_model_is_named(
    server: Server, hub: Release, saved: tuple[Path, Path]
) -> None:
    offer(server, saved[0])
    with pytest.raises(CheckpointError, match="lacks blocks.2.attn.proj.bias"):
        fetch(hub, lambda weights: check(empty(), weights, hub.key))


@pytest.mark.parametrize(
    ("absent", "words"),
    [
        (
            {},
            "holds neither model.safetensors nor model.safetensors.index.json: pass a file you have as --weights FILE",
        ),
        (
            {"X-Error-Code": "RepoNotFound"},
            "does not exist, or is private: pass a file you have as --weights FILE",
        ),
        (
            {"X-Error-Code": "GatedRepo"},
            "is available on request only: request it there, then run `hf auth login`",
        ),
    ],
)
def test_what_the_hub_has_not_or_forbids_is_a_sentence(
    server: Server, hub: Release, absent: dict[str, str], words: str
) -> None:
    server.absent |= absent
    with pytest.raises(DownloadError, match=f"{hub.url} {words}"):
        fetch(hub, anything)


def test_no_space_for_a_release_on_the_hub_is_told_before(
    server: Server, hub: Release, tmp_path: Path
) -> None:
    huge = replace(hub, encoder=10**17)
    with pytest.raises(
        DownloadError,
        match=f"no space for {hub.url}: .* are needed in {tmp_path}/hub .* point HF_HOME",
    ):
        fetch(huge, anything)
    assert server.asked == []


def test_without_a_network_the_hub_is_a_sentence(
    server: Server, hub: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/{revision}/{filename}",
    )
    monkeypatch.setattr(
        time, "sleep", lambda seconds: None
    )  # huggingface_hub waits 23 s between its tries
    with pytest.raises(
        DownloadError,
        match=f"{hub.url} cannot be downloaded: .* Run the same command again later to continue",
    ):
        fetch(hub, anything)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        DownloadError,
        match=f"HF_HUB_OFFLINE forbids connections: .* get {hub.url} and pass it as --weights",
    ):
        fetch(hub, anything)
