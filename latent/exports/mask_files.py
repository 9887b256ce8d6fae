"""A mask as a file: one slice as PNG, or all of them as .npz with their origin."""

import json
import re

import numpy as np

from tubelet.latent import masks
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.segmentation import THRESHOLD, Segmentation
from tubelet.store import StoreError
from tubelet.store.rows import ClipRow, list_fed_frames

ALL = "mask.npz"
SLICE = re.compile(r"slice-([0-9]{1,6})\.png")
MEANINGS = {
    "mask": "truth values (slices, rows, columns): which pixels of the encoder's picture are foreground",
    "scores": f"float32 (slices, patch rows, patch columns): 1 at foreground marks, 0 at background marks; foreground above {THRESHOLD}",
    "foreground": "patches marked as foreground (n, 3): slice, y, x, each counted from 0",
    "background": "patches marked as background (n, 3): slice, y, x, each counted from 0",
    "first_frames": "the video's frame, counted from 0 as decoded, at which each slice begins (slices,)",
}


def write_mask(clip: ClipRow, found: Segmentation, marked: MarkedPatches, name: str) -> bytes:
    """The file of a name: ``mask.npz`` or ``slice-N.png``, N from 0, of a `clips` row. Raises StoreError for any other name."""
    size = clip.crop_height, clip.crop_width
    if name == ALL:
        return masks.write_npz(
            masks.threshold_pixels(found.scores, *size), found.scores, **_describe(clip, marked)
        )
    asked = SLICE.fullmatch(name)
    if not asked or int(asked[1]) >= len(found.scores):
        raise StoreError(
            f"this mask has no file {name}: request {ALL} or slice-0.png to slice-{len(found.scores) - 1}.png"
        )
    number = int(asked[1])
    return masks.write_png(masks.threshold_pixels(found.scores[number : number + 1], *size)[0])


def _describe(clip: ClipRow, marked: MarkedPatches) -> dict[str, np.ndarray]:
    starts = np.array(list_fed_frames(clip))[
        np.arange(clip.slices) * clip.frame_count // clip.slices
    ]
    named = {
        name: clip[name]
        for name in (
            "clip_id",
            "video_id",
            "encoder_id",
            "first_frame",
            "frame_count",
            "step",
            "geometry",
        )
    }
    return {
        "foreground": np.array(marked.patches, np.int32),
        "background": np.array(marked.background, np.int32),
        "first_frames": starts.astype(np.int64),
        "about": np.array(json.dumps(named | {"arrays": MEANINGS})),
    }
