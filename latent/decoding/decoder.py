"""A fitted decoder out of a store: which encoder it is of, and what it reached on videos it never saw, which stands beside all that it draws."""

import json
from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load

from tubelet.array_types import UInt8
from tubelet.latent.decoding.head import DecoderHead
from tubelet.latent.errors import LatentError
from tubelet.store import Store
from tubelet.store.disk.models import read_model
from tubelet.store.questions.decoders import fitted_decoders
from tubelet.store.questions.model_rows import FittedDecoder
from tubelet.store.schema import DECODERS

FILES = (".pt", ".pth", ".safetensors")


@dataclass(frozen=True)
class LoadedDecoder:
    """A head, and the row that says what it is of and what it reached."""

    head: DecoderHead
    row: FittedDecoder

    def refuse_other(self, store: Store, encoder_id: str, what: str = "") -> None:
        """Raises LatentError unless it draws tokens of this encoder; `what` has them."""
        if encoder_id != self.row.encoder_id:
            has = f"{what} has those of {encoder_id}" if what else f"these are of {encoder_id}"
            raise LatentError(
                f"decoder {self.row.decoder_id} draws tokens of {self.row.encoder_id} (layer {self.row.layer}), and {has}: fit one with `tubelet decoder fit --encoder {encoder_id} --store {store.shell_name}`"
            )

    def draw(self, store: Store, clip_id: str) -> UInt8[np.ndarray, "S h w 3"]:
        """The slices of a clip. Raises LatentError for a clip of another encoder or layer, StoreError where its tokens are not kept."""
        clip = store.clip(clip_id)
        self.refuse_other(store, clip.encoder_id, f"clip {clip_id}")
        return self.head.draw(store.grid(clip_id))


def describe_quality(row: FittedDecoder) -> str:
    """What a decoder reached on videos it never saw, in one sentence: it stands beside every picture that is drawn."""
    ends = f" ({row.psnr_low:.1f} to {row.psnr_high:.1f})" if row.psnr_low is not None and row.psnr_high is not None else " (no interval)"  # fmt: skip
    near = (
        f"perceptual distance {row.perceptual:.3f} (EfficientNet-Lite0; {row.mean_perceptual:.3f})"
        if row.perceptual is not None and row.mean_perceptual is not None
        else "no perceptual distance: EfficientNet-Lite0 is not installed"
    )
    videos = "video" if row.test_videos == 1 else "videos"
    poor = " No better than the mean picture: what it draws says little." if row.psnr <= row.mean_psnr else ""  # fmt: skip
    return f"On {row.test_videos:,} {videos} it never saw: PSNR {row.psnr:.1f}{ends} dB (mean picture {row.mean_psnr:.1f} dB), SSIM {row.ssim:.2f} ({row.mean_ssim:.2f}), {near}.{poor}"


def choose_decoder(store: Store, encoder_id: str, decoder_id: str | None = None) -> LoadedDecoder:
    """The decoder that is named, or the newest of an encoder. Raises LatentError where the encoder has none."""
    if decoder_id and (decoder_id.endswith(FILES) or "/" in decoder_id):
        raise LatentError(
            f"decoder {decoder_id} is a file, and only decoders that were fitted in this store are read (Meta has released no decoder for V-JEPA 2, so the format of one is unknown): fit one with `tubelet decoder fit --encoder {encoder_id or 'NAME'} --store {store.shell_name}`"
        )
    found = fitted_decoders(None if decoder_id else encoder_id).read(store, FittedDecoder)
    rows = [row for row in found if decoder_id in (None, row.decoder_id)]
    if not rows and decoder_id is None:
        raise LatentError(
            f"no decoder draws tokens of {encoder_id}: fit one with `tubelet decoder fit --encoder {encoder_id} --store {store.shell_name}`"
        )
    name = decoder_id or rows[0].decoder_id
    data = read_model(store, DECODERS, name)
    length = int.from_bytes(data[:8], "little")
    shape = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["shape"])
    return LoadedDecoder(DecoderHead(load(data), shape["patch"], shape.get("levels", 0)), rows[0])
