"""Alignment: where each token of a window lies in the token grid of the same window once it is changed.

    flip         place (y, x) of the window is place (y, W - 1 - x) of the changed one
    reverse      slice k of the window is slice S - 1 - k
    crop 0.5     a place twice as far from the center; places that the crop cut off are outside

Places are patches, counted from the center of the grid. A place between patches is interpolated from the four around it. It is outside where it
lies beyond the centers of the outermost patches, or takes a patch that shows more than the window did, as the corners of a rotated frame do.
"""

from dataclasses import dataclass

import torch

from tubelet.array_types import Bool, Float32

Matrix = tuple[tuple[float, float], tuple[float, float]]
IDENTITY: Matrix = ((1.0, 0.0), (0.0, 1.0))
ROUNDING = 1e-6  # of a patch: places that are closer are the same


@dataclass(frozen=True)
class Alignment:
    """Slice k of the window is slice `slices[k]` of the changed one; `matrix` takes an offset (y, x) from the center to that in the changed one."""

    slices: tuple[int, ...] | None = None  # None: in the same order
    matrix: Matrix = IDENTITY

    def inside(self, height: int, width: int) -> Bool[torch.Tensor, "H W"]:
        """The places of a grid that the changed grid shows, ``(H, W)``."""
        y, x = self._places(height, width)
        within = (y >= 0) & (y <= height - 1) & (x >= 0) & (x <= width - 1)
        whole = self._resample(self._is_whole(height, width).float()[None, ..., None])
        return within & (whole[0, ..., 0] > 1 - ROUNDING)

    def align(self, grid: Float32[torch.Tensor, "S H W D"]) -> Float32[torch.Tensor, "S H W D"]:
        """A changed grid in the order and the places of the window's; what stands at places outside means nothing."""
        if self.slices is not None:
            grid = grid[list(self.slices)]
        return grid if self.matrix == IDENTITY else self._resample(grid)

    def _resample(self, grid: Float32[torch.Tensor, "S H W D"]) -> Float32[torch.Tensor, "S H W D"]:
        """Bilinear; a place that is a patch's own takes its token unchanged."""
        height, width = grid.shape[1:3]
        y, x = (place.to(grid.device) for place in self._places(height, width))
        top, left = y.floor(), x.floor()
        down, right = (y - top).float()[..., None], (x - left).float()[..., None]
        rows = [(top + k).long().clamp(0, height - 1) for k in (0, 1)]
        columns = [(left + k).long().clamp(0, width - 1) for k in (0, 1)]
        upper, lower = (
            torch.lerp(grid[:, row, columns[0]], grid[:, row, columns[1]], right) for row in rows
        )
        return torch.lerp(upper, lower, down)

    def _places(self, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Row and column in the changed grid of every place, ``(H, W)`` in float64, whole ones where they are whole but for rounding."""
        (yy, yx), (xy, xx) = self.matrix
        y, x = _offsets(height, width)
        found = (yy * y + yx * x + (height - 1) / 2, xy * y + xx * x + (width - 1) / 2)
        rows, columns = (
            torch.where((place - place.round()).abs() < ROUNDING, place.round(), place)
            for place in found
        )
        return rows, columns

    def _is_whole(self, height: int, width: int) -> Bool[torch.Tensor, "H W"]:
        """The patches of the changed grid all of whose corners lie on the frame of the window."""
        (yy, yx), (xy, xx) = self.matrix
        determinant = yy * xx - yx * xy
        y, x = _offsets(height, width)
        whole = torch.ones((height, width), dtype=torch.bool)
        for down, right in ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)):
            at_y, at_x = y + down, x + right
            from_y = (xx * at_y - yx * at_x) / determinant
            from_x = (yy * at_x - xy * at_y) / determinant
            whole &= (from_y.abs() <= height / 2 + ROUNDING) & (
                from_x.abs() <= width / 2 + ROUNDING
            )
        return whole


def _offsets(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Offsets (y, x) of every place from the center, ``(H, W)`` in float64."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64) - (height - 1) / 2,
        torch.arange(width, dtype=torch.float64) - (width - 1) / 2,
        indexing="ij",
    )
    return y, x
