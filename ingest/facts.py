"""What is known of an encoder once its weights are: the row of `encoders`, and the limits of its input."""

from dataclasses import asdict, dataclass
from typing import Any

from tubelet.store import ids


@dataclass(frozen=True)
class EncoderFacts:
    name: str
    family: str
    layer: str
    dim: int
    patch: int
    tubelet: int
    parameters: int
    weights_sha256: str
    weights_source: str
    preprocessing: str
    suits: str | None = None
    frame_rate: float | None = None  # of the videos that it was trained on; no column
    settings: str = ""  # what changes its numbers besides weights and layer, where it is not ordinary; part of the id alone

    @classmethod
    def of(cls, name: str, row: Any, **known: Any) -> "EncoderFacts":
        """Facts of a row of the encoder table, with what only its weights could tell."""
        layer, dim = known.pop("layer"), known.pop("dim", row.dim)
        return cls(name, row.family, layer, dim, row.patch, row.tubelet, row.parameters, suits=row.suits.get(layer), frame_rate=row.frame_rate, **known)

    @property
    def encoder_id(self) -> str:
        return ids.encoder_id(self.name, self.weights_sha256, self.layer, self.settings)

    @property
    def row(self) -> dict:
        facts = asdict(self)
        del facts["settings"], facts["frame_rate"]
        return {"encoder_id": self.encoder_id, **facts}


def minimum_side(patch: int) -> int:
    """Smallest side of a picture in pixels: two patches, as a position between one and the same is undefined."""
    return 2 * patch
