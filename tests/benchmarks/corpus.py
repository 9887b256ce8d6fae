"""The Corpus page's questions on 10,000 videos against the same questions on 10."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.measure import Row, by_turns, milliseconds
from tests.stores import synthetic_store
from tubelet.latent.video_map import PCA
from tubelet.latent.workspace import Workspace
from tubelet.store import Store
from tubelet.store.questions import corpus

SIZES = (10, 10_000)
PAGE = 25  # videos


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        few, many = (
            synthetic_store(Path(folder) / str(size), videos=size, slices=4, side=4, dim=8)
            for size in SIZES
        )
        baseline, figure, ratio = by_turns(lambda: _open_page(few), lambda: _open_page(many), 15)
        views = [_compare(few, many, view) for view in (_open_pictures, _open_map)]
        few.close(), many.close()
    what = f"the Corpus page's queries, {SIZES[1]:,} videos"
    yield Row(
        what, milliseconds(figure), f"{SIZES[0]} videos {milliseconds(baseline)}", 1 / ratio, ""
    )
    for name, (small, large, times) in zip(
        ("pictures that scrub", "map of videos (PCA), fitted from scratch"), views
    ):
        yield Row(f"the same: its {name}", milliseconds(large), f"{SIZES[0]} videos {milliseconds(small)}", 1 / times, "")  # fmt: skip


def _compare(few: Store, many: Store, view: Callable[[Store], None]) -> tuple[float, float, float]:
    return by_turns(lambda: view(few), lambda: view(many), 3)


def _open_pictures(store: Store) -> None:
    """The page of videos and the clips whose slices are scrubbed."""
    encoder_id = _encoder(store)
    page = corpus.videos_page(corpus.VideoFilter(encoder_id=encoder_id), "name", PAGE, 0).answer(
        store
    )
    corpus.middle_clips(page["video_id"].to_pylist(), encoder_id).answer(store)


def _open_map(store: Store) -> None:
    Workspace(store).video_map(_encoder(store), PCA)


def _encoder(store: Store) -> str:
    return corpus.encoders().answer(store)["encoder_id"][0].as_py()


def _open_page(store: Store) -> None:
    """Everything that the page asks when it opens, nothing cached."""
    encoder_id = _encoder(store)
    videos = corpus.VideoFilter(encoder_id=encoder_id)
    corpus.corpus_summary().answer(store)
    corpus.labels().answer(store)
    corpus.videos_count(videos).answer(store)
    page = corpus.videos_page(videos, "name", PAGE, 0).answer(store)
    corpus.sparklines(page["video_id"].to_pylist(), encoder_id, "previous_cosine").answer(store)
