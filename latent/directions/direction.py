"""A direction of an encoder's embedding space, and the value that a token has along it."""

from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float32, Int
from tubelet.latent.preparation import Preparation
from tubelet.store.questions.direction_view import BASIS

PLAIN = Preparation()


@dataclass(frozen=True, kw_only=True)
class Direction:
    """A `vector` ``(D,)``, the `mean` ``(D,)`` that is subtracted first and the `bias` that is added; `preparation` is what happens to a token before that.

    `name` is for readers, `key` for addresses, SQL and `find_direction`. `dim` is the number of a dimension; `basis_id` and `number` (from 0) those of a
    component, cluster or feature.
    """

    encoder_id: str
    key: str
    name: str
    vector: Float32[np.ndarray, " D"]
    mean: Float32[np.ndarray, " D"]
    preparation: Preparation = PLAIN
    bias: float = 0.0
    dim: int | None = None
    basis_id: str | None = None
    number: int | None = None

    @property
    def plain(self) -> bool:
        """Whether values are linear in tokens wherever they lie, so that a mean of tokens has the mean of their values."""
        return not self.preparation.unit and self.preparation.positions is None

    @property
    def is_component(self) -> bool:
        return self.key.startswith(f"{BASIS}:")

    def measure(
        self,
        vectors: Float32[np.ndarray, "n D"],
        y: Int[np.ndarray, " n"],
        x: Int[np.ndarray, " n"],
    ) -> Float32[np.ndarray, " n"]:
        """Values of float32 tokens ``(n, D)`` at patches ``(y, x)``; NaN where a token is not finite."""
        if self.dim is not None:
            return vectors[:, self.dim]
        with np.errstate(invalid="ignore"):
            prepared = self.preparation.transform(vectors, y, x) - self.mean
            return prepared @ self.vector + np.float32(self.bias)
