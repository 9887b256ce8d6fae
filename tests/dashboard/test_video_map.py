"""The map of tokens in a real browser: every token is drawn, a drag turns it, the pointer names a point and a click leads there."""

import itertools
import re

import numpy as np
import pytest

from tests.browsing import BROWSER, SLOW, Visit, expect, sync_api
from tests.numbered import PATCHES
from tests.player import clips, open_player
from tubelet.latent import channels, colorings, sample
from tubelet.latent.channels import OfSample
from tubelet.latent.colorings import Coloring
from tubelet.store import Store

pytestmark = [*BROWSER, pytest.mark.long]


@pytest.fixture(scope="module")
def store(numbered_store: Store) -> Store:
    return numbered_store


@pytest.fixture(scope="module")
def server(numbered_server: str) -> str:
    return numbered_server


def test_the_map_shows_every_token_and_leads_to_its_patch(visit: Visit, store: Store) -> None:
    """Slice, row and column as axes: the corner of the cube is the red patch of the first slice, and a click on it is known beforehand."""
    clip = clips(store, "plays.mp4")[0]
    axes = "&map-x=patch+column&map-y=patch+row&map-z=slice&map-red=all+alike&map-green=slice&map-blue=all+alike"
    open_player(visit, store, "plays.mp4", f"&map=true{axes}&patches={clip['clip_id']}-0.5.5")
    cloud = visit.page.locator(".cloud")
    expect(cloud).to_have_attribute("data-drawn", str(8 * PATCHES * PATCHES), timeout=SLOW)
    canvas = cloud.locator("canvas")
    canvas.scroll_into_view_if_needed()
    lit = canvas.evaluate("""canvas => {
      const copy = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height })
      copy.getContext('2d').drawImage(canvas, 0, 0)
      const { data } = copy.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      let bright = 0, rings = 0
      for (let i = 0; i < data.length; i += 4) {
        bright += data[i] > 120 && data[i + 2] > 120
        rings += Math.min(data[i], data[i + 1], data[i + 2]) > 240
      }
      return [bright, rings]
    }""")
    assert lit[0] > 1000 and lit[1] > 20, "points are drawn, and a ring around the marked one"
    turned_by_dragging_and_nothing_taken(visit, canvas)
    box = canvas.bounding_box()
    for fx, fy in ((0.5, 0.5), (0.45, 0.4), (0.55, 0.55), (0.6, 0.45)):
        visit.page.mouse.move(box["x"] + fx * box["width"], box["y"] + fy * box["height"])
        if hovered := cloud.get_attribute("data-hover"):
            break
    assert hovered and hovered.count(".") == 2
    slice_, y, x = hovered.split(".")
    expect(cloud.get_by_role("tooltip")).to_contain_text(
        f"slice {slice_}, patch ({y}, {x})", timeout=SLOW
    )
    visit.page.mouse.down()
    visit.page.mouse.up()
    visit.expect_in_url(rf"patches={clip['clip_id']}-{slice_}\.{y}\.{x}(&|$)")
    expect(visit.page.locator(f'.player[data-slice="{slice_}"]')).to_be_visible(timeout=SLOW)
    expect(
        visit.page.get_by_role("heading", name=f"Patch ({y}, {x}) of slice {slice_}")
    ).to_be_visible(timeout=SLOW)


def test_the_map_of_the_corpus_leads_to_the_video_of_a_point(visit: Visit, store: Store) -> None:
    """Videos apart along one axis: a point of another video says so, and a click on it leads there."""
    axes = "&map-x=patch+column&map-y=patch+row&map-z=video&map-red=video&map-green=all+alike&map-blue=slice"
    open_player(visit, store, "plays.mp4", f"&map=true&map-of=the+corpus&alike=true{axes}")
    visit.expect_text("Top 3 videos by their most similar window")
    cloud = visit.page.locator(".cloud")
    (sampled,) = store.rows(
        "SELECT count(*) AS n FROM token_samples JOIN clips USING (clip_id) WHERE role = 'grid'"
    )
    expect(cloud).to_have_attribute("data-drawn", str(sampled["n"]), timeout=SLOW)
    names = {
        row["name"]: row["video_id"] for row in store.rows("FROM videos WHERE name <> 'plays.mp4'")
    }
    tip = cloud.get_by_role("tooltip").filter(has_text=re.compile("|".join(map(re.escape, names))))
    said, at = pointed_at(visit, cloud, tip)
    found = re.match(r"(.+), ([\d.]+) s: slice (\d+), patch \((\d+), (\d+)\)", said)
    name, slice_, y, x = found[1], *map(int, found.groups()[2:])
    (clip,) = [
        c
        for c in clips(store, name) + clips(store, name, "partner")
        if f"{c['start_s'] + slice_ * 0.08:.2f}" == found[2]
    ]
    assert np.abs(drawn_at(cloud, store, clip, (slice_, y, x)) - at).max() < 10, (
        "the point that was pointed at, in pixels"
    )
    visit.page.mouse.down()
    visit.page.mouse.up()
    visit.expect_in_url(rf"video={names[name]}.*patches=\w+-{slice_}\.{y}\.{x}(&|$)")
    expect(
        visit.page.get_by_role("heading", name=f"Patch ({y}, {x}) of slice {slice_}")
    ).to_be_visible(timeout=SLOW)
    visit.expect_text(f"{name},")
    expect(cloud).to_have_attribute("data-drawn", str(sampled["n"]), timeout=SLOW)


def pointed_at(visit: Visit, cloud, tip) -> tuple[str, np.ndarray]:
    """Move over the map until the tooltip is a certain one; what it says, and where that is on the canvas."""
    canvas = cloud.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for across, down in itertools.product(np.arange(0.35, 0.65, 0.03), np.arange(0.25, 0.75, 0.05)):
        at = np.array([across * box["width"], down * box["height"]])
        visit.page.mouse.move(*np.add(at, [box["x"], box["y"]]))
        visit.page.wait_for_load_state("networkidle")
        try:
            tip.wait_for(timeout=300)
            return tip.inner_text(), at
        except sync_api.TimeoutError:
            continue
    raise AssertionError("no point of another video was found")


def drawn_at(cloud, store: Store, clip: dict, patch: tuple[int, int, int]) -> np.ndarray:
    """Where on the canvas a sampled token is, from its column, row and video as axes and the camera at rest."""
    drawn, basis = (
        sample.draw_sample(store, clip["encoder_id"]),
        colorings.fit_basis(store, clip["encoder_id"], Coloring("dimensions", "0.1.2")),
    )
    points = channels.points(
        OfSample(store, drawn), basis, ("patch column", "patch row", "video", *["slice"] * 4)
    )
    place = np.frombuffer(points, [("place", "<f4", 3), ("color", "u1", 4)])["place"][
        drawn.numbers(clip["clip_id"], [patch])[0]
    ]
    (sin_a, sin_b), (cos_a, cos_b) = np.sin([0.5, 0.35]), np.cos([0.5, 0.35])
    turned = (
        np.array(
            [
                [cos_a, 0, sin_a],
                [sin_a * sin_b, cos_b, -cos_a * sin_b],
                [-sin_a * cos_b, sin_b, cos_a * cos_b],
            ]
        )
        @ place
    )
    box = cloud.locator("canvas").bounding_box()
    seen = 1.6 * turned[:2] / (2.6 - turned[2]) * box["height"] / 2
    return np.array([box["width"] / 2 + seen[0], box["height"] / 2 - seen[1]])


def turned_by_dragging_and_nothing_taken(visit: Visit, canvas) -> None:
    marked, before, box = (
        re.search(r"patches=[^&]+", visit.page.url)[0],
        canvas.screenshot(),
        canvas.bounding_box(),
    )
    visit.page.mouse.move(box["x"] + 300, box["y"] + 200)
    visit.page.mouse.down()
    visit.page.mouse.move(box["x"] + 450, box["y"] + 260, steps=5)
    visit.page.mouse.up()
    assert canvas.screenshot() != before
    visit.settle()
    assert marked in visit.page.url
