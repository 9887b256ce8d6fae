"""Changes: what can be done to the pixels of a window before it is encoded again, and how its token grid is aligned back.

    change = Change("noise", 0.1)
    changed = change.apply(frames, tubelet=2)     # frames: (T, 3, H, W) in uint8
    changed.frames, changed.alignment

A change is one pure function from frames to frames. What it draws by chance is seeded by the frames themselves, so that every run
changes a window in the same way.
"""

import hashlib
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image

from tubelet.array_types import Float32, UInt8
from tubelet.ingest.alignment import Alignment, Matrix
from tubelet.store.pairs.rows import CHANGED, NESTED

Frames = UInt8[torch.Tensor, "T 3 H W"]
RADIUS = 3  # of a blur, in standard deviations


@dataclass(frozen=True)
class Changed:
    """The frames of a window once they are changed, and where its tokens lie then."""

    frames: Frames
    alignment: Alignment = field(default_factory=Alignment)


@dataclass(frozen=True)
class ChangeInput:
    """What a change works on: frames, the strength (0 where it has none), and the frames of a slice."""

    frames: Frames
    strength: float
    tubelet: int

    @property
    def chance(self) -> np.random.Generator:
        """Random numbers that depend on the frames alone."""
        digest = hashlib.blake2b(self.frames.contiguous().numpy().tobytes(), digest_size=8).digest()
        return np.random.default_rng(int.from_bytes(digest))


@dataclass(frozen=True, kw_only=True)
class ChangeEntry:
    """A change that `--change` can name; `least` and `most` bound its strength, None where it has none."""

    change: Callable[[ChangeInput], Changed]
    meaning: str
    least: float | None = None
    most: float | None = None
    in_time: bool = False  # whether it changes when frames are shown, and so needs several
    slices: int = 1  # that it needs
    example: str = ""
    kind: str = CHANGED  # of its pairs


@dataclass(frozen=True)
class Change:
    """A change of one strength."""

    name: str
    strength: float | None = None

    @property
    def text(self) -> str:
        """The change as `--change` writes it."""
        return self.name if self.strength is None else f"{self.name}:{self.strength:g}"

    @property
    def entry(self) -> ChangeEntry:
        return CHANGES[self.name]

    def apply(self, frames: Frames, tubelet: int) -> Changed:
        return self.entry.change(ChangeInput(frames, self.strength or 0.0, tubelet))


def measure_pixel_change(a: Frames, b: Frames) -> float:
    """Mean absolute difference of two windows as the encoder is given them, as a share of the range of a pixel."""
    return float((a.float() - b.float()).abs().mean()) / 255


def _flip(given: ChangeInput) -> Changed:
    return Changed(given.frames.flip(-1), Alignment(matrix=((1.0, 0.0), (0.0, -1.0))))


def _reverse(given: ChangeInput) -> Changed:
    slices = max(1, len(given.frames) // given.tubelet)
    return Changed(given.frames.flip(0), Alignment(slices=tuple(reversed(range(slices)))))


def _shuffle(given: ChangeInput) -> Changed:
    """Whole slices in another order, so that the frames of a token stay together."""
    slices = len(given.frames) // given.tubelet
    order = given.chance.permutation(slices)
    if (order == np.arange(slices)).all():
        order = np.roll(order, 1)
    by_slice = given.frames.unflatten(0, (slices, given.tubelet))
    places = tuple(int(place) for place in np.argsort(order))
    return Changed(by_slice[torch.from_numpy(order)].flatten(0, 1), Alignment(slices=places))


def _still(given: ChangeInput) -> Changed:
    middle = given.frames[len(given.frames) // 2]
    return Changed(middle.expand_as(given.frames).clone())


def _drop(given: ChangeInput) -> Changed:
    """A frame that is dropped shows the last one that was not, as a player does; the first frame stays."""
    total = len(given.frames)
    dropped = min(total - 1, max(1, round(given.strength * total)))
    lost = set(1 + given.chance.permutation(total - 1)[:dropped])
    shown, last = [], 0
    for index in range(total):
        last = last if index in lost else index
        shown.append(last)
    return Changed(given.frames[shown])


def _prefix(given: ChangeInput) -> Changed:
    """The first slices alone, one at least and all but one at most: the frames after them are not there."""
    slices = len(given.frames) // given.tubelet
    kept = min(slices - 1, max(1, round(given.strength * slices)))
    return Changed(given.frames[: kept * given.tubelet])


def _noise(given: ChangeInput) -> Changed:
    drawn = given.chance.standard_normal(tuple(given.frames.shape), dtype=np.float32)
    return Changed(_to_pixels(given.frames + torch.from_numpy(drawn) * (given.strength * 255)))


def _dark(given: ChangeInput) -> Changed:
    return Changed(_to_pixels(given.frames * given.strength))


def _blur(given: ChangeInput) -> Changed:
    """A Gaussian of `strength` pixels; pixels of the border are repeated beyond it."""
    radius = math.ceil(RADIUS * given.strength)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (offsets / given.strength) ** 2)
    kernel /= kernel.sum()
    planes = given.frames.flatten(0, 1)[:, None].float()
    pad = torch.nn.functional.pad
    across = torch.conv2d(
        pad(planes, (radius, radius, 0, 0), "replicate"), kernel[None, None, None]
    )
    blurred = torch.conv2d(
        pad(across, (0, 0, radius, radius), "replicate"), kernel[None, None, :, None]
    )
    return Changed(_to_pixels(blurred[:, 0].unflatten(0, given.frames.shape[:2])))


def _jpeg(given: ChangeInput) -> Changed:
    return Changed(torch.stack([_compress(frame, int(given.strength)) for frame in given.frames]))


def _compress(frame: UInt8[torch.Tensor, "3 H W"], quality: int) -> UInt8[torch.Tensor, "3 H W"]:
    file = io.BytesIO()
    Image.fromarray(frame.permute(1, 2, 0).contiguous().numpy()).save(file, "JPEG", quality=quality)
    return torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)


def _crop(given: ChangeInput) -> Changed:
    """The middle of the frame, enlarged to its size."""
    scale = 1 / given.strength
    return _warp(given.frames, ((scale, 0.0), (0.0, scale)))


def _rotate(given: ChangeInput) -> Changed:
    """Counterclockwise around the center, in degrees; pixels of the border are repeated beyond it."""
    cosine, sine = (f(math.radians(given.strength)) for f in (math.cos, math.sin))
    return _warp(given.frames, ((cosine, -sine), (sine, cosine)))


def _warp(frames: Frames, matrix: Matrix) -> Changed:
    """Frames in which every offset (y, x) from the center is moved by `matrix`, a rotation or an enlargement; bilinear."""
    height, width = frames.shape[-2:]
    (yy, yx), (xy, xx) = matrix
    determinant = yy * xx - yx * xy
    y, x = torch.meshgrid(_centers(height), _centers(width), indexing="ij")
    from_y, from_x = (xx * y - yx * x) / determinant, (yy * x - xy * y) / determinant
    grid = torch.stack([from_x * 2 / width, from_y * 2 / height], dim=-1).float()
    warped = torch.nn.functional.grid_sample(
        frames.float(),
        grid.expand(len(frames), -1, -1, -1),
        padding_mode="border",
        align_corners=False,
    )
    return Changed(_to_pixels(warped), Alignment(matrix=matrix))


def _centers(side: int) -> torch.Tensor:
    """Offsets of the pixels of a side from its middle."""
    return torch.arange(side, dtype=torch.float64) - (side - 1) / 2


def _to_pixels(values: Float32[torch.Tensor, "T 3 H W"]) -> Frames:
    return values.round().clamp(0, 255).to(torch.uint8)


CHANGES = {
    "flip": ChangeEntry(change=_flip, meaning="mirrored, left and right"),
    "reverse": ChangeEntry(change=_reverse, meaning="frames in reverse order", in_time=True),
    "shuffle": ChangeEntry(
        change=_shuffle, meaning="slices in random order", in_time=True, slices=2
    ),
    "still": ChangeEntry(change=_still, meaning="the middle frame throughout", in_time=True),
    "drop": ChangeEntry(
        change=_drop,
        meaning="share of frames that repeat the frame before",
        least=0.01,
        most=0.99,
        in_time=True,
        example="drop:0.25",
    ),
    "prefix": ChangeEntry(
        change=_prefix,
        meaning="the first share of its slices alone",
        least=0.01,
        most=0.99,
        in_time=True,
        slices=2,
        example="prefix:0.5",
        kind=NESTED,
    ),
    "noise": ChangeEntry(
        change=_noise,
        meaning="Gaussian noise, in shares of the pixel range",
        least=0.001,
        most=1,
        example="noise:0.1",
    ),
    "blur": ChangeEntry(
        change=_blur, meaning="Gaussian blur, in pixels", least=0.1, most=100, example="blur:2"
    ),
    "dark": ChangeEntry(
        change=_dark, meaning="brightness times a factor", least=0, most=0.999, example="dark:0.5"
    ),
    "jpeg": ChangeEntry(
        change=_jpeg, meaning="JPEG of a quality", least=1, most=95, example="jpeg:20"
    ),
    "crop": ChangeEntry(
        change=_crop,
        meaning="the middle share of both sides, enlarged",
        least=0.1,
        most=0.999,
        example="crop:0.9",
    ),
    "rotate": ChangeEntry(
        change=_rotate,
        meaning="degrees counterclockwise",
        least=-180,
        most=180,
        example="rotate:10",
    ),
}
