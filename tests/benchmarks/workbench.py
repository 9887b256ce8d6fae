"""The SQL workbench: what the sandbox costs on top of a bare cursor, large tables beside Polars, first pages, galleries and whole answers.

`TUBELET_BENCH_MILLIONS=1 make bench ARGS=workbench` takes a tenth of the rows. Polars is no dependency: `pip install polars` adds its row.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.measure import Row, by_turns, milliseconds, seconds
from tests.benchmarks.one_clip import make_token_store
from tests.commands import ROOT, environment
from tests.stores import synthetic_store
from tubelet.dashboard.sql import gallery, results, thumbnails
from tubelet.store import Store
from tubelet.store.questions import views
from tubelet.store.sandbox.untrusted import Limits, ask

TURNS, PAUSE_S = 25, 0.5  # of small answers; between them
MILLIONS = int(os.environ.get("TUBELET_BENCH_MILLIONS", "10"))
SMALL = "SELECT name, frames, fps FROM videos ORDER BY name LIMIT 20"
STATISTICS = "SELECT slice, avg(norm) AS mean, stddev_samp(norm) AS spread, max(std) AS most FROM token_stats GROUP BY slice ORDER BY slice"
PATCHES = "SELECT clip_id, slice, y, x, norm FROM token_stats ORDER BY norm DESC LIMIT 100"
EXPORT = "SELECT clip_id, slice, y, x, norm FROM token_stats"
EXPORTING = """
import json, os, sys
from pathlib import Path
from tests.benchmarks.resident import Watch
from tubelet.store import Store
from tubelet.store.sandbox.untrusted import Limits
from tubelet.store.sandbox.whole_answers import write_answer

def children():
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [int(pid) for file in listed for pid in file.read_text().split()]

store, output, format_, sql = Store(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
limits = Limits(rows=None, seconds=3000)
write_answer(store, f"FROM ({sql}) LIMIT 1000", output, format_, limits)  # starts the process that answers
watches = [Watch(pid) for pid in (os.getpid(), *children())]
for watch in watches:
    watch.__enter__()
rows = write_answer(store, sql, output, format_, limits)
for watch in watches:
    watch.__exit__()
print(json.dumps([rows, len(watches), sum(watch.peak - watch.start for watch in watches)]))
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        small = synthetic_store(Path(folder) / "small", videos=100)
        yield _overhead(small)
        yield _gallery(small)
        small.close()
        large = make_token_store(Path(folder) / "large", MILLIONS)
        large.compact(whole=True)
        yield from _statistics(large)
        yield _first_page(large)
        for format_ in ("parquet", "csv"):
            yield _export(large, Path(folder), format_)
        large.close()


def _overhead(store: Store) -> Row:
    """A small answer through the sandbox, made fit to be shown, against a cursor of the same views that is held open: processor time, of both processes."""
    asked, bare, passed = [], [], []
    with views.connect(store.layout, store.snapshot(), "") as duck:
        for _ in range(TURNS + 1):
            time.sleep(PAUSE_S)  # in which the process prepares for the next query
            before = _count_work()
            passed.append(seconds(lambda: results.make_displayable(ask(store, SMALL).table)))
            asked.append(_count_work() - before)
            before = time.process_time()
            duck.sql(SMALL).to_arrow_table()
            bare.append(time.process_time() - before)
    took, cursor, wall = (statistics.mean(times[1:]) for times in (asked, bare, passed))
    what = f"20 rows of `videos` for the SQL page, of 100 videos: CPU time ({milliseconds(wall)} passed)"
    baseline = f"a bare DuckDB cursor {milliseconds(cursor)}"
    return Row(what, milliseconds(took), baseline, (took - cursor) / 0.03, "1: 30 ms more")


def _count_work() -> float:
    """Processor seconds of this process and of those that answer queries for it."""
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    children = [pid for file in listed for pid in file.read_text().split()]
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in children]
    ticks = sum(int(stat[11]) + int(stat[12]) for stat in stats)  # of user and system
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _gallery(store: Store) -> Row:
    """100 patches as the page's HTML; the pictures come by one request per clip, which the browser keeps."""
    rows_ = ask(store, PATCHES).table

    def draw() -> None:
        page = results.make_displayable(rows_)
        known = thumbnails.find_clips(store, page["clip_id"].to_pylist())
        cells = [gallery.draw_row(store, row, known, ["norm"]) for row in page.to_pylist()]
        assert len(list(filter(None, cells))) == 100

    return _limit("a gallery of 100 patches", draw, 1.0)


def _statistics(store: Store) -> Iterator[Row]:
    try:
        import polars as pl
    except ModuleNotFoundError:
        return
    with views.connect(store.layout, store.snapshot(), "") as duck:
        files = duck.sql("SELECT DISTINCT filename FROM read_parquet($1, filename = true)", params=[f"{store.root}/token_stats/**/*.parquet"]).fetchall()  # fmt: skip
    scan = pl.scan_parquet([name for (name,) in files])
    question = (
        scan.group_by("slice")
        .agg(
            pl.col("norm").mean().alias("mean"),
            pl.col("norm").std().alias("spread"),
            pl.col("std").max().alias("most"),
        )
        .sort("slice")
    )
    right, found = question.collect(), ask(store, STATISTICS, Limits(seconds=300)).table
    assert right["slice"].to_list() == found["slice"].to_pylist()
    took, baseline, ratio = by_turns(
        lambda: ask(store, STATISTICS, Limits(seconds=300)), question.collect, 9
    )
    what = f"mean, spread and maximum by slice of {MILLIONS} million tokens"
    yield Row(what, milliseconds(took), f"Polars {milliseconds(baseline)}", ratio, "1.5")


def _first_page(store: Store) -> Row:
    """The 10,000 rows that a page shows of an answer of a million rows or more."""
    what = f"first page of {MILLIONS} million rows"
    show = lambda: results.make_displayable(ask(store, "FROM token_stats").table)  # noqa: E731
    return _limit(what, show, 0.5)


def _limit(what: str, work: Callable[[], object], most: float) -> Row:
    work()
    took = sorted(seconds(work) for _ in range(9))[4]
    return Row(what, milliseconds(took), f"allowed {milliseconds(most)}", took / most, "1")


def _export(store: Store, folder: Path, format_: str) -> Row:
    """Memory of its own that the command and the process that answers take while a whole answer is written."""
    output = folder / f"all.{format_}"
    arguments = [sys.executable, "-c", EXPORTING, str(store.root), str(output), format_, EXPORT]
    done = subprocess.run(
        arguments, capture_output=True, text=True, check=True, env=environment(), cwd=ROOT
    )
    written, watched, grown = json.loads(done.stdout.splitlines()[-1])
    assert written > 0.9e6 * MILLIONS and watched > 1, "both processes are watched"
    what = f"a {format_} file of {written:,} rows of 5 columns: memory it takes"
    return Row(what, f"{grown / 1e6:.0f} MB", "allowed 200 MB", grown / 200e6, "1")
