"""An encoder with its predictor: the encoder sees the context alone, the predictor says what it would see elsewhere.

    networks = EncoderWithPredictor(encoder, predictor)
    pixels = encoder.normalize(frames)             # (B, 3, T, H, W)
    seen = networks.see(pixels, context)           # raw levels of the context, (B, Nc, D)
    predicted = networks.predict(seen, masks)      # (B, Nt, D)
    truth = networks.view(pixels)                    # the encoder's own tokens of all places, (B, N, D)

D joins the levels that the predictor was trained to predict. As in training, levels are layer-normalized once more (without weights)
before anything is compared with them; a prediction is compared as it is.
"""

import torch
from torch.nn import functional as F

from tubelet.ingest import precision
from tubelet.ingest.errors import UsageError
from tubelet.ingest.networks.vjepa import Masks, Predictor
from tubelet.ingest.vjepa_encoder import VJEPAEncoder


class EncoderWithPredictor:
    """An encoder and its predictor on one device. Raises UsageError for a predictor that answers in another space than the encoder's own."""

    def __init__(self, encoder: VJEPAEncoder, predictor: Predictor) -> None:
        self.encoder, self.device = encoder, encoder.device
        config, dim = predictor.config, encoder.model.config.dim
        joined, rest = divmod(config.outputs, dim)
        if rest or config.outputs != config.inputs:
            raise UsageError(
                f"its predictor answers in the space of its teacher ({config.outputs} dimensions), which this encoder ({dim} dimensions) "
                "has no tokens in: surprise needs an encoder that predicts its own levels, such as vjepa2.1-vitg"
            )
        levels = len(encoder.model.config.levels)
        self._wanted = range(levels) if joined == levels else range(levels - 1, levels)
        self._predictor = precision.place_model(predictor, self.device, encoder.precision)

    @property
    def target(self) -> str:
        """What predictions are compared with, in words."""
        numbers = " ".join(map(str, self._wanted))
        named = f"levels {numbers} joined" if len(self._wanted) > 1 else "the last level"
        return f"{named}, layer-normalized, of the whole window"

    def view(self, pixels: torch.Tensor) -> torch.Tensor:
        """The encoder's own tokens of whole windows, normalized: (B, N, D)."""
        return self.normalize(self._encode(pixels, None))

    def see(self, pixels: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """What the encoder says of the context when it sees nothing else, (B, Nc, D)."""
        return self._encode(pixels, context)

    def predict(self, seen: torch.Tensor, masks: Masks) -> torch.Tensor:
        """The tokens of the targets, (B, Nt, D) in float32."""
        with torch.inference_mode(), precision.autocast(self.device, self.encoder.precision):
            return self._predictor(seen, masks)[0].float()

    def normalize(self, joined: torch.Tensor) -> torch.Tensor:
        """Each level layer-normalized, in float32: (..., D)."""
        levels = joined.float().unflatten(-1, (len(self._wanted), -1))
        return F.layer_norm(levels, levels.shape[-1:]).flatten(-2)

    def _encode(self, pixels: torch.Tensor, kept: torch.Tensor | None) -> torch.Tensor:
        with torch.inference_mode(), precision.autocast(self.device, self.encoder.precision):
            levels = self.encoder.model(pixels, kept, self._wanted)
        return torch.cat([level.float() for level in levels], dim=-1)
