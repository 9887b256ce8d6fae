"""The recipe: everything that makes a clip of a video besides the video itself."""

from dataclasses import dataclass

from ingest.errors import UsageError
from ingest.facts import EncoderFacts, minimum_side
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


def check_size(geometry: Geometry, name: str, patch: int) -> None:
    """Raises UsageError where an encoder cannot take pictures of this size: known before its weights are."""
    smallest = minimum_side(patch)
    for side_name, side in (("height", geometry.height), ("width", geometry.width)):
        if side % patch:
            nearest = max(smallest, round(side / patch) * patch)
            raise UsageError(f"--size: {side_name} {side} is no multiple of {name}'s patch of {patch} px: use {nearest}")
        if side < smallest:
            raise UsageError(f"--size: {side_name} {side} is too small for {name}: use {smallest} or more")
