"""What a browser fetches by itself, by the ids of the store: source videos, slice pictures, colors, tracks and masks.

No answer takes a path: ids are looked up in the tables, and what the tables do not name does not exist.
"""

import io
import re
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from os import SEEK_END
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)

from tubelet.dashboard import answers, api, caching, metrics, units
from tubelet.dashboard.access import SANDBOX
from tubelet.dashboard.components import connection, modules, token_map
from tubelet.dashboard.corpus import video_points
from tubelet.dashboard.sql import linked_patches
from tubelet.dashboard.video import surprise_heat
from tubelet.latent import map_tokens
from tubelet.latent.basis import Basis
from tubelet.latent.channels import Look, OfClip
from tubelet.latent.colorings import Coloring
from tubelet.latent.exports import drawing, mask_files, mask_video, names, propagation, tracks
from tubelet.latent.exports.drawing import DrawingOptions
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.sample import Sample
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
MASKS = ("mp4", "zip")  # forms of a whole video's mask
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
    return _bytes(_color(store, request)[1].tobytes())


def _color(store: Store, request: Request) -> tuple[NamedClip, np.ndarray]:
    """The clip of a route, and the colors of its tokens."""
    clip, basis = _clip_and_basis(store, request)
    workspace = caching.workspace(store)
    categories = workspace.categories(Coloring.parse(request.path_params["coloring"]), basis)
    return clip, workspace.clip_colors(clip["clip_id"], basis, categories)


def _surprise(store: Store, request: Request) -> Response:
    clip = _find_clip(store, request.path_params["clip"])
    return _bytes(surprise_heat.color_asked(store, clip, request.path_params).tobytes())


def _colors_file(store: Store, request: Request) -> Response:
    clip, colors = _color(store, request)
    file = io.BytesIO()
    np.save(file, colors)
    return _file(
        file.getvalue(),
        _name_file(clip, f"colors-{request.path_params['coloring'].partition('~')[0]}.npy"),
    )


def _points(store: Store, request: Request) -> Response:
    clip, basis = _clip_and_basis(store, request)
    return _bytes(caching.workspace(store).points(clip, _look(store, request, basis)))


def _look(store: Store, request: Request, basis: Basis) -> Look:
    """How the map of a route is drawn."""
    workspace = caching.workspace(store)
    categories = workspace.categories(Coloring.parse(request.path_params["coloring"]), basis)
    space = workspace.space(basis)
    chosen = workspace.parse_channels(request.query_params.get("show", ""), space)
    return Look(space, chosen, categories)


def _sample(store: Store, request: Request) -> Response:
    sample, look = _sample_and_look(store, request)
    points = caching.workspace(store).sample_points(sample, look)
    return Response(points, media_type="application/octet-stream", headers=REVALIDATED | AS_IT_IS)


def _sample_and_look(store: Store, request: Request) -> tuple[Sample, Look]:
    workspace, path = caching.workspace(store), request.path_params
    sample = workspace.find_sample(path["encoder"], path["sample"])
    basis = workspace.find_basis(path["encoder"], path["coloring"], path["basis"])
    return sample, _look(store, request, basis)


def _points_table(store: Store, request: Request) -> Response:
    """The tokens of an area of a window's map, or the neighbors of a picked one, as a table."""
    clip, basis = _clip_and_basis(store, request)
    look, workspace = _look(store, request, basis), caching.workspace(store)
    found = map_tokens.choose(
        workspace, OfClip(store, clip), workspace.points(clip, look), look, request.query_params
    )
    return _table(found, request, lambda content: _name_file(clip, content))


def _sample_table(store: Store, request: Request) -> Response:
    """The same of the map of the corpus."""
    (sample, look), workspace = _sample_and_look(store, request), caching.workspace(store)
    tokens = workspace.sample_tokens(sample.encoder_id)
    points = workspace.sample_points(sample, look)
    found = map_tokens.choose(workspace, tokens, points, look, request.query_params)
    return _table(found, request, lambda content: f"{Path(store.name).name}_{content}")


def _table(table: pa.Table, request: Request, name: Callable[[str], str]) -> Response:
    kind = request.path_params["kind"]
    if kind not in TABLES:
        raise StoreError(f"tokens are saved as {' or '.join(TABLES)}, not as {kind}")
    content = "neighbors" if "near" in request.query_params else "tokens"
    return _file(TABLES[kind](table), name(f"{content}.{kind}"))


def _sampled_token(store: Store, request: Request) -> Response:
    path = request.path_params
    token = caching.workspace(store).find_sampled(
        path["encoder"], path["sample"], units.read(path["number"])
    )
    return JSONResponse(token_map.describe_token(store, token), headers=REVALIDATED)


def _video_points(store: Store, request: Request) -> Response:
    points = caching.workspace(store).find_points(request.path_params["key"])
    return Response(points, media_type="application/octet-stream", headers=REVALIDATED | AS_IT_IS)


def _video_point(store: Store, request: Request) -> Response:
    path = request.path_params
    video_id = caching.workspace(store).find_video(
        path["encoder"], path["vectors"], units.read(path["number"])
    )
    return JSONResponse(video_points.describe_video(store, video_id), headers=REVALIDATED)


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


def _whole_track(store: Store, request: Request) -> Response:
    """The track over all windows that were cut like the clip of a route, one row per frame."""
    clip, kind = _find_clip(store, request.path_params["clip"]), request.path_params["kind"]
    if kind not in TABLES:
        raise StoreError(f"a track is saved as {' or '.join(TABLES)}, not as {kind}")
    marked = _parse_marks(request)
    marked = marked.on(_find_clip(store, marked.clip_id))
    table = tracks.tabulate_video(caching.workspace(store), clip, marked)
    return _file(TABLES[kind](table), f"{names.name_video(clip.video_name)}_track.{kind}")


def _whole_mask(store: Store, request: Request) -> Response:
    """The mask over all windows that were cut like the one that the marks are on, in the source's pixels."""
    form, marked = request.path_params["form"], _parse_marks(request)
    if form not in MASKS:
        raise StoreError(
            f"the mask of a whole video is saved as {' or '.join(MASKS)}, not as {form}"
        )
    clip = _find_clip(store, marked.clip_id)
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


def _mp4(store: Store, request: Request) -> Response:
    clip, asked = _find_clip(store, request.path_params["clip"]), request.query_params
    how = parse_drawing(store, clip, asked)
    content = how.over or (drawing.COLORS if how.basis else "video")
    write = partial(drawing.write_window, caching.workspace(store), clip, how)
    return _make(write, "video/mp4", _name_file(clip, f"{content}.mp4"))


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


def _held(store: Store, request: Request) -> Response:
    """How much the store holds now: pages ask whether that is still what they show."""
    return JSONResponse(connection.describe(caching.summary(store)), headers=REVALIDATED)


def _module(store: Store, request: Request) -> Response:
    text = modules.find(request.path_params["version"], request.path_params["path"])
    return Response(text, media_type="text/javascript", headers=FOR_GOOD)


def _answer_file(store: Store, request: Request) -> Response:
    query = answers.find_offered(request.path_params["key"])
    return answers.send_file(store, query, request.path_params["name"], PRIVATE | AS_IT_IS)


ANSWERS: dict[str, Callable[[Store, Request], Response]] = {
    "source": _source,
    "pictures": _pictures,
    "patch": linked_patches.answer_patch,
    "colors": _colors,
    "colors_file": _colors_file,
    "surprise": _surprise,
    "track": _track,
    "track_file": _track_file,
    "points": _points,
    "points_table": _points_table,
    "whole_track": _whole_track,
    "whole_mask": _whole_mask,
    "mask": _mask,
    "mask_file": _mask_file,
    "mp4": _mp4,
    "sample": _sample,
    "sample_table": _sample_table,
    "sampled": _sampled_token,
    "video_points": _video_points,
    "video_point": _video_point,
    "held": _held,
    "metrics": metrics.answer_metrics,
    "module": _module,
    "answer": _answer_file,
    "api_query": api.answer_query,
    "api_estimate": api.answer_estimate,
    "api_patch": api.answer_patch,
    "api_schema": api.answer_schema,
}
