"""Encoding: clips of pixels to token grids and their statistics, on the encoder's device, and back as arrays.

`launch` starts the work of a batch and `Launched.clips` waits for it: in between a GPU computes while the CPU does other things.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import torch

from tubelet.array_types import Float16, Float32, UInt8
from tubelet.ingest.contract import Encoder
from tubelet.ingest.errors import EncodeError
from tubelet.ingest.pipeline.measuring import Measured, Measuring
from tubelet.ingest.pipeline.messages import DecodedClip
from tubelet.ingest.prediction.live import PredictingEncoder
from tubelet.ingest.sources import Source
from tubelet.store.clock import now
from tubelet.store.errors import MeasurementError
from tubelet.store.rows import ClipRow
from tubelet.store.statistics import dimension_statistics, token_statistics

HALF_LIMIT = 65520.0  # from here on a number rounds to half precision's infinity


@dataclass(frozen=True, kw_only=True)
class EncodedClip:
    """A clip as the writer needs it: half-precision grid ``(S, H, W, D)``, statistics in float32, on the CPU.

    Where only pooled states are kept, there is no grid and no statistic of a token. `pairs` are those that this clip completed.
    """

    clip: DecodedClip
    row: ClipRow
    grid: Float16[np.ndarray, "S H W D"] | None
    token_stats: Mapping[str, Float32[np.ndarray, "S H W"]]  # (S, H, W)
    dim_stats: Mapping[str, Float32[np.ndarray, "S D"]]  # (S, D)
    pairs: tuple[Measured, ...] = ()
    predicted: Mapping[str, pa.Table] = field(default_factory=dict)  # rows of surprise, by table

    @property
    def source(self) -> Source:
        return self.clip.source


@dataclass(frozen=True, kw_only=True)
class PendingClip:
    """One clip on its way to the CPU; `largest` is the largest magnitude in its grid, before rounding, `problem` the error of its pairs."""

    clip: DecodedClip
    shape: tuple[int, int, int, int]
    grid: Float16[torch.Tensor, "S H W D"] | None  # (S, H, W, D) in half precision
    largest: torch.Tensor
    token_stats: Mapping[str, Float32[torch.Tensor, "S H W"]]
    dim_stats: Mapping[str, Float32[torch.Tensor, "S D"]]
    pairs: tuple[Measured, ...] = ()
    predicted: Mapping[str, pa.Table] = field(default_factory=dict)
    problem: str | None = None

    def finish(self, encode_s: float) -> EncodedClip:
        """The clip as arrays. Raises EncodeError for embeddings that cannot be stored, before anything is stored."""
        largest = float(self.largest)
        if not np.isfinite(largest):
            raise EncodeError(
                "the encoder gave numbers that are not finite: check its weights, or use --precision fp32"
            )
        if largest >= HALF_LIMIT:
            raise EncodeError(
                f"embeddings reach {largest:.0f}, beyond half precision's 65504: the clip is not stored"
            )
        if self.problem:
            raise EncodeError(self.problem)
        row = self.clip.row.encode(self.shape, encode_s, now())
        return EncodedClip(
            clip=self.clip,
            row=row,
            grid=None if self.grid is None else self.grid.numpy(),
            token_stats=_arrays(self.token_stats),
            dim_stats=_arrays(self.dim_stats),
            pairs=self.pairs,
            predicted=self.predicted,
        )


@dataclass(frozen=True)
class LaunchedBatch:
    """A batch in progress on the encoder's device."""

    sent: Sequence[PendingClip]
    started: float
    event: (
        torch.cuda.Event | None
    )  # reached when everything is on the CPU; None where it is already

    def wait(self) -> float:
        """Wait for the batch; returns the time when it was ready."""
        if self.event:
            self.event.synchronize()
        return time.perf_counter()


def launch(
    encoder: Encoder, clips: Sequence[DecodedClip], measuring: Measuring, statistics: bool = True
) -> LaunchedBatch:
    """Start the encoding of clips of one shape as one batch, and measure the pairs that they complete.

    `statistics`: whether anything besides pooled states is kept.
    """
    started = time.perf_counter()
    with torch.inference_mode():
        grids = encoder.encode(_stack_clips(clips, encoder.device)).embeddings
        predicted = [_predict(encoder, clip, number) for number, clip in enumerate(clips)]
        sent = [
            replace(_send_to_cpu(clip, grid, measuring, statistics), predicted=rows)
            for clip, grid, rows in zip(clips, grids, predicted, strict=True)
        ]
    event = torch.cuda.Event() if encoder.device.type == "cuda" else None
    if event:
        event.record(torch.cuda.current_stream(encoder.device))
    return LaunchedBatch(sent, started, event)


def _predict(encoder: Encoder, clip: DecodedClip, number: int) -> Mapping[str, pa.Table]:
    """The predictions of a clip of the batch that was just encoded; before its pairs, which could not be measured twice if memory ran out here."""
    if clip.stored or not isinstance(encoder, PredictingEncoder):
        return {}
    return encoder.predict(number, clip.row, clip.pixels)


def encode(encoder: Encoder, clip: DecodedClip, statistics: bool = True) -> EncodedClip:
    """Encode one clip and wait for it. Raises EncodeError for embeddings that cannot be stored."""
    launched = launch(encoder, [clip], Measuring(), statistics)
    return launched.sent[0].finish(launched.wait() - launched.started)


def _send_to_cpu(
    clip: DecodedClip, grid: Float32[torch.Tensor, "S H W D"], measuring: Measuring, whole: bool
) -> PendingClip:
    """Statistics of a clip's live grid ``(S, H, W, D)``, and its half-precision copy, on their way."""
    of_tokens = token_statistics(grid) if whole else {}
    statistics = {name: _to_cpu(value) for name, value in of_tokens.items()}
    live = dimension_statistics(grid)
    by_dimension = {name: _to_cpu(value) for name, value in live.items()}
    sent = PendingClip(
        clip=clip,
        shape=_shape(grid),
        grid=_to_cpu(grid.half()) if whole else None,
        largest=_to_cpu(grid.abs().max()),
        token_stats=statistics,
        dim_stats=by_dimension,
    )
    if not clip.pairs or not float(grid.abs().max()) < HALF_LIMIT:
        return sent  # a clip that cannot be kept is not part of a pair
    try:
        return replace(sent, pairs=measuring.take(clip, grid, live))
    except MeasurementError as error:
        return replace(sent, problem=str(error))


def _shape(grid: torch.Tensor) -> tuple[int, int, int, int]:
    slices, height, width, dim = grid.shape
    return slices, height, width, dim


def _stack_clips(
    clips: Sequence[DecodedClip], device: torch.device
) -> UInt8[torch.Tensor, "B T 3 H W"]:
    """Pixels ``(B, T, 3, H, W)``; in pinned memory for CUDA, which can copy it while computing."""
    first = clips[0].pixels
    batch = torch.empty(
        (len(clips), *first.shape), dtype=first.dtype, pin_memory=device.type == "cuda"
    )
    return torch.stack([clip.pixels for clip in clips], out=batch)


def _to_cpu(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor on its way to the CPU; immediate unless it is on CUDA."""
    if tensor.device.type != "cuda":
        return tensor.cpu()
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(
        tensor, non_blocking=True
    )


def _arrays(tensors: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}
