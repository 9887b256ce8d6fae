"""Released weights, as data: where each file is, which of its tensors are needed, how large it is, under which license.

Names, keys and parameter counts are Meta's (facebookresearch/vjepa2 at 204698b, facebookresearch/jepa at 51c59d5); the sizes of
downloads follow from them: a file of Meta's holds two encoders, a predictor and AdamW's two moments of what was trained, in float32.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

HUB = "https://huggingface.co/"
META_1 = "https://dl.fbaipublicfiles.com/jepa/"
META_2 = "https://dl.fbaipublicfiles.com/vjepa2/"
CODE_MIT = "see github.com/facebookresearch/vjepa2 (code: MIT)"
CODE_NC = "see github.com/facebookresearch/jepa (code: CC BY-NC 4.0)"
FLOAT32 = 4  # bytes


@dataclass(frozen=True, kw_only=True)
class Release:
    """Weights somebody released. `url` is a file in Meta's format, or a page of the Hugging Face hub that holds safetensors."""

    name: str  # of the encoder
    url: str
    key: str  # what the averaged encoder is called in the file
    encoder: int  # numbers in its tensors
    predictor: int
    licence: str  # of the weights, or where to read it

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ValueError(f"{self.url = } is not an address")
        if min(self.encoder, self.predictor) < 0:
            raise ValueError(f"{self.encoder = }, {self.predictor = }")

    @property
    def repository(self) -> str | None:
        """The id on the Hugging Face hub, None for a file elsewhere."""
        return self.url.removeprefix(HUB) if self.url.startswith(HUB) else None

    @property
    def file(self) -> str:
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def kept(self) -> int:
        """Bytes of encoder and predictor in float32: what stays on the disk."""
        return FLOAT32 * (self.encoder + self.predictor)

    @property
    def download(self) -> int:
        """Bytes of the download, to about a percent."""
        return self.kept if self.repository else FLOAT32 * (4 * self.encoder + 3 * self.predictor)


def _hub(name: str, model: str, encoder: int, predictor: int) -> Release:
    return Release(
        name=name,
        url=f"{HUB}facebook/{model}",
        key="target_encoder",
        encoder=encoder,
        predictor=predictor,
        licence=f"see huggingface.co/facebook/{model} (code: MIT)",
    )


RELEASES: Mapping[str, Release] = {
    release.name: release
    for release in (
        Release(
            name="vjepa2.1-vitb",
            url=f"{META_2}vjepa2_1_vitb_dist_vitG_384.pt",
            key="ema_encoder",
            encoder=86_833_152,
            predictor=22_874_752,
            licence=CODE_MIT,
        ),
        Release(
            name="vjepa2.1-vitl",
            url=f"{META_2}vjepa2_1_vitl_dist_vitG_384.pt",
            key="ema_encoder",
            encoder=304_680_960,
            predictor=22_973_056,
            licence=CODE_MIT,
        ),
        Release(
            name="vjepa2.1-vitg",
            url=f"{META_2}vjepa2_1_vitg_384.pt",
            key="target_encoder",
            encoder=1_013_267_968,
            predictor=55_400_704,
            licence=CODE_MIT,
        ),
        Release(
            name="vjepa2.1-vitG",
            url=f"{META_2}vjepa2_1_vitG_384.pt",
            key="target_encoder",
            encoder=1_845_216_768,
            predictor=59_433_472,
            licence=CODE_MIT,
        ),
        _hub("vjepa2-vitl", "vjepa2-vitl-fpc64-256", 303_885_312, 22_086_016),
        _hub("vjepa2-vith", "vjepa2-vith-fpc64-256", 631_648_000, 22_282_880),
        _hub("vjepa2-vitg", "vjepa2-vitg-fpc64-256", 1_012_173_952, 22_381_312),
        _hub("vjepa2-vitg-384", "vjepa2-vitg-fpc64-384", 1_012_173_952, 22_381_312),
        Release(
            name="vjepa1-vitl",
            url=f"{META_1}vitl16/vitl16.pth.tar",
            key="target_encoder",
            encoder=305_490_944,
            predictor=22_685_056,
            licence=CODE_NC,
        ),
        Release(
            name="vjepa1-vith",
            url=f"{META_1}vith16/vith16.pth.tar",
            key="target_encoder",
            encoder=633_655_040,
            predictor=22_881_920,
            licence=CODE_NC,
        ),
        Release(
            name="vjepa1-vith-384",
            url=f"{META_1}vith16-384/vith16-384.pth.tar",
            key="target_encoder",
            encoder=637_546_240,
            predictor=24_049_280,
            licence=CODE_NC,
        ),
    )
}
