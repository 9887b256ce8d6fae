"""V-JEPA as an encoder of the table: 8-bit frames in, grids out; files of every generation by name, from `--weights` to the store."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests import networks
from tests.checkpoints import meta_file
from tests.videos import make_video
from tubelet.ingest import encoders, vjepa_rows
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.encoders import ENCODERS
from tubelet.ingest.errors import CheckpointError
from tubelet.ingest.job import Job
from tubelet.ingest.networks.vjepa import PixelsError
from tubelet.ingest.vjepa_encoder import MEAN, STD, VJEPAEncoder
from tubelet.ingest.weights.release import Release
from tubelet.store import Store

CPU = torch.device("cpu")


def frames(count: int, height: int = 32, width: int = 48) -> torch.Tensor:
    """A batch of one clip (1, T, 3, H, W)."""
    return torch.randint(
        0,
        256,
        (1, count, 3, height, width),
        dtype=torch.uint8,
        generator=torch.Generator().manual_seed(count),
    )


def normalized(pictures: torch.Tensor) -> torch.Tensor:
    """(1, T, 3, H, W) in 8 bits as the networks take it, by the definition: scale to 1, less the mean, over the deviation."""
    channels = [(pictures[:, :, c].double() / 255 - MEAN[c]) / STD[c] for c in range(3)]
    return torch.stack(channels, dim=1).float()


@pytest.mark.parametrize("kind", networks.ENCODERS)
def test_frames_become_the_network_s_tokens_on_a_grid(kind: str) -> None:
    model = networks.network(networks.ENCODERS[kind])
    with torch.inference_mode():
        grid = VJEPAEncoder(model, CPU, "fp32").encode(frames(6)).embeddings[0]
    wanted = networks.encode(model, normalized(frames(6))).reshape(3, 2, 3, -1)
    torch.testing.assert_close(grid, wanted, atol=1e-4, rtol=0)


@torch.inference_mode()
def test_a_single_frame_is_an_image_or_a_still_or_refused() -> None:
    models = {kind: networks.network(config) for kind, config in networks.ENCODERS.items()}
    still = VJEPAEncoder(models["2"], CPU, "fp32")
    assert torch.equal(
        still.encode(frames(1)).embeddings,
        still.encode(frames(1).expand(-1, 2, -1, -1, -1)).embeddings,
    )
    image = VJEPAEncoder(models["2.1"], CPU, "fp32")
    assert not torch.equal(
        image.encode(frames(1)).embeddings,
        image.encode(frames(1).expand(-1, 2, -1, -1, -1)).embeddings,
    )
    with pytest.raises(PixelsError, match="V-JEPA 1 at least 2"):
        VJEPAEncoder(models["1"], CPU, "fp32").encode(frames(1))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", networks.ENCODERS)
def test_grids_are_float32_in_every_precision(kind: str, precision: str) -> None:
    encoder = VJEPAEncoder(networks.network(networks.ENCODERS[kind]), CPU, precision)
    with torch.inference_mode():
        assert encoder.encode(frames(4)).embeddings.dtype == torch.float32


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Path]:
    """The three small networks as if Meta had released them: a row of the table each, and a file."""
    files = {}
    for kind, config in networks.ENCODERS.items():
        name = f"small-{kind}"
        release = Release(
            name=name,
            url=f"https://nowhere.invalid/{name}.pt",
            key="target_encoder",
            encoder=config.parameters,
            predictor=0,
            licence="none",
        )
        monkeypatch.setitem(ENCODERS, name, vjepa_rows.make_released_row(config, 32, release))
        files[name] = meta_file(tmp_path / f"{name}.pt", networks.network(config).state_dict())
    return files


@pytest.mark.parametrize("kind", networks.ENCODERS)
def test_a_file_of_every_generation_goes_into_the_store(
    kind: str, released: dict[str, Path], tmp_path: Path
) -> None:
    name, video = f"small-{kind}", make_video(tmp_path / "a.mp4", frames=8)
    job = Job.of(
        paths=[str(video)], encoder=name, weights=released[name], frames=4, device="cpu", pairs="0"
    )
    run = job.run(str(tmp_path / "store"))
    assert run.execute(job.sources).clips == 2
    run.store.close()
    store = Store(tmp_path / "store")
    (row,) = store.rows("SELECT family, layer, embed_dim, parameters, weights_source FROM encoders")
    assert (
        row["family"] == f"V-JEPA {kind}"
        and row["layer"] == "last"
        and row["embed_dim"] == networks.ENCODERS[kind].dim
    )
    clip = store.rows("FROM clips ORDER BY first_frame LIMIT 1")[0]
    model = networks.network(networks.ENCODERS[kind])
    assert row["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    grid = store.grid(clip["clip_id"])
    assert grid.shape == (2, 2, 2, row["embed_dim"]) and np.isfinite(grid).all()
    store.close()


def test_a_file_of_another_generation_is_refused_by_the_tensors_in_the_way(
    released: dict[str, Path],
) -> None:
    told = {
        ("small-1", "small-2.1"): "lacks img_mod_embed",
        ("small-2.1", "small-2"): "lacks norm.bias",
        ("small-2", "small-1"): "lacks pos_embed",
    }
    for (file, name), words in told.items():
        with pytest.raises(CheckpointError, match=words):
            encoders.load(name, LoadOptions(device=CPU, weights=released[file]))
