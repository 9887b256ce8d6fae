"""The needed sections, as one safetensors file: the averaged encoder and the predictor, a fifth to a quarter of what was downloaded.

The source stays mapped and the file is written from the mapped pages, so that neither is ever held in memory.
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from tubelet.ingest.errors import CheckpointError, DownloadError
from tubelet.ingest.weights import cache
from tubelet.ingest.weights.formats import MARK, PREDICTOR, Weights

FORMAT = "1"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where tensors come from."""

    url: str
    key: str
    sha256: str  # of the file as it was downloaded
    bytes: int
    downloaded: str  # date and time, UTC

    @property
    def metadata(self) -> dict[str, str]:
        return {
            "format": "pt",
            MARK: FORMAT,
            **{name: str(value) for name, value in asdict(self).items()},
        }


def extract(weights: Weights, origin: Origin, path: Path) -> None:
    """Write the encoder under the origin's key, and the predictor where there is one, to `path`: whole or absent.

    Raises CheckpointError for what is not a tensor, DownloadError where there is no space.
    """
    tensors = dict(_name_tensors(weights, origin.key))
    if PREDICTOR in weights.sections:
        tensors |= _name_tensors(weights, PREDICTOR)
    cache.require(
        sum(tensor.nbytes for tensor in tensors.values()),
        path,
        f"encoder and predictor of {weights.path.name}",
    )
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        save_file(tensors, unfinished, origin.metadata)
        _flush(unfinished)
        unfinished.replace(path)
    except SafetensorError as error:
        raise DownloadError(
            f"{path} cannot be written, the download is kept: free some space and run the same command again. {error}"
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _name_tensors(weights: Weights, key: str) -> dict[str, torch.Tensor]:
    tensors = weights.tensors(key)
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise CheckpointError(f"{weights.path} under {key!r}: {name} is not a tensor")
    return {f"{key}.{name}": tensor.contiguous() for name, tensor in tensors.items()}


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
