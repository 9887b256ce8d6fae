"""A mask at every frame of the source: as a black and white MP4, or as a sequence of PNG files, in a folder or in a ZIP archive.

Pixels outside what the encoder saw are background. Frames that no window covers have no PNG file, and are black in the MP4.
"""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tubelet.array_types import Bool, Float32
from tubelet.latent import masks
from tubelet.latent.errors import LatentError
from tubelet.latent.exports.timeline import WindowPart, divide_windows, locate_picture
from tubelet.store.rows import ClipRow, VideoRow

Scored = Iterable[
    tuple[WindowPart, np.ndarray]
]  # parts of a video in order, with the scores (S, H, W) of their windows


def score_window(video: VideoRow, clip: ClipRow, scores: Float32[np.ndarray, "S H W"]) -> Scored:
    """One window alone, as `propagation.segment_video` gives those of a whole video."""
    return [(part, scores) for part in divide_windows([clip], video["frames"])]


def draw_masks(video: VideoRow, scored: Scored) -> Iterator[tuple[int, Bool[np.ndarray, "h w"]]]:
    """Number of each frame that a window covers, and its mask, bool ``(height, width)`` of the source as displayed."""
    for part, scores in scored:
        drawn, number = np.empty(0), None
        for frame, slice_ in zip(part.frames, part.slices):
            if slice_ != number:
                drawn, number = place_mask(video, part.clip, scores[slice_]), slice_
            yield frame, drawn


def place_mask(
    video: VideoRow, clip: ClipRow, scores: Float32[np.ndarray, "H W"]
) -> Bool[np.ndarray, "h w"]:
    """The mask of one slice's scores ``(H, W)`` on a frame of the source, bool ``(height, width)``."""
    whole = np.zeros((video["height"], video["width"]), bool)
    top, left, high, wide = (round(side) for side in locate_picture(video, clip))
    high, wide = max(1, min(high, whole.shape[0] - top)), max(1, min(wide, whole.shape[1] - left))
    whole[top : top + high, left : left + wide] = masks.threshold_pixels(scores[None], high, wide)[
        0
    ]
    return whole


def write_mask_video(video: VideoRow, scored: Scored, sink: BinaryIO, frames: range) -> int:
    """Write a black and white MP4 of these frames, as many pixels as the source has, odd sides made one longer; return the number of frames."""
    from tubelet.media import recording

    return recording.write_mp4(sink, _paint(video, scored, frames), video["fps"])


def _paint(video: VideoRow, scored: Scored, frames: range) -> Iterator[np.ndarray]:
    """Every frame in RGB, both sides even."""
    masked = draw_masks(video, scored)
    told = next(masked, None)
    for frame in frames:
        pixels = np.zeros(
            (video["height"] + video["height"] % 2, video["width"] + video["width"] % 2, 3),
            np.uint8,
        )
        if told and told[0] == frame:
            pixels[: video["height"], : video["width"]][told[1]] = 255
            told = next(masked, None)
        yield pixels


def write_sequence(video: VideoRow, scored: Scored, folder: Path) -> int:
    """Write a PNG per frame into a new or an empty folder, ``00042.png`` for frame 42, all of them or none; return how many."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LatentError(f"{folder} is not an empty folder: name a new one")
    unfinished = Path(tempfile.mkdtemp(dir=folder.absolute().parent, prefix=f".{folder.name}."))
    try:
        count = 0
        for name, data in _draw_files(video, scored):
            count += 1
            (unfinished / name).write_bytes(data)
        unfinished.chmod(0o755)
        os.replace(unfinished, folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return count


def write_archive(video: VideoRow, scored: Scored, sink: BinaryIO) -> int:
    """The same files in a ZIP archive; return how many."""
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # a PNG is compressed
        for name, data in _draw_files(video, scored):
            archive.writestr(name, data)
    return len(archive.infolist())


def _draw_files(video: VideoRow, scored: Scored) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the PNG file of each frame that a window covers."""
    for frame, mask in draw_masks(video, scored):
        yield f"{frame:05d}.png", masks.write_png(mask)
