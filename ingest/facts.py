"""What is known about an encoder once its weights are loaded: the row of `encoders`, and the limits of its input."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

from tubelet.store import ids
from tubelet.store.rows import EncoderRow


@dataclass(frozen=True, kw_only=True)
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
    side: str | None = None
    final_norm: bool | None = None
    causal: bool = False
    layers: tuple[str, ...] = ("last",)  # that are joined in an embedding, by name; no column
    layer_dims: tuple[int, ...] = ()  # of each of them; empty: all alike; no column
    layer_key: str = (
        ""  # what tells the layer from others, where its name does not; part of the id alone
    )
    frame_rate: float | None = None  # of the videos that it was trained on; no column
    frame_step: int | None = None  # or their spacing; no column
    settings: str = ""  # what changes its numbers besides weights and layer, where it is not ordinary; part of the id alone

    @classmethod
    def of(cls, name: str, row: Any, **known: Any) -> "EncoderFacts":
        """Facts of a row of the encoder table, with what only its weights can tell."""
        layer, dim = known.pop("layer"), known.pop("dim", row.dim)  # a `Layer`
        return cls(
            name=name,
            family=row.family,
            layer=layer.name,
            layers=layer.parts,
            layer_key=layer.key,
            side=layer.side,
            final_norm=layer.final_norm,
            dim=dim,
            patch=row.patch,
            tubelet=row.tubelet,
            parameters=row.parameters,
            suits=row.suits.get(layer.name),
            frame_rate=row.frame_rate,
            frame_step=row.frame_step,
            **known,
        )

    @property
    def encoder_id(self) -> str:
        layer = self.layer_key or self.layer
        if self.causal:
            layer = "causal" if layer in ids.OUTPUTS else f"{layer}-causal"
        return ids.encoder_id(self.name, self.weights_sha256, layer, self.settings)

    @property
    def parts(self) -> Mapping[str, slice]:
        """Which dimensions of an embedding each of its layers has."""
        dims = self.layer_dims or [self.dim // len(self.layers)] * len(self.layers)
        stops = list(accumulate(dims))
        return {name: slice(stop - dim, stop) for name, dim, stop in zip(self.layers, dims, stops)}

    @property
    def row(self) -> EncoderRow:
        facts = asdict(self)
        for name in ("settings", "frame_rate", "frame_step", "layers", "layer_dims", "layer_key"):
            del facts[name]
        return EncoderRow(encoder_id=self.encoder_id, embed_dim=facts.pop("dim"), **facts)


def minimum_side(patch: int) -> int:
    """Smallest side of a picture in pixels: two patches, because positions are undefined on a single row or column."""
    return 2 * patch
