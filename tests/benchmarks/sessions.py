"""Ten browser pages at once on one server, each on a video of its own, each clicking a patch; against one page on a fresh server."""

import io
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.measure import Row
from tests.benchmarks.resident import Watch
from tests.browsing import CHROMIUM, started, sync_api
from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.store import Store
from tubelet.store.placement import Sheet

SESSIONS = 10
PATIENCE = 300_000  # ms
SHAPE = {"slices": 22, "side": 24, "dim": 768}
BYTES = 22 * 24 * 24 * 768 * 2  # embeddings of one clip
READY = ".player:not([data-mode=loading])"


@dataclass(frozen=True)
class Measured:
    """Seconds until the last page was drawn, and from the first click until the last track was; bytes of the server's own memory."""

    opened_s: float
    tracked_s: float
    idle: int
    peak: int
    after: int


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = made(Path(folder))
        one, many = (_measured(store, count) for count in (1, SESSIONS))
        store.close()
    what = (
        f"{SESSIONS} pages at once, a video each, on one server with the browser on the same cores"
    )
    yield Row(
        f"{what}: until all are drawn",
        f"{many.opened_s:.1f} s",
        f"one {one.opened_s:.1f} s",
        many.opened_s / one.opened_s,
        str(SESSIONS),
    )
    yield Row("the same: a patch clicked in each, until all tracks are drawn", f"{many.tracked_s:.1f} s", f"one {one.tracked_s:.1f} s",
              many.tracked_s / one.tracked_s, str(SESSIONS))  # fmt: skip
    each = (many.peak - one.peak) / (SESSIONS - 1)
    yield Row(
        "the same: peak of the server's own memory",
        f"{many.peak / 1e6:.0f} MB",
        f"one {one.peak / 1e6:.0f} MB",
        many.peak / one.peak,
        "",
    )
    yield Row(
        "the same: a further page adds to the peak",
        f"{each / 1e6:.1f} MB",
        f"embeddings of a clip {BYTES / 1e6:.1f} MB",
        each / BYTES,
        "1",
    )
    stays = (many.after - one.after) / (SESSIONS - 1)
    yield Row(
        "the same: a further page adds to what stays",
        f"{stays / 1e6:.1f} MB",
        f"embeddings of a clip {BYTES / 1e6:.1f} MB",
        stays / BYTES,
        "1",
    )


def made(folder: Path) -> Store:
    """A store of ten videos of one window each, with pictures of its slices."""
    store = synthetic_store(folder / "store", videos=1, **SHAPE)
    for number in range(1, SESSIONS):  # one at a time: a commit holds what it commits
        add_videos(store, Recipe(videos=1, **SHAPE), number)
    for row in store.rows("SELECT clip_id FROM clips"):
        clip = store.clip(row["clip_id"])
        sink = io.BytesIO()
        Image.fromarray(
            np.random.default_rng(0).integers(0, 256, (*Sheet.of(clip).size, 3), np.uint8)
        ).save(sink, "JPEG")
        store.write_pictures(clip, sink.getvalue())
    return store


def _measured(store: Store, count: int) -> Measured:
    videos = [row["video_id"] for row in store.rows("SELECT video_id FROM videos ORDER BY name")][
        :count
    ]
    with started(store) as (address, process), sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with Watch(process.pid) as watch:
            begun = time.perf_counter()
            pages = [_opened(browser, f"{address}/video?video={video}") for video in videos]
            for page in pages:
                page.wait_for_selector(READY, timeout=PATIENCE)
                page.wait_for_selector(".latent.beside[data-clip]", timeout=PATIENCE)
            opened = time.perf_counter()
            for page in pages:
                page.locator(".grid").click(position={"x": 90, "y": 90})
            for page in pages:
                page.wait_for_selector(".player[data-over=heat]", timeout=PATIENCE)
            tracked = time.perf_counter()
            for page in pages:
                page.get_by_role("heading", name="Patch (").wait_for(timeout=PATIENCE)
        browser.close()
        return Measured(opened - begun, tracked - opened, watch.start, watch.peak, watch.now())


def _opened(browser: "sync_api.Browser", url: str) -> "sync_api.Page":
    page = browser.new_context().new_page()
    page.goto(url, wait_until="commit")
    return page
