"""Well-known models of the Hugging Face Hub under short names; any other id, or a directory, works the same way."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NamedModel:
    """One model, as far as it is known without its files; `frames` is the only count of frames it takes."""

    id: str
    family: str
    dim: int
    patch: int
    parameters: int
    side: int = 224
    tubelet: int = 1
    depth: int = 12  # blocks
    final_norm: bool = True
    frames: int | None = None
    frame_step: int | None = None  # spacing of the frames it was trained on (`sampling_rate`)


NAMED: Mapping[str, NamedModel] = {
    "videomae-base": NamedModel(
        id="MCG-NJU/videomae-base",
        family="VideoMAE",
        dim=768,
        patch=16,
        parameters=86_225_664,
        final_norm=False,
        tubelet=2,
        frames=16,
        frame_step=4,
    ),
    "videomae-large": NamedModel(
        id="MCG-NJU/videomae-large",
        family="VideoMAE",
        dim=1024,
        patch=16,
        depth=24,
        parameters=303_858_688,
        final_norm=False,
        tubelet=2,
        frames=16,
        frame_step=4,
    ),
    "dinov2-small": NamedModel(
        id="facebook/dinov2-small", family="DINOv2", dim=384, patch=14, parameters=22_056_576
    ),
    "dinov2-base": NamedModel(
        id="facebook/dinov2-base", family="DINOv2", dim=768, patch=14, parameters=86_580_480
    ),
    "dinov2-large": NamedModel(
        id="facebook/dinov2-large",
        family="DINOv2",
        dim=1024,
        patch=14,
        depth=24,
        parameters=304_368_640,
    ),
    "dinov2-reg-base": NamedModel(
        id="facebook/dinov2-with-registers-base",
        family="DINOv2 with registers",
        dim=768,
        patch=14,
        parameters=86_583_552,
    ),
    "dinov3-vits16": NamedModel(
        id="facebook/dinov3-vits16-pretrain-lvd1689m",
        family="DINOv3",
        dim=384,
        patch=16,
        parameters=21_596_544,
    ),
    "dinov3-vitb16": NamedModel(
        id="facebook/dinov3-vitb16-pretrain-lvd1689m",
        family="DINOv3",
        dim=768,
        patch=16,
        parameters=85_660_416,
    ),
    "ijepa-vith14": NamedModel(
        id="facebook/ijepa_vith14_1k",
        family="I-JEPA",
        dim=1280,
        patch=14,
        depth=32,
        parameters=630_762_240,
    ),
    "vit-mae-base": NamedModel(
        id="facebook/vit-mae-base", family="ViT-MAE", dim=768, patch=16, parameters=85_798_656
    ),
    "clip-vitb32": NamedModel(
        id="openai/clip-vit-base-patch32",
        family="CLIP vision",
        dim=768,
        patch=32,
        parameters=87_456_000,
    ),
    "siglip2-vitb16": NamedModel(
        id="google/siglip2-base-patch16-224",
        family="SigLIP vision",
        dim=768,
        patch=16,
        parameters=85_797_120,
    ),
    "tipsv2-vitb14": NamedModel(
        id="google/tipsv2-b14",
        family="TIPS v2",
        dim=768,
        patch=14,
        parameters=86_316_288,
        side=448,
    ),
    "radio-v4-h": NamedModel(
        id="nvidia/C-RADIOv4-H",
        family="RADIO",
        dim=1280,
        patch=16,
        depth=32,
        parameters=651_727_360,
        final_norm=False,
    ),
    "dinov3-convnext-tiny": NamedModel(
        id="facebook/dinov3-convnext-tiny-pretrain-lvd1689m",
        family="DINOv3 ConvNeXt",
        dim=768,
        patch=32,
        depth=0,
        parameters=27_820_128,
    ),
    "videoprism-base": NamedModel(
        id="google/videoprism-base-f16r288",
        family="VideoPrism",
        dim=768,
        patch=18,
        depth=0,
        parameters=114_365_184,
        side=288,
        frames=16,
    ),
}
BY_ID = {named.id: name for name, named in NAMED.items()}
