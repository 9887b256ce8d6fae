"""A dictionary of features: each is active where a product with its own vector and a bias exceed 0, and a token is nearly the sum of the active ones.

activations = relu((x - mean) @ encoder.T + bias), all but the `active` largest of a token set to 0 where that is not 0
x           ~ activations @ decoder + mean
"""

from dataclasses import dataclass, replace

import numpy as np

from tubelet.array_types import Float32

BLOCK = 512  # tokens at once


@dataclass(frozen=True, kw_only=True)
class Dictionary:
    """`encoder` and `decoder` float32 ``(k, D)``, `bias` ``(k,)``, `mean` ``(D,)``; `active` of TopK, 0 for all that exceed 0.

    `frequency` ``(k,)``: the share of the tokens it was measured on that each feature is active in; 0 for a dead one.
    """

    encoder: Float32[np.ndarray, "k D"]
    decoder: Float32[np.ndarray, "k D"]
    bias: Float32[np.ndarray, " k"]
    mean: Float32[np.ndarray, " D"]
    active: int
    frequency: Float32[np.ndarray, " k"]

    def transform(self, vectors: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, "n k"]:
        """Prepared tokens ``(n, D)`` to activations ``(n, k)``, float32."""
        found = np.maximum((vectors - self.mean) @ self.encoder.T + self.bias, 0)
        if 0 < self.active < found.shape[1]:
            least = np.partition(found, -self.active, axis=1)[:, -self.active]
            found[found < least[:, None]] = 0
        return found

    def rebuild(self, activations: Float32[np.ndarray, "n k"]) -> Float32[np.ndarray, "n D"]:
        """Tokens ``(n, D)`` of activations ``(n, k)``."""
        return activations @ self.decoder + self.mean

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers that make up the basis, as rows."""
        return {"mean": self.mean[None], "bias": self.bias[None], "frequency": self.frequency[None], "encoder": self.encoder, "decoder": self.decoder}  # fmt: skip

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], parameters: dict) -> "Dictionary":
        """Read it from the output of `arrays`."""
        narrow = {name: arrays[name].astype(np.float32) for name in ("encoder", "decoder")}
        rows = {name: arrays[name][0].astype(np.float32) for name in ("bias", "mean", "frequency")}
        return cls(active=parameters["active"], **narrow, **rows)

    @classmethod
    def make(
        cls, weights: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], active: int
    ) -> "Dictionary":
        """Make a dictionary of encoder, decoder, bias and mean; its frequencies are not known yet."""
        encoder, decoder, bias, mean = (np.ascontiguousarray(part, np.float32) for part in weights)
        return cls(
            encoder=encoder,
            decoder=decoder,
            bias=bias,
            mean=mean,
            active=active,
            frequency=np.zeros(len(encoder), np.float32),
        )


@dataclass(frozen=True)
class Sparsity:
    """What a dictionary does to tokens: share of their variance that it rebuilds, features active per token (L0), and the largest activation of each ``(k,)``."""

    explained: float
    active_per_token: float
    largest: Float32[np.ndarray, " k"]
    total: float  # sample variance of all dimensions together


def measure_sparsity(
    model: Dictionary, vectors: Float32[np.ndarray, "n D"]
) -> tuple[Dictionary, Sparsity]:
    """Measure sparsity over prepared, finite tokens ``(n, D)``, n at least 2; also returns the dictionary with its frequencies."""
    count, features = len(vectors), len(model.encoder)
    center = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    times, largest = np.zeros(features), np.zeros(features, np.float32)
    rest = spread = 0.0
    for start in range(0, count, BLOCK):
        block = vectors[start : start + BLOCK]
        active = model.transform(block)
        times += np.count_nonzero(active, axis=0)
        largest = np.maximum(largest, active.max(axis=0))
        rest += float(np.square(block - model.rebuild(active), dtype=np.float64).sum())
        spread += float(np.square(block - center, dtype=np.float64).sum())
    explained = 1 - rest / spread if spread else float("nan")
    frequency = (times / count).astype(np.float32)
    divisor = max(count - 1, 1)
    found = Sparsity(explained, float(times.sum() / count), largest, spread / divisor)
    return replace(model, frequency=frequency), found
