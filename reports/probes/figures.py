"""The picture of a run of probes: scores by layer with their intervals, one line per encoder, controls as levels."""

import altair as alt
import pyarrow as pa

from tubelet.reports.blocks import Picture
from tubelet.reports.literal import literal
from tubelet.reports.probes.findings import CONTROL_NAMES, WHOLE, ProbeFindings
from tubelet.reports.series import move_apart, stand_side_by_side, tell_apart
from tubelet.store.questions.model_rows import ProbeScore

GRAY, HEIGHT = "#7b8a95", 280


def by_layer(found: ProbeFindings) -> Picture:
    drawn = list_points(found)
    return Picture(
        name="layers",
        title=f"{literal(_capitalize(found.run.metric))} by layer",
        drawing=_chart(found, drawn),
        alt="Score of the probe of each layer with its 95% interval, and the level that each control reaches",
        numbers=lambda: drawn,
        caption="Vertical lines: 95% intervals over videos or groups. Dashed: the highest score of each control.",
        questions={"Scores": found.questions["scores"]},
    )


def _capitalize(metric: str) -> str:
    """A word as a title begins; `mIoU` and `R2` stay as they are."""
    return metric.capitalize() if metric.islower() else metric


def list_points(found: ProbeFindings) -> pa.Table:
    """encoder, layer, series (the probe, or its shuffled labels), score, low, high; in the order of layers."""
    names = found.names
    rows = [
        {
            "encoder": one.encoder_id,
            "layer": one.layer,
            "series": f"{names.get(one.encoder_id or '', '')}{', shuffled' if one.control else ''}",
            "score": one.score,
            "low": one.score_low,
            "high": one.score_high,
        }
        for one in found.scores
        if one.control in (None, "shuffled") and one.train_share == WHOLE
    ]
    return pa.Table.from_pylist(rows)


def _levels(found: ProbeFindings) -> pa.Table:
    highest = {name: found.control(name)[:1] for name in CONTROL_NAMES if name != "shuffled"}
    rows = [
        {"what": CONTROL_NAMES[name], "level": one.score}
        for name, scores in highest.items()
        for one in scores
    ]
    return pa.table({name: [row[name] for row in rows] for name in ("what", "level")})


def _chart(found: ProbeFindings, drawn: pa.Table) -> alt.LayerChart:
    layers = list(dict.fromkeys(drawn["layer"].to_pylist()))
    x = alt.X("layer:N", sort=layers, title="layer", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    score = alt.Y("score:Q", title=found.run.metric)
    tips: list[str | alt.Tooltip] = ["series:N", "layer:N"]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("score", "low", "high")]
    series = drawn["series"].to_pylist()
    base = alt.Chart(drawn).encode(
        tooltip=tips, **tell_apart(series), **stand_side_by_side(x, series)
    )
    lines = base.mark_line(strokeWidth=1.5, point={"size": 36}).encode(y=score)
    known = drawn["low"].null_count < len(drawn)
    rules = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q", title=found.run.metric), y2="high:Q")  # fmt: skip
    return alt.LayerChart(layer=[*([rules] if known else []), lines, *_rules(found)]).properties(
        height=HEIGHT, width="container"
    )


def _rules(found: ProbeFindings) -> list[alt.Chart]:
    levels = _levels(found)
    if not len(levels):
        return []
    base = alt.Chart(levels).encode(y="level:Q", tooltip=["what:N", alt.Tooltip("level:Q", format=".3f")])  # fmt: skip
    text = base.mark_text(align="right", dy=-6, color=GRAY, fontSize=11)
    return [
        base.mark_rule(strokeDash=[5, 4], strokeWidth=1.2, color=GRAY),
        text.encode(x=alt.value("width"), text="what:N"),
    ]


def by_share(found: ProbeFindings) -> Picture:
    """Scores by the share of training videos, of the best layer of each encoder."""
    drawn = _best_shares(found)
    series = drawn["series"].to_pylist()
    places = pa.array(move_apart(drawn["train_share"].to_pylist(), series))
    x = alt.X(
        "place:Q",
        title="labels used (% of the training videos)",
        scale=alt.Scale(type="log", nice=False, padding=12),  # no empty decade before the first
    )
    score = alt.Y("score:Q", title=found.run.metric)
    tips = [alt.Tooltip("series:N"), alt.Tooltip("train_share:Q", title="labels used (%)"), alt.Tooltip("score:Q", format=".3f")]  # fmt: skip
    base = alt.Chart(drawn.append_column("place", places)).encode(x=x, tooltip=tips, **tell_apart(series))  # fmt: skip
    lines = base.mark_line(strokeWidth=1.5, point={"size": 36}).encode(y=score)
    rules = base.mark_rule(strokeWidth=1.5).encode(
        y=alt.Y("score_low:Q", title=found.run.metric), y2="score_high:Q"
    )
    return Picture(
        name="shares",
        title="How few labels are enough",
        drawing=alt.LayerChart(layer=[rules, lines]).properties(height=HEIGHT, width="container"),
        alt="Score by the share of the training videos that was learned from, with 95% intervals",
        numbers=lambda: drawn,
        caption="Mean over several draws of the training videos; vertical lines: 95% intervals over videos or groups.",
        questions={"Shares": found.questions["shares"]},
    )


def _best_shares(found: ProbeFindings) -> pa.Table:
    """The rows of `shares` of each encoder's best layer, with the name of their line."""
    best: dict[str | None, ProbeScore] = {}
    for one in found.probes:  # the first of those that are equal, as in the report's answer
        held = best.setdefault(one.encoder_id, one)
        if one.score is not None and (held.score is None or one.score > held.score):
            best[one.encoder_id] = one
    names = found.names
    rows = [
        {**row, "series": f"{names.get(row['encoder_id'], '')}, {row['layer']}"}
        for row in found.shares.to_pylist()
        if row["layer"] == best[row["encoder_id"]].layer
    ]
    return pa.Table.from_pylist(rows)
