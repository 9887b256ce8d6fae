"""The tables of a sensitivity report, from its findings: what figures draw, listings show and files contain."""

import platform
from importlib.metadata import version

import numpy as np
import pyarrow as pa
from scipy.stats import rankdata

from tubelet.reports.blocks import Column
from tubelet.reports.sensitivity import narrative
from tubelet.reports.sensitivity.consistency import Consistency, Settling
from tubelet.reports.sensitivity.findings import Findings
from tubelet.reports.sensitivity.ranking import Ranking, sign_chance
from tubelet.store import Store
from tubelet.store.encoder_names import add_layer
from tubelet.store.intervals import FEWEST
from tubelet.store.wording import count

VERSIONS = ("duckdb", "numpy", "scipy", "pyarrow", "altair")
BINS = 30
MANY_VIDEOS = (
    "kind",
    "low",
    "high",
    "sign_share",
    "share",
    "p",
    "q",
)  # columns that mislead with few
VIDEO_COLUMNS = (
    Column("name", "video"),
    Column("label", "label"),
    Column("videos", "videos", ",d"),
    Column("pairs", "pairs", ",d"),
    Column("relative", "mean relative edge", ".3g"),
    Column("with_others", "correlation with the others", ".2f"),
    Column("pair_id", "pair"),
)
OUTLIER_COLUMNS = (
    Column("name", "video"),
    Column("how", "how"),
    Column("score", "robust standard deviations", "+.1f"),
    Column("pair_id", "pair"),
)
FACT_COLUMNS = (Column("what", "fact"), Column("value", "value"))


def band(found: Findings, kind: str) -> pa.Table:
    """slice, videos, low, median, high."""
    names = {
        "shared_slice": "slice",
        "videos": "videos",
        f"{kind}_q25": "low",
        f"{kind}_median": "median",
        f"{kind}_q75": "high",
    }
    return found.band.select(list(names)).rename_columns(list(names.values()))


def levels(found: Findings, kind: str) -> pa.Table:
    """level, what: of the controls that were measured."""
    names = {
        "rounding": "same window in fp32 (noise floor)",
        "disjoint": "windows of one video that share no frame",
    }
    rows = [
        (row[kind], name) for control, name in names.items() if (row := found.controls[control])
    ]
    return pa.table(
        {
            "level": pa.array([level for level, _ in rows], pa.float64()),
            "what": pa.array([what for _, what in rows], pa.string()),
        }
    )


def dimensions(found: Findings) -> pa.Table:
    """One row per dimension, strongest first; NULL for what cannot be determined."""
    order = found.ranking
    at = found.dims["dim"].to_numpy()
    return pa.table(
        {
            "place": _places(found.dims["relative"]),
            "dim": found.dims["dim"],
            "kind": ["specialist" if order.specialist[d] else "other" for d in at],
            "relative": found.dims["relative"],
            **{
                name: _mask_unknown(values[at])
                for name, values in (("low", order.relative.low), ("high", order.relative.high))
            },
            **{name: found.dims[name] for name in ("edge", "middle", "ratio")},
            "sign": pa.array(
                [{1: "+", -1: "\N{MINUS SIGN}", 0: "none"}[int(s)] for s in order.sign[at]]
            ),
            **{name: _mask_unknown(values[at]) for name, values in _tests(order)},
            "varying": found.dims["varying"],
        }
    )


def _places(relative: pa.ChunkedArray) -> pa.Array:
    """Places from 1, dimensions of one value on the mean of theirs; NULL for those without a value."""
    values = relative.to_numpy(zero_copy_only=False).astype(np.float32)
    known, places = np.isfinite(values), np.full(len(values), np.nan)
    places[known] = rankdata(-values[known])
    return _mask_unknown(places)


def _tests(order: Ranking) -> tuple[tuple[str, np.ndarray], ...]:
    return (
        ("sign_share", order.sign_share),
        ("share", order.top_share),
        ("p", order.p),
        ("q", order.q),
    )


def dimension_columns(found: Findings) -> tuple[Column, ...]:
    """The columns that enough videos support."""
    few = found.count < FEWEST
    return tuple(
        column for column in _dimension_columns(found) if not (few and column.name in MANY_VIDEOS)
    )


def _dimension_columns(found: Findings) -> tuple[Column, ...]:
    top, chance = found.ranking.top, found.ranking.chance
    return (
        Column(
            "place", "place", "g", "By mean relative edge; dimensions of one value share a place"
        ),
        Column("dim", "dimension", "d"),
        Column("kind", "kind"),
        Column(
            "relative",
            "relative edge",
            ".3g",
            f"Mean over {found.unit}s of edge / standard deviation",
        ),
        Column("low", "from", ".3g", f"95% interval over {found.unit}s, of this dimension alone"),
        Column("high", "to", ".3g", f"95% interval over {found.unit}s, of this dimension alone"),
        Column(
            "ratio",
            "edge / middle",
            ".3g",
            "Mean edge over mean middle; empty where the middle is 0",
        ),
        Column(
            "sign",
            "sign",
            "",
            "Of the effect of the edge: the value at the edge minus the value further inside",
        ),
        Column(
            "sign_share",
            "same sign",
            ".0%",
            f"Share of {found.unit}s with that sign; {sign_chance(found.count):.0%} where either is as likely",
        ),
        Column(
            "share",
            f"in top {top}",
            ".0%",
            f"Share of {found.unit}s, ties counted in part; {chance:.2%} where all dimensions are alike",
        ),
        Column("p", "p", ".2g", "Exact binomial, against all dimensions being alike"),
        Column("q", "q", ".2g", "Benjamini and Hochberg, over all dimensions"),
    )


def settling(found: Settling) -> pa.Table:
    return pa.table({name: getattr(found, name) for name in ("videos", "overlap", "low", "high")})


def agreement_bins(agreed: Consistency, videos: int) -> pa.Table:
    """low, high, videos: a histogram of the correlations of videos with the rest."""
    counted, edges = np.histogram(agreed.with_others, bins=min(BINS, max(5, videos // 4)))
    return pa.table({"low": edges[:-1], "high": edges[1:], "videos": counted})


def correlations(found: Findings, agreed: Consistency) -> pa.Table:
    """video_a, video_b, correlation: every pair of the matrix once."""
    ids = (
        found.videos["video_id"]
        .take(pa.array(agreed.kept[agreed.order]))
        .combine_chunks()
        .dictionary_encode()
    )
    a, b = np.triu_indices(len(agreed.correlation), 1)
    return pa.table(
        {
            "video_a": ids.take(pa.array(a)),
            "video_b": ids.take(pa.array(b)),
            "correlation": agreed.correlation[a, b],
        }
    )


def heat(found: Findings) -> pa.Table:
    """video_id, dim, relative: every cell of the heat map."""
    d, v = np.meshgrid(found.heat.dims, found.heat.videos, indexing="ij")
    ids = found.videos["video_id"].combine_chunks().dictionary_encode()
    return pa.table(
        {
            "video_id": ids.take(pa.array(v.ravel())),
            "dim": d.ravel().astype(np.int16),
            "relative": _mask_unknown(found.heat.values.ravel()),
        }
    )


def videos(found: Findings) -> pa.Table:
    """One row per video, the strongest first: its pairs, one of them to look at, its level, and how it agrees with the others."""
    others = np.full(found.count, np.nan)
    if found.consistency is not None:
        others[found.consistency.kept] = found.consistency.with_others
    rows = found.videos.append_column("relative", _mask_unknown(found.levels)).append_column(
        "with_others", _mask_unknown(others)
    )
    return rows.sort_by([("relative", "descending"), ("video_id", "ascending")])


def outliers(found: Findings) -> pa.Table:
    at = [outlier.video for outlier in found.outliers]
    named = found.videos.select(["video_id", "name", "pair_id"]).take(pa.array(at, pa.int64()))
    said = {
        "how": pa.array([o.how for o in found.outliers], pa.string()),
        "score": pa.array([o.score for o in found.outliers], pa.float64()),
    }
    for name, column in said.items():
        named = named.append_column(name, column)
    return named


def foundations(found: Findings, store: Store) -> pa.Table:
    """what, value: everything that a reader needs to judge the report."""
    facts = found.foundations
    rows = {
        "videos, pairs": f"{count(facts.videos, 'video')}, {count(facts.pairs, 'pair')} with {count(facts.most_slices, 'shared slice')}",
        "counted once": narrative.count_units(found) if found.unit != "video" else "each video",
        "videos chosen by": found.request.where or "all that were measured",
        "encoder": f"{found.request.encoder} ({add_layer(facts.encoder, facts.layer, ', layer ')}, {facts.embed_dim:,} dimensions)",
        "weights": facts.weights_source,
        "SHA-256 of the weights": facts.weights_sha256,
        "windows": f"{found.request.frames} frames, {facts.slices} slices of {facts.tubelet} frames",
        "shift": count(found.scope.shift, "slice"),
        "duration of a slice": f"{facts.slice_s:.4g} s (median video)",
        "settings": "; ".join(found.settings)
        + (" (mixed as requested)" if len(found.settings) > 1 else ""),
        "precision, source": f"{facts.precision}; {facts.source}",
        "determinism (one window twice)": _level(found, "repeated"),
        "noise floor (rounding, one window in fp32 too)": _level(found, "rounding"),
        "windows of one video that share no frame": _level(found, "disjoint"),
        "measured": f"{facts.first_measured:%Y-%m-%d %H:%M} to {facts.last_measured:%Y-%m-%d %H:%M} UTC",
        "store": f"{store.name}, {store.fingerprint.rpartition(':')[2]}",
        "software": ", ".join(
            [
                f"tubelet {version('tubelet')}",
                f"Python {platform.python_version()}",
                *(f"{name} {version(name)}" for name in VERSIONS),
            ]
        ),
    }
    return pa.table({"what": list(rows), "value": [str(value) for value in rows.values()]})


def _level(found: Findings, kind: str) -> str:
    control = found.controls[kind]
    if control is None:
        return "not measured"
    videos = count(control.videos, "video")
    return f"{control.deviations:.3g} standard deviations, {control.absolute:.3g} absolute (median of {videos})"


def _mask_unknown(values: np.ndarray) -> pa.Array:
    """NaN as NULL."""
    return pa.array(np.asarray(values, float), mask=~np.isfinite(values))
