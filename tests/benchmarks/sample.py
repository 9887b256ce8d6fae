"""The map of the corpus's sample: 300,000 tokens of 768 dimensions placed, packed, sent and turned."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.measure import Row, milliseconds, seconds
from tests.benchmarks.resident import Watch
from tests.browsing import CHROMIUM, started, sync_api
from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.latent import channels, fitting, sample, scope
from tubelet.latent.basis import Basis
from tubelet.latent.channels import OfSample
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.sample import Sample
from tubelet.latent.scope import Scope
from tubelet.store import Store
from tubelet.store.disk import derived

CLIPS, SHAPE = 1_000, {"slices": 3, "side": 10, "dim": 768}
TOKENS = CLIPS * 300
PATIENCE = 300_000  # ms
TURNING = """async canvas => {
  const box = canvas.getBoundingClientRect()
  const point = (type, x) => canvas.dispatchEvent(new PointerEvent(type, { pointerId: 1, clientX: box.x + x, clientY: box.y + 200 }))
  canvas.setPointerCapture = () => {}
  const pixel = new Uint8Array(4)
  const times = []
  point('pointerdown', 200)
  for (let n = 0; n < 30; n++) {
    const begun = performance.now()
    point('pointermove', 200 + 5 * n)
    await new Promise(requestAnimationFrame)
    const gl = canvas.getContext('webgl2')
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel) // waits until it is drawn
    times.push(performance.now() - begun)
  }
  const hover = performance.now()
  point('pointerup', 350)
  for (let n = 0; n < 10; n++) point('pointermove', 300 + n)
  const pointing = (performance.now() - hover) / 10
  return [times[0], times.slice(-10).sort((a, b) => a - b)[5], pointing]
}"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = made(Path(folder))
        yield from _on_the_server(store)
        yield from _in_the_browser(store)
        store.close()


def made(folder: Path) -> Store:
    """A store whose clips are sampled whole, and whose embeddings were not kept."""
    derived.SAMPLES = 300
    store = synthetic_store(folder / "store", videos=1, embeddings=False, **SHAPE)
    for number in range(1, CLIPS, 100):
        add_videos(
            store, Recipe(videos=min(100, CLIPS - number), embeddings=False, **SHAPE), number
        )
    store.compact()
    return store


def _on_the_server(store: Store) -> Iterator[Row]:
    encoder_id = store.rows("FROM encoders")[0]["encoder_id"]
    basis = fitting.fit_basis(store, Scope("corpus", None, encoder_id), BasisSpec())
    drawn = sample.draw_sample(store, encoder_id)
    assert len(drawn) == TOKENS
    with Watch(os.getpid()) as watch:
        placing = seconds(lambda: sample.coordinates(store, drawn, basis))
    held = watch.peak - watch.start
    expected, plain = _plain(store, drawn, basis)
    assert np.allclose(sample.coordinates(store, drawn, basis), expected, atol=1e-2)
    yield Row(
        f"placing {TOKENS:,} sampled tokens in a basis, once",
        milliseconds(placing),
        f"all of them in memory, by NumPy {milliseconds(plain)}",
        placing / plain,
        "",
    )
    size = TOKENS * SHAPE["dim"] * 4
    yield Row(
        "the same: memory it takes",
        f"{held / 1e6:.0f} MB",
        f"the tokens as float32 {size / 1e6:.0f} MB",
        held / size,
        "0.25",
    )
    names = tuple(channels.choose_defaults(basis).values())
    tokens = OfSample(store, drawn)
    channels.points(tokens, basis, names)
    packing = seconds(lambda: channels.points(tokens, basis, names))
    sent = len(channels.points(tokens, basis, names))
    yield Row(
        "packing its points for the browser",
        milliseconds(packing),
        f"{sent / 1e6:.1f} MB",
        sent / TOKENS,
        "16 bytes per point",
    )


def _plain(store: Store, drawn: Sample, basis: Basis) -> tuple[np.ndarray, float]:
    """The same by reading everything and one product, and its seconds."""
    begun = time.perf_counter()
    table = store.query(
        f"{sample.embeddings(drawn).sql} ORDER BY s.clip_id, s.slice, s.y, s.x", dict(drawn.values)
    )
    found = (scope.vectors(table["embedding"]) - basis.model.mean) @ basis.model.components.T
    return found, time.perf_counter() - begun


def _measure_page(store: Store) -> tuple[float, float, list[float]]:
    """Seconds to open the Video page with its map and without, then milliseconds to draw, turn and point at the map."""
    with started(store) as (address, _), sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{address}/video?map=true&map-of=the+corpus")
        drawn, player = (
            page.locator(f".cloud[data-drawn='{TOKENS}']"),
            page.locator(".player:not([data-mode=loading])"),
        )
        drawn.wait_for(timeout=PATIENCE)
        opened = seconds(
            lambda: (page.reload(wait_until="commit"), drawn.wait_for(timeout=PATIENCE))
        )
        plain = seconds(
            lambda: (
                page.goto(f"{address}/video", wait_until="commit"),
                player.wait_for(timeout=PATIENCE),
            )
        )
        page.go_back()
        drawn.wait_for(timeout=PATIENCE)
        canvas = page.locator(".cloud canvas")
        canvas.scroll_into_view_if_needed()
        times = canvas.evaluate(TURNING)
        browser.close()
    return opened, plain, times


def _in_the_browser(store: Store) -> Iterator[Row]:
    opened, plain, (drawing, turning, pointing) = _measure_page(store)
    yield Row(
        "opening the Video page with it, placed before",
        milliseconds(opened),
        f"without a map {milliseconds(plain)}",
        opened / plain,
        "",
    )
    turned = f"drawing all of it {drawing:.0f} ms"
    yield Row(
        "a frame while it is turned, headless Chromium without a GPU",
        f"{turning:.0f} ms",
        turned,
        turning / drawing,
        "100 ms",
    )
    yield Row(
        "finding the point under the pointer",
        f"{pointing:.1f} ms",
        "a frame at 60 Hz 16.7 ms",
        pointing / 16.7,
        "1",
    )
