"""What a browser fetches by itself: source videos, colors and points by their ids, and nothing that the tables do not name."""

import json
import os
import urllib.parse
from pathlib import Path

import pytest

from tests.browsing import fetched
from tests.numbered import PATCHES
from tests.player import clips, video
from tubelet.latent import channels, colorings, sample
from tubelet.latent.channels import OfSample
from tubelet.latent.colorings import Coloring
from tubelet.store import Store


@pytest.fixture(scope="module")
def store(numbered_store: Store) -> Store:
    return numbered_store


@pytest.fixture(scope="module")
def server(numbered_server: str) -> str:
    return numbered_server


def test_source_files_are_served_in_ranges_and_only_as_they_were_ingested(
    server: str, store: Store
) -> None:
    path = Path(store.rows("SELECT path FROM videos WHERE name = 'plays.mp4'")[0]["path"])
    address = f"source/{video(store, 'plays.mp4')}"
    status, body, headers = fetched(server, address)
    assert (status, body, headers["content-type"]) == (200, path.read_bytes(), "video/mp4")
    assert headers["cross-origin-resource-policy"] == "same-origin"
    status, body, _ = fetched(server, address, Range="bytes=100-199")
    assert (status, body) == (206, path.read_bytes()[100:200])
    stamp, body = path.stat(), path.read_bytes()
    path.touch()
    assert fetched(server, address)[0] == 200, "the bytes are those that were ingested"
    try:
        path.write_bytes(body[::-1])
        assert fetched(server, address)[:2] == (
            404,
            b"the source file has changed since it was ingested",
        )
    finally:
        path.write_bytes(body)
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert fetched(server, address)[0] == 200


@pytest.mark.parametrize("path", ["source/gone", "pictures/gone", "colors/corpus/gone/gone"])
def test_what_the_tables_do_not_name_does_not_exist(server: str, path: str) -> None:
    status, body, _ = fetched(server, path)
    assert status == 404 and b"the store holds no such" in body


@pytest.mark.parametrize(
    "path", ["source/..", "source/%2e%2e%2f%2e%2e", "pictures/..%2Fetc%2Fpasswd"]
)
def test_paths_lead_nowhere(server: str, path: str) -> None:
    assert fetched(server, path)[0] in (400, 404)


def test_colors_are_fetched_by_coloring_basis_and_clip(server: str, store: Store) -> None:
    clip = clips(store, "plays.mp4")[1]
    basis = colorings.fit_basis(store, clip["encoder_id"], Coloring("corpus"))
    status, body, _ = fetched(server, f"colors/corpus/{basis.basis_id}/{clip['clip_id']}")
    assert (status, body) == (200, colorings.color_clip(store, clip["clip_id"], basis).tobytes())
    assert len(body) == clip["slices"] * PATCHES * PATCHES * 3
    status, body, _ = fetched(server, f"colors/corpus/0123/{clip['clip_id']}")
    assert status == 404 and b"reload the page" in body


def test_points_of_the_sample_and_where_they_come_from_are_fetched_by_its_id(
    server: str, store: Store
) -> None:
    encoder = clips(store, "plays.mp4")[0]["encoder_id"]
    basis, drawn = (
        colorings.fit_basis(store, encoder, Coloring("corpus")),
        sample.draw_sample(store, encoder),
    )
    names = tuple(channels.choose_defaults(basis).values())
    shown = urllib.parse.urlencode({"show": channels.SEPARATOR.join(names)})
    points = f"sample/corpus/{basis.basis_id}/{encoder}/{drawn.sample_id}"
    status, body, headers = fetched(server, f"{points}?{shown}", **{"Accept-Encoding": "gzip"})
    assert (status, body) == (200, channels.points(OfSample(store, drawn), basis, names)) and len(
        body
    ) == 16 * len(drawn)
    assert headers["content-encoding"] == "identity"
    clip_id, patch = drawn.address(70)
    status, body, _ = fetched(server, f"sampled/{encoder}/{drawn.sample_id}/70")
    told = json.loads(body)
    (row,) = store.rows(
        "SELECT name, c.* FROM clips c JOIN videos USING (video_id) WHERE clip_id = ?", [clip_id]
    )
    seconds = row["start_s"] + patch[0] * (row["stop_s"] - row["start_s"]) / row["slices"]
    assert (status, told["id"], tuple(told["patch"]), told["where"]) == (
        200,
        clip_id,
        patch,
        f"{row['name']}, {seconds:.2f} s: ",
    )
    other_sample, other_basis = (
        f"sample/corpus/{basis.basis_id}/{encoder}/0123",
        f"sample/corpus/0123/{encoder}/{drawn.sample_id}",
    )
    for path in (f"{other_sample}?{shown}", f"{other_basis}?{shown}", f"sampled/{encoder}/0123/70"):
        assert fetched(server, path)[0] == 404 and b"reload the page" in fetched(server, path)[1]
    assert (
        b"the sample has tokens 0 to"
        in fetched(server, f"sampled/{encoder}/{drawn.sample_id}/{len(drawn)}")[1]
    )
    assert b"a map shows 7 of" in fetched(server, f"{points}?show=slice")[1]


@pytest.mark.parametrize(
    "coloring",
    [
        "dimensions-0.1",
        "dimensions-0.1.99",
        "x",
        "dimensions-0.1.x",
        "basis-0123",
        "video-0123",
        "corpus~loud",
    ],
)
def test_a_coloring_that_cannot_be_is_a_sentence(server: str, store: Store, coloring: str) -> None:
    status, body, _ = fetched(
        server, f"colors/{coloring}/0123/{clips(store, 'plays.mp4')[0]['clip_id']}"
    )
    assert status == 404 and len(body) > 20 and b"Traceback" not in body
