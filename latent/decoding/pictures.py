"""The slice pictures of a clip, as the store holds them: one JPEG with a tile per slice."""

import io

import numpy as np
from PIL import Image

from tubelet.array_types import UInt8
from tubelet.latent.errors import LatentError
from tubelet.store import Store
from tubelet.store.disk.inside import UnsafePath
from tubelet.store.placement import Sheet
from tubelet.store.rows import ClipRow


def read_pictures(
    store: Store, row: ClipRow, size: tuple[int, int], slices: range
) -> UInt8[np.ndarray, "S h w 3"]:
    """The pictures of some slices, at a height and width. Raises LatentError where they cannot be read."""
    sheet = Sheet.of(row)
    try:
        data = store.layout.pictures_file(row.video_id, row.clip_id).read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            whole = image.convert("RGB")
    except (OSError, UnsafePath) as error:
        raise LatentError(
            f"the slice pictures of clip {row.clip_id} cannot be read: ingest its video again"
        ) from error
    return np.stack([_cut(whole, sheet, number, size) for number in slices])


def _cut(whole: Image.Image, sheet: Sheet, number: int, size: tuple[int, int]) -> np.ndarray:
    top, left = sheet.corner(number)
    box = (left, top, left + sheet.tile[1], top + sheet.tile[0])
    small = whole.resize((size[1], size[0]), Image.Resampling.BOX, box=box)
    return np.asarray(small, np.uint8)
