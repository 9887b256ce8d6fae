"""Small networks of every V-JEPA generation with a random number in every weight, and pixels to feed them."""

import torch
from torch import nn
from torch.nn import functional as F

from tubelet.ingest.checkpoints import init_untrained
from tubelet.ingest.networks.vjepa import (
    V1,
    V2,
    Predictor,
    PredictorConfig,
    VisionTransformer,
    VisionTransformerConfig,
)

TABLE = (4, 3, 5)  # slices, rows, columns of V-JEPA 1's table
# Heads of 13, 20 and 14 components: an odd one, three pairs an axis (so that tiled angles wrap inside a pair), and two at rest.
ENCODERS = {
    "1": VisionTransformerConfig(dim=26, depth=3, heads=2, mlp=52, generation=V1, table=TABLE),
    "2": VisionTransformerConfig(dim=40, depth=3, heads=2, mlp=80, levels=(0, 2), generation=V2),
    "2.1": VisionTransformerConfig(dim=28, depth=3, heads=2, mlp=56, levels=(0, 1, 2)),
}
PREDICTORS = {
    "1": PredictorConfig(
        inputs=26,
        outputs=26,
        depth=2,
        heads=2,
        mask_tokens=2,
        dim=24,
        mlp=48,
        generation=V1,
        table=TABLE,
    ),
    "2": PredictorConfig(
        inputs=40, outputs=40, depth=2, heads=2, mask_tokens=3, dim=40, mlp=80, generation=V2
    ),
    "2.1": PredictorConfig(inputs=28, outputs=36, depth=2, heads=2, mask_tokens=3, dim=26, mlp=52),
    "2.1 of all levels": PredictorConfig(
        inputs=84,
        outputs=84,
        depth=2,
        heads=3,
        mask_tokens=3,
        dim=42,
        mlp=84,
        hidden=28,
        interpolated=True,
    ),
}


def network(
    config: VisionTransformerConfig | PredictorConfig, seed: int = 1
) -> VisionTransformer | Predictor:
    """Weights as `untrained` makes them, biases and norms moved off their identity too."""
    return shaken(init_untrained(config, seed), seed)


def shaken(model: nn.Module, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "norm" in name or name.endswith("bias") or parameter.ndim == 3:
                parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def pixels(frames: int, height: int, width: int, clips: int = 1, seed: int = 0) -> torch.Tensor:
    """Normalized pixels (B, 3, T, H, W) of moving blobs."""
    coarse = torch.randn(clips, 3, 2, 5, 5, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, size=(frames, height, width), mode="trilinear")


def encode(
    model: VisionTransformer, clips: torch.Tensor, kept: torch.Tensor | None = None
) -> torch.Tensor:
    """The encoder's last level, (B, N, D)."""
    with torch.inference_mode():
        return model(clips, kept)[-1]
