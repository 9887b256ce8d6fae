"""Labels: 200,000 of them imported over 10,000 videos, beside reading the file alone; and a page of Corpus filtered by one, beside none."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.csv

from tests.benchmarks.measure import Row, by_turns, milliseconds, seconds
from tests.planted import planted_store
from tubelet.store import Store
from tubelet.store.annotations.importing import ImportOptions, TableFile, import_sources
from tubelet.store.questions import annotations, corpus
from tubelet.store.questions.corpus import VideoFilter

VIDEOS, LABELS, PAGE = 10_000, 20, 25


def rows() -> Iterator[Row]:
    yield from measure(VIDEOS)


def measure(videos: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store, file = (
            planted_store(Path(folder) / "store", videos=videos, dim=8, specialists=(3,)),
            Path(folder) / "labels.csv",
        )
        write_labels(store, file)
        alone = seconds(lambda: pyarrow.csv.read_csv(file))
        started = time.perf_counter()
        import_sources(store, [TableFile(file)], ImportOptions())
        took = time.perf_counter() - started
        yield Row(f"{videos * LABELS:,} labels of {videos:,} videos imported", f"{took:.2f} s", f"PyArrow reads the file {milliseconds(alone)}", took / alone, "under 10 s")  # fmt: skip
        encoder = corpus.encoders().answer(store)["encoder_id"][0].as_py()
        plain, labeled = (
            VideoFilter(encoder_id=encoder),
            VideoFilter(encoder_id=encoder, label="v3", label_name="label 7"),
        )
        assert len(corpus.videos_page(labeled, "name", PAGE, 0).answer(store)) == PAGE
        figure, baseline, ratio = by_turns(
            lambda: _open(store, labeled), lambda: _open(store, plain)
        )
        store.close()
        yield Row("a page of Corpus filtered by a label, with a column per label", milliseconds(figure), f"without filter {milliseconds(baseline)}", ratio, "1.5")  # fmt: skip


def write_labels(store: Store, file: Path) -> None:
    names = [row["name"] for row in store.rows("SELECT name FROM videos ORDER BY name")]
    head = ",".join(["video", *(f"label {n}" for n in range(LABELS))])
    lines = [",".join([name, *(f"v{(at + n) % 10}" for n in range(LABELS))]) for at, name in enumerate(names)]  # fmt: skip
    file.write_text("\n".join([head, *lines]) + "\n")


def _open(store: Store, asked: VideoFilter) -> None:
    """What the page asks for its table, nothing cached."""
    corpus.videos_count(asked).answer(store)
    page = corpus.videos_page(asked, "name", PAGE, 0).answer(store)["video_id"].to_pylist()
    annotations.labels_of_videos(page, [f"label {n}" for n in range(LABELS)]).answer(store)
