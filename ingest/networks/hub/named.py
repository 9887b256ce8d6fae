"""Well-known models of the Hugging Face Hub under short names; any other id, or a directory, works the same way."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Named:
    """One model, as far as it is known without its files; `frames` is the only count of frames it takes."""

    id: str
    family: str
    dim: int
    patch: int
    parameters: int
    side: int = 224
    tubelet: int = 1
    frames: int | None = None
    frame_rate: float | None = None  # frames/s of the videos it was trained on: every fourth of about 30


NAMED: Mapping[str, Named] = {
    "videomae-base": Named("MCG-NJU/videomae-base", "VideoMAE", 768, 16, 86_225_664, tubelet=2, frames=16, frame_rate=7.5),
    "videomae-large": Named("MCG-NJU/videomae-large", "VideoMAE", 1024, 16, 303_858_688, tubelet=2, frames=16, frame_rate=7.5),
    "dinov2-small": Named("facebook/dinov2-small", "DINOv2", 384, 14, 22_056_576),
    "dinov2-base": Named("facebook/dinov2-base", "DINOv2", 768, 14, 86_580_480),
    "dinov2-large": Named("facebook/dinov2-large", "DINOv2", 1024, 14, 304_368_640),
    "dinov2-reg-base": Named("facebook/dinov2-with-registers-base", "DINOv2 with registers", 768, 14, 86_583_552),
    "dinov3-vits16": Named("facebook/dinov3-vits16-pretrain-lvd1689m", "DINOv3", 384, 16, 21_596_544),
    "dinov3-vitb16": Named("facebook/dinov3-vitb16-pretrain-lvd1689m", "DINOv3", 768, 16, 85_660_416),
    "ijepa-vith14": Named("facebook/ijepa_vith14_1k", "I-JEPA", 1280, 14, 630_762_240),
    "vit-mae-base": Named("facebook/vit-mae-base", "ViT-MAE", 768, 16, 85_798_656),
    "clip-vitb32": Named("openai/clip-vit-base-patch32", "CLIP vision", 768, 32, 87_456_000),
}
BY_ID = {named.id: name for name, named in NAMED.items()}
