"""What a browser fetches by itself, by the ids of the store: source videos, slice pictures, colors, tracks and masks.

No answer takes a path: ids are looked up in the tables, and what the tables do not name does not exist.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
)

from tubelet.dashboard import answers, api, caching, metrics, units
from tubelet.dashboard.components import connection, modules, token_map
from tubelet.dashboard.corpus import video_points
from tubelet.dashboard.responses import (
    AS_IT_IS,
    FOR_GOOD,
    PRIVATE,
    REVALIDATED,
    TABLES,
    find_clip,
    name_file,
    parse_marks,
    send_bytes,
    send_file,
)
from tubelet.dashboard.sql import linked_patches
from tubelet.dashboard.video import films, surprise_heat
from tubelet.latent import map_tokens
from tubelet.latent.basis import Basis
from tubelet.latent.channels import Look, OfClip
from tubelet.latent.colorings import Coloring
from tubelet.latent.exports import mask_files, names, tracks
from tubelet.latent.sample import Sample
from tubelet.latent.segmentation import Segmentation
from tubelet.latent.tracking import Track
from tubelet.latent.tracks import pack_track
from tubelet.media import sources
from tubelet.store import Store, StoreError, TubeletError
from tubelet.store.rows import NamedClip


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
    clip = find_clip(store, request.path_params["clip"])
    return FileResponse(sources.pictures(store, clip), media_type="image/jpeg", headers=REVALIDATED)


def _colors(store: Store, request: Request) -> Response:
    return send_bytes(_color(store, request)[1].tobytes())


def _color(store: Store, request: Request) -> tuple[NamedClip, np.ndarray]:
    """The clip of a route, and the colors of its tokens."""
    clip, basis = _clip_and_basis(store, request)
    workspace = caching.workspace(store)
    categories = workspace.categories(Coloring.parse(request.path_params["coloring"]), basis)
    return clip, workspace.clip_colors(clip["clip_id"], basis, categories)


def _surprise(store: Store, request: Request) -> Response:
    clip = find_clip(store, request.path_params["clip"])
    return send_bytes(surprise_heat.color_asked(store, clip, request.path_params).tobytes())


def _colors_file(store: Store, request: Request) -> Response:
    clip, colors = _color(store, request)
    file = io.BytesIO()
    np.save(file, colors)
    return send_file(
        file.getvalue(),
        name_file(clip, f"colors-{request.path_params['coloring'].partition('~')[0]}.npy"),
    )


def _points(store: Store, request: Request) -> Response:
    clip, basis = _clip_and_basis(store, request)
    return send_bytes(caching.workspace(store).points(clip, _look(store, request, basis)))


def _look(store: Store, request: Request, basis: Basis) -> Look:
    """How the map of a route is drawn."""
    coloring, shown = request.path_params["coloring"], request.query_params.get("show", "")
    return caching.workspace(store).look(Coloring.parse(coloring), basis, shown)


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
    return _table(found, request, lambda content: name_file(clip, content))


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
    return send_file(TABLES[kind](table), name(f"{content}.{kind}"))


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
    clip, path = find_clip(store, request.path_params["clip"]), request.path_params
    return clip, caching.workspace(store).find_basis(
        clip["encoder_id"], path["coloring"], path["basis"]
    )


def _track(store: Store, request: Request) -> Response:
    return send_bytes(pack_track(_find_track(store, request)[1]))


def _track_file(store: Store, request: Request) -> Response:
    (clip, track), kind = _find_track(store, request), request.path_params["kind"]
    if kind not in TABLES:
        raise StoreError(f"a track is saved as {' or '.join(TABLES)}, not as {kind}")
    return send_file(
        TABLES[kind](tracks.tabulate_window(store, clip, track)), name_file(clip, f"track.{kind}")
    )


def _find_track(store: Store, request: Request) -> tuple[NamedClip, Track]:
    """The clip of a route, and where its marks are in it."""
    clip, marked = find_clip(store, request.path_params["clip"]), parse_marks(request)
    return clip, caching.workspace(store).track(
        clip["clip_id"], marked.on(find_clip(store, marked.clip_id))
    )


def _mask(store: Store, request: Request) -> Response:
    _, found = _find_segmentation(store, request)
    return send_bytes(found.scores.astype("<f4").tobytes())


def _mask_file(store: Store, request: Request) -> Response:
    (clip, found), name = _find_segmentation(store, request), request.path_params["file"]
    data = mask_files.write_mask(clip, found, parse_marks(request).on(clip), name)
    return send_file(data, name_file(clip, name if name == mask_files.ALL else f"mask-{name}"))


def _whole_track(store: Store, request: Request) -> Response:
    """The track over all windows that were cut like the clip of a route, one row per frame."""
    clip, kind = find_clip(store, request.path_params["clip"]), request.path_params["kind"]
    if kind not in TABLES:
        raise StoreError(f"a track is saved as {' or '.join(TABLES)}, not as {kind}")
    marked = parse_marks(request)
    marked = marked.on(find_clip(store, marked.clip_id))
    table = tracks.tabulate_video(caching.workspace(store), clip, marked)
    return send_file(TABLES[kind](table), f"{names.name_video(clip.video_name)}_track.{kind}")


def _find_segmentation(store: Store, request: Request) -> tuple[NamedClip, Segmentation]:
    """The clip of the marks, and what spreads from them."""
    marked = parse_marks(request)
    clip = find_clip(store, marked.clip_id)
    return clip, caching.workspace(store).segment(marked.on(clip))


def _describe_store(store: Store, request: Request) -> Response:
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
    "whole_mask": films.send_whole_mask,
    "mask": _mask,
    "mask_file": _mask_file,
    "mp4": films.send_mp4,
    "sample": _sample,
    "sample_table": _sample_table,
    "sampled": _sampled_token,
    "video_points": _video_points,
    "video_point": _video_point,
    "held": _describe_store,
    "metrics": metrics.answer_metrics,
    "module": _module,
    "answer": _answer_file,
    "api_query": api.answer_query,
    "api_estimate": api.answer_estimate,
    "api_patch": api.answer_patch,
    "api_schema": api.answer_schema,
}
