"""The recipe: everything that determines a clip besides the video itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tubelet.ingest.errors import UsageError
from tubelet.ingest.facts import EncoderFacts, minimum_side
from tubelet.ingest.geometry import Geometry
from tubelet.ingest.pairs import Pairing, WindowPair
from tubelet.ingest.sampling import spacing
from tubelet.ingest.segments import SegmentWindowing
from tubelet.ingest.sources import Source
from tubelet.ingest.windows import Window, Windowing
from tubelet.store import ids
from tubelet.store.pairs.rows import LIVE, Pair


@dataclass(frozen=True)
class Fed:
    """The frames of a window as they are in the video: `count` of them from `first` on, `step` apart, or the `numbers` where they are not equally far apart."""

    first: int
    count: int
    step: int
    numbers: tuple[int, ...] | None = None

    @property
    def id_parts(self) -> tuple:
        return (self.first, self.count, self.step if self.numbers is None else self.numbers)


@dataclass(frozen=True)
class Sampled:
    """A video and the number of the frame of each of its samples."""

    video_id: str
    numbers: Sequence[int]

    def feed(self, window: Window) -> Fed:
        if isinstance(self.numbers, range):
            return Fed(window.first, window.frames, window.step)
        found = tuple(self.numbers[index] for index in window.indices)
        step = spacing(found)
        if step is not None:
            return Fed(found[0], window.frames, step)
        mean = round((found[-1] - found[0]) / (len(found) - 1))
        return Fed(found[0], window.frames, max(1, mean), found)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Encoder, windows, geometry, precision and pairs; other settings make other clips, never the same id."""

    encoder: EncoderFacts
    windowing: Windowing
    geometry: Geometry
    precision: str
    pairing: Pairing = Pairing()

    def of(self, source: Source) -> "Recipe":
        """The recipe for one source: its segments take the place of the grid."""
        if source.segments is None:
            return self
        return replace(self, windowing=SegmentWindowing.of(self.windowing, source.segments))

    def clip_id(
        self, video: Sampled, window: Window, size: tuple[int, int], mirrored: bool = False
    ) -> str:
        """Id of a window's clip: of the frames that are fed, whichever rate sampled them.

        `mirrored` as the video's display matrix says, which older versions ignored, rotating such files wrongly.
        """
        place = (self.geometry.mode, *size, self.precision, *(["mirrored"] if mirrored else []))
        fed = video.feed(window)
        return ids.hash_parts(video.video_id, self.encoder.encoder_id, *fed.id_parts, *place)

    def pair(
        self, video: Sampled, windows: WindowPair, size: tuple[int, int], mirrored: bool = False
    ) -> Pair:
        a, b = (self.clip_id(video, window, size, mirrored) for window in (windows.a, windows.b))
        return Pair(
            video_id=video.video_id,
            encoder_id=self.encoder.encoder_id,
            clip_a=a,
            clip_b=b,
            kind=windows.kind,
            shift=windows.shift,
            source=LIVE,
            precision=self.precision,
            change=windows.change.name if windows.change else None,
            strength=windows.change.strength if windows.change else None,
        )


def check_size(geometry: Geometry, name: str, patch: int) -> None:
    """Raises UsageError where an encoder cannot take pictures of this size: checked before its weights are loaded."""
    smallest = minimum_side(patch)
    for side_name, side in (("height", geometry.height), ("width", geometry.width)):
        if side % patch:
            nearest = max(smallest, round(side / patch) * patch)
            raise UsageError(
                f"--size: {side_name} {side} is not a multiple of {name}'s patch of {patch} px: use {nearest}"
            )
        if side < smallest:
            raise UsageError(
                f"--size: {side_name} {side} is too small for {name}: use {smallest} or more"
            )
