"""A kept masking as a decoder draws it: its target, what was seen and predicted, and the mean of the seen tokens in the place of the predictions.

Predictions lie in the space of layer-normalized tokens. A decoder of an encoder with a predictor was fitted there, so it draws them without another
step; where the predictor answers several levels and the decoder draws the last one, that one is drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Bool, Float32, UInt8
from tubelet.latent.decoding.decoder import LoadedDecoder
from tubelet.latent.decoding.pictures import read_pictures
from tubelet.latent.errors import LatentError
from tubelet.store import Store
from tubelet.store.disk.masked import MaskedTokens, read_masked
from tubelet.store.rows import ClipRow
from tubelet.store.wording import count

HIDDEN = 128  # gray of what the encoder did not see
SEEN, TARGET, PREDICTED, MEAN = "seen", "decoded from the target", "decoded from what was seen and predicted", "decoded with the mean of the seen tokens in place of predictions"  # fmt: skip
Pictures = UInt8[np.ndarray, "k h w 3"]


@dataclass(frozen=True)
class DrawnMasking:
    """Rows of pictures with their names, the numbers of the slices they show, and how near the hidden patches come to the true ones."""

    rows: Sequence[tuple[str, Pictures]]
    slices: tuple[int, ...]
    quality: str


def draw_masking(
    store: Store, decoder: LoadedDecoder, clip_id: str, masking_id: str, most: int
) -> DrawnMasking:
    """At most `most` slices, evenly spaced. Raises LatentError for a decoder of other tokens, StoreError where the masking kept none."""
    clip = store.clip(clip_id)
    decoder.refuse_other(store, clip.encoder_id, f"clip {clip_id}")
    kept = read_masked(store, clip_id, masking_id)
    target, filled = (take_level(store, decoder, one) for one in (kept.target, kept.shown))
    guess = np.where(kept.hidden[..., None], filled[~kept.hidden].mean(0), filled)
    tokens = {TARGET: target, PREDICTED: filled, MEAN: guess}
    drawn = {name: decoder.head.draw_normalized(one) for name, one in tokens.items()}
    shown = np.unique(np.linspace(0, clip.slices - 1, min(clip.slices, most)).round().astype(int))
    rows, quality = [(name, pictures[shown]) for name, pictures in drawn.items()], ""
    if store.layout.has_pictures(clip.video_id, clip_id):
        truth = _read_truth(store, clip, drawn[TARGET])
        patch = decoder.head.patch
        rows.insert(0, (SEEN, _hide(truth, kept, patch)[shown]))
        quality = describe_hidden(drawn, truth, _spread(kept.hidden, patch))
    return DrawnMasking(rows, tuple(shown.tolist()), quality)


def take_level(
    store: Store, decoder: LoadedDecoder, tokens: np.ndarray
) -> Float32[np.ndarray, "S H W D"]:
    """The numbers of each token that a decoder draws. Raises LatentError where they are not among them."""
    dim, own = decoder.head.dim, tokens.shape[3]
    if not decoder.head.levels:
        raise LatentError(
            f"decoder {decoder.row.decoder_id} was fitted to tokens as they are stored, and predictions are of layer-normalized ones: fit another with `tubelet decoder fit --encoder {decoder.row.encoder_id} --store {store.shell_name}`"
        )
    if own != dim and (own % dim or decoder.head.levels > 1):
        raise LatentError(
            f"decoder {decoder.row.decoder_id} draws {count(dim, 'dimension')} (layer {decoder.row.layer}), and the predictor answers {own:,}"
        )
    return tokens[..., own - dim :].astype(np.float32)


def describe_hidden(
    drawn: Mapping[str, Pictures], truth: Pictures, hidden: Bool[np.ndarray, "S h w"]
) -> str:
    """Peak signal-to-noise ratio of what was drawn where the mask hides the frame, in a sentence."""
    found = {name: _measure_psnr(pictures[hidden], truth[hidden]) for name, pictures in drawn.items()}  # fmt: skip
    return f"On the hidden patches of this window: PSNR {found[PREDICTED]:.1f} dB from the predictions, {found[TARGET]:.1f} dB from the target, {found[MEAN]:.1f} dB from the mean of the seen tokens."


def _measure_psnr(found: np.ndarray, truth: np.ndarray) -> float:
    error = np.square(found.astype(np.float64) - truth).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-6)))


def _read_truth(store: Store, clip: ClipRow, drawn: Pictures) -> Pictures:
    return read_pictures(store, clip, (drawn.shape[1], drawn.shape[2]), range(clip.slices))


def _hide(pictures: Pictures, kept: MaskedTokens, patch: int) -> Pictures:
    """Hidden patches gray."""
    hidden = _spread(kept.hidden, patch)[..., None]
    return np.where(hidden, np.uint8(HIDDEN), pictures)


def _spread(hidden: np.ndarray, patch: int) -> Bool[np.ndarray, "S h w"]:
    """A mask of tokens as one of pixels."""
    return hidden.repeat(patch, 1).repeat(patch, 2)
