"""Every route of the server is asked: one by one of a real server, with an answer of its own kind, and refused for what the store does not hold."""

import json
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.browsing import fetched
from tests.player import clips
from tubelet.dashboard import routes
from tubelet.dashboard.access import API, METRICS
from tubelet.dashboard.components import modules
from tubelet.dashboard.server import ROUTES
from tubelet.latent import channels, colorings, sample
from tubelet.latent.colorings import Coloring
from tubelet.latent.video_vectors import read_vectors
from tubelet.store import Store

BYTES = "application/octet-stream"


@dataclass(frozen=True)
class Ask:
    """What fills the holes of a route's path, its query, and what its answer is: its type, and how it begins or how long it is."""

    given: dict[str, str]
    type: str
    begins: bytes = b""
    length: int | None = None
    query: str = ""

    def address(self, path: str, /, **other: str) -> str:
        filled = re.sub(
            r"{(\w+)(?::path)?}", lambda hole: (self.given | other)[hole[1]], path.lstrip("/")
        )
        return f"{filled}?{self.query}" if self.query else filled


@pytest.fixture(scope="module")
def store(numbered_store: Store) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        for name in (API, METRICS):
            patch.setenv(name, "1")
        yield numbered_store


WHOLE_STORE = {
    "answer": Ask({"key": "0" * 32, "name": "rows.csv"}, "text/csv"),
    "held": Ask({}, "application/json", b'{"videos":'),
    "metrics": Ask({}, "text/plain", b"# HELP tubelet_videos "),
    "api_query": Ask({}, "application/json", b'{"columns"', query="sql=SELECT+42+AS+a"),
    "api_estimate": Ask({}, "application/json", b'{"estimate"', query="sql=FROM+clips"),
    "api_schema": Ask({}, "application/json", b'{"tables"'),
}


@pytest.fixture(scope="module")
def asks(store: Store) -> dict[str, Ask]:
    """An ask per route: a new route needs a row here."""
    clip = clips(store, "plays.mp4")[0]
    tokens = clip["slices"] * clip["grid_height"] * clip["grid_width"]
    basis, drawn = (
        colorings.fit_basis(store, clip["encoder_id"], Coloring("corpus")),
        sample.draw_sample(store, clip["encoder_id"]),
    )
    colored = {"coloring": "corpus", "basis": basis.basis_id, "clip": clip["clip_id"]}
    encoder = {"encoder": clip["encoder_id"], "sample": drawn.sample_id, "number": "0"}
    sampled = {"coloring": "corpus", "basis": basis.basis_id, **encoder}
    predicted = {"context": "2", "horizon": "1", "clip": clip["clip_id"]}
    tracked = {"marked": f"{clip['clip_id']}-0.1.1", "clip": clip["clip_id"], "kind": "csv"}
    marked = {"marked": f"{clip['clip_id']}-0.1.1~0.3.3", "file": "slice-0.png"}
    show = urllib.parse.urlencode(
        {"show": channels.SEPARATOR.join(channels.choose_defaults(basis).values())}
    )
    kind, near = {"kind": "csv"}, f"{show}&near={clip['clip_id']}-0.1.1"
    return {
        "source": Ask({"video": clip["video_id"]}, "video/mp4"),
        "pictures": Ask({"clip": clip["clip_id"]}, "image/jpeg", b"\xff\xd8"),
        "patch": Ask({"clip": clip["clip_id"], "patch": "1.0.0"}, "image/png", b"\x89PNG"),
        "colors": Ask(colored, BYTES, length=tokens * 3),
        "colors_file": Ask(colored, BYTES, b"\x93NUMPY"),
        "surprise": Ask(predicted, BYTES, length=tokens * 3),
        "points": Ask(colored, BYTES, length=tokens * 16, query=show),
        "sample": Ask(sampled, BYTES, length=len(drawn) * 16, query=show),
        "points_table": Ask(colored | kind, BYTES, b'"cosine","video"', query=near),
        "sample_table": Ask(sampled | kind, BYTES, b'"cosine","video"', query=near),
        "sampled": Ask(sampled, "application/json", b"{"),
        "track": Ask(tracked, BYTES, length=clip["slices"] * 16 + tokens),
        "track_file": Ask(tracked, BYTES, b'"video"'),
        "whole_track": Ask(tracked, BYTES, b'"video"'),
        "whole_mask": Ask(marked | {"form": "zip"}, "application/zip", b"PK"),
        "mask": Ask(marked, BYTES, length=tokens * 4),
        "mask_file": Ask(marked, BYTES, b"\x89PNG"),
        "mp4": Ask({"clip": clip["clip_id"]}, "video/mp4"),
        **WHOLE_STORE,
        "api_patch": Ask({"clip": clip["clip_id"], "patch": "1.0.0"}, "image/png", b"\x89PNG"),
        **_ask_map_and_module(store, clip["encoder_id"]),
    }


def _ask_map_and_module(store: Store, encoder_id: str) -> dict[str, Ask]:
    """Asks of the routes behind the map of videos, and of a browser module."""
    vectors = read_vectors(store, encoder_id).vectors_id
    point = {"encoder": encoder_id, "vectors": vectors, "number": "0"}
    return {
        "video_point": Ask(point, "application/json", b"{"),
        "video_points": Ask({"key": "0" * 16}, BYTES),
        "module": Ask(
            {"version": modules.VERSION, "path": "player/player.js"}, "text/javascript", b"//"
        ),
    }


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_answers_with_its_own_kind(
    path: str, server: str, asks: dict[str, Ask]
) -> None:
    name = ROUTES[path]
    if name in ("answer", "video_points"):
        pytest.skip(
            "its keys are made by a page that has run: tests/dashboard/test_answers.py, test_corpus_map.py"
        )
    assert name in asks, f"say in this test how the route {name} is asked"
    ask = asks[name]
    status, body, headers = fetched(server, ask.address(path))
    assert (status, headers["content-type"].split(";")[0]) == (200, ask.type), body[:200]
    assert body.startswith(ask.begins) and len(body) > 20 and ask.length in (None, len(body))
    assert (
        headers["x-content-type-options"] == "nosniff"
        and headers["cross-origin-resource-policy"] == "same-origin"
    )


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_refuses_what_the_store_does_not_hold(
    path: str, server: str, asks: dict[str, Ask]
) -> None:
    for hole in asks[ROUTES[path]].given.keys() & set(re.findall(r"{(\w+)", path)):
        status, body, _ = fetched(
            server, asks[ROUTES[path]].address(path, **{hole: "0123456789abcdef"})
        )
        assert status == 404 and len(body) > 20 and b"Traceback" not in body, (hole, body)


def test_a_picture_is_where_the_sql_function_says(server: str) -> None:
    sql = "SELECT patch_picture(clip_id, 1, 0, 0) AS shown, clip_id FROM clips LIMIT 1"
    _, body, _ = fetched(server, f"api/query?{urllib.parse.urlencode({'sql': sql})}")
    (row,) = json.loads(body)["rows"]
    pictures = [fetched(server, at) for at in (row["shown"], f"api/patch/{row['clip_id']}/1.0.0")]
    assert pictures[0][:2] == pictures[1][:2] and pictures[0][1].startswith(b"\x89PNG")


def test_routes_and_answers_belong_together() -> None:
    assert set(ROUTES.values()) == set(routes.ANSWERS), (
        "each answer has a route and each route an answer"
    )
    assert json.dumps(ROUTES)
