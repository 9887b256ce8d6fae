"""The V-JEPA networks, one implementation for V-JEPA 1, 2 and 2.1.

    positions   the position of a token: rotations of queries and keys, or a table that is added
    shapes      generations, and the numbers that distinguish networks
    blocks      patch embeddings and transformer blocks
    encoder     pixels -> tokens of one or several levels
    predictor   context tokens and target places -> target tokens
    variants    the released networks by name

The arithmetic is that of facebookresearch/vjepa2 (MIT) at 204698b; V-JEPA 1's was derived from a description of it. The tests hold
all three to outputs of Meta's code and to a second, literal computation of ours.
"""

from tubelet.ingest.networks.vjepa.encoder import PatchTokens, VisionTransformer
from tubelet.ingest.networks.vjepa.positions import Piece
from tubelet.ingest.networks.vjepa.predictor import Masks, Predictor
from tubelet.ingest.networks.vjepa.shapes import (
    V1,
    V2,
    V21,
    Generation,
    PixelsError,
    PredictorConfig,
    VisionTransformerConfig,
)
from tubelet.ingest.networks.vjepa.variants import UNTRAINED, UNTRAINED_PREDICTOR, VARIANTS, Variant

__all__ = [
    "UNTRAINED", "UNTRAINED_PREDICTOR", "V1", "V2", "V21", "VARIANTS", "Generation", "Masks", "PatchTokens", "Piece", "PixelsError", "Predictor",
    "PredictorConfig", "Variant", "VisionTransformer", "VisionTransformerConfig",
]  # fmt: skip
