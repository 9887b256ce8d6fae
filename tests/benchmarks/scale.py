"""What must not grow with the corpus: a commit at 1,000 and at 1,000,000 clips, and an ingest of 100,000 files that has nothing to do."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from tests.benchmarks.measure import Row, milliseconds, seconds
from tests.plain_rows import clip_row, video_row
from tubelet.ingest.job import Job
from tubelet.store import Store, ids
from tubelet.store.rows import PlaceRow
from tubelet.store.schema import TABLES

CLIPS, FILES, TURNS, AT_ONCE = (1_000, 1_000_000), 100_000, 15, 100_000


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        few, many = (_commit_seconds(Path(folder) / str(size), size) for size in CLIPS)
        what = f"a commit of one clip at {CLIPS[1]:,} clips"
        baseline = f"at {CLIPS[0]:,} clips {milliseconds(few)}"
        yield Row(what, milliseconds(many), baseline, many / few, "1.3")
        took = _rerun_seconds(Path(folder))
    yield Row(
        f"an ingest of {FILES:,} files that has nothing to do",
        milliseconds(took),
        "allowed 60 s",
        took / 60,
        "1",
    )


def _commit_seconds(root: Path, size: int) -> float:
    """Median seconds of a commit of one clip into a store that holds as many."""
    store = Store.create(root)
    for start in range(0, size, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, size))
        store.commit({"clips": make_clips(numbers), "token_stats": _token_stats(numbers)})
    store.compact()
    times = sorted(
        seconds(lambda: store.commit({"clips": make_clips([n]), "token_stats": _token_stats([n])}))
        for n in range(size, size + TURNS)
    )
    store.close()
    return times[TURNS // 2]


def make_clips(numbers: range | list[int]) -> pa.Table:
    row = clip_row().columns
    one = pa.Table.from_pylist([row], TABLES["clips"].arrow)
    many = one.take(pa.array([0] * len(numbers)))
    names = pa.array([ids.hash_parts("clip", number) for number in numbers])
    return many.set_column(many.schema.get_field_index("clip_id"), "clip_id", names)


def _token_stats(numbers: range | list[int]) -> pa.Table:
    """One row per clip: a commit reads the keys of `clips`, not these."""
    names = [ids.hash_parts("clip", number) for number in numbers]
    schema = TABLES["token_stats"].arrow
    values = {"clip_id": names, "slice": [0] * len(names), "y": [0] * len(names)}
    values["x"] = values["y"]
    return pa.table(
        {f.name: pa.array(values.get(f.name, [0.5] * len(names)), f.type) for f in schema},
        schema=schema,
    )


def _rerun_seconds(folder: Path) -> float:
    """Seconds of an ingest over files whose videos are all stored: too short for a clip, so that none needs one."""
    files, root = folder / "files", folder / "store"
    arguments = {"paths": [str(files)], "encoder": "toy", "size": "64", "frames": 4, "quiet": True}
    store = Store.create(root)
    videos, places = [], []
    for number in range(FILES):
        path = files / f"{number % 100:02}" / f"{number:06}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        place = {"path": str(path), "name": path.name, "label": path.parent.name, "bytes": 1}
        place |= {"modified_ns": path.stat().st_mtime_ns}
        row = video_row(video_id=ids.hash_parts(number), frames=2, **place)
        videos.append(row.columns)
        place |= {"video_id": row.video_id, "added_at": row.added_at}
        places.append(PlaceRow(place_id=ids.hash_parts(row.video_id, str(path)), **place).columns)
    tables = {"videos": videos, "places": places}
    store.commit(
        {name: pa.Table.from_pylist(made, TABLES[name].arrow) for name, made in tables.items()}
    )
    store.close()

    def ingest() -> None:
        job = Job.of(**arguments)
        summary = job.run(str(root)).execute(job.sources)
        assert summary.videos == FILES and not summary.videos_decoded

    ingest()  # which stores that each of them is too short
    return seconds(ingest)
