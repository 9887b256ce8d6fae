"""What a browser fetches by itself, by the ids of the store: source videos, slice pictures and colours.

No answer takes a path: ids are looked up in the tables, and what the tables do not name does not exist.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from dashboard import caching, channels, latent_caching, sampled, sources
from dashboard.colours import Colouring
from dashboard.marks import Marked
from dashboard.tracks import packed
from latent import bases
from latent.basis import Basis
from store import Store, StoreError, TubeletError, clip_queries, queries

PRIVATE = {"Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff"}  # other sites may not embed them
REVALIDATED = PRIVATE | {"Cache-Control": "private, no-cache"}
AS_IT_IS = {"Content-Encoding": "identity"}  # gzip takes 0.2 s of 300,000 points and saves 5 %


def answer(name: str, path: str, request: Request) -> Response:
    """The answer of a route over the store at a path, or why there is none, in words."""
    try:
        return ANSWERS[name](caching.opened(path), request)
    except TubeletError as error:
        return PlainTextResponse(str(error), 404, PRIVATE)


def _source(store: Store, request: Request) -> Response:
    video = _only(store, queries.video(request.path_params["video"]), "video")
    if gone := sources.missing(video):
        raise StoreError(gone)
    return FileResponse(video["path"], media_type=sources.media_type(video), headers=REVALIDATED)


def _pictures(store: Store, request: Request) -> Response:
    clip = _only(store, clip_queries.clip(request.path_params["clip"]), "clip")
    return FileResponse(sources.pictures(store, clip), media_type="image/jpeg", headers=REVALIDATED)


def _colours(store: Store, request: Request) -> Response:
    clip, basis = _clip_and_basis(store, request)
    return _bytes(latent_caching.colours(store, clip["clip_id"], basis))


def _points(store: Store, request: Request) -> Response:
    clip, basis = _clip_and_basis(store, request)
    return _bytes(latent_caching.points(store, clip["clip_id"], basis, _named(store, request, basis)))


def _named(store: Store, request: Request, basis: Basis) -> tuple[str, ...]:
    kept = channels.clusterings(caching.rows(store, bases.listed(basis.encoder_id)))
    return channels.parse(request.query_params.get("show", ""), basis, list(kept))


def _sample(store: Store, request: Request) -> Response:
    points = sampled.points(store, request.path_params, request.query_params.get("show", ""))
    return Response(points, media_type="application/octet-stream", headers=REVALIDATED | AS_IT_IS)


def _sampled(store: Store, request: Request) -> Response:
    return JSONResponse(sampled.token(store, request.path_params), headers=REVALIDATED)


def _clip_and_basis(store: Store, request: Request) -> tuple[dict, Basis]:
    """The clip of a route, and the basis by which its page draws it."""
    clip = _only(store, clip_queries.clip(request.path_params["clip"]), "clip")
    basis = latent_caching.basis(store, clip["encoder_id"], Colouring.parse(request.path_params["colouring"]))
    if basis.basis_id != request.path_params["basis"]:
        raise StoreError("the corpus has grown since this page was opened, and its colours with it: reload the page")
    return clip, basis


def _track(store: Store, request: Request) -> Response:
    clip = _only(store, clip_queries.clip(request.path_params["clip"]), "clip")
    marked = Marked.parse(request.path_params["marked"])
    home = _only(store, clip_queries.clip(marked.clip_id), "clip")
    found = latent_caching.track(store, clip["clip_id"], marked.on(home))
    return _bytes(packed(found))


def _bytes(data: bytes) -> Response:
    return Response(data, media_type="application/octet-stream", headers=REVALIDATED)


def _only(store: Store, question: queries.Question, noun: str) -> dict:
    found = caching.rows(store, question)
    if not found:
        raise StoreError(f"the store holds no such {noun}")
    return found[0]


ANSWERS: dict[str, Callable[[Store, Request], Response]] = {
    "source": _source,
    "pictures": _pictures,
    "colours": _colours,
    "track": _track,
    "points": _points,
    "sample": _sample,
    "sampled": _sampled,
}
