"""The figures of a sensitivity report, from its findings: each with its text, its numbers and its SQL."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tubelet.reports.blocks import Picture
from tubelet.reports.literal import Markdown
from tubelet.reports.rasters import Raster, downsample, find_color_range
from tubelet.reports.sensitivity import charts, narrative, tables
from tubelet.reports.sensitivity.consistency import Consistency, Settling
from tubelet.reports.sensitivity.findings import Findings
from tubelet.store.intervals import FEWEST
from tubelet.store.wording import count

RELATIVE, ABSOLUTE = "difference, in standard deviations", "mean absolute difference"
CHARTED = 40  # dimensions


def curve(found: Findings, kind: Markdown) -> Picture:
    """The curve over shared slices, `kind` relative or absolute."""
    band, levels = tables.band(found, kind), tables.levels(found, kind)
    chart = charts.curve(band, levels, RELATIVE if kind == "relative" else ABSOLUTE)
    many = f"Median over {narrative.count_units(found)} and the quartiles around it."
    caption = many if found.count > 1 else f"One {found.unit}: a curve, no band."
    title = f"Curve over shared slices, {kind}"
    said = f"{title}: {narrative.shape(found.relative if kind == 'relative' else found.absolute, found.unit)}"
    behind = {
        "Curve": found.questions["curve"],
        "Rounding": found.questions["rounding"],
        "Disjoint": found.questions["disjoint"],
    }
    return Picture(
        name=f"curve_{kind}",
        title=title,
        drawing=chart,
        alt=said,
        numbers=lambda: band,
        caption=caption,
        questions=behind,
    )


def strongest(found: Findings, varying: pa.Table) -> Picture:
    """The strongest dimensions with their intervals."""
    reference = pc.approximate_median(varying["relative"]).as_py() or 0.0
    drawn = varying[:CHARTED]
    title = f"The {len(drawn)} strongest dimensions"
    sure = (
        ", each with the 95% interval of its dimension alone, ignoring that it was selected"
        if found.count >= FEWEST
        else ""
    )
    caption = f"Mean over {found.unit}s{sure}; dashed: the median dimension."
    said = "Mean relative edge sensitivity of the strongest dimensions"
    return Picture(
        name="strongest",
        title=title,
        drawing=charts.ranked_dimensions(drawn, reference, RELATIVE),
        alt=said,
        numbers=lambda: drawn,
        caption=caption,
        questions=ranking_sql(found),
    )


def share(found: Findings, varying: pa.Table) -> Picture:
    """Every dimension by strength and by how often it is among the strongest."""
    order = found.ranking
    chart = charts.share_and_strength(varying, order.chance, order.top, RELATIVE)
    said = (
        "Every dimension by how strongly it reacts and in how many videos it is among the strongest"
    )
    caption = f"Dashed: the share where all dimensions are alike, {order.chance:.2%}; dimensions that tie share a place."
    return Picture(
        name="share",
        title="Strength and frequency",
        drawing=chart,
        alt=said,
        numbers=lambda: varying,
        caption=caption,
        questions=ranking_sql(found),
    )


def ranking_sql(found: Findings) -> dict:
    return {
        "Ranking": found.questions["dimensions"],
        "By video, for intervals and tests": found.questions["by video"],
    }


def matrix(found: Findings, agreed: Consistency) -> Picture:
    """Rank correlations of the videos with each other."""
    cells, step = downsample(agreed.correlation)
    unlike = cells[~np.eye(len(cells), dtype=bool)]
    low, high = find_color_range(unlike)
    raster = Raster(
        values=cells,
        x="videos in the order of similarity",
        y="videos in the same order",
        unit="Spearman correlation",
        low=low,
        high=high,
        square=True,
    )
    binned = f"; a cell is the mean of {step:d} by {step:d}" if step > 1 else ""
    which = f"{_count_drawn(len(agreed.correlation), len(agreed.with_others))}{binned}."
    caption = f"{which} Blocks are kinds of videos with an order of dimensions of their own."
    title, said = (
        "Rank correlation of every video with every other",
        "Matrix of rank correlations between videos, similar ones side by side",
    )
    return Picture(
        name="agreement_matrix",
        title=title,
        drawing=raster,
        alt=said,
        numbers=lambda: tables.correlations(found, agreed),
        caption=caption,
        questions=_by_video_sql(found),
    )


def agreement(found: Findings, agreed: Consistency) -> Picture:
    """Each video against the rest, as a histogram."""
    scores = tables.agreement_bins(agreed, found.count)
    said = "Distribution of rank correlations of a video with the others"
    caption = "A video far to the left is unlike the others."
    return Picture(
        name="agreement",
        title="Each video against the rest",
        drawing=charts.agreement(scores),
        alt=said,
        numbers=lambda: scores,
        caption=caption,
        questions=_by_video_sql(found),
    )


def settling(found: Findings, settled: Settling) -> Picture:
    """How the list of the strongest settles as videos are added."""
    rows, top = tables.settling(settled), found.ranking.top
    chart = charts.settling(rows, settled.chance, top)
    title, said = (
        f"How the list of the {top:d} strongest settles",
        "Overlap of the list of a number of videos with the final one",
    )
    caption = (
        f"Mean and middle 95% of 50 random orders of the {found.unit}s: how quickly the list settles, not how certain it is. "
        "The final list is made of all, so the curve ends at 100%, or below where dimensions tie at its border."
    )
    return Picture(
        name="settling",
        title=title,
        drawing=chart,
        alt=said,
        numbers=lambda: rows,
        caption=caption,
        questions=_by_video_sql(found),
    )


def heat(found: Findings) -> Picture:
    """The strongest dimensions in each video."""
    map_ = found.heat
    low, high = find_color_range(map_.values)
    raster = Raster(
        values=map_.values,
        x="videos in the order of similarity",
        y="dimensions, strongest first",
        unit=RELATIVE,
        low=low,
        high=high,
    )
    caption = (
        f"The {len(map_.dims):,} strongest dimensions (from {map_.dims[0]:d} down to {map_.dims[-1]:d}) "
        f"in {_count_drawn(len(map_.videos), found.count)}. "
        "A row that is dark throughout is a dimension that always reacts, a dark column a video in which everything does."
    )
    behind = {**_by_video_sql(found), "Videos": found.questions["videos"]}
    said = "Relative edge sensitivity of the strongest dimensions in each video"
    return Picture(
        name="heat",
        title="Dimensions and videos",
        drawing=raster,
        alt=said,
        numbers=lambda: tables.heat(found),
        caption=caption,
        questions=behind,
    )


def frame(found: Findings) -> Picture:
    """The mean difference of a token by its place in the frame."""
    y, x = found.frame["y"].to_numpy(), found.frame["x"].to_numpy()
    l2 = np.full((y.max() + 1, x.max() + 1), np.nan)
    l2[y, x] = found.frame["l2"].to_numpy()
    videos = found.frame["videos"][0].as_py()
    unit = "Euclidean distance of the two embeddings"
    low, high = find_color_range(l2, 0, 1)
    raster = Raster(
        values=l2,
        x="columns of the frame",
        y="rows of the frame, from the top",
        unit=unit,
        low=low,
        high=high,
        square=True,
    )
    sample = " (a sample)" if videos < found.count else ""
    rows, columns = l2.shape
    caption = (
        f"Mean over shared slices, then over {count(videos, found.unit)}{sample}, of {rows:d} \N{MULTIPLICATION SIGN} {columns:d} patches; "
        f"{compare_patches(float(np.nanmin(l2)), float(np.nanmax(l2)))}"
    )
    title, said = (
        "Mean difference of a token, by its place in the frame",
        f"Map over {rows} x {columns} patches",
    )
    return Picture(
        name="frame",
        title=title,
        drawing=raster,
        alt=said,
        numbers=lambda: found.frame,
        caption=caption,
        questions={"Map": found.questions["frame"]},
    )


def compare_patches(weakest: float, strongest: float) -> Markdown:
    """How far patches are apart; a ratio only where the weakest differs at all."""
    if strongest == 0:
        return "no patch differs."
    if weakest == 0:
        return "some patches do not differ at all."
    return f"the strongest patch differs {strongest / weakest:.2g} times as much as the weakest."


def _count_drawn(shown: int, of: int) -> Markdown:
    return (
        count(shown, "video")
        if shown == of
        else f"{shown:,} of {of:,} videos, drawn by the hash of their content"
    )


def _by_video_sql(found: Findings) -> dict:
    return {"By video": found.questions["by video"]}
