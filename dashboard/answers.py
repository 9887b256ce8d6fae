"""Whole answers as downloads: a page offers a query, and the link's key stands for it.

An address that held the SQL itself would let any page on the web have this server run it. A key is made by this server, for a query that a
reader has run, and means nothing to another one.
"""

from collections import OrderedDict
from itertools import chain
from threading import Lock

from starlette.responses import Response, StreamingResponse

from tubelet.dashboard import consent
from tubelet.dashboard.access import read_limits
from tubelet.latent.exports import names
from tubelet.store import Store, StoreError
from tubelet.store.sandbox.json_text import json_text
from tubelet.store.sandbox.untrusted import Limits, Query, stream
from tubelet.store.sandbox.whole_answers import ENCODERS, encode_pieces

MOST = 1000  # queries on offer at a time; the oldest go first
FORMATS = {"CSV": "csv", "JSON lines": "jsonl", "Parquet": "parquet", "Arrow": "arrow"}
MIME = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
}
OFFERED: OrderedDict[str, Query] = OrderedDict()
LOCK = Lock()


def offer(query: Query) -> str:
    """The key by which the whole answer to a query may be fetched from this server."""
    key = consent.sign(json_text([query.sql, dict(query.values)]))[:32]
    with LOCK:
        OFFERED[key] = query
        OFFERED.move_to_end(key)
        while len(OFFERED) > MOST:
            OFFERED.popitem(last=False)
    return key


def find_offered(key: str) -> Query:
    """The query of a key. Raises StoreError for one that this server has not made."""
    with LOCK:
        if key not in OFFERED:
            raise StoreError("this file is no longer on offer: run the query again on the SQL page")
        return OFFERED[key]


def send_file(
    store: Store, query: Query, name: str, headers: dict[str, str], limits: Limits | None = None
) -> Response:
    """The whole answer in the format of a file's extension, as it is computed. Raises QueryError where it has none, StoreError for an unknown extension."""
    format_ = name.rpartition(".")[2]
    if format_ not in ENCODERS:
        raise StoreError(f"an answer is saved as {', '.join(ENCODERS)}, not as {format_[:20]}")
    parts = encode_pieces(stream(store, query, limits or read_limits().whole), format_)
    first = next(parts)
    return StreamingResponse(
        chain([first], parts),
        media_type=MIME[format_],
        headers=headers | {"Content-Disposition": names.disposition(name)},
    )
