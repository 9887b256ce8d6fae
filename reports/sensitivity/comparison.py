"""Two scopes side by side: two encoders, two window lengths, two shifts, or two sets of videos."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from scipy.stats import spearmanr

from tubelet.reports.blocks import Block, Column, Heading, Picture, Table, Text
from tubelet.reports.formatting import shorten_encoders
from tubelet.reports.literal import literal
from tubelet.reports.sensitivity import charts, narrative, tables
from tubelet.reports.sensitivity.figures import RELATIVE
from tubelet.reports.sensitivity.findings import Findings
from tubelet.reports.sensitivity.ranking import membership
from tubelet.store.wording import count

NAMED = 60  # characters of a value in legends and headings


def sections(a: Findings, b: Findings, difference: str) -> Iterator[Block]:
    names = _names(a, b, difference)
    yield Heading("Side by side", "comparison")
    yield Text(
        "\n".join(
            f"- **{literal(name)}**: {narrative.subject(found)}"
            for name, found in zip(names, (a, b))
        )
    )
    yield _curves(a, b, names)
    columns = (Column("what", "result"), Column("a", names[0]), Column("b", names[1]))
    yield Table(
        name="comparison",
        title="Results",
        rows=_results(a, b),
        columns=columns,
        questions={
            f"Ranking, {name}": found.questions["dimensions"] for name, found in zip(names, (a, b))
        },
    )
    if (
        a.foundations.weights_sha256 != b.foundations.weights_sha256
        or a.foundations.layer != b.foundations.layer
    ):
        yield Text(
            "The dimensions of two encoders do not correspond to each other: dimension 3 of one is not dimension 3 of the other, "
            "so they are not compared one by one."
        )
        return
    yield from _dimensions(a, b, names)


def _curves(a: Findings, b: Findings, names: tuple[str, str]) -> Picture:
    """Both curves on one pair of axes."""
    bands = [
        tables.band(found, "relative").append_column("which", pa.array([name] * len(found.band)))
        for name, found in zip(names, (a, b))
    ]
    band = pa.concat_tables(bands)
    chart = charts.curve(band, tables.levels(a, "relative").slice(0, 0), RELATIVE, "which")
    behind = {f"Curve, {name}": found.questions["curve"] for name, found in zip(names, (a, b))}
    caption, said = (
        "Medians over videos and the quartiles around them.",
        "Relative curves of both over their shared slices",
    )
    return Picture(
        name="comparison_curve",
        title="Curves over shared slices",
        drawing=chart,
        alt=said,
        numbers=lambda: band,
        caption=caption,
        questions=behind,
    )


def _names(a: Findings, b: Findings, difference: str) -> tuple[str, str]:
    name = difference.partition("=")[0]
    values = [str(getattr(found.request, name) or "all") for found in (a, b)]
    said = shorten_encoders(values) if name == "encoder" else {}
    one, other = (f"{name} {_shorten(said.get(value, value))}" for value in values)
    return one, other


def _shorten(value: str) -> str:
    """What fits in a legend; the subject above it has the whole value."""
    line = " ".join(value.split())
    return line if len(line) <= NAMED else f"{line[: NAMED - 3]}..."


def _u_share(found: Findings) -> str:
    """In how many videos both edges exceed the middle, and its interval."""
    if found.relative.u_share is None:
        return "unknown"
    share, low, high = found.relative.u_share
    return f"{share:.0%} ({narrative.interval(low, high, '.0%')})"


def _results(a: Findings, b: Findings) -> pa.Table:
    rows = {
        f"{a.unit}s": lambda f: f"{f.count:,}",
        "shared slices": lambda f: str(f.relative.slices),
        "relative difference at the edge, median video": lambda f: narrative.number(
            f.relative.edge
        ),
        "relative difference in the middle, median video": lambda f: narrative.number(
            f.relative.middle
        ),
        "both edges exceed the middle": _u_share,
        "context from the first slice": lambda f: _reach(f, 0),
        "context from the last slice": lambda f: _reach(f, 1),
        "specialists": lambda f: str(len(f.ranking.specialists)),
        "mean rank correlation of two videos": lambda f: narrative.number(
            f.consistency and f.consistency.pairwise
        ),
        "Kendall's W (and where orders are random)": lambda f: (
            "unknown"
            if f.consistency is None
            else f"{f.consistency.w:.3g} ({1 / len(f.consistency.with_others):.2g})"
        ),
        "split-half reliability": lambda f: narrative.number(
            f.consistency and f.consistency.halves[0]
        ),
        "noise floor (rounding)": lambda f: narrative.number(
            f.controls["rounding"] and f.controls["rounding"].relative
        ),
    }
    return pa.table(
        {
            "what": list(rows),
            "a": [row(a) for row in rows.values()],
            "b": [row(b) for row in rows.values()],
        }
    )


def _reach(found: Findings, end: int) -> str:
    slices = found.relative.reach[end]
    return (
        "no excess"
        if slices is None
        else f"{count(slices, 'slice')}, {narrative.slices_in_time(found.foundations, slices)}"
    )


def _dimensions(a: Findings, b: Findings, names: tuple[str, str]) -> Iterator[Block]:
    values = [found.ranking.relative.value for found in (a, b)]
    both = np.flatnonzero(np.isfinite(values[0]) & np.isfinite(values[1]))
    top = min(a.ranking.top, b.ranking.top)
    shared = float(np.prod([membership(value[None], top)[0] for value in values], axis=0).sum())
    correlation = (
        float(spearmanr(values[0][both], values[1][both]).statistic) if len(both) > 2 else np.nan
    )
    yield Text(
        f"The {top} strongest dimensions of both have {shared:.3g} in common; {top * top / max(len(both), 1):.1f} are expected if all dimensions are alike. "
        f"Over all {len(both):,} dimensions the ranks correlate with {narrative.number(correlation)} (Spearman)."
    )
    table = pa.table({"dim": both, "a": values[0][both], "b": values[1][both]})
    yield Picture(
        name="comparison_dimensions",
        title="Dimensions in both",
        drawing=charts.both(table, names, "relative edge sensitivity"),
        alt="Mean relative edge sensitivity of every dimension in both",
        numbers=lambda: table,
        caption="A point a dimension: mean over videos.",
        questions={
            f"Ranking, {name}": found.questions["dimensions"] for name, found in zip(names, (a, b))
        },
    )
