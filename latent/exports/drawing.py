"""A window as an MP4, drawn as the player draws it.

with open("window.mp4", "w+b") as sink:
    write_window(workspace, clip, DrawingOptions(view="over", over="heat", patches=marked), sink)
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from tubelet.array_types import Float32
from tubelet.latent import layers
from tubelet.latent.basis import Basis
from tubelet.latent.errors import LatentError
from tubelet.latent.exports.propagation import segment_video
from tubelet.latent.exports.timeline import WindowPart, divide_video
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.workspace import Workspace
from tubelet.media import overlay
from tubelet.media.overlay import Drawing, ScenePart, WindowScene
from tubelet.store.options import check_options, option
from tubelet.store.questions import clips, corpus
from tubelet.store.rows import ClipRow, VideoRow

BESIDE, OVER = "beside", "over"
HEAT, MASK, COLORS = "heat", "mask", "colors"


@dataclass(frozen=True, kw_only=True)
class DrawingOptions:
    """What is drawn with each frame: colors by `basis`, the heat of `patches`, or the mask of `segment`."""

    view: str = option(
        BESIDE, help="Colors beside the video, or everything over it.", choices=(BESIDE, OVER)
    )
    over: str | None = option(
        None,
        help="What to draw over the video.",
        choices=(HEAT, MASK, COLORS),
        unset="colors with --view over, else nothing",
    )
    opacity: float = option(0.6, help="Opacity of the overlay, 0 to 1.", least=0, most=1)
    smooth: bool = option(False, help="Blend patches into each other.")
    basis: Basis | None = None
    patches: MarkedPatches = MarkedPatches()
    segment: MarkedPatches = MarkedPatches()

    def __post_init__(self) -> None:
        check_options(self, LatentError)


def write_window(workspace: Workspace, clip: ClipRow, how: DrawingOptions, sink: BinaryIO) -> int:
    """Write the window of a `clips` row as an MP4, to a file that can be sought in; return the number of frames. Raises TubeletError."""
    video = VideoRow.of(corpus.video(clip.video_id).answer(workspace.store).to_pylist()[0])
    scene = WindowScene.of(workspace.store, video, clip)
    return overlay.write_video(scene, draw_window(workspace, clip, how), sink)


def draw_window(workspace: Workspace, clip: ClipRow, how: DrawingOptions) -> Drawing:
    """What the frames of a `clips` row are drawn with. Raises LatentError for what cannot be drawn."""
    over: overlay.Slice | None = None
    beside: overlay.Slice | None = None
    colors = (
        workspace.clip_colors(clip["clip_id"], how.basis)
        if how.basis and clip["embedding_path"]
        else None
    )
    if how.over == HEAT:
        over = layers.render_heat(
            workspace.track(clip["clip_id"], _require_marks(workspace, how.patches))
        ).__getitem__
    elif how.over == MASK:
        over = _draw_mask(workspace, clip, how)
    elif how.view == OVER and colors is not None:
        over = layers.make_opaque(colors).__getitem__
    if how.view == BESIDE and colors is not None:
        beside = colors.__getitem__
    return Drawing(over, beside, how.opacity, how.smooth)


def write_whole_video(
    workspace: Workspace, clip: ClipRow, how: DrawingOptions, sink: BinaryIO
) -> int:
    """The same of all windows that were cut like a `clips` row: frames that no window covers stand alone. The file has to be there."""
    video = VideoRow.of(corpus.video(clip.video_id).answer(workspace.store).to_pylist()[0])
    parts = (
        ScenePart(WindowScene(video, part.clip), part.frames, made)
        for part, made in _draw_parts(workspace, clip, how)
    )
    return overlay.write_parts(parts, video["fps"], sink)


def _draw_parts(
    workspace: Workspace, clip: ClipRow, how: DrawingOptions
) -> Iterator[tuple[WindowPart, Drawing]]:
    if how.over != MASK:
        for part in divide_video(workspace.store, clip):
            yield part, draw_window(workspace, part.clip, how)
        return
    plain = replace(how, over=None, view=BESIDE)
    for part, scores in segment_video(workspace, clip, _require_marks(workspace, how.segment)):
        beside = draw_window(workspace, part.clip, plain).beside if how.view == BESIDE else None
        yield part, Drawing(_paint_mask(scores, how.smooth), beside, how.opacity, how.smooth)


def _paint_mask(scores: Float32[np.ndarray, "S H W"], smooth: bool) -> overlay.Slice:
    return lambda number: layers.render_mask(scores[number], smooth)


def _draw_mask(workspace: Workspace, clip: ClipRow, how: DrawingOptions) -> overlay.Slice:
    marked = _require_marks(workspace, how.segment)
    if marked.clip_id != clip["clip_id"]:
        raise LatentError(
            "the marks belong to another window: show the window that they were made on"
        )
    return _paint_mask(workspace.segment(marked).scores, how.smooth)


def _require_marks(workspace: Workspace, marked: MarkedPatches) -> MarkedPatches:
    """Marks on a clip of the store. Raises LatentError where there are none."""
    found = clips.clip(marked.clip_id).answer(workspace.store).to_pylist() if marked.clip_id else []
    if not found:
        raise LatentError("no patch of this store is marked: mark one or more")
    return marked.on(ClipRow.of(found[0]))
