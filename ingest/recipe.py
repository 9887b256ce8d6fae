"""The recipe: everything that makes a clip of a video besides the video itself."""

from dataclasses import dataclass

from ingest.errors import UsageError
from ingest.facts import EncoderFacts
from ingest.geometry import Geometry
from ingest.windows import Window, Windowing
from store import ids


@dataclass(frozen=True)
class Recipe:
    """Encoder, windows, geometry and precision; other settings make other clips, never the same id."""

    encoder: EncoderFacts
    windowing: Windowing
    geometry: Geometry
    precision: str

    def clip_id(self, video_id: str, window: Window, size: tuple[int, int]) -> str:
        place = (self.geometry.mode, *size, self.precision)
        return ids.hash_of(video_id, self.encoder.encoder_id, window.first, window.frames, window.step, *place)


def checked(recipe: Recipe) -> Recipe:
    """The recipe, or UsageError where the encoder cannot take its pictures."""
    encoder, geometry = recipe.encoder, recipe.geometry
    for name, side in (("height", geometry.height), ("width", geometry.width)):
        if side % encoder.patch:
            nearest = max(encoder.minimum_side, round(side / encoder.patch) * encoder.patch)
            raise UsageError(f"--size: {name} {side} is no multiple of {encoder.name}'s patch of {encoder.patch} px: use {nearest}")
        if side < encoder.minimum_side:
            raise UsageError(f"--size: {name} {side} is too small for {encoder.name}: use {encoder.minimum_side} or more")
    return recipe
