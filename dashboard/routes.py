"""What a browser fetches by itself, by the ids of the store: source videos, slice pictures, colors, tracks and masks.

No answer takes a path: ids are looked up in the tables, and what the tables do not name does not exist.
"""

import io
import re
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from os import SEEK_END
from threading import Lock

import numpy as np
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)

from tubelet.dashboard import answers, api, caching, units
from tubelet.dashboard.access import SANDBOX
from tubelet.dashboard.components import modules, token_map
from tubelet.latent.basis import Basis
from tubelet.latent.exports import drawing, mask_files, names, tracks
from tubelet.latent.exports.drawing import DrawingOptions
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.segmentation import Segmentation
from tubelet.latent.tracking import Track
from tubelet.latent.tracks import pack_track
from tubelet.media import sources
from tubelet.store import Store, StoreError, TubeletError
from tubelet.store.questions import clips
from tubelet.store.rows import ClipRow, NamedClip
from tubelet.store.sandbox import formats

PRIVATE = {  # other sites may not embed them, and what is opened by itself may do nothing: the bytes are those of files
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": SANDBOX,
}
PRIVATE |= {
    "Tubelet-Modules": modules.VERSION
}  # a component of another version draws nothing of this
TABLES = {"csv": formats.csv, "parquet": formats.parquet}
PART = 1 << 20  # bytes of a film that are sent at a time
REVALIDATED = PRIVATE | {"Cache-Control": "private, no-cache"}
FOR_GOOD = PRIVATE | {
    "Cache-Control": "private, max-age=31536000, immutable"
}  # its address says what it holds
ONE = Lock()  # films are made one after the other: each takes two cores
AS_IT_IS = {"Content-Encoding": "identity"}  # gzip takes 0.2 s of 300,000 points and saves 5%


def answer(name: str, path: str, request: Request) -> Response:
    """The answer of a route over the store at a path, or why there is none, in words."""
    try:
        return ANSWERS[name](caching.open_store(path), request)
    except TubeletError as error:
        return PlainTextResponse(str(error), 404, PRIVATE)


def _source(store: Store, request: Request) -> Response:
    video = caching.find_video(store, request.path_params["video"])
    if video is None:
        raise StoreError("the store holds no such video")
    file, kind = sources.verify(video), sources.media_type(video)
    saved = (
        None if kind else f"{video.video_id}.video"
    )  # the name of the file would give its type away again
    return FileResponse(file, media_type=kind or sources.BYTES, headers=REVALIDATED, filename=saved)


def _pictures(store: Store, request: Request) -> Response:
    clip = _find_clip(store, request.path_params["clip"])
    return FileResponse(sources.pictures(store, clip), media_type="image/jpeg", headers=REVALIDATED)


def _colors(store: Store, request: Request) -> Response:
    clip, basis = _clip_and_basis(store, request)
    return _bytes(caching.workspace(store).clip_colors(clip["clip_id"], basis).tobytes())


def _colors_file(store: Store, request: Request) -> Response:
    clip, basis = _clip_and_basis(store, request)
    file = io.BytesIO()
    np.save(file, caching.workspace(store).clip_colors(clip["clip_id"], basis))
    return _file(
        file.getvalue(),
        _name_file(clip, f"colors-{request.path_params['coloring'].partition('~')[0]}.npy"),
    )


def _points(store: Store, request: Request) -> Response:
    (clip, basis), workspace = _clip_and_basis(store, request), caching.workspace(store)
    return _bytes(
        workspace.points(
            clip, basis, workspace.parse_channels(request.query_params.get("show", ""), basis)
        )
    )


def _sample(store: Store, request: Request) -> Response:
    workspace, path = caching.workspace(store), request.path_params
    sample = workspace.find_sample(path["encoder"], path["sample"])
    basis = workspace.find_basis(path["encoder"], path["coloring"], path["basis"])
    points = workspace.sample_points(
        sample, basis, workspace.parse_channels(request.query_params.get("show", ""), basis)
    )
    return Response(points, media_type="application/octet-stream", headers=REVALIDATED | AS_IT_IS)


def _sampled_token(store: Store, request: Request) -> Response:
    path = request.path_params
    token = caching.workspace(store).find_sampled(
        path["encoder"], path["sample"], units.read(path["number"])
    )
    return JSONResponse(token_map.describe_token(store, token), headers=REVALIDATED)


def _clip_and_basis(store: Store, request: Request) -> tuple[NamedClip, Basis]:
    """The clip of a route, and the basis by which its page draws it."""
    clip, path = _find_clip(store, request.path_params["clip"]), request.path_params
    return clip, caching.workspace(store).find_basis(
        clip["encoder_id"], path["coloring"], path["basis"]
    )


def _track(store: Store, request: Request) -> Response:
    return _bytes(pack_track(_find_track(store, request)[1]))


def _track_file(store: Store, request: Request) -> Response:
    (clip, track), kind = _find_track(store, request), request.path_params["kind"]
    if kind not in TABLES:
        raise StoreError(f"a track is saved as {' or '.join(TABLES)}, not as {kind}")
    return _file(
        TABLES[kind](tracks.tabulate_window(store, clip, track)), _name_file(clip, f"track.{kind}")
    )


def _find_track(store: Store, request: Request) -> tuple[NamedClip, Track]:
    """The clip of a route, and where its marks are in it."""
    clip, marked = _find_clip(store, request.path_params["clip"]), _parse_marks(request)
    return clip, caching.workspace(store).track(
        clip["clip_id"], marked.on(_find_clip(store, marked.clip_id))
    )


def _mask(store: Store, request: Request) -> Response:
    _, found = _find_segmentation(store, request)
    return _bytes(found.scores.astype("<f4").tobytes())


def _mask_file(store: Store, request: Request) -> Response:
    (clip, found), name = _find_segmentation(store, request), request.path_params["file"]
    data = mask_files.write_mask(clip, found, _parse_marks(request).on(clip), name)
    return _file(data, _name_file(clip, name if name == mask_files.ALL else f"mask-{name}"))


def _mp4(store: Store, request: Request) -> Response:
    clip, asked = _find_clip(store, request.path_params["clip"]), request.query_params
    sink = tempfile.TemporaryFile()  # noqa: SIM115 - read by whoever asked
    how = parse_drawing(store, clip, asked)
    with ONE:
        drawing.write_window(caching.workspace(store), clip, how, sink)
    length = {"Content-Length": str(sink.seek(0, SEEK_END))}
    sink.seek(0)
    content = how.over or (drawing.COLORS if how.basis else "video")
    return StreamingResponse(
        iter(partial(sink.read, PART), b""),
        media_type="video/mp4",
        headers=REVALIDATED | length | attachment(_name_file(clip, f"{content}.mp4")),
    )


def parse_drawing(store: Store, clip: ClipRow, asked: Mapping[str, str]) -> DrawingOptions:
    """What a window's MP4 shows, as its address says.

    view=beside|over  over=heat|mask|colors  colors=colors/COLORING/BASIS  patches=PATCHES  segment=PATCHES  opacity=0.6  smooth=true
    """
    coloring, _, basis_id = asked.get("colors", "").removeprefix("colors/").partition("/")
    return DrawingOptions(
        view=drawing.OVER if asked.get("view") == drawing.OVER else drawing.BESIDE,
        over=asked.get("over") or None,
        opacity=_opacity(asked.get("opacity", "1")),
        smooth=asked.get("smooth") == "true",
        basis=caching.workspace(store).find_basis(clip["encoder_id"], coloring, basis_id)
        if coloring
        else None,
        patches=MarkedPatches.parse(asked.get("patches", "")),
        segment=MarkedPatches.parse(asked.get("segment", "")),
    )


def _opacity(text: str) -> float:
    if not re.fullmatch(r"[01]|[01]?\.[0-9]{1,17}", text):
        raise StoreError(f"the opacity is {text[:20]}: choose one from 0 to 1")
    return float(text)


def _find_segmentation(store: Store, request: Request) -> tuple[NamedClip, Segmentation]:
    """The clip of the marks, and what spreads from them."""
    marked = _parse_marks(request)
    clip = _find_clip(store, marked.clip_id)
    return clip, caching.workspace(store).segment(marked.on(clip))


def _parse_marks(request: Request) -> MarkedPatches:
    return MarkedPatches.parse(request.path_params["marked"])


def _bytes(data: bytes) -> Response:
    return Response(data, media_type="application/octet-stream", headers=REVALIDATED)


def _file(data: bytes, name: str) -> Response:
    """To be saved, not shown."""
    return Response(
        data, media_type="application/octet-stream", headers=REVALIDATED | attachment(name)
    )


def _name_file(clip: NamedClip, content: str) -> str:
    return names.name_window_file(clip.video_name, clip, content)


def attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": names.disposition(name)}


def _find_clip(store: Store, clip_id: str) -> NamedClip:
    found = caching.rows(store, clips.clip_of_video(clip_id))
    if not found:
        raise StoreError("the store holds no such clip")
    return NamedClip.of(found[0])


def _module(store: Store, request: Request) -> Response:
    text = modules.find(request.path_params["version"], request.path_params["path"])
    return Response(text, media_type="text/javascript", headers=FOR_GOOD)


def _answer_file(store: Store, request: Request) -> Response:
    query = answers.find_offered(request.path_params["key"])
    return answers.send_file(store, query, request.path_params["name"], PRIVATE | AS_IT_IS)


ANSWERS: dict[str, Callable[[Store, Request], Response]] = {
    "source": _source,
    "pictures": _pictures,
    "colors": _colors,
    "colors_file": _colors_file,
    "track": _track,
    "track_file": _track_file,
    "points": _points,
    "mask": _mask,
    "mask_file": _mask_file,
    "mp4": _mp4,
    "sample": _sample,
    "sampled": _sampled_token,
    "module": _module,
    "answer": _answer_file,
    "api_query": api.answer_query,
    "api_schema": api.answer_schema,
}
