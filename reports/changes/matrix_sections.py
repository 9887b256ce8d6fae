"""The part of the report `changes` about dimensions: the matrix as a picture, who reacts to what, who goes together, and every cell as a row."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from tubelet.reports.blocks import Block, Column, Heading, Picture, Table, Text, interval_columns
from tubelet.reports.changes.matrix import Matrix, list_cells
from tubelet.reports.changes.specialists import TIMES, Q, units_needed
from tubelet.reports.literal import Markdown, literal
from tubelet.reports.rasters import Raster, find_color_range
from tubelet.store.intervals import FEWEST
from tubelet.store.wording import count

NAMED = 12  # dimensions that a sentence lists
CELL_COLUMNS = (
    Column("dim", "dimension", "d"),
    Column("what", "change"),
    Column("kind", "kind"),
    Column("group", "group", "d", "Dimensions that react to the same changes"),
    Column("reaction", "reaction", ".3f", "In standard deviations of the dimension, mean over videos"),
    Column("low", "from", ".3f", "95% interval over videos, of this cell alone"),
    Column("high", "to", ".3f", "95% interval over videos, of this cell alone"),
    Column("of_disjoint", "of disjoint", ".2f", "Relative to windows of the same videos that share no frame"),
    Column("times", "times the median", ".2f", "Relative to the median dimension of the same video and change, geometric mean"),
    Column("p", "p", ".2g", "Of reacting to this change alone: the largest p-value of the comparisons"),
    Column("q", "q", ".2g", "Benjamini and Hochberg, over the whole matrix"),
)  # fmt: skip
CHANGE_COLUMNS = (
    Column("what", "change"),
    Column("units", "videos", ",d"),
    Column("agreement", "agreement", ".2f", "Mean rank correlation of two videos over the dimensions; 0 by chance"),
    *interval_columns("low", "high", ".2f", over="videos"),
    Column("specialists", "specialists", "d", "Dimensions that react to this change alone"),
    Column("dims", "which"),
)  # fmt: skip
GROUP_COLUMNS = (
    Column("group", "group", "d"),
    Column("size", "dimensions", ",d"),
    Column("most", "reacts most to"),
    Column("times", "times the median", ".2f"),
    Column("least", "least to"),
    Column("least_times", "times the median", ".2f"),
    Column("dims", "which"),
)
METHOD = (
    f"Dimensions and changes: a dimension is a specialist of a change where it reacts more than {TIMES:g} times as strongly as the median dimension, and more than {TIMES:g} times as strongly as it does itself to "
    "every other change, both relative to the median dimension of the same video and change. The p-value of a cell is the largest of these comparisons (Student's t of logarithms, paired over videos, never below the share "
    f"of signs that are all positive); Benjamini and Hochberg's procedure keeps the false discoveries among all cells of the matrix below {Q:.0%}. Strengths of one change are not compared with each other. "
    "The window shift is a change like the others: here all shared slices count, while the report `sensitivity` is about those at the edge. Where the label `group` names videos that belong together, a group counts once."
)


def matrix_sections(matrix: Matrix | None, encoder_id: str) -> Iterator[Block]:
    yield Heading("Which dimensions react to which change", "dimensions")
    if matrix is None:
        yield Text("No reaction was measured by dimension.")
        return
    yield Text(name_specialists(matrix))
    if matrix.sampled:
        yield Text(f"The matrix is of {count(matrix.sampled, 'video')}, the first by id: a sample drawn by chance.")  # fmt: skip
    yield _picture(matrix)
    yield Table(
        name="by_change",
        title="By change",
        rows=list_changes(matrix),
        columns=CHANGE_COLUMNS,
        shown=200,
        questions=matrix.questions,
    )
    yield Text(tell_groups(matrix))
    if matrix.groups.group is not None:
        yield Table(name="groups", title="Groups of dimensions", rows=list_groups(matrix), columns=GROUP_COLUMNS)  # fmt: skip
    yield Table(
        name="dimensions_changes",
        title="Every dimension and change",
        rows=list_cells(matrix),
        columns=CELL_COLUMNS,
        questions=matrix.questions,
        dims_of=encoder_id,
    )


def name_specialists(matrix: Matrix) -> Markdown:
    """Which dimensions react to one change alone, or why that cannot be said."""
    found, units = matrix.specialists, int(matrix.specialists.units.sum())
    if len(matrix.kinds) < 2:
        return "Whether a dimension reacts to one change alone cannot be said: that needs two changes or more."
    if units < FEWEST:
        return f"Whether a dimension reacts to one change alone cannot be said: {count(units, 'video')} with every change, {FEWEST} are needed."
    said = [
        f"**{literal(matrix.names[number])}**: {_list_dims(found.times[at], named)}"
        for at, number in enumerate(matrix.numbers)
        if (named := found.named[at]).any()
    ]
    cells, videos = matrix.tested_cells, count(units, "video")
    if said:
        return f"Dimensions that react to one change alone, at a false discovery rate of {Q:.0%} over all {cells:,} cells of the matrix ({videos}): {'; '.join(said)}."
    none = f"No dimension reacts to one change alone beyond chance, at a false discovery rate of {Q:.0%} over all {cells:,} cells of the matrix ({videos})."
    needed = units_needed(cells)
    return (
        f"{none} With so few videos none can be: a single one needs {needed:d}."
        if units < needed
        else none
    )


def _list_dims(times: np.ndarray, named: np.ndarray) -> Markdown:
    """The dimensions of a mask, the strongest first."""
    dims = [int(dim) for dim in np.argsort(-np.nan_to_num(times), kind="stable") if named[dim]]
    more = f" and {len(dims) - NAMED:,} more" if len(dims) > NAMED else ""
    return ", ".join([f"{dim:d}" for dim in dims[:NAMED]]) + more


def tell_groups(matrix: Matrix) -> Markdown:
    groups = matrix.groups
    if groups.group is None:
        if groups.agreement is None:
            return f"Groups of dimensions need two changes and {2 * FEWEST} videos that have every one of them."
        return f"The dimensions form no groups on which two halves of the videos agree (adjusted Rand index {groups.agreement:.2f} at most; 0 by chance)."
    return f"The dimensions form {groups.group.max() + 1:d} groups that react to the same changes; two halves of the videos agree on them with an adjusted Rand index of {groups.agreement:.2f} (0 by chance, 1 the same groups)."


def list_changes(matrix: Matrix) -> pa.Table:
    """One row per change: how far videos agree on the order of dimensions, and its specialists."""
    place = {int(number): at for at, number in enumerate(matrix.numbers)}
    rows = []
    for number, name in enumerate(matrix.names):
        agreed = matrix.agreement[number]
        known = {"agreement": agreed.value, "low": agreed.low, "high": agreed.high}
        named = matrix.specialists.named[place[number]] if number in place else None
        rows.append(
            {
                "what": name,
                "units": matrix.changes[number].units,
                **{key: value if np.isfinite(value) else None for key, value in known.items()},
                "specialists": None if named is None else int(named.sum()),
                "dims": None if named is None else _list_dims(matrix.specialists.times[place[number]], named),
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows)


def list_groups(matrix: Matrix) -> pa.Table:
    """One row per group: how many dimensions, and the changes that they react to most and least."""
    group, times = matrix.groups.group, matrix.specialists.times[matrix.specialists.tested]
    if group is None:
        return pa.table({})
    names = [matrix.names[number] for number in matrix.numbers[matrix.specialists.tested]]
    rows = []
    for number in range(group.max() + 1):
        inside = np.equal(group, number)
        level = np.exp(np.log(times[:, inside]).mean(1))
        most, least = int(level.argmax()), int(level.argmin())
        rows.append(
            {
                "group": number + 1,
                "size": int(inside.sum()),
                "most": names[most],
                "times": float(level[most]),
                "least": names[least],
                "least_times": float(level[least]),
                "dims": _list_dims(times[most], inside),
            }
        )
    return pa.Table.from_pylist(rows)


def _picture(matrix: Matrix) -> Picture:
    order, shown = matrix.groups.order, matrix.numbers
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log2(matrix.specialists.times)[:, order]
    low, high = find_color_range(values)
    raster = Raster(
        values=values,
        x="dimensions, those that react alike side by side",
        y="changes",
        unit="log2 of: times the median dimension",
        low=low,
        high=high,
        names=tuple(matrix.names[number] for number in shown),
    )
    return Picture(
        name="matrix",
        title="Reactions of every dimension to every change",
        drawing=raster,
        alt="Matrix of changes and dimensions: how strongly each dimension reacts to each change, relative to the median dimension",
        numbers=lambda: list_cells(matrix),
        caption="Relative to the median dimension of the same video under the same change; dimensions in the order of their similarity.",
        questions=matrix.questions,
    )
