"""Files that are made when a browser asks for them: the MP4 of a window, and the mask of a whole video."""

import re
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from os import SEEK_END
from threading import Lock
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tubelet.dashboard import caching
from tubelet.dashboard.responses import REVALIDATED, attachment, find_clip, name_file, parse_marks
from tubelet.latent.exports import drawing, mask_video, names, propagation
from tubelet.latent.exports.drawing import DrawingOptions
from tubelet.latent.marks import MarkedPatches
from tubelet.store import Store, StoreError
from tubelet.store.rows import ClipRow

MASKS = ("mp4", "zip")  # forms of a whole video's mask
PART = 1 << 20  # bytes of a film that are sent at a time
ONE = Lock()  # films are made one after the other: each takes two cores


def send_whole_mask(store: Store, request: Request) -> Response:
    """The mask over all windows that were cut like the one that the marks are on, in the source's pixels."""
    form, marked = request.path_params["form"], parse_marks(request)
    if form not in MASKS:
        raise StoreError(
            f"the mask of a whole video is saved as {' or '.join(MASKS)}, not as {form}"
        )
    clip = find_clip(store, marked.clip_id)
    video = caching.find_video(store, clip.video_id)
    if video is None:
        raise StoreError("the video was removed from the store: choose another video")
    scored = propagation.segment_video(caching.workspace(store), clip, marked.on(clip))
    name = f"{names.name_video(clip.video_name)}_mask"
    if form == "zip":
        return _make(
            partial(mask_video.write_archive, video, scored), "application/zip", f"{name}.zip"
        )
    write = partial(mask_video.write_mask_video, video, scored, frames=range(video.frames))
    return _make(write, "video/mp4", f"{name}.mp4")


def send_mp4(store: Store, request: Request) -> Response:
    clip, asked = find_clip(store, request.path_params["clip"]), request.query_params
    how = parse_drawing(store, clip, asked)
    content = how.over or (drawing.COLORS if how.basis else "video")
    write = partial(drawing.write_window, caching.workspace(store), clip, how)
    return _make(write, "video/mp4", name_file(clip, f"{content}.mp4"))


def _make(write: Callable[[BinaryIO], int], kind: str, name: str) -> Response:
    """A file that is made now, one after the other, and sent piece by piece."""
    sink = tempfile.TemporaryFile()  # noqa: SIM115 - read by whoever asked
    with ONE:
        write(sink)
    length = {"Content-Length": str(sink.seek(0, SEEK_END))}
    sink.seek(0)
    return StreamingResponse(
        iter(partial(sink.read, PART), b""),
        media_type=kind,
        headers=REVALIDATED | length | attachment(name),
    )


def parse_drawing(store: Store, clip: ClipRow, asked: Mapping[str, str]) -> DrawingOptions:
    """What a window's MP4 shows, as its address says.

    view=beside|over  over=heat|mask|colors  colors=colors/COLORING/BASIS  patches=PATCHES  segment=PATCHES  opacity=0.6  smooth=true
    """
    if asked.get("colors", "").startswith("surprise/"):
        raise StoreError(
            "an MP4 shows colors, heat of a track or a mask, not surprise: turn Surprise off"
        )
    coloring, _, basis_id = asked.get("colors", "").removeprefix("colors/").partition("/")
    return DrawingOptions(
        view=drawing.OVER if asked.get("view") == drawing.OVER else drawing.BESIDE,
        over=asked.get("over") or None,
        opacity=_parse_opacity(asked.get("opacity", "1")),
        smooth=asked.get("smooth") == "true",
        basis=caching.workspace(store).find_basis(clip["encoder_id"], coloring, basis_id)
        if coloring
        else None,
        patches=MarkedPatches.parse(asked.get("patches", "")),
        segment=MarkedPatches.parse(asked.get("segment", "")),
    )


def _parse_opacity(text: str) -> float:
    if not re.fullmatch(r"[01]|[01]?\.[0-9]{1,17}", text):
        raise StoreError(f"the opacity is {text[:20]}: choose one from 0 to 1")
    return float(text)
