"""The networks that Meta released, by the names Tubelet gives them, and a small untrained one of ours."""

from dataclasses import dataclass

from tubelet.ingest.networks.vjepa.shapes import V1, V2, PredictorConfig, VisionTransformerConfig


@dataclass(frozen=True)
class Variant:
    """A released pair of encoder and predictor, and the side in pixels of the square pictures it was last trained on."""

    side: int
    encoder: VisionTransformerConfig
    predictor: PredictorConfig


def _v21(encoder: VisionTransformerConfig, depth: int, teacher: int | None = None) -> Variant:
    """Distilled models predict in the space of their teacher, others in that of all their own levels."""
    width = encoder.dim * (1 if teacher else len(encoder.levels))
    hidden = None if teacher else encoder.dim
    return Variant(
        384,
        encoder,
        PredictorConfig(
            inputs=width,
            outputs=teacher or width,
            depth=depth,
            heads=12,
            mask_tokens=8,
            hidden=hidden,
        ),
    )


def _v2(side: int, dim: int, depth: int, heads: int, mlp: int) -> Variant:
    """Last trained on 64 frames."""
    table = 32, side // 16, side // 16
    encoder = VisionTransformerConfig(
        dim=dim, depth=depth, heads=heads, mlp=mlp, generation=V2, table=table
    )
    return Variant(
        side,
        encoder,
        PredictorConfig(
            inputs=dim, outputs=dim, depth=12, heads=12, mask_tokens=10, generation=V2, table=table
        ),
    )


def _v1(side: int, dim: int, depth: int, heads: int, mlp: int) -> Variant:
    """Trained on 16 frames."""
    table = 8, side // 16, side // 16
    encoder = VisionTransformerConfig(
        dim=dim, depth=depth, heads=heads, mlp=mlp, generation=V1, table=table
    )
    return Variant(
        side,
        encoder,
        PredictorConfig(
            inputs=dim,
            outputs=dim,
            depth=12,
            heads=heads,
            mask_tokens=2,
            generation=V1,
            table=table,
        ),
    )


VARIANTS = {
    "vjepa2.1-vitb": _v21(
        VisionTransformerConfig(dim=768, depth=12, heads=12, mlp=3072, levels=(2, 5, 8, 11)),
        12,
        teacher=1664,
    ),
    "vjepa2.1-vitl": _v21(
        VisionTransformerConfig(dim=1024, depth=24, heads=16, mlp=4096, levels=(5, 11, 17, 23)),
        12,
        teacher=1664,
    ),
    "vjepa2.1-vitg": _v21(
        VisionTransformerConfig(dim=1408, depth=40, heads=22, mlp=6144, levels=(9, 19, 29, 39)), 24
    ),
    "vjepa2.1-vitG": _v21(
        VisionTransformerConfig(dim=1664, depth=48, heads=26, mlp=8192, levels=(11, 23, 37, 47)), 24
    ),
    "vjepa2-vitl": _v2(256, 1024, 24, 16, 4096),
    "vjepa2-vith": _v2(256, 1280, 32, 16, 5120),
    "vjepa2-vitg": _v2(256, 1408, 40, 22, 6144),
    "vjepa2-vitg-384": _v2(384, 1408, 40, 22, 6144),
    "vjepa1-vitl": _v1(224, 1024, 24, 16, 4096),
    "vjepa1-vith": _v1(224, 1280, 32, 16, 5120),
    "vjepa1-vith-384": _v1(384, 1280, 32, 16, 5120),
}
UNTRAINED = VisionTransformerConfig(dim=192, depth=6, heads=3, mlp=768, levels=(0, 2, 3, 5))
UNTRAINED_PREDICTOR = PredictorConfig(
    inputs=768,
    outputs=768,
    depth=3,
    heads=6,
    mask_tokens=1,
    dim=192,
    mlp=768,
    hidden=192,
    interpolated=True,
)
