"""Embeddings on disk against half-precision .npy files of the same numbers, warm, on the same machine."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.benchmarks.measure import Row, by_turns, milliseconds
from tubelet.store.disk import embeddings, tables
from tubelet.store.disk.derived import clip_rows
from tubelet.store.disk.files import write_whole
from tubelet.store.schema import TABLES, Table
from tubelet.store.statistics import dimension_statistics, token_statistics

SHAPE = (22, 24, 24, 768)
CLIPS = 40


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        clips = [_write(Path(folder), number) for number in range(CLIPS)]
        yield from _size(Path(folder), clips[0][0])
        yield from _one_clip(*clips[0])
        yield from _corpus(clips)


def _grid(number: int) -> np.ndarray:
    """Correlated in space and time, heavy-tailed over dimensions, as embeddings are."""
    rng = np.random.default_rng(number)
    field = rng.standard_normal(SHAPE, np.float32)
    for axis in range(3):
        field = (field + np.roll(field, 1, axis)) * np.float32(0.71)
    return (field * rng.lognormal(0, 0.8, SHAPE[-1]).astype(np.float32)).astype(np.float16)


def _write(folder: Path, number: int) -> tuple[Path, Path]:
    ours, npy, grid = folder / f"{number:016x}.parquet", folder / f"{number}.npy", _grid(number)
    write_whole(ours, embeddings.serialize(ours.stem, grid), folder / "unfinished")
    np.save(npy, grid)
    return ours, npy


def _size(folder: Path, ours: Path) -> Iterator[Row]:
    """Bytes a token: the embedding file, and the rows of four clips in the compacted tables."""
    half, tokens = 2 * SHAPE[-1], int(np.prod(SHAPE[:3]))
    embedding = ours.stat().st_size / tokens
    made = [_derived(number) for number in range(4)]
    by_table = {
        name: _table_bytes(folder / name, TABLES[name], [rows[name] for rows in made]) / tokens / 4
        for name in made[0]
    }
    scalars, rows = by_table["token_stats"], sum(by_table.values())
    what = "bytes per token: embedding and its token statistics"
    yield Row(
        what,
        f"{embedding:.1f} + {scalars:.1f} B",
        f"half precision {half} B",
        (embedding + scalars) / half,
        "1.03",
    )
    what = "bytes per token: the same with slice and dimension statistics and the sample"
    yield Row(
        what,
        f"{embedding:.1f} + {rows:.1f} B",
        f"half precision {half} B",
        (embedding + rows) / half,
        "",
    )


def _derived(number: int) -> dict[str, pa.Table]:
    grid = _grid(number)
    full = grid.astype(np.float32)
    return clip_rows(f"{number:016x}", token_statistics(full), dimension_statistics(full), grid)


def _table_bytes(path: Path, table: Table, clips: list[pa.Table]) -> int:
    tables.create(path, table)
    for rows in clips:
        tables.append(path, table, rows)
    tables.compact(path, table, at_least=1)
    tables.vacuum(path)
    return sum(file.stat().st_size for file in path.glob("*.parquet"))


def _one_clip(ours: Path, npy: Path) -> Iterator[Row]:
    figure, baseline, ratio = by_turns(lambda: embeddings.read(ours), lambda: np.load(npy), 31)
    yield Row(
        "one clip (22 x 24 x 24 x 768) into NumPy",
        milliseconds(figure),
        f"np.load {milliseconds(baseline)}",
        ratio,
        "1.2",
    )
    figure, baseline, ratio = by_turns(
        lambda: embeddings.read(ours, 7, 8), lambda: np.array(np.load(npy, mmap_mode="r")[7]), 31
    )
    yield Row(
        "one slice into NumPy",
        milliseconds(figure),
        f"np.load, mapped {milliseconds(baseline)}",
        ratio,
        "under 0.5 ms",
    )


def _corpus(clips: list[tuple[Path, Path]]) -> Iterator[Row]:
    def moments(load, index):
        total, squares, count = np.zeros(SHAPE[-1]), np.zeros(SHAPE[-1]), 0
        for clip in clips:
            tokens = load(clip[index]).reshape(-1, SHAPE[-1]).astype(np.float32)
            total += tokens.sum(0)
            squares += np.einsum("nd,nd->d", tokens, tokens)
            count += len(tokens)
        return total / count, squares / count - (total / count) ** 2

    def nearest(load, index):
        query = load(clips[0][index])[3, 5, 7].astype(np.float32)
        scores = []
        for clip in clips:
            tokens = load(clip[index]).reshape(-1, SHAPE[-1]).astype(np.float32)
            scores.append(tokens @ query / np.linalg.norm(tokens, axis=1))
        return np.argsort(np.concatenate(scores))[-20:]

    for what, question in (
        (f"mean and variance of every dimension, {CLIPS} clips", moments),
        (f"cosine of one token, {CLIPS} clips", nearest),
    ):
        assert np.array_equal(question(embeddings.read, 0), question(np.load, 1))
        figure, baseline, ratio = by_turns(
            lambda: question(embeddings.read, 0), lambda: question(np.load, 1), 5
        )
        yield Row(
            what, milliseconds(figure), f"NumPy on .npy {milliseconds(baseline)}", ratio, "1.4"
        )
