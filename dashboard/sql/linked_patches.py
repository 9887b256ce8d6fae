"""What the SQL function `patch_picture` gives: an address below that of the dashboard, answered with the picture of a token and shown in tables as one."""

import re

import pyarrow as pa
from starlette.requests import Request
from starlette.responses import Response

from tubelet.dashboard import units
from tubelet.media.patch_pictures import PictureAddress, draw_patch
from tubelet.store import Store, StoreError

ADDRESS = re.compile(r"patch/[0-9A-Za-z_-]{1,100}/\d{1,9}\.\d{1,9}\.\d{1,9}", re.ASCII)
HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
}


def answer_patch(store: Store, request: Request) -> Response:
    """The picture of a token, or of a slice, as PNG. Raises StoreError where there is none."""
    return Response(draw_asked(store, request), media_type="image/png", headers=HEADERS)


def draw_asked(store: Store, request: Request) -> bytes:
    """The picture that ``CLIP/SLICE.Y.X`` or ``CLIP/SLICE`` of a route asks for. Raises StoreError where there is none."""
    parts = request.path_params["patch"].split(".")
    at = [number for number in map(units.read, parts) if number is not None]
    if len(at) not in (1, 3) or len(at) < len(parts):
        raise StoreError("write a patch as SLICE.Y.X, or a slice as SLICE, each from 0")
    return draw_patch(store, PictureAddress(request.path_params["clip"], *at))


def find_columns(rows: pa.Table) -> list[str]:
    """The columns that hold such addresses and nothing else: no other text of an answer is fetched by a browser."""
    return [
        name
        for name, column in zip(rows.column_names, rows.columns)
        if pa.types.is_string(column.type) and _are_addresses(column.drop_null().to_pylist())
    ]


def _are_addresses(values: list[str]) -> bool:
    return bool(values) and all(map(ADDRESS.fullmatch, values))
