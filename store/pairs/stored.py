"""Pairs of clips that are already stored, measured from their half-precision files: no encoder, no video.

These pairs are marked `stored`: their differences carry the rounding of half precision. Two clips that were
compared live are not compared again. Where a window is stored in fp32 and in a lower precision, the two are a pair as well:
their difference is the effect of rounding alone, the noise floor of what was measured in the lower precision.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from threading import Event

import numpy as np
import pyarrow as pa

from tubelet.store.clock import now
from tubelet.store.disk.integrity import find_damage
from tubelet.store.errors import MeasurementError, StoreError
from tubelet.store.options import option
from tubelet.store.outcome import Outcome
from tubelet.store.pairs.measurement import Side, measure
from tubelet.store.pairs.rows import ROUNDING, SHIFTED, STORED, Pair, pair_rows
from tubelet.store.rows import Row
from tubelet.store.store import Store
from tubelet.store.wording import count

COMMIT_PAIRS = 32
COUNT_MOST = 1_000_000
ALL = "all"

# Every two clips of a video, encoder and geometry whose windows share whole slices.
CANDIDATES = """WITH cut AS (
  SELECT c.*, e.name AS encoder, e.tubelet * c.step AS slice_frames FROM clips c JOIN encoders e USING (encoder_id)
  WHERE c.embedding_path IS NOT NULL AND c.frame_numbers IS NULL AND e.tubelet > 1 AND ($encoder IS NULL OR e.name = $encoder OR e.encoder_id = $encoder)
)
SELECT a.video_id, a.encoder_id, a.precision, a.clip_id AS clip_a, b.clip_id AS clip_b, a.first_frame,
  ((b.first_frame - a.first_frame) // a.slice_frames)::INTEGER AS shift,
  EXISTS (FROM pairs p WHERE p.clip_a = a.clip_id AND p.clip_b = b.clip_id) AS measured
FROM cut a JOIN cut b USING (video_id, encoder_id, frame_count, step, slices, grid_height, grid_width, geometry, crop_height, crop_width, precision)
WHERE b.first_frame > a.first_frame AND (b.first_frame - a.first_frame) % a.slice_frames = 0
  AND (b.first_frame - a.first_frame) // a.slice_frames < a.slices
  AND ($shift IS NULL OR b.first_frame - a.first_frame = $shift * a.slice_frames)
ORDER BY a.video_id, a.encoder_id, a.frame_count, a.step, a.slices, a.grid_height, a.grid_width, a.geometry, a.crop_height, a.crop_width, a.precision,
  a.first_frame, shift"""

# Every window that is stored in a lower precision and in fp32.
ROUNDED = """SELECT a.video_id, a.encoder_id, a.precision, a.clip_id AS clip_a, b.clip_id AS clip_b, 0 AS shift,
  EXISTS (FROM pairs p WHERE p.clip_a = a.clip_id AND p.clip_b = b.clip_id) AS measured
FROM clips a JOIN clips b USING (video_id, encoder_id, first_frame, frame_count, step, slices, grid_height, grid_width, geometry, crop_height, crop_width)
JOIN encoders e USING (encoder_id)
WHERE a.frame_numbers IS NOT DISTINCT FROM b.frame_numbers AND a.precision <> 'fp32' AND b.precision = 'fp32' AND a.embedding_path IS NOT NULL AND b.embedding_path IS NOT NULL
  AND ($encoder IS NULL OR e.name = $encoder OR e.encoder_id = $encoder)
ORDER BY a.video_id, a.encoder_id, a.frame_count, a.step, a.grid_height, a.grid_width, a.geometry, a.precision, a.first_frame"""


@dataclass(frozen=True, kw_only=True)
class CandidatePair(Row):
    """A row of CANDIDATES and of ROUNDED: two clips of a video, and whether they were measured before."""

    video_id: str
    encoder_id: str
    precision: str
    clip_a: str
    clip_b: str
    shift: int
    measured: bool


@dataclass(frozen=True)
class StoredPairs:
    """Which pairs of stored clips to measure; `shift` None: 1, and any where `pairs` is all."""

    shift: int | None = option(
        None,
        help="Slices by which the second window starts later.",
        unset="1; with --pairs all: any",
        metavar="N",
    )
    pairs: str = option("1", help="Pairs per video, or all of them.", metavar="N|all")
    encoder: str | None = option(
        None, help="Name or id of an encoder of the store.", unset="all of them", metavar="NAME|ID"
    )


@dataclass
class PairsOutcome(Outcome):
    """What one call measured."""

    counted = ("measured", "kept")

    measured: int = 0
    kept: int = 0

    def lines(self) -> list[str]:
        return [
            f"{count(self.measured, 'pair')} of stored clips measured, from half-precision files; {self.kept:,} already measured",
            *self.list_notes(),
        ]


def measure_stored(
    store: Store,
    asked: StoredPairs = StoredPairs(),
    stopping: Event | None = None,
    show: Callable[[int, int], None] = lambda done, of: None,
) -> PairsOutcome:
    """Measure pairs of stored clips, a number per video and geometry; `show` receives how many pairs of how many are done.

    Once `stopping` is set, the current pair is finished, what was measured is committed, and the outcome says so.
    Raises StoreError where the arguments or the store give no pair.
    """
    wanted, outcome = plan_pairs(store, asked)
    with store.ingesting():
        outcome.join(measure_pairs(store, wanted, stopping, lambda done: show(done, len(wanted))))
    merge_files(store, outcome)
    return outcome


def plan_pairs(store: Store, asked: StoredPairs) -> tuple[list[Pair], PairsOutcome]:
    """The pairs to measure, and the outcome of nothing yet, which counts those that were measured before. Raises StoreError where there is no pair."""
    shift, encoder, count = asked.shift, asked.encoder, _count(asked.shift, asked.pairs)
    wanted = shift or (None if count is None else 1)
    candidates = _find(store, CANDIDATES, {"encoder": encoder, "shift": wanted})
    rounded = _find(store, ROUNDED, {"encoder": encoder})
    if not candidates and not rounded:
        raise StoreError(_nothing(store, wanted, encoder))
    chosen = [
        (row, kind)
        for rows, kind in ((candidates, SHIFTED), (rounded, ROUNDING))
        for row in _spread_over_videos(rows, count)
    ]
    missing = [_name(row, kind) for row, kind in chosen if not row.measured]
    return missing, PairsOutcome(kept=len(chosen) - len(missing))


def measure_pairs(
    store: Store,
    wanted: Iterable[Pair],
    stopping: Event | None = None,
    show: Callable[[int], None] = lambda done: None,
) -> PairsOutcome:
    """Measure and commit some of the pairs that a plan names."""
    outcome = PairsOutcome()
    _commit_all(
        store, _measure_all(store, _unless_stopped(wanted, stopping, outcome), outcome), show
    )
    return outcome


def merge_files(store: Store, outcome: PairsOutcome) -> None:
    """What is left to do once all is measured."""
    if outcome.measured:
        store.compact()


def _find(store: Store, sql: str, values: Mapping[str, str | int | None]) -> list[CandidatePair]:
    return [CandidatePair.of(row) for row in store.rows(sql, values)]


def _unless_stopped(
    wanted: Iterable[Pair], stopping: Event | None, outcome: PairsOutcome
) -> Iterator[Pair]:
    for pair in wanted:
        if stopping and stopping.is_set():
            outcome.interrupted = True
            return
        yield pair


def _count(shift: int | None, pairs: str) -> int | None:
    if shift is not None and not 1 <= shift <= COUNT_MOST:
        raise StoreError(f"--shift {shift}: windows are shifted by 1 to {COUNT_MOST:,} slices")
    if pairs != ALL and not (
        pairs.isascii() and pairs.isdecimal() and 0 < int(pairs[:20]) <= COUNT_MOST
    ):
        raise StoreError(
            f"--pairs {pairs} is not a number of pairs per video from 1 to {COUNT_MOST:,}: write 1, 2 and so on, or all"
        )
    return None if pairs == ALL else int(pairs)


def _nothing(store: Store, shift: int | None, encoder: str | None) -> str:
    by = f" by {encoder}" if encoder else ""
    if not store.rows(
        "SELECT 1 FROM clips c JOIN encoders e USING (encoder_id) WHERE $1 IS NULL OR $1 IN (e.name, e.encoder_id) LIMIT 1",
        [encoder],
    ):
        return f"{store.name} holds no clip{by}: run `tubelet ingest VIDEO --store {store.shell_name} --encoder NAME`"
    apart = f"{count(shift, 'slice')} apart" if shift else "that share slices"
    return (
        f"{store.name} holds no two clips of a video{by} with embeddings {apart}: ingest the videos again with `--pairs 1 --shift {shift or 1}`, "
        "which encodes the clips that are missing"
    )


def _spread_over_videos(
    candidates: Sequence[CandidatePair], count: int | None
) -> list[CandidatePair]:
    """For each video and encoder, the middle of each of `count` equal parts; all of them if `count` is None."""
    chosen = []
    for _, group in groupby(
        candidates, key=lambda row: (row.video_id, row.encoder_id, row.precision)
    ):
        rows = list(group)
        places = (
            range(len(rows))
            if count is None
            else sorted({(2 * part + 1) * len(rows) // (2 * count) for part in range(count)})
        )
        chosen += [rows[place] for place in places]
    return chosen


def _name(row: CandidatePair, kind: str) -> Pair:
    known = row.columns
    del known["measured"]
    return Pair(**known, kind=kind, source=STORED)


def _measure_all(
    store: Store, wanted: Iterable[Pair], outcome: PairsOutcome
) -> Iterator[dict[str, pa.Table] | None]:
    """The rows of each pair, None where it cannot be measured."""
    for pair in wanted:
        try:
            a, b = (_side(store, clip_id) for clip_id in (pair.clip_a, pair.clip_b))
            rows = pair_rows(pair, measure(a, b, pair.offset), now())
        except StoreError as error:
            outcome.problems.append(
                f"not measured: clips {pair.clip_a} and {pair.clip_b} of video {pair.video_id}: {error}"
            )
            yield None
            continue
        outcome.measured += 1
        yield rows


def _side(store: Store, clip_id: str) -> Side:
    """A stored clip in float32. Raises StoreError where its file is damaged, MeasurementError where it is not finite."""
    row = store.rows(
        "SELECT embedding_path, embedding_bytes, embedding_sha256 FROM clips WHERE clip_id = ?",
        [clip_id],
    )[0]
    if what := find_damage(
        store.layout.embedding_file(row["embedding_path"], clip_id),
        row["embedding_bytes"],
        row["embedding_sha256"],
    ):
        raise StoreError(
            f"clip {clip_id}: {what}; run `tubelet check --repair --store {store.shell_name}`, then ingest again"
        )
    grid = store.grid(clip_id).astype(np.float32)
    if not np.isfinite(grid).all():
        raise MeasurementError(
            f"clip {clip_id} holds numbers that are not finite: ingest it again with --precision fp32"
        )
    return Side.of(grid)


def _commit_all(
    store: Store, measured: Iterator[dict[str, pa.Table] | None], show: Callable[[int], None]
) -> None:
    waiting: list[dict[str, pa.Table]] = []
    done = told = 0
    for done, rows in enumerate(measured, 1):
        waiting += [rows] if rows else []
        if len(waiting) >= COMMIT_PAIRS:
            _commit(store, waiting)
            show(told := done)
    _commit(store, waiting)
    if done > told:
        show(done)


def _commit(store: Store, waiting: list[dict[str, pa.Table]]) -> None:
    if waiting:
        store.commit(
            {name: pa.concat_tables([rows[name] for rows in waiting]) for name in waiting[0]}
        )
        waiting.clear()
