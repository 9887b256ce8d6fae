"""What a precision costs in numbers: tokens in bf16 and fp16 against the same tokens in fp32, on the device at hand.

`python -m tests.benchmarks.precision` prints the table of docs/benchmarks.md: cosine and relative L2 error of each token, its mean and its worst.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from tests.videos import scene
from tubelet.ingest import checkpoints, encoders
from tubelet.ingest.networks.vjepa import VARIANTS
from tubelet.ingest.vjepa_encoder import VJEPAEncoder

FRAMES, SIDE = 16, 224


@dataclass(frozen=True)
class Cost:
    """Over all tokens: mean and smallest cosine to the exact token, mean and largest distance to it over its length."""

    mean_cosine: float
    worst_cosine: float
    mean_error: float
    worst_error: float

    @classmethod
    def of(cls, exact: torch.Tensor, rounded: torch.Tensor) -> "Cost":
        """Of grids (..., D); computed in float64."""
        a, b = exact.double().flatten(0, -2), rounded.double().flatten(0, -2)
        cosine = torch.cosine_similarity(a, b, dim=-1)
        error = (a - b).norm(dim=-1) / a.norm(dim=-1)
        return cls(
            float(cosine.mean()), float(cosine.min()), float(error.mean()), float(error.max())
        )


def costs(device: torch.device) -> Iterator[tuple[str, str, Cost]]:
    """Every encoder and precision with its cost, on frames of a moving square; the weights are random, of a seed."""
    shapes = {
        "vjepa2.1-untrained": checkpoints.UNTRAINED,
        "ViT-B geometry, random weights": VARIANTS["vjepa2.1-vitb"].encoder,
    }
    frames = torch.from_numpy(np.stack(list(scene(FRAMES, SIDE, SIDE, 0)))).permute(0, 3, 1, 2)[
        None
    ]
    for name, config in shapes.items():
        grids = {}
        for precision in ("fp32", "bf16", "fp16"):
            encoder = VJEPAEncoder(checkpoints.init_untrained(config), device, precision)
            with torch.inference_mode():
                grids[precision] = encoder.encode(frames).embeddings
        for precision in ("bf16", "fp16"):
            yield name, precision, Cost.of(grids["fp32"], grids[precision])


def main() -> None:
    device = encoders.device("auto")
    print(f"{FRAMES} frames at {SIDE} px, {device.type}, torch {torch.__version__}\n")
    print(
        "| encoder | precision | cosine: mean | worst | relative error: mean | worst |\n|---|---|---|---|---|---|"
    )
    for name, precision, cost in costs(device):
        print(
            f"| {name} | {precision} | {cost.mean_cosine:.6f} | {cost.worst_cosine:.6f} | {cost.mean_error:.2%} | {cost.worst_error:.2%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
