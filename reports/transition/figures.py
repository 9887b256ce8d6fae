"""The pictures of a run of transition models: variance explained of the next slice by model, and over rollouts."""

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc

from tubelet.reports.blocks import Picture
from tubelet.reports.series import COLORS, stand_side_by_side, tell_apart
from tubelet.reports.transition.findings import TransitionFindings

GRAY, HEIGHT, ROW = "#7b8a95", 280, 34
TITLE = "variance explained over copying"
WORDS = {"shuffled": "shuffled time", "untrained": "untrained", "pixels": "raw pixels"}


def list_points(found: TransitionFindings) -> pa.Table:
    """series, horizon, explained, low, high, mean_explained: one row per model and horizon that has a figure."""
    names = found.encoder_names
    rows = [
        {"series": _name(row, names)}
        | {key: row[key] for key in ("horizon", "explained", "low", "high", "mean_explained")}
        for row in found.table.to_pylist()
        if row["explained"] is not None
    ]
    types = {"series": pa.string(), "horizon": pa.int64(), **dict.fromkeys(("explained", "low", "high", "mean_explained"), pa.float64())}  # fmt: skip
    return pa.Table.from_pylist(rows, pa.schema(types))


def _name(row: dict, names: dict[str, str]) -> str:
    said = WORDS.get(row["control"] or "", "")
    encoder = names.get(row["encoder_id"] or "", "")
    return ", ".join(part for part in (encoder, said) if part)


def by_model(found: TransitionFindings) -> Picture:
    drawn = list_points(found)
    drawn = drawn.filter(pc.equal(drawn["horizon"], 1))
    base = alt.Chart(drawn).encode(y=alt.Y("series:N", sort=None, title=None, axis=alt.Axis(labelLimit=260, labelFlush=False)), tooltip=_tips())  # fmt: skip
    zero = alt.Chart(pa.table({"copy": [0.0]})).mark_rule(strokeDash=[5, 4], color=GRAY).encode(x="copy:Q")  # fmt: skip
    layers = [zero, base.mark_point(filled=True, size=60, color=COLORS[0]).encode(x=alt.X("explained:Q", title=TITLE))]  # fmt: skip
    layers.append(base.mark_tick(color=GRAY, thickness=2, size=14).encode(x="mean_explained:Q"))
    if drawn["low"].null_count < len(drawn):
        layers.insert(1, base.mark_rule(strokeWidth=1.5, color=COLORS[0]).encode(x=alt.X("low:Q", title=TITLE), x2="high:Q"))  # fmt: skip
    return Picture(
        name="models",
        title="Variance of the next slice that is explained over copying",
        drawing=alt.LayerChart(layer=layers).properties(height=ROW * max(2, len(drawn)) + 40, width="container"),
        alt="One dot per model with its 95% interval: variance of the next slice explained over copying; a copy is at zero",
        numbers=lambda: drawn,
        caption="Dashed line: a copy of the last slice. Gray tick: the mean of the slices seen. Horizontal lines: 95% intervals over test videos.",
        questions={"Scores": found.questions["Scores"]},
    )  # fmt: skip


def by_horizon(found: TransitionFindings) -> Picture:
    drawn = list_points(found)
    x = alt.X("horizon:O", title="slices after the last one seen", axis=alt.Axis(labelAngle=0))
    series = drawn["series"].to_pylist()
    base = alt.Chart(drawn).encode(
        tooltip=_tips(), **tell_apart(series), **stand_side_by_side(x, series)
    )
    layers = [base.mark_line(strokeWidth=1.5, point={"size": 36}).encode(y=alt.Y("explained:Q", title=TITLE))]  # fmt: skip
    if drawn["low"].null_count < len(drawn):
        layers.insert(0, base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q", title=TITLE), y2="high:Q"))  # fmt: skip
    return Picture(
        name="rollouts",
        title="Rollouts: each slice predicted from the predictions before it",
        drawing=alt.LayerChart(layer=layers).properties(height=HEIGHT, width="container"),
        alt="One line per model: variance explained over copying by how many slices lie between",
        numbers=lambda: drawn,
        caption="Copying grows worse with the distance, too: a line that rises need not mean a better prediction.",
        questions={"Scores": found.questions["Scores"]},
    )


def _tips() -> list[alt.Tooltip]:
    numbers = ("explained", "low", "high", "mean_explained")
    return [alt.Tooltip("series:N"), alt.Tooltip("horizon:O"), *(alt.Tooltip(f"{name}:Q", format=".3f") for name in numbers)]  # fmt: skip
