"""Photographs: pictures to take backgrounds and textures from: files, frames of videos, generated ones."""

import warnings
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from tubelet.ingest.errors import UsageError
from tubelet.ingest.geometry import picture
from tubelet.media.errors import VideoError
from tubelet.media.video import open_video
from tubelet.store.placement import placement

SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".webp"])
SHORT_SIDE = 320  # pixels kept of a photograph: room for a camera to move over, at 224 px
LEAVES = 160  # discs of a generated picture
SCIKIT_IMAGE = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "grass.png",
    "gravel.png",
    "brick.png",
)


def load_folder(folder: Path, sides: Sequence[int] = (SHORT_SIDE,)) -> list[torch.Tensor]:
    """Every picture below a folder, (3, H, W) in uint8, once for each short side in pixels. Raises UsageError where there is none."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    pictures = [
        shrink(pixels, side)
        for path in paths
        if (pixels := _read(path)) is not None
        for side in sides
    ]
    if not pictures:
        raise UsageError(
            f"no picture below {folder}: name a folder that holds some ({' '.join(sorted(SUFFIXES))})"
        )
    return pictures


def load_scikit_image() -> list[torch.Tensor]:
    """The photographs that scikit-image carries (public domain or CC0, as `skimage.data` says of each); none where it is not installed."""
    try:
        files = metadata.files("scikit-image") or []
    except metadata.PackageNotFoundError:
        return []
    paths = sorted(
        Path(str(file.locate()))
        for file in files
        if file.name in SCIKIT_IMAGE and file.parent.name == "data"
    )
    return [shrink(pixels) for path in paths if (pixels := _read(path)) is not None]


def load_videos(paths: Sequence[Path], each: int = 3) -> list[torch.Tensor]:
    """`each` frames of every video that can be read, about a second apart, as photographs."""
    return [frame for path in paths for frame in _frames(path, each)]


def generate_pictures(generator: np.random.Generator, count: int) -> list[torch.Tensor]:
    """Smooth colored noise of several octaves: used when there are no photographs."""
    return [_noise(generator) for _ in range(count)]


def generate_leaves(generator: np.random.Generator, count: int) -> list[torch.Tensor]:
    """Discs of many sizes and related colors, one over the other (dead leaves): edges and plain regions as in photographs, which smooth noise lacks."""
    return [_drop_leaves(generator) for _ in range(count)]


def shrink(pixels: np.ndarray, side: int = SHORT_SIDE) -> torch.Tensor:
    """RGB (H, W, 3) in uint8 to (3, h, w) with a short side of `side` px."""
    height, width = pixels.shape[:2]
    scale = side / min(height, width)
    size = max(side, round(height * scale)), max(side, round(width * scale))
    return picture(pixels, placement((height, width), size, fit=True))


def _read(path: Path) -> np.ndarray | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return np.array(Image.open(path).convert("RGB"))
    except (OSError, ValueError):
        return None


def _frames(path: Path, each: int) -> Iterator[torch.Tensor]:
    try:
        with open_video(path) as video:
            gap = max(1, round(video.fps))
            for frame in video.frames():
                if frame.index >= each * gap:
                    return
                if frame.index % gap == 0:
                    yield shrink(frame.pixels)
    except VideoError:
        return


def _noise(generator: np.random.Generator) -> torch.Tensor:
    octaves = torch.zeros(3, SHORT_SIDE, SHORT_SIDE)
    for cells in (3, 6, 12, 25, 50):
        coarse = torch.from_numpy(
            generator.standard_normal((1, 3, cells, cells)).astype(np.float32)
        )
        octaves += F.interpolate(coarse, size=(SHORT_SIDE, SHORT_SIDE), mode="bicubic")[0] * (
            3 / cells
        ) ** generator.uniform(0.3, 0.8)
    return ((octaves / octaves.std() * 50 + 128).clamp(0, 255)).to(torch.uint8)


def _drop_leaves(generator: np.random.Generator) -> torch.Tensor:
    """Radii have the distribution of a power law, as sizes in photographs do; grain is added at the end."""
    tint, radii = generator.uniform(0, 255, 3), SHORT_SIDE * 0.3 * generator.pareto(1.5, LEAVES)
    picture = np.tile(generator.uniform(0, 255, 3), (SHORT_SIDE, SHORT_SIDE, 1))
    for radius in np.sort(radii.clip(SHORT_SIDE * 0.01, SHORT_SIDE * 0.3))[::-1]:
        y, x = generator.uniform(0, SHORT_SIDE, 2)
        rows, columns = (slice(max(0, int(at - radius)), int(at + radius) + 1) for at in (y, x))
        part = picture[rows, columns]
        down, across = np.ogrid[: part.shape[0], : part.shape[1]]
        inside = (down + rows.start - y) ** 2 + (across + columns.start - x) ** 2 < radius**2
        part[inside] = tint + generator.normal(0, 70, 3)
    picture += generator.normal(0, 8, (SHORT_SIDE, SHORT_SIDE, 1))
    return torch.from_numpy(picture.clip(0, 255).astype(np.uint8)).permute(2, 0, 1).contiguous()
