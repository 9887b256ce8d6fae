"""The server: the dashboard's script, and beside it the routes by which a browser fetches videos, pictures and colors.

python -m streamlit run dashboard/server.py -- STORE

source/VIDEO                 the video file, in ranges; only the file that was ingested, unchanged
pictures/CLIP                the JPEG of a clip's slices
colors/COLORING/BASIS/CLIP  S x H x W x 3 bytes: the color of every token
                             the same as colors.npy, an array
surprise/CONTEXT/HORIZON/CLIP  S x H x W x 3 bytes: how far the prediction of every patch is off, as a color
points/COLORING/BASIS/CLIP   16 bytes per token: where it is on the map, and its color
sample/COLORING/BASIS/ENCODER/SAMPLE  the same of the sample of the corpus
                             of both the tokens of an area, or near a picked one, as tokens.csv or tokens.parquet
sampled/ENCODER/SAMPLE/NUMBER  where a point of it comes from, as JSON
video-points/KEY             16 bytes per video: where it is on the map of videos that a page draws, and its color
video-points/ENCODER/VECTORS/NUMBER  which video a point of it is, as JSON
track/PATCHES/CLIP           where those patches are in each slice, and how alike every token is
                             the table of the track as track.csv or track.parquet
track/PATCHES/CLIP/whole.csv  the same over all windows of the video, or whole.parquet
mask/PATCHES                 4 bytes per token: how much nearer to the foreground than to the background, foreground above one half
mask/PATCHES/FILE            the mask as a file: slice-N.png or mask.npz
                             the mask over all windows of the video, as whole.mp4 or whole.zip of PNG files
mp4/CLIP?...                 the window as a film, drawn as `routes` says
answers/KEY/NAME             all rows of a query that the SQL page offers, as NAME.csv, .jsonl, .parquet or .arrow
held                         how many videos and clips the store holds, as JSON
api/query, api/estimate, api/patch, api/schema  queries for scripts, where the command was given --api
metrics                      how much the store holds and what runs on it, for Prometheus, where the command was given --metrics
components/VERSION/PATH      a browser module of dashboard/components, kept by the browser for good
"""

import ctypes
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp
from streamlit import config

from tubelet.dashboard.access import Access, read_limits
from tubelet.dashboard.document import Document
from tubelet.dashboard.guard import Guard
from tubelet.dashboard.permalinks import Permalinks
from tubelet.store.sandbox.worker_pool import set_places

HERE = Path(__file__).resolve().parent
M_MMAP_THRESHOLD, KEPT_BYTES = -3, 4 << 20  # a number of malloc.h; what is larger is not kept
ROUTES = {
    "/source/{video}": "source",
    "/pictures/{clip}": "pictures",
    "/patch/{clip}/{patch}": "patch",
    "/colors/{coloring}/{basis}/{clip}": "colors",
    "/colors/{coloring}/{basis}/{clip}/colors.npy": "colors_file",
    "/surprise/{context}/{horizon}/{clip}": "surprise",
    "/points/{coloring}/{basis}/{clip}": "points",
    "/points/{coloring}/{basis}/{clip}/tokens.{kind}": "points_table",
    "/sample/{coloring}/{basis}/{encoder}/{sample}": "sample",
    "/sample/{coloring}/{basis}/{encoder}/{sample}/tokens.{kind}": "sample_table",
    "/sampled/{encoder}/{sample}/{number}": "sampled",
    "/video-points/{key}": "video_points",
    "/video-points/{encoder}/{vectors}/{number}": "video_point",
    "/track/{marked}/{clip}": "track",
    "/track/{marked}/{clip}/track.{kind}": "track_file",
    "/track/{marked}/{clip}/whole.{kind}": "whole_track",
    "/mask/{marked}": "mask",
    "/mask/{marked}/whole.{form}": "whole_mask",
    "/mask/{marked}/{file}": "mask_file",
    "/mp4/{clip}": "mp4",
    "/held": "held",
    "/metrics": "metrics",
    "/components/{version}/{path:path}": "module",
    "/answers/{key}/{name}": "answer",
    "/api/query": "api_query",
    "/api/estimate": "api_estimate",
    "/api/patch/{clip}/{patch}": "api_patch",
    "/api/schema": "api_schema",
}


def _return_large_arrays() -> None:
    """Have the C library give an array of a clip's size back once it is freed. By default glibc keeps some for each thread: 20 MB a session."""
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "mallopt", lambda *_: 0)(M_MMAP_THRESHOLD, KEPT_BYTES)


def _make_handler(name: str) -> Callable[[Request], Response]:
    def answered(request: Request) -> Response:
        """Imported when first asked: what is cached is Streamlit's, which has to run by then."""
        return import_module("tubelet.dashboard.routes").answer(name, sys.argv[1], request)

    return answered


def _base() -> str:
    """The path below which the server stands, as ``/base``; "" for none."""
    path = (config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def _routes() -> list[Route]:
    return [Route(f"{_base()}{path}", _make_handler(name)) for path, name in ROUTES.items()]


_return_large_arrays()
set_places(read_limits().places, read_limits().download_places)
# Streamlit finds the name of what it serves in this assignment
app: ASGIApp = st.App(HERE / "app.py", routes=_routes())
app = Document(app)
app = Permalinks(app, sys.argv[1], _base()) if len(sys.argv) > 1 else app
app = Guard(app, Access.of(config.get_option("server.address") or "", os.environ), _base())
