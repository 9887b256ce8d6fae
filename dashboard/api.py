"""Queries over HTTP, for scripts: off unless the command was given `--api`.

GET /api/query?sql=...&format=json|jsonl|csv|parquet|arrow&p=k=20      an answer; `saved=NAME` in place of `sql` asks a saved query
GET /api/estimate?sql=...                                              what it would read, without running it
GET /api/patch/CLIP/SLICE.Y.X                                          the picture of a token; /api/patch/CLIP/SLICE that of a slice
GET /api/schema                                                        tables, columns and functions

The same sandbox and the same limits as on the SQL page; `max_rows`, `max_seconds` and `max_memory` ask for lower ones. JSON holds the rows that a
page would show and says whether there are more; the other formats hold every row.
"""

import os
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tubelet.dashboard import answers, units
from tubelet.dashboard.access import API, read_limits
from tubelet.media.patch_pictures import PictureAddress, draw_patch
from tubelet.store import Store, TubeletError
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.described import describe_answer, describe_schema
from tubelet.store.sandbox.fair_queue import ASKER
from tubelet.store.sandbox.untrusted import Limits, Query, ask, estimate_reads
from tubelet.store.saved_queries import SavedQuery, find_query

OFF = "the API is off: start the dashboard with `--api`"
ELSEWHERE = ("cross-site", "same-site")  # of Sec-Fetch-Site: a page of another origin leads here
HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
CEILINGS = {"max_rows": int, "max_seconds": float, "max_memory": str}
KNOWN = {"sql", "saved", "format", "p", "token", *CEILINGS}  # parameters


def answer_query(store: Store, request: Request) -> Response:
    """The answer to a query, or why there is none: 404 if the API is off, 403 for links of other sites, 400 for errors in the query."""
    if refusal := _refuse(request):
        return refusal
    ASKER.set(f"api {request.client.host if request.client else ''}")
    try:
        query, format_ = _read_query(store, request), request.query_params.get("format", "json")
        if format_ == "json":
            body = describe_answer(ask(store, query, _read_limits(request, read_limits().limits)))
            return Response(body, media_type="application/json", headers=HEADERS)
        limits = _read_limits(request, read_limits().whole)
        return answers.send_file(store, query, f"answer.{format_}", dict(HEADERS), limits)
    except TubeletError as error:
        return _fail(str(error), 400)


def answer_estimate(store: Store, request: Request) -> Response:
    """What a query would read, without running it; refused as `answer_query` refuses."""
    if refusal := _refuse(request):
        return refusal
    ASKER.set(f"api {request.client.host if request.client else ''}")
    try:
        limits = _read_limits(request, read_limits().limits)
        found = asdict(estimate_reads(store, _read_query(store, request), limits))
    except TubeletError as error:
        return _fail(str(error), 400)
    return JSONResponse({"estimate": found}, headers=HEADERS)


def answer_patch(store: Store, request: Request) -> Response:
    """The picture of a token, or of a slice, as PNG; refused as `answer_query` refuses, 404 where there is none."""
    if refusal := _refuse(request):
        return refusal
    parts = request.path_params["patch"].split(".")
    at = [number for number in map(units.read, parts) if number is not None]
    if len(at) not in (1, 3) or len(at) < len(parts):
        return _fail("write a patch as SLICE.Y.X, or a slice as SLICE, each from 0", 404)
    try:
        picture = draw_patch(store, PictureAddress(request.path_params["clip"], *at))
    except TubeletError as error:
        return _fail(str(error), 404)
    return Response(picture, media_type="image/png", headers=HEADERS)


def answer_schema(store: Store, request: Request) -> Response:
    """What a query can use, each with its meaning and unit."""
    if refusal := _refuse(request):
        return refusal
    return JSONResponse(describe_schema(), headers=HEADERS)


def _read_query(store: Store, request: Request) -> Query:
    """The query of an address. Raises QueryError, and StoreError for a saved query that is not there."""
    given = request.query_params
    if unknown := sorted(set(given) - KNOWN):
        raise QueryError(
            f"unknown parameter {unknown[0][:40]!r}: pass sql or saved, format, p, max_rows, max_seconds and max_memory"
        )
    if ("sql" in given) == ("saved" in given):
        raise QueryError("pass a query as sql=..., or the name of a saved one as saved=...")
    pairs = [one.partition("=") for one in given.getlist("p")]
    if any(not equals for _, equals, _ in pairs):
        raise QueryError("write a value as p=NAME=VALUE")
    values = {name.removeprefix("$"): value for name, _, value in pairs}
    if "saved" in given:
        return find_query(store, given["saved"]).fill(values)
    return (
        SavedQuery(name="typed", sql=given["sql"]).fill(values) if values else Query(given["sql"])
    )


def _read_limits(request: Request, allowed: Limits) -> Limits:
    """The limits of an address, none above what is allowed. Raises QueryError."""
    given = request.query_params
    values: dict[str, Any] = {}
    for name, type_ in CEILINGS.items():
        try:
            values |= {name.removeprefix("max_"): type_(given[name])} if name in given else {}
        except ValueError as error:
            raise QueryError(f"{name} is {given[name][:40]!r}: write a number") from error
    return allowed.lower(**values)


def _refuse(request: Request) -> Response | None:
    if os.environ.get(API) != "1":
        return _fail(OFF, 404)
    if request.headers.get("sec-fetch-site") in ELSEWHERE:
        return _fail("the API answers no links from other sites", 403)
    return None


def _fail(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status, HEADERS)
