"""Causal tokens: each slice encoded from the frames up to its own end, so that no token has seen a later frame.

prefixes of a window of 4 slices     0 | 0 1 | 0 1 2 | 0 1 2 3
what is kept of each encoding        0 |   1 |     2 |       3

An encoder that runs like this is an encoder of its own in a store, with its own id: no question, statistic or fit mixes its tokens with
those of whole windows.
"""

from dataclasses import replace

import torch

from tubelet.array_types import UInt8
from tubelet.ingest.contract import Encoder, EncoderEntry
from tubelet.ingest.errors import UsageError
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.grid import TokenGrids


class CausalEncoder:
    """An encoder that encodes every prefix of a window and keeps the last slice of each.

    Windows are encoded one by one, so that a prefix is the same work whatever stands beside it in a batch: a window and its own
    first slices get equal tokens, to the last bit.
    """

    def __init__(self, whole: Encoder, tubelet: int) -> None:
        self.device = whole.device
        self._whole, self._tubelet = whole, tubelet

    def encode(self, frames: UInt8[torch.Tensor, "B T 3 H W"]) -> TokenGrids:
        windows = [self._encode_window(window[None]) for window in frames]
        return TokenGrids(torch.cat(windows))

    def _encode_window(self, window: UInt8[torch.Tensor, "1 T 3 H W"]) -> torch.Tensor:
        """The token grid (1, S, H, W, D) of one window."""
        ends = range(self._tubelet, window.shape[1] + 1, self._tubelet)
        kept = [self._encode_last_slice(window[:, :end]) for end in ends or [window.shape[1]]]
        return torch.cat(kept, dim=1)

    def _encode_last_slice(self, prefix: UInt8[torch.Tensor, "1 t 3 H W"]) -> torch.Tensor:
        return self._whole.encode(prefix.contiguous()).embeddings[:, -1:].clone()


def make_causal(facts: EncoderFacts, encoder: Encoder) -> tuple[EncoderFacts, CausalEncoder]:
    """The encoder with `--causal`, and its facts; what a layer is best for was measured on whole windows, and is left out."""
    return replace(facts, causal=True, suits=None), CausalEncoder(encoder, facts.tubelet)


def check_causal(row: EncoderEntry, predicts: bool) -> None:
    """Raises UsageError where `--causal` means nothing for an encoder, or contradicts another option."""
    if row.tubelet == 1:
        raise UsageError(
            "--causal: an image encoder sees one frame at a time, so that its tokens know of no later frame already: leave --causal out"
        )
    if row.frames:
        raise UsageError(
            f"--causal: this {row.family} model takes clips of exactly {row.frames} frames, so that it cannot be given fewer: choose another encoder"
        )
    if predicts:
        raise UsageError(
            "--causal: surprise compares predictions with tokens of whole windows: leave --surprise out, or run a second ingest without --causal"
        )


def count_prefix_slices(slices: int) -> int:
    """Slices that are encoded for a window of so many: 1 + 2 + ... of them."""
    return slices * (slices + 1) // 2
