"""Cards: what a NAME.json says of the networks it belongs to, as their configurations."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tubelet.ingest.networks.vjepa import (
    V1,
    V2,
    V21,
    Generation,
    PredictorConfig,
    VisionTransformerConfig,
)
from tubelet.ingest.networks.vjepa.positions import Grid

GENERATIONS = {"vjepa1": V1, "vjepa2": V2, "vjepa20": V2, "vjepa21": V21}
KEYS = {
    V1: "target_encoder",
    V2: "target_encoder",
}  # of the encoder's weights, where a card does not say
LEVELS = {
    12: (2, 5, 8, 11),
    24: (5, 11, 17, 23),
    40: (9, 19, 29, 39),
    48: (11, 23, 37, 47),
}  # Meta's by depth, for cards without


class Unchecked(Exception):
    """Something that was not compared; its words say why."""


@dataclass(frozen=True)
class Card:
    """One NAME.json. Properties raise Unchecked for what it does not say or we do not know."""

    fields: dict[str, Any]

    @property
    def generation(self) -> Generation:
        if "family" not in self.fields and "hierarchical_layers" in self.fields.get(
            "encoder_derived", {}
        ):
            return V21
        family = re.sub(r"[^a-z0-9]", "", str(self.fields.get("family")).lower())
        if family not in GENERATIONS:
            raise Unchecked(f"family {self.fields.get('family')} is unknown")
        return GENERATIONS[family]

    @property
    def key(self) -> str:
        return (
            self.fields.get("checkpoint_key")
            or KEYS.get(self.generation)
            or self.of("checkpoint_key")
        )

    @property
    def patch(self) -> int:
        return self.fields.get("patch_size", 16)

    @property
    def tubelet(self) -> int:
        return self.fields.get("tubelet_size", 2)

    @property
    def trained(self) -> Grid:
        """The grid that the networks were configured with: of V-JEPA 1's tables, and of the ids that predictors are given."""
        size = self.of("img_size")
        height, width = size if isinstance(size, list) else (size, size)
        return self.of("num_frames") // self.tubelet, height // self.patch, width // self.patch

    def of(self, *path: str) -> Any:
        """A field that has to be there."""
        found = self.fields
        for name in path:
            if not isinstance(found, dict) or found.get(name) is None:
                raise Unchecked(f"its JSON lacks {'.'.join(path)}")
            found = found[name]
        return found

    def encoder(self, blocks: Iterable[int], cut: bool) -> VisionTransformerConfig:
        """The encoder; `blocks` are those that outputs are asked of, where levels share a norm."""
        generation = self.generation
        dim, depth = self.of("encoder", "embed_dim"), self.of("encoder", "depth")
        interpolated = self.fields.get("interpolate_rope", {}).get("encoder", generation is V21)
        return VisionTransformerConfig(
            dim=dim,
            depth=depth,
            heads=self.of("encoder", "num_heads"),
            mlp=self.fields.get("encoder_derived", {}).get("mlp_hidden")
            or int(dim * ratio(self.of("encoder", "mlp_ratio"))),
            levels=self._hierarchical(depth)
            if generation is V21
            else tuple(sorted({*blocks, depth - 1})),
            patch=self.patch,
            tubelet=self.tubelet,
            generation=_stretching(generation, interpolated),
            table=None if generation is V21 else self.trained,
            cut=cut,
        )

    def _hierarchical(self, depth: int) -> tuple[int, ...]:
        listed = self.fields.get("encoder_derived", {}).get("hierarchical_layers") or LEVELS.get(
            depth
        )
        return tuple(listed or self.of("encoder_derived", "hierarchical_layers"))

    def predictor(self, interpolated: bool) -> PredictorConfig:
        """The predictor; of 2.1, with or without stretched rows and columns."""
        dim, width = self.of("encoder", "embed_dim"), self.of("predictor", "predictor_embed_dim")
        fields = self.of("predictor")
        levels = fields.get("n_output_distillation") or 1
        outputs = self.fields.get("predictor_derived", {}).get("out_features") or levels * (
            fields.get("teacher_embed_dim") or dim
        )
        return PredictorConfig(
            inputs=levels * dim,
            outputs=outputs,
            depth=self.of("predictor", "depth"),
            heads=self.of("predictor", "num_heads"),
            mask_tokens=self.of("predictor", "num_mask_tokens"),
            dim=width,
            mlp=int(width * ratio(fields.get("mlp_ratio") or 4)),
            hidden=dim if levels > 1 else None,
            generation=self.generation,
            table=None if self.generation is V21 else self.trained,
            interpolated=interpolated,
        )

    @property
    def predictor_interpolated(self) -> bool:
        """Whether outputs that do not say so are those of stretched rows and columns."""
        return bool(self.fields.get("interpolate_rope", {}).get("predictor_hub", False))

    @property
    def predictor_grid(self) -> Grid:
        side = self.fields.get("predictor_derived", {}).get("grid_size")
        return (self.trained[0], side, side) if side else self.trained


def ratio(text: str | float) -> float:
    """A number or a quotient of two: "4.0", "48 / 11". A float, as Meta's code multiplies with one before it cuts to an integer."""
    numerator, _, denominator = str(text).partition("/")
    return float(numerator) / float(denominator or 1)


def _stretching(generation: Generation, interpolated: bool) -> Generation:
    if generation.rotary is None or generation.rotary.interpolated == interpolated:
        return generation
    return replace(generation, rotary=replace(generation.rotary, interpolated=interpolated))
