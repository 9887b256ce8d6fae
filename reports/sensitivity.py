"""The report `sensitivity`: which dimensions react when the window around the same frames shifts, over the videos of a store.

A generator of blocks over `Findings`, in six sections; it computes nothing that is not in there.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc

from reports import charts, parts, wording
from reports.blocks import Block, Code, Heading, Picture, Table, Text
from reports.findings import MANY_PLACES, Findings
from reports.rasters import Raster, reduced, spanned
from reports.resampling import FEWEST
from store import Store

TITLE = "Which dimensions react when the window shifts?"
RELATIVE, ABSOLUTE = "difference, in standard deviations", "mean absolute difference"
CHARTED = 40  # dimensions


def sections(found: Findings, command: str, store: Store, prefix: str = "") -> Iterator[Block]:
    """All six sections; `prefix` keeps the anchors and names of two reports in one file apart."""
    yield from curve(found, prefix)
    yield from dimensions(found, prefix)
    yield from consistency(found, prefix)
    yield from videos(found, prefix)
    yield from frame(found, prefix)
    yield from foundations(found, command, store, prefix)


def curve(found: Findings, prefix: str) -> Iterator[Block]:
    yield Heading("Where in the window", f"{prefix}curve")
    behind = {"Curve": found.questions["curve"], "Repeated": found.questions["repeated"], "Disjoint": found.questions["disjoint"]}
    for kind, unit in (("relative", RELATIVE), ("absolute", ABSOLUTE)):
        band, levels = parts.band(found, kind), parts.levels(found, kind)
        title = "Curve over shared slices, " + ("relative" if kind == "relative" else "absolute")
        caption = (
            f"Median over {wording.count(found.count, 'video')} and the quartiles around it."
            if found.count > 1
            else "One video: a curve, no band."
        )
        yield Picture(
            f"{prefix}curve_{kind}",
            title,
            charts.curve(band, levels, unit),
            f"{title}: {wording.shape(getattr(found, kind))}",
            lambda band=band: band,
            caption,
            behind,
        )
    yield Text(f"{wording.shape(found.relative)} {wording.reach(found)}" if found.relative.slices >= 3 else wording.shape(found.relative))
    yield Text(wording.controls(found))


def dimensions(found: Findings, prefix: str) -> Iterator[Block]:
    yield Heading("Which dimensions", f"{prefix}dimensions")
    rows, order = parts.dimensions(found), found.ranking
    behind = {"Ranking": found.questions["dimensions"], "By video, for intervals and tests": found.questions["by video"]}
    if found.count >= FEWEST:
        yield Text(wording.specialists(found))
        listed = ", ".join(map(str, order.specialists))
        yield Code(f"Specialists ({len(order.specialists)})", listed or "none")
    else:
        yield Text(wording.sentence(wording.too_few(found.count)))
    varying = rows.filter(pc.is_valid(rows["relative"]))
    reference = pc.approximate_median(varying["relative"]).as_py() or 0.0
    yield Picture(
        f"{prefix}strongest",
        f"The {min(CHARTED, len(varying))} strongest dimensions",
        charts.ranked(varying[:CHARTED], reference, RELATIVE),
        "Mean relative edge sensitivity of the strongest dimensions with intervals",
        lambda: varying[:CHARTED],
        "Mean over videos" + (" and its 95% interval" if found.count >= FEWEST else "") + "; dashed: the median dimension.",
        behind,
    )
    if found.count >= FEWEST:
        yield Picture(
            f"{prefix}share",
            "Strength and frequency",
            charts.share_and_strength(varying, order.chance, order.top, RELATIVE),
            "Every dimension by how strongly it reacts and in how many videos it is among the strongest",
            lambda: varying,
            f"Dashed: the share expected by chance, {order.chance:.2%}.",
            behind,
        )
    yield Table(f"{prefix}dimensions", "All dimensions, strongest first", rows, parts.dimension_columns(found), MANY_PLACES, behind)
    yield Text(wording.constants(found))


def consistency(found: Findings, prefix: str) -> Iterator[Block]:
    yield Heading("Do videos agree", f"{prefix}consistency")
    yield Text(wording.agreement(found))
    behind, agreed = {"By video": found.questions["by video"]}, found.consistency
    if agreed is None:
        return
    cells, step = reduced(agreed.correlation)
    drawn = len(agreed.correlation)
    which = (
        f"{drawn:,} videos"
        if drawn == len(agreed.with_others)
        else f"{drawn:,} of {len(agreed.with_others):,} videos, drawn by the hash of their content"
    )
    yield Picture(
        f"{prefix}agreement_matrix",
        "Rank correlation of every video with every other",
        Raster(
            cells,
            "videos in the order of similarity",
            "videos in the same order",
            "Spearman correlation",
            *spanned(_off_diagonal(cells)),
            square=True,
        ),
        "Matrix of rank correlations between videos, similar ones side by side",
        lambda: parts.correlations(found),
        f"{which}"
        + (f"; a cell is the mean of {step} by {step}" if step > 1 else "")
        + ". Blocks are kinds of videos with an order of dimensions of their own.",
        behind,
    )
    scores = parts.agreement_bins(found)
    yield Picture(
        f"{prefix}agreement",
        "Each video against the rest",
        charts.agreement(scores),
        "Distribution of rank correlations of a video with the others",
        lambda: scores,
        "A video far to the left is unlike the others.",
        behind,
    )
    if found.settling is not None:
        rows = parts.settling(found)
        yield Picture(
            f"{prefix}settling",
            f"How the list of the {found.ranking.top} strongest settles",
            charts.settling(rows, found.settling.chance, found.ranking.top),
            "Overlap of the list of so many videos with the final one",
            lambda: rows,
            "Mean and middle 95% of 50 random orders of the videos. The final list is made of all, so the curve ends at 100%.",
            behind,
        )


def _off_diagonal(cells: np.ndarray) -> np.ndarray:
    return cells[~np.eye(len(cells), dtype=bool)]


def videos(found: Findings, prefix: str) -> Iterator[Block]:
    yield Heading("Video by video", f"{prefix}videos")
    heat, behind = found.heat, {"By video": found.questions["by video"], "Videos": found.questions["videos"]}
    if heat.values.size:
        sampled = len(heat.videos) < found.count
        which = (
            f"{len(heat.videos):,} of {found.count:,} videos, drawn by the hash of their content"
            if sampled
            else wording.count(found.count, "video")
        )
        yield Picture(
            f"{prefix}heat",
            "Dimensions and videos",
            Raster(heat.values, "videos in the order of similarity", "dimensions, strongest first", RELATIVE, *spanned(heat.values)),
            "Relative edge sensitivity of the strongest dimensions in each video",
            lambda: parts.heat(found),
            f"The {len(heat.dims):,} strongest dimensions (from {heat.dims[0]} down to {heat.dims[-1]}) in {which}. "
            "A row that is dark throughout "
            "is a dimension that always reacts, a dark column a video in which everything does.",
            behind,
        )
    yield Text(
        "An outlier lies more than 3.5 robust standard deviations (1.4826 times the median absolute deviation) from the median video: "
        "in the correlation of its order "
        "of dimensions with the others' (after Fisher's transform), or in the logarithm of its mean relative sensitivity."
        if found.consistency is not None
        else "Outliers cannot be told from fewer than five videos."
    )
    if found.consistency is not None:
        yield Table(
            f"{prefix}outliers", f"Outliers ({len(found.outliers)})", parts.outliers(found), parts.OUTLIER_COLUMNS, 50, behind, "pair_id"
        )
    yield Table(
        f"{prefix}videos",
        f"Videos ({found.count:,})",
        parts.videos(found),
        parts.VIDEO_COLUMNS,
        50,
        {"Videos": found.questions["videos"]},
        "pair_id",
    )


def frame(found: Findings, prefix: str) -> Iterator[Block]:
    yield Heading("Where in the frame", f"{prefix}frame")
    behind = {"Map": found.questions["frame"]}
    if not len(found.frame):
        yield Text("No differences of single tokens are stored for these pairs.")
        return
    l2 = np.full((found.frame["y"].to_numpy().max() + 1, found.frame["x"].to_numpy().max() + 1), np.nan)
    l2[found.frame["y"].to_numpy(), found.frame["x"].to_numpy()] = found.frame["l2"].to_numpy()
    pairs, ratio = found.frame["pairs"][0].as_py(), float(np.nanmax(l2) / max(np.nanmin(l2), 1e-12))
    yield Picture(
        f"{prefix}frame",
        "Mean difference of a token, by its place in the frame",
        Raster(
            l2,
            "columns of the frame",
            "rows of the frame, from the top",
            "Euclidean distance of the two embeddings",
            *spanned(l2, 0, 1),
            square=True,
        ),
        f"Map over {l2.shape[0]} x {l2.shape[1]} patches",
        lambda: found.frame,
        f"Mean over shared slices and {wording.count(pairs, 'pair')}{' (a sample)' if pairs < found.foundations['pairs'] else ''} of "
        f"{l2.shape[0]} \N{MULTIPLICATION SIGN} {l2.shape[1]} patches; "
        f"the strongest patch differs {ratio:.2g} times as much as the weakest.",
        behind,
    )


def foundations(found: Findings, command: str, store: Store, prefix: str) -> Iterator[Block]:
    yield Heading("What this rests on", f"{prefix}foundations")
    if found.count < FEWEST:
        yield Text(wording.sentence(wording.too_few(found.count)))
    yield Text(
        "The unit is the video: several pairs of a video are averaged first. Sensitivity at the edge is the mean of the first and the last "
        "shared slice, divided by the "
        "dimension's standard deviation over all tokens of its pair; constant dimensions have none and are never divided by. "
        "Read from the tables `dim_sensitivity`, `slice_sensitivity` and `token_sensitivity`; the full table `sensitivity` is not needed."
    )
    yield Table(
        f"{prefix}foundations",
        "Sources",
        parts.foundations(found, store),
        parts.FACT_COLUMNS,
        50,
        {"Foundations": found.questions["foundations"]},
    )
    yield Code("The command that repeats it", command, "bash")
