"""Measuring: live token grids wait on the device until their partner is encoded; then the pair is measured, before anything is rounded.

At one moment at most `Pairing.held` grids of a video wait; what still waits when a video ends (its partner failed, or the
file broke before it) is dropped, and the next run measures it.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch

from tubelet.array_types import Float32
from tubelet.ingest.pipeline.messages import DecodedClip
from tubelet.store.pairs.measurement import Measurement, Side, measure
from tubelet.store.pairs.rows import ENCODED_AGAIN, Pair

Measured = tuple[Pair, Measurement]


class Measuring:
    """Takes every encoded clip once, in any order, and gives the pairs that it completes."""

    def __init__(self) -> None:
        self._waiting: dict[
            str, tuple[Pair, DecodedClip, Side]
        ] = {}  # pair_id -> the pair, and the clip of it that came first

    @property
    def held(self) -> int:
        """Live grids that wait."""
        return len({clip.row.clip_id for _, clip, _ in self._waiting.values()})

    def take(
        self,
        clip: DecodedClip,
        grid: Float32[torch.Tensor, "S H W D"],
        by_dimension: Mapping[str, Float32[torch.Tensor, "S D"]],
    ) -> tuple[Measured, ...]:
        """The pairs that this clip completes; `grid` is ``(S, H, W, D)`` in float32. Raises MeasurementError."""
        if not clip.pairs:
            return ()
        side = Side(clip.alignment.align(grid) if clip.alignment else grid, by_dimension)
        complete = [pair for pair in clip.pairs if self._is_partner(pair, clip)]
        if opening := [pair for pair in clip.pairs if pair not in complete]:
            kept = replace(side, grid=_copy_grid(side.grid))
            self._waiting |= {pair.pair_id: (pair, clip, kept) for pair in opening}
        return tuple(
            _measure_pair(pair, (clip, side), self._waiting.pop(pair.pair_id)) for pair in complete
        )

    def _is_partner(self, pair: Pair, clip: DecodedClip) -> bool:
        """Whether the other clip of a pair waits; a clip that itself waits arrives again after its batch ran out of memory."""
        return pair.pair_id in self._waiting and self._waiting[pair.pair_id][1] is not clip

    def end(self, video_id: str) -> None:
        """Drop what still waits for a partner in this video."""
        self._waiting = {
            pair_id: waiting
            for pair_id, waiting in self._waiting.items()
            if waiting[0].video_id != video_id
        }


def _measure_pair(
    pair: Pair, later: tuple[DecodedClip, Side], earlier: tuple[Pair, DecodedClip, Side]
) -> Measured:
    """The pair, as its changed window says it where there is one, and its measurement."""
    clip, side = later
    if pair.kind in ENCODED_AGAIN:
        return _measure_changed((pair, clip, side), earlier)
    waited = earlier[2]
    a, b = (waited, side) if clip.row.clip_id == pair.clip_b else (side, waited)
    return pair, measure(a, b, pair.offset)


def _measure_changed(
    one: tuple[Pair, DecodedClip, Side], other: tuple[Pair, DecodedClip, Side]
) -> Measured:
    (_, _, a), (pair, clip, b) = (one, other) if other[1].alignment else (other, one)
    if clip.alignment is None:
        raise ValueError(f"a changed pair has a window with an alignment: {pair.pair_id = }")
    a = replace(a, grid=a.grid[: len(b.grid)])  # a prefix has fewer slices
    height, width = b.grid.shape[1:3]
    inside = clip.alignment.inside(height, width)
    return pair, measure(a, b, 0, None if inside.all() else inside.to(b.grid.device))


def _copy_grid(grid: torch.Tensor) -> torch.Tensor:
    """The grid in memory of its own, so that waiting for one clip does not keep its whole batch."""
    return grid if grid.untyped_storage().nbytes() == grid.nbytes else grid.clone()
