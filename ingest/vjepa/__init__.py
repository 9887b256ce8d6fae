"""The V-JEPA networks, written once for all generations.

    encoder   pixels -> tokens
"""

from ingest.vjepa.encoder import PixelsError, VisionTransformer, VisionTransformerConfig

__all__ = ["PixelsError", "VisionTransformer", "VisionTransformerConfig"]
