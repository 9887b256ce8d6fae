"""What happens to tokens before a basis sees them: position means are subtracted, then lengths normalized, each if requested."""

from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float32, Int
from tubelet.latent import half
from tubelet.latent.errors import LatentError


@dataclass(frozen=True)
class Preparation:
    """`positions`: float32 ``(H, W, D)`` to subtract, or None; `unit`: whether each token is then divided by its length."""

    unit: bool = False
    positions: Float32[np.ndarray, "H W D"] | None = None

    def transform(
        self,
        vectors: Float32[np.ndarray, "n D"],
        y: Int[np.ndarray, " n"],
        x: Int[np.ndarray, " n"],
    ) -> Float32[np.ndarray, "n D"]:
        """Float32 tokens ``(n, D)`` at patches ``(y, x)`` as the basis expects them; NaN where a token has no direction to keep."""
        if self.positions is not None:
            vectors = vectors - self.positions[y, x]
        return half.unit(vectors) if self.unit else vectors

    def refuse_other_grid(self, height: int, width: int) -> None:
        """Raise LatentError unless position means fit a grid of `height` x `width` patches."""
        if self.positions is not None and self.positions.shape[:2] != (height, width):
            own = " x ".join(map(str, self.positions.shape[:2]))
            raise LatentError(
                f"this basis subtracts the position means of a grid of {own} patches, and the clip has {height} x {width}: "
                f"fit one on a clip of that grid, or without --remove-position-mean"
            )
