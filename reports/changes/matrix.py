"""The matrix of dimensions and changes: how strongly each dimension reacts to each change, with its interval over videos (or groups of them)."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.latent.nulls import null_where_nan
from tubelet.reports.changes.findings import DISJOINT, name_change
from tubelet.reports.changes.groups import Groups, find_groups
from tubelet.reports.changes.specialists import Specialists, find_specialists, relate_to_median
from tubelet.reports.sensitivity.consistency import (
    comparable,
    mean_pairwise,
    rank_rows,
    standardize_ranks,
)
from tubelet.store import Store
from tubelet.store.intervals import FEWEST, TAILS, Estimates, Spread, student, student_ends
from tubelet.store.questions import changes as queries
from tubelet.store.questions.changes import ReactionScope
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.rows import MeasuredChange

MOST_CELLS = 16_000_000  # of changes, units and dimensions, read at once
FEWEST_DIMS = 3  # whose order can be compared


@dataclass(frozen=True, kw_only=True)
class RankAgreement:
    """Mean rank correlation of two units over the dimensions, with its 95% interval over units; NaN where there is none."""

    units: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Reactions of every change, `disjoint` among them: `reaction` with intervals ``(C, D)`` and, of the same units, `of_disjoint`.

    `specialists` and `groups` are of the changes alone, `numbers` their places among `changes`.
    """

    changes: tuple[MeasuredChange, ...]
    reaction: Estimates
    of_disjoint: np.ndarray
    agreement: tuple[RankAgreement, ...]
    numbers: np.ndarray
    specialists: Specialists
    groups: Groups
    questions: dict[str, Question]
    sampled: int | None

    @property
    def names(self) -> list[str]:
        return [name_change(change.change, change.strength) for change in self.changes]

    @property
    def dims(self) -> int:
        return self.reaction.value.shape[1]

    @property
    def tested_cells(self) -> int:
        """Changes that are tested times dimensions."""
        return int(self.specialists.tested.sum()) * self.dims

    @property
    def kinds(self) -> set[str]:
        """The changes that are tested, strengths of one counted once."""
        return {self.changes[at].change for at in self.numbers[self.specialists.tested]}


def find_matrix(scope: ReactionScope, store: Store) -> Matrix | None:
    """None where nothing was measured by dimension."""
    listed = queries.measured_changes(scope)
    changes = [MeasuredChange.of(row) for row in listed.answer(store).to_pylist()]
    cells = sum(change.embed_dim for change in changes)
    most = max(FEWEST, MOST_CELLS // max(cells, 1))
    sampled = most if any(change.units > most for change in changes) else None
    if sampled:
        scope = ReactionScope(**vars(scope) | {"most": most})
        listed = queries.measured_changes(scope)
        changes = [MeasuredChange.of(row) for row in listed.answer(store).to_pylist()]
    several = any(change.pairs > change.units for change in changes)
    asked = queries.dimension_reactions(scope, several)
    table = asked.answer(store)
    if not len(table):
        return None
    questions = {"Changes, in order": listed, "Reactions by dimension": asked}
    return summarize_matrix(tuple(changes), arrange(table, len(changes)), questions, sampled)


def arrange(table: pa.Table, changes: int) -> np.ndarray:
    """Rows of `dimension_reactions` as an array ``(C, U, D)``; NaN where not measured, or where a dimension is constant."""
    number, unit, dim = (table[name].to_numpy() for name in ("number", "unit", "dim"))
    values = np.full((changes, int(unit.max()) + 1, int(dim.max()) + 1), np.nan, np.float32)
    values[number, unit, dim] = table["relative"].to_numpy()
    values[~np.isfinite(values)] = np.nan
    return values


def summarize_matrix(
    changes: tuple[MeasuredChange, ...],
    values: np.ndarray,
    questions: dict[str, Question],
    sampled: int | None = None,
) -> Matrix:
    numbers = np.array([n for n, one in enumerate(changes) if one.change != DISJOINT], int)
    apart = next((n for n, one in enumerate(changes) if one.change == DISJOINT), None)
    found = find_specialists(values[numbers], [changes[n].change for n in numbers])
    logs = relate_to_median(values[numbers[found.tested]][:, found.units])
    parts = [estimate_means(one) for one in values]
    reaction = Estimates(*(np.stack([getattr(one, end) for one in parts]) for end in ("value", "low", "high")))  # fmt: skip
    return Matrix(
        changes=changes,
        reaction=reaction,
        of_disjoint=compare_disjoint(values, apart),
        agreement=tuple(measure_agreement(one) for one in values),
        numbers=numbers,
        specialists=found,
        groups=find_groups(logs),
        questions=questions,
        sampled=sampled,
    )


def estimate_means(values: np.ndarray) -> Estimates:
    """Means over units of ``(U, D)``, with Student's interval on the logarithmic scale from five values on."""
    spread = Spread.of(values, np.isfinite(values).astype(np.float32))
    low, high = student_ends(spread, TAILS, positive=True)
    few = spread.values < FEWEST
    return Estimates(spread.mean, np.where(few, np.nan, low), np.where(few, np.nan, high))


def compare_disjoint(values: np.ndarray, apart: int | None) -> np.ndarray:
    """Reactions ``(C, U, D)`` over those of windows that share no frame, ``(C, D)``, from the units that have both; NaN without."""
    if apart is None:
        return np.full((len(values), values.shape[2]), np.nan)
    both = np.isfinite(values) & np.isfinite(values[apart])
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.where(both, values[apart], 0).sum(1, dtype=np.float64)
        ratio = np.where(both, values, 0).sum(1, dtype=np.float64) / level
    return np.where(level > 0, ratio, np.nan)


def measure_agreement(values: np.ndarray) -> RankAgreement:
    """Measure how far units agree in their reactions ``(U, D)`` to one change."""
    kept, dims = comparable(values)
    if len(kept) < FEWEST or len(dims) < FEWEST_DIMS:
        return RankAgreement(units=len(kept), value=np.nan, low=np.nan, high=np.nan)
    unit = standardize_ranks(rank_rows(values[np.ix_(kept, dims)])).astype(np.float64)
    count, total = len(unit), unit.sum(0)
    value, own = mean_pairwise(unit), (unit**2).sum(1)
    pairs = value * count * (count - 1)
    without = (pairs - 2 * (unit @ total - own)) / ((count - 1) * (count - 2))
    error = np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum())
    reach = student(count - 1, TAILS[1]) * error
    return RankAgreement(
        units=count, value=value, low=max(value - reach, -1.0), high=min(value + reach, 1.0)
    )


def list_cells(matrix: Matrix) -> pa.Table:
    """One row per dimension and change: the specialists first, then by how far a reaction exceeds that of the median dimension."""
    count, dims = matrix.reaction.value.shape
    full = {name: np.full((count, dims), np.nan) for name in ("times", "p", "q")}
    for name, values in full.items():
        values[matrix.numbers] = getattr(matrix.specialists, name)
    named = np.zeros((count, dims), bool)
    named[matrix.numbers] = matrix.specialists.named
    order = np.lexsort(
        (
            np.tile(np.arange(dims), count),
            -np.nan_to_num(full["times"].ravel(), nan=-1.0),
            ~named.ravel(),
        )
    )
    change, dim = np.divmod(order, dims)
    group = matrix.groups.group
    return pa.table(
        {
            "dim": dim,
            "what": pa.array(matrix.names).take(pa.array(change)),
            "kind": [("specialist" if one else "") for one in named.ravel()[order]],
            "group": pa.array(
                [None if group is None or group[d] < 0 else int(group[d]) + 1 for d in dim],
                pa.int64(),
            ),
            **{
                name: null_where_nan(getattr(matrix.reaction, end).ravel()[order])
                for name, end in (("reaction", "value"), ("low", "low"), ("high", "high"))
            },
            "of_disjoint": null_where_nan(matrix.of_disjoint.ravel()[order]),
            **{name: null_where_nan(values.ravel()[order]) for name, values in full.items()},
        }
    )
