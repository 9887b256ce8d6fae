"""An encoder with its predictor: the encoder sees the context alone, the predictor says what it would see elsewhere.

    networks = EncoderWithPredictor(encoder, predictor)
    pixels = encoder.normalize(frames)             # (B, 3, T, H, W)
    patches = networks.embed(pixels)               # what the passes over these pixels share
    seen = networks.see(patches, context)          # raw levels of the context, (B, Nc, D)
    predicted = networks.predict(seen, masks)      # (B, Nt, D)
    truth = networks.view(patches)                 # the encoder's own tokens of all places, (B, N, D)

`see` and `view` take pixels as well, which they embed themselves.

D joins the levels that the predictor was trained to predict. As in training, levels are layer-normalized once more (without weights)
before anything is compared with them; a prediction is compared as it is.
"""

import torch
from torch.nn import functional as F

from tubelet.ingest import precision
from tubelet.ingest.errors import UsageError
from tubelet.ingest.grid import TokenGrids
from tubelet.ingest.layer import LAST
from tubelet.ingest.networks.vjepa import Masks, PatchTokens, Predictor
from tubelet.ingest.vjepa_encoder import VJEPAEncoder


class EncoderWithPredictor:
    """An encoder and its predictor on one device. Raises UsageError for a predictor that answers in another space than the encoder's own."""

    def __init__(self, encoder: VJEPAEncoder, predictor: Predictor) -> None:
        self.encoder, self.device = encoder, encoder.device
        config, dim = predictor.config, encoder.model.config.dim
        if config.outputs == 3 * encoder.model.config.tubelet * encoder.model.config.patch**2 != config.inputs:  # fmt: skip
            raise UsageError(
                "its predictor was trained with --objective pixels and predicts pixels, not tokens: surprise needs one that was trained on latents"
            )
        joined, rest = divmod(config.outputs, dim)
        if rest or config.outputs != config.inputs:
            raise UsageError(
                f"its predictor predicts features of its teacher ({config.outputs} dimensions), not tokens of this encoder ({dim} dimensions): "
                "surprise needs an encoder that predicts its own levels, such as vjepa2.1-vitg"
            )
        levels = len(encoder.model.config.levels)
        self._wanted = range(levels) if joined == levels else range(levels - 1, levels)
        self._predictor = precision.place_model(predictor, self.device, encoder.precision)

    @property
    def target(self) -> str:
        """What predictions are compared with, in words."""
        return f"{self.named_levels}, layer-normalized, of the whole window"

    @property
    def named_levels(self) -> str:
        numbers = " ".join(map(str, self._wanted))
        return f"levels {numbers} joined" if len(self._wanted) > 1 else "the last level"

    @property
    def layer(self) -> str:
        """The layer whose stored tokens are what predictions are compared with."""
        return "all" if len(self._wanted) > 1 else LAST.name

    def embed(self, pixels: torch.Tensor) -> PatchTokens:
        """Normalized pixels (B, 3, T, H, W) as they enter the encoder's blocks."""
        with torch.inference_mode(), precision.autocast(self.device, self.encoder.precision):
            return self.encoder.model.embed(pixels)

    def encode_beside(
        self, frames: torch.Tensor
    ) -> tuple[TokenGrids, torch.Tensor | None, PatchTokens | None]:
        """What the encoder is asked for by itself, and of the same pass its levels that a prediction is compared with, raw, (B, N, D), and what entered its blocks; None where one pass cannot give them."""
        return self.encoder.encode_beside(frames, self._wanted)

    def view(self, pixels: torch.Tensor | PatchTokens, since: int = 0) -> torch.Tensor:
        """The encoder's own tokens of whole windows from token `since` on, normalized: (B, N - since, D)."""
        return self.normalize(self._encode(pixels, None, since))

    def see(self, pixels: torch.Tensor | PatchTokens, context: torch.Tensor) -> torch.Tensor:
        """The encoder's output for the context when it sees nothing else, (B, Nc, D)."""
        return self._encode(pixels, context)

    def predict(self, seen: torch.Tensor, masks: Masks, last: int | None = None) -> torch.Tensor:
        """The tokens of the targets, or of the `last` of them, (B, Nt, D) in float32."""
        with torch.inference_mode(), precision.autocast(self.device, self.encoder.precision):
            return self._predictor.predict(seen, masks, last).float()

    def normalize(self, joined: torch.Tensor) -> torch.Tensor:
        """Each level layer-normalized, in float32: (..., D)."""
        levels = joined.float().unflatten(-1, (len(self._wanted), -1))
        return F.layer_norm(levels, levels.shape[-1:]).flatten(-2)

    def _encode(
        self, pixels: torch.Tensor | PatchTokens, kept: torch.Tensor | None, since: int = 0
    ) -> torch.Tensor:
        patches = pixels if isinstance(pixels, PatchTokens) else self.embed(pixels)
        with torch.inference_mode(), precision.autocast(self.device, self.encoder.precision):
            levels = self.encoder.model.run_blocks(patches, kept, self._wanted, since=since)
        return torch.cat([level.float() for level in levels], dim=-1)
