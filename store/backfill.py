"""Statistics that were added after clips were stored, computed from their embeddings: no encoder, no video.

A clip misses a statistic where all its rows are NULL in the statistic's column. Its rows are replaced in one commit with those of
other clips, so each clip has either the old rows or the new ones; what is committed is not computed again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
import pyarrow as pa

from tubelet.store.disk.derived import mean_defined
from tubelet.store.disk.integrity import find_damage
from tubelet.store.errors import StoreError
from tubelet.store.options import option
from tubelet.store.outcome import Outcome
from tubelet.store.rows import Row
from tubelet.store.schema import SLICE_STATS, TABLES, TOKEN_STATS
from tubelet.store.statistics import TOKEN_STATISTICS
from tubelet.store.store import Store
from tubelet.store.wording import agree, count

COMMIT_CLIPS = 32
ALL = "all"
ORDER = {TOKEN_STATS.name: "slice, y, x", SLICE_STATS.name: "slice"}

Rows = dict[str, pa.Table]  # table name to rows of one clip


@dataclass(frozen=True, kw_only=True)
class IncompleteClip(Row):
    """A clip with embeddings, and the statistics that are `missing` in all its rows of `token_stats`."""

    clip_id: str
    embedding_path: str
    embedding_bytes: int
    embedding_sha256: str
    missing: tuple[str, ...]


@dataclass(frozen=True)
class BackfillOptions:
    """Which statistics to compute."""

    statistic: str = option(ALL, help="Name of a statistic, or all of them.", metavar="NAME|all")

    def __post_init__(self) -> None:
        if self.statistic not in (ALL, *TOKEN_STATISTICS):
            raise StoreError(
                f"--statistic {self.statistic} does not exist: choose {ALL}, {', '.join(TOKEN_STATISTICS)}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(TOKEN_STATISTICS) if self.statistic == ALL else (self.statistic,)


@dataclass
class BackfillOutcome(Outcome):
    """What one call did; `undefined` clips have no token for which a statistic is defined, `bare` ones no embeddings."""

    counted = ("computed", "undefined")

    computed: int = 0
    undefined: int = 0
    bare: int = 0

    def lines(self) -> list[str]:
        lines = [
            f"statistics of {count(self.computed, 'clip')} computed from half-precision embeddings"
        ]
        if self.undefined:
            lines.append(
                f"{count(self.undefined, 'clip has', 'clips have')} no token for which the statistic is defined"
            )
        if self.bare:
            lines.append(
                f"{count(self.bare, 'clip has', 'clips have')} no embeddings: ingest the {agree(self.bare, 'video', 'videos')} again with `--keep embeddings`"
            )
        return [*lines, *self.list_notes()]


def compute_missing(
    store: Store,
    asked: BackfillOptions,
    stopping: Event | None = None,
    show: Callable[[int, int], None] = lambda done, of: None,
) -> BackfillOutcome:
    """Compute statistics of the clips that miss them; `show` receives after each commit how many clips of how many are done.

    Once `stopping` is set, the current clip is finished, what was computed is committed, and the outcome says so.
    """
    with store.ingesting():
        wanted, outcome = plan_backfill(store, asked)
        outcome.join(compute_clips(store, wanted, stopping, lambda done: show(done, len(wanted))))
    merge_files(store, outcome)
    return outcome


def plan_backfill(
    store: Store, asked: BackfillOptions
) -> tuple[list[IncompleteClip], BackfillOutcome]:
    """The clips to compute, and the outcome of nothing yet."""
    wanted, bare = _find_missing(store, asked.names)
    return wanted, BackfillOutcome(bare=bare)


def compute_clips(
    store: Store,
    wanted: Iterable[IncompleteClip],
    stopping: Event | None = None,
    show: Callable[[int], None] = lambda done: None,
) -> BackfillOutcome:
    """Compute and commit some of the clips that a plan names."""
    outcome = BackfillOutcome()
    computed = _compute_all(store, wanted, outcome)
    _commit_all(store, _unless_stopped(computed, stopping, outcome), show)
    return outcome


def merge_files(store: Store, outcome: BackfillOutcome) -> None:
    """What is left to do once all is computed."""
    if outcome.computed:
        store.compact()


def _find_missing(store: Store, names: Sequence[str]) -> tuple[list[IncompleteClip], int]:
    """Clips whose statistics are missing and can be computed, and how many have no embeddings to compute them from."""
    counts = ", ".join(f"count({name}) AS {name}" for name in names)
    sql = f"""SELECT clip_id, embedding_path, embedding_bytes, embedding_sha256, n.* EXCLUDE (clip_id)
FROM clips JOIN (SELECT clip_id, {counts} FROM token_stats GROUP BY clip_id) n USING (clip_id)
WHERE least({", ".join(f"n.{name}" for name in names)}) = 0 ORDER BY clip_id"""
    rows = store.rows(sql)
    wanted = [
        IncompleteClip.of({**row, "missing": tuple(name for name in names if not row[name])})
        for row in rows
        if row["embedding_path"] is not None
    ]
    return wanted, len(rows) - len(wanted)


def _compute_all(
    store: Store, wanted: Iterable[IncompleteClip], outcome: BackfillOutcome
) -> Iterator[Rows | None]:
    """The new rows of each clip, None where nothing is to be written."""
    for clip in wanted:
        try:
            values = _compute(store, clip)
        except StoreError as error:
            outcome.problems.append(f"not computed: clip {clip.clip_id}: {error}")
            yield None
            continue
        defined = {name: value for name, value in values.items() if np.isfinite(value).any()}
        outcome.computed += bool(defined)
        outcome.undefined += not defined
        yield _replace_columns(store, clip.clip_id, defined) if defined else None


def _compute(store: Store, clip: IncompleteClip) -> dict[str, np.ndarray]:
    """Each missing statistic, float32 ``(S, H, W)``. Raises StoreError where the file is damaged."""
    if what := find_damage(
        store.layout.embedding_file(clip.embedding_path, clip.clip_id),
        clip.embedding_bytes,
        clip.embedding_sha256,
    ):
        raise StoreError(
            f"{what}; run `tubelet check --repair --store {store.shell_name}`, then ingest again"
        )
    grid = store.grid(clip.clip_id).astype(np.float32)
    with np.errstate(all="ignore"):
        values = {
            name: np.asarray(TOKEN_STATISTICS[name].compute(grid), np.float32)
            for name in clip.missing
        }
    for name, value in values.items():
        if value.shape != grid.shape[:3]:
            raise StoreError(
                f"the statistic {name} gives {value.shape = } for {grid.shape = }: it must give a number per token, (S, H, W)"
            )
    return values


def _replace_columns(store: Store, clip_id: str, values: Mapping[str, np.ndarray]) -> Rows:
    """The rows of a clip with the columns of these statistics filled in, all others as they are."""
    rows = {
        name: store.query(f"FROM {name} WHERE clip_id = ? ORDER BY {order}", [clip_id]).cast(
            TABLES[name].arrow
        )
        for name, order in ORDER.items()
    }
    for name, value in values.items():
        rows[TOKEN_STATS.name] = _with_column(rows[TOKEN_STATS.name], name, value.ravel())
        rows[SLICE_STATS.name] = _with_column(rows[SLICE_STATS.name], name, mean_defined(value))
    return rows


def _with_column(rows: pa.Table, name: str, values: np.ndarray) -> pa.Table:
    return rows.set_column(
        rows.column_names.index(name),
        rows.schema.field(name),
        pa.array(values, pa.float32(), from_pandas=True),
    )


def _unless_stopped(
    computed: Iterator[Rows | None], stopping: Event | None, outcome: BackfillOutcome
) -> Iterator[Rows | None]:
    for rows in computed:
        yield rows
        if stopping and stopping.is_set():
            outcome.interrupted = True
            return


def _commit_all(store: Store, computed: Iterator[Rows | None], show: Callable[[int], None]) -> None:
    waiting: list[Rows] = []
    done = 0
    for done, rows in enumerate(computed, 1):
        waiting += [rows] if rows else []
        if len(waiting) >= COMMIT_CLIPS:
            _commit(store, waiting)
            show(done)
    _commit(store, waiting)
    show(done)


def _commit(store: Store, waiting: list[Rows]) -> None:
    """Replace the rows of these clips, all or none."""
    if waiting:
        clip_ids = [rows[SLICE_STATS.name]["clip_id"][0].as_py() for rows in waiting]
        store.commit(
            {name: pa.concat_tables([rows[name] for rows in waiting]) for name in ORDER},
            dict.fromkeys(ORDER, clip_ids),
        )
        waiting.clear()
