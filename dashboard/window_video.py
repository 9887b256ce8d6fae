"""What a window's MP4 shows, as the address of its route names it.

view=beside|over  over=heat|mask|colors  colors=colors/COLOURING/BASIS  patches=PATCHES  segment=PATCHES  opacity=0.6  smooth=true
"""

import re
import tempfile
from collections.abc import Mapping
from threading import Lock
from typing import BinaryIO

import numpy as np

from tubelet.dashboard import caching, latent_caching
from tubelet.media import overlay
from tubelet.media.overlay import Drawing, Scene
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.tracks import scale_similarity
from tubelet.latent import masks
from tubelet.latent.segmentation import THRESHOLD
from tubelet.store import Store, StoreError
from tubelet.store.rows import ClipRow

HEAT, MASK, EDGE = (255, 150, 20), (30, 200, 255), (255, 255, 255)  # as components/player/painting.js has them
FINE = 8  # pixels of a mask a patch
ONE = Lock()  # films are made one after the other: each takes two cores


def render_window(store: Store, clip: ClipRow, asked: Mapping[str, str]) -> BinaryIO:
    """The film of a `clips` row, a file without a name that is gone once it is closed. Raises TubeletError."""
    scene, drawing = Scene.of(store, store.video(clip.video_id), clip), _drawing(store, clip, asked)
    sink = tempfile.TemporaryFile()  # noqa: SIM115 - read by whoever asked
    with ONE:
        overlay.write_video(scene, drawing, sink)
    return sink


def _drawing(store: Store, clip: ClipRow, asked: Mapping[str, str]) -> Drawing:
    """What the frames are drawn with. Raises StoreError for what cannot be drawn."""
    over = asked.get("over", "")
    colors = _colors(store, clip, asked["colors"]) if asked.get("colors") and clip.embedding_path else None
    layers = {"heat": _heat, "mask": _mask}
    beside = asked.get("view") != "over"
    if over in layers:
        layer = layers[over](store, clip, asked)
    else:
        layer = None if beside or colors is None else lambda number: _make_opaque(colors[number])
    smooth, opacity = asked.get("smooth") == "true", _number(asked.get("opacity", "1"))
    return Drawing(layer, colors.__getitem__ if beside and colors is not None else None, opacity, smooth)


def _colors(store: Store, clip: ClipRow, url: str) -> np.ndarray:
    """Colors of a clip's tokens ``(S, H, W, 3)``, by the address at which the player finds them."""
    coloring, _, basis_id = url.removeprefix("colors/").partition("/")
    basis = latent_caching.find_basis(store, clip.encoder_id, coloring, basis_id)
    shape = clip.slices, clip.grid_height, clip.grid_width, 3
    return np.frombuffer(latent_caching.clip_colors(store, clip.clip_id, basis), np.uint8).reshape(shape)


def _heat(store: Store, clip: ClipRow, asked: Mapping[str, str]) -> overlay.Slice:
    marked = _on_its_clip(store, asked.get("patches", ""))
    alpha = scale_similarity(latent_caching.track(store, clip.clip_id, marked))
    return lambda number: _tint(HEAT, alpha[number])


def _mask(store: Store, clip: ClipRow, asked: Mapping[str, str]) -> overlay.Slice:
    marked = _on_its_clip(store, asked.get("segment", ""))
    if marked.clip_id != clip.clip_id:
        raise StoreError("the marks belong to another window: show the window that they were made on")
    scores, smooth = latent_caching.segment(store, marked).scores, asked.get("smooth") == "true"
    return lambda number: render_mask(scores[number], smooth)


def render_mask(scores: np.ndarray, smooth: bool) -> np.ndarray:
    """The mask of one slice's scores ``(H, W)`` with a white edge, RGBA ``(8 H, 8 W, 4)``: patch by patch, or smooth as in the files."""
    height, width = (FINE * side for side in scores.shape)
    mask = masks.threshold_pixels(scores[None], height, width)[0] if smooth else (scores > THRESHOLD).repeat(FINE, 0).repeat(FINE, 1)
    around = np.pad(mask, 1, mode="edge")
    inner = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    pixels = _tint(MASK, mask * np.uint8(255))
    pixels[mask & ~inner, :3] = EDGE
    return pixels * mask[..., None]


def _on_its_clip(store: Store, name: str) -> MarkedPatches:
    marked = MarkedPatches.parse(name)
    clip = caching.find_clip(store, marked.clip_id)
    if clip is None:
        raise StoreError("no patch of this store is marked: mark one or more")
    return marked.on(clip)


def _tint(color: tuple[int, int, int], alpha: np.ndarray) -> np.ndarray:
    """One color ``(h, w, 4)`` as opaque as `alpha` ``(h, w)`` says."""
    return np.dstack([np.broadcast_to(np.array(color, np.uint8), (*alpha.shape, 3)), alpha])


def _make_opaque(colors: np.ndarray) -> np.ndarray:
    return np.dstack([colors, np.full(colors.shape[:2], 255, np.uint8)])


def _number(text: str) -> float:
    found = re.fullmatch(r"[01]|[01]?\.[0-9]{1,17}", text)
    if not found or float(text) > 1:
        raise StoreError(f"the opacity is {text[:20]}: choose one from 0 to 1")
    return float(text)
