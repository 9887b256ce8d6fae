"""What a model sees of a clip, per token: the token itself, or, for controls, where it is, or the colors of its patch."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tubelet.array_types import Float32
from tubelet.latent import clips
from tubelet.latent.probes.options import ProbeError
from tubelet.store import Store
from tubelet.store.disk.inside import UnsafePath
from tubelet.store.placement import Sheet
from tubelet.store.rows import ClipRow

WAVES = 6  # cosines per side of the grid
PER_PATCH = 2  # pixels per side of a patch


@dataclass(frozen=True)
class TokenSource:
    """`read` gives ``(S, H, W, D)`` of a clip; None where there is nothing to read."""

    read: Callable[[ClipRow], np.ndarray | None]


def read_tokens(store: Store) -> TokenSource:
    """Stored embeddings. Raises ProbeError for those that are not finite."""

    def read(clip: ClipRow) -> Float32[np.ndarray, "S H W D"]:
        grid = clips.read(store, clip).astype(np.float32)
        if not np.isfinite(grid).all():
            raise ProbeError(
                f"the clip {clip.clip_id} has tokens that are not finite: run `tubelet check`, and ingest its video again"
            )
        return grid

    return TokenSource(read)


def read_positions() -> TokenSource:
    """Smooth functions of the place in the grid, and the time in the clip: no picture at all."""

    def read(clip: ClipRow) -> Float32[np.ndarray, "S H W D"]:
        rows, columns = (_waves(size) for size in (clip.grid_height, clip.grid_width))
        plane = np.einsum("hi,wj->hwij", rows, columns).reshape(
            clip.grid_height, clip.grid_width, -1
        )
        time = np.linspace(0, 1, clip.slices)[:, None, None, None]
        grid = np.broadcast_to(plane, (clip.slices, *plane.shape))
        return np.concatenate(
            [grid, np.broadcast_to(time, (*grid.shape[:3], 1))], axis=3, dtype=np.float32
        )

    return TokenSource(read)


def _waves(size: int) -> np.ndarray:
    """``(size, WAVES)``: a cosine transform of the places of patches."""
    return np.cos(np.pi * np.outer((np.arange(size) + 0.5) / size, np.arange(WAVES)))


def read_colors(store: Store) -> TokenSource:
    """2 x 2 colors of each patch, from the slice pictures."""

    def read(clip: ClipRow) -> Float32[np.ndarray, "S H W D"] | None:
        try:
            data = store.layout.pictures_file(clip.video_id, clip.clip_id).read_bytes()
            with Image.open(io.BytesIO(data)) as image:
                sheet = image.convert("RGB")
        except (OSError, UnsafePath):
            return None
        return np.stack([_cut_patches(sheet, clip, number) for number in range(clip.slices)])

    return TokenSource(read)


def _cut_patches(image: Image.Image, clip: ClipRow, number: int) -> Float32[np.ndarray, "H W D"]:
    sheet = Sheet.of(clip)
    top, left = sheet.corner(number)
    box = (left, top, left + sheet.tile[1], top + sheet.tile[0])
    height, width = clip.grid_height, clip.grid_width
    small = image.resize((width * PER_PATCH, height * PER_PATCH), Image.Resampling.BOX, box=box)
    colors = np.asarray(small, np.float32).reshape(height, PER_PATCH, width, PER_PATCH, 3) / 255
    return colors.transpose(0, 2, 1, 3, 4).reshape(height, width, -1)
