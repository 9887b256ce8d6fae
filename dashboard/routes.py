"""What a browser fetches by itself, by the ids of the store: source videos, slice pictures, colors, tracks and masks.

No answer takes a path: ids are looked up in the tables, and what the tables do not name does not exist.
"""

import io
from collections.abc import Callable
from functools import partial
from os import SEEK_END

import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse

from tubelet.dashboard import caching, window_video, latent_caching, sampled
from tubelet.latent import channels, mask_files
from tubelet.media import sources
from tubelet.dashboard.access import SANDBOX
from tubelet.dashboard.components import modules
from tubelet.dashboard.file_names import name_file
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.tracks import pack_track
from tubelet.latent import bases
from tubelet.latent.basis import Basis
from tubelet.latent.segmentation import Segmentation
from tubelet.latent.tracking import Track
from tubelet.store import Store, StoreError, TubeletError
from tubelet.store.sandbox import formats
from tubelet.store.rows import ClipRow

PRIVATE = {  # other sites may not embed them, and what is opened by itself may do nothing: the bytes are those of files
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": SANDBOX,
}
PRIVATE |= {"Tubelet-Modules": modules.VERSION}  # a component of another version draws nothing of this
TABLES = {"csv": formats.csv, "parquet": formats.parquet}
PART = 1 << 20  # bytes of a film that are sent at a time
REVALIDATED = PRIVATE | {"Cache-Control": "private, no-cache"}
FOR_GOOD = PRIVATE | {"Cache-Control": "private, max-age=31536000, immutable"}  # its address says what it holds
AS_IT_IS = {"Content-Encoding": "identity"}  # gzip takes 0.2 s of 300,000 points and saves 5 %


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
    saved = {} if kind else {"filename": f"{video.video_id}.video"}  # the name of the file would give its type away again
    return FileResponse(file, media_type=kind or sources.BYTES, headers=REVALIDATED, **saved)


def _pictures(store: Store, request: Request) -> Response:
    clip = _find_clip(store, request.path_params["clip"])
    return FileResponse(sources.pictures(store, clip), media_type="image/jpeg", headers=REVALIDATED)


def _colors(store: Store, request: Request) -> Response:
    clip, basis = _clip_and_basis(store, request)
    return _bytes(latent_caching.clip_colors(store, clip.clip_id, basis))


def _colors_file(store: Store, request: Request) -> Response:
    clip, basis = _clip_and_basis(store, request)
    file = io.BytesIO()
    shape = clip.slices, clip.grid_height, clip.grid_width, 3
    np.save(file, np.frombuffer(latent_caching.clip_colors(store, clip.clip_id, basis), np.uint8).reshape(shape))
    return _file(file.getvalue(), _name(store, clip, "colors.npy"))


def _points(store: Store, request: Request) -> Response:
    clip, basis = _clip_and_basis(store, request)
    return _bytes(latent_caching.points(store, clip.clip_id, basis, _named(store, request, basis)))


def _named(store: Store, request: Request, basis: Basis) -> tuple[str, ...]:
    kept = channels.clusterings(caching.rows(store, bases.list_bases(basis.encoder_id)))
    return channels.parse(request.query_params.get("show", ""), basis, list(kept))


def _sample(store: Store, request: Request) -> Response:
    points = sampled.points(store, request.path_params, request.query_params.get("show", ""))
    return Response(points, media_type="application/octet-stream", headers=REVALIDATED | AS_IT_IS)


def _sampled_token(store: Store, request: Request) -> Response:
    return JSONResponse(sampled.token(store, request.path_params), headers=REVALIDATED)


def _clip_and_basis(store: Store, request: Request) -> tuple[ClipRow, Basis]:
    """The clip of a route, and the basis by which its page draws it."""
    clip = _find_clip(store, request.path_params["clip"])
    return clip, latent_caching.find_basis(store, clip.encoder_id, request.path_params["coloring"], request.path_params["basis"])


def _track(store: Store, request: Request) -> Response:
    return _bytes(pack_track(_find_track(store, request)))


def _track_file(store: Store, request: Request) -> Response:
    track, kind = _find_track(store, request), request.path_params["kind"]
    clip = _find_clip(store, track.clip_id)
    if kind not in TABLES:
        raise StoreError(f"a track is saved as {' or '.join(TABLES)}, not as {kind}")
    return _file(TABLES[kind](track.table), _name(store, clip, f"track.{kind}"))


def _find_track(store: Store, request: Request) -> Track:
    clip = _find_clip(store, request.path_params["clip"])
    marked = _parse_marks(request)
    home = _find_clip(store, marked.clip_id)
    return latent_caching.track(store, clip.clip_id, marked.on(home))


def _mask(store: Store, request: Request) -> Response:
    _, found = _find_segmentation(store, request)
    return _bytes(found.scores.astype("<f4").tobytes())


def _mask_file(store: Store, request: Request) -> Response:
    clip, found = _find_segmentation(store, request)
    name = request.path_params["file"]
    return _file(mask_files.write_mask(clip, found, _parse_marks(request).on(clip), name), _name(store, clip, name if name.startswith("mask") else f"mask-{name}"))


def _mp4(store: Store, request: Request) -> Response:
    clip = _find_clip(store, request.path_params["clip"])
    film = window_video.render_window(store, clip, request.query_params)
    length = {"Content-Length": str(film.seek(0, SEEK_END))}
    film.seek(0)
    parts = iter(partial(film.read, PART), b"")
    return StreamingResponse(parts, media_type="video/mp4", headers=REVALIDATED | length | attachment(_name(store, clip, ".mp4")))


def _find_segmentation(store: Store, request: Request) -> tuple[ClipRow, Segmentation]:
    """The clip of the marks, and what spreads from them."""
    marked = _parse_marks(request)
    clip = _find_clip(store, marked.clip_id)
    return clip, latent_caching.segment(store, marked.on(clip))


def _parse_marks(request: Request) -> MarkedPatches:
    return MarkedPatches.parse(request.path_params["marked"])


def _bytes(data: bytes) -> Response:
    return Response(data, media_type="application/octet-stream", headers=REVALIDATED)


def _file(data: bytes, name: str) -> Response:
    """To be saved, not shown."""
    return Response(data, media_type="application/octet-stream", headers=REVALIDATED | attachment(name))


def _name(store: Store, clip: ClipRow, content: str) -> str:
    video = caching.find_video(store, clip.video_id)
    if video is None:
        raise StoreError("the store holds no such video")
    return name_file(video, clip, content)


def attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _find_clip(store: Store, clip_id: str) -> ClipRow:
    clip = caching.find_clip(store, clip_id)
    if clip is None:
        raise StoreError("the store holds no such clip")
    return clip


def _module(store: Store, request: Request) -> Response:
    text = modules.find(request.path_params["version"], request.path_params["path"])
    return Response(text, media_type="text/javascript", headers=FOR_GOOD)


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
}
