"""The interface of an encoder: one method, a row of the table, and where its weights come from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

from tubelet.array_types import UInt8
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.geometry import WHOLE
from tubelet.ingest.grid import TokenGrids
from tubelet.ingest.layer import LAST, ONE_LEVEL, Depth, Layer
from tubelet.ingest.networks.vjepa import Predictor


class Encoder(Protocol):
    """An encoder on its device, ready to run."""

    device: torch.device

    def encode(self, frames: UInt8[torch.Tensor, "B T 3 H W"]) -> TokenGrids:
        """Clips ``(B, T, 3, H, W)`` in uint8, on the CPU, to token grids ``(B, S, H/patch, W/patch, dim)`` in float32, on `device`."""
        ...


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """Where and how an encoder runs; the precision is fp32, bf16 or fp16."""

    device: torch.device
    precision: str = "fp32"
    weights: Path | None = None
    layer: Layer = LAST
    weights_key: str | None = None  # of the network in the file; None: the averaged encoder


@dataclass(frozen=True)
class WeightsSource:
    """Weights that somebody released: under which license, how large a download, and how to fetch them."""

    licence: str
    download_bytes: int  # to about a percent
    cached: Callable[
        [], Path | None
    ]  # where they lie, None where they would have to be downloaded; makes no connection
    fetch: Callable[[], Path]


@dataclass(frozen=True, kw_only=True)
class EncoderEntry:
    """An encoder that `--encoder` can name; `load`, given its name and this row, returns it with its facts.

    One with `frames` takes clips of that many frames alone, and pictures of its own `side` alone.
    """

    family: str
    dim: int
    patch: int
    tubelet: int
    parameters: int
    side: int  # pixels: the default of `--size`
    weights: str  # where they come from, in words
    load: Callable[[str, "EncoderEntry", LoadOptions], tuple[EncoderFacts, Encoder]]
    frames: int | None = None
    depth: Depth = ONE_LEVEL  # that `--layer` chooses from
    of_weights: Callable[[Path], "EncoderEntry"] | None = (
        None  # the row for a file of weights that says itself what its network is
    )
    images: bool = True  # whether a single frame can be encoded
    supply: WeightsSource | None = None  # None: nothing to download
    packaged: Path | None = None  # the weights, where they are part of the package
    frame_rate: float | None = (
        None  # frames/s at which it saw videos in training; None where it sees no time, or nobody says
    )
    frame_step: int | None = (
        None  # or the spacing of those frames, where only that is known, in frames of its videos
    )
    keyed: bool = (
        False  # whether its files may hold several networks, of which `--weights-key` names one
    )
    framing: str = WHOLE  # what `--framing` is without being told
    suits: Mapping[str, str] = field(
        default_factory=dict
    )  # layer -> what it serves best as measured: SEGMENTATION or TRACKING
    predictor: Callable[[LoadOptions], Predictor] | None = (
        None  # what predicts tokens from others, on the CPU in float32; None where there is no such network
    )
