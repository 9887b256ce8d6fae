"""How a stored picture is turned and mirrored for display: all eight orientations of a display matrix.

matrix  a b u       a stored pixel at (x, y), y downwards, is shown at (a x + c y, b x + d y), moved into view;
        c d v       a, b, c, d are fixed-point numbers, 16.16
        x y w
"""

from dataclasses import dataclass
from math import atan2, degrees

import av
import numpy as np

from tubelet.array_types import Int, Shaped
from tubelet.media.side_data import read_matrix


@dataclass(frozen=True)
class Orientation:
    """Mirror left and right if `mirrored`, then rotate by `rotation` degrees counterclockwise, a multiple of 90."""

    rotation: int = 0
    mirrored: bool = False

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "Orientation":
        """What a decoded frame's display matrix requests; angles between are rounded to the nearest quarter turn."""
        matrix = read_matrix(frame)
        return UPRIGHT if matrix is None else cls.of_matrix(np.frombuffer(matrix, "<i4"))

    @classmethod
    def of_matrix(cls, matrix: Int[np.ndarray, " 9"]) -> "Orientation":
        """The orientation of nine fixed-point numbers, row by row."""
        a, b, _, c, d = (int(number) for number in matrix[:5])
        mirrored = a * d - b * c < 0
        across = (
            (-a, -b) if mirrored else (a, b)
        )  # where the stored picture's right goes once the mirroring is undone
        return cls(round(degrees(atan2(-across[1], across[0])) / 90) * 90 % 360, mirrored)

    @property
    def transposed(self) -> bool:
        """Whether width and height are swapped."""
        return self.rotation % 180 == 90

    def apply(self, pixels: Shaped[np.ndarray, "a b *c"]) -> Shaped[np.ndarray, "d e *c"]:
        """A stored picture ``(H, W, ...)`` as it is displayed; a view of the same memory."""
        return np.rot90(pixels[:, ::-1] if self.mirrored else pixels, self.rotation // 90)


UPRIGHT = Orientation()
