"""From an answer to a chart: which one its columns suggest, and how the chosen one is drawn. No Streamlit."""

from dataclasses import dataclass
from typing import Any

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc

from tubelet.dashboard.charts import BLUE
from tubelet.dashboard.sql.columns import INDICES, Columns, list_columns
from tubelet.reports.literal import Markdown, literal
from tubelet.store.sandbox.formats import distinct, narrow

NOTHING, COUNT = "nothing", "number of rows"
MARKS = ("point", "line", "bar", "area", "heat map")
COLORS, FACETS = (
    20,
    12,
)  # different words that are told apart by color; small charts beside each other
HEIGHT, FACET_HEIGHT, FACET_WIDTH = 340, 160, 220  # pixels
BINS = 40
THEME_COLORS = (
    10  # of .streamlit/config.toml; beyond them colors repeat, and COLORS is twice as many
)
SECOND: dict[str, tuple[str, tuple]] = {  # channel and its two looks, by mark
    "line": ("strokeDash", ([1, 0], [5, 3])),
    "point": ("shape", ("circle", "triangle-up")),
}
SECOND_CHANNELS = {"strokeDash": alt.StrokeDash, "shape": alt.Shape, "opacity": alt.Opacity}


@dataclass(frozen=True, kw_only=True)
class ChartSpec:
    """A mark and the columns that it shows; NOTHING for none, COUNT for how many rows there are."""

    mark: str
    x: str
    y: str
    color: str = NOTHING
    facet: str = NOTHING


def prepare(rows: pa.Table) -> pa.Table:
    """The columns that a chart can show, by different names."""
    named = pa.table([narrow(column) for column in rows.columns], names=distinct(rows.column_names))
    return named.select(list(list_columns(named).plottable))


def choose_default(rows: pa.Table) -> ChartSpec:
    """The chart that the columns suggest."""
    columns = list_columns(rows)
    if not columns.values:
        return _count(columns)
    color = _color(rows, columns)
    value = columns.values[0]
    if "dim" in columns.indices and len(columns.indices) == 1:
        return ChartSpec(mark="bar", x="dim", y=value, color=color)
    if len(columns.indices) > 1:
        *_, y, x = columns.indices
        return ChartSpec(mark="heat map", x=x, y=y, color=value)
    if place := (*columns.indices, *columns.moments):
        return ChartSpec(mark="line", x=place[0], y=value, color=color)
    if columns.words and len(rows) <= 200:
        return ChartSpec(mark="bar", x=value, y=columns.words[0])
    if len(columns.values) > 1:
        return ChartSpec(mark="point", x=value, y=columns.values[1], color=color)
    return ChartSpec(mark="bar", x=value, y=COUNT)


def explain_refusal(rows: pa.Table, spec: ChartSpec) -> Markdown | None:
    """Why an answer is not drawn so; None where it is."""
    for name, most, what in ((spec.facet, FACETS, "one chart each"), (spec.color, COLORS, "one color each")):  # fmt: skip
        if (name in rows.column_names and _is_word(rows, name)) or name == spec.facet != NOTHING:
            found = pc.count_distinct(rows[name]).as_py()
            if found > most:
                return f"{literal(name)} has {found:,} different values, more than the {most} that get {what}. Choose another column, or group the rows in the query."
    return None


def draw(rows: pa.Table, spec: ChartSpec) -> alt.Chart:
    """The chart. Columns get plain names in it: a name from a query may hold what Vega reads as a path."""
    names = {name: f"c{number}" for number, name in enumerate(rows.column_names)}
    data = rows.rename_columns(list(names.values()))
    kinds = {name: _vega_type(rows, name) for name in names}
    series = 0 if spec.color == NOTHING else pc.count_distinct(rows[spec.color], mode="all").as_py()
    channels = _Channels(names, kinds, spec, series)
    chart = alt.Chart(data)
    marked = {
        "point": lambda: chart.mark_point(filled=True, size=36, opacity=0.7),
        "line": lambda: chart.mark_line(point={"size": 14}, strokeWidth=1.5),
        "bar": chart.mark_bar,
        "area": lambda: chart.mark_area(opacity=0.6),
        "heat map": chart.mark_rect,
    }[spec.mark]()
    encoded = marked.encode(**channels.encoding)
    if spec.facet == NOTHING:
        return encoded.properties(height=HEIGHT)
    facet = alt.Facet(f"{names[spec.facet]}:N", title=spec.facet, columns=4)
    return encoded.properties(height=FACET_HEIGHT, width=FACET_WIDTH).encode(facet=facet)


@dataclass(frozen=True)
class _Channels:
    """The channels of a specification, over columns by their plain names."""

    names: dict[str, str]
    kinds: dict[str, str]
    spec: ChartSpec
    series: int = 0  # different words of the column that is shown as color

    @property
    def encoding(self) -> dict[str, Any]:
        spec = self.spec
        counted = spec.y == COUNT
        x = alt.X(
            self._field(spec.x, discrete=spec.mark == "heat map"),
            title=spec.x,
            axis=self._axis(),
            bin=alt.Bin(maxbins=BINS) if counted and self.kinds[spec.x] == "Q" else alt.Undefined,
            scale=self._place_scale()
            if self._is_place()
            else self._scale(spec.mark == "bar" and not counted and self.kinds[spec.x] == "Q"),
        )
        y = alt.Y("count():Q", title=COUNT) if counted else self._y()
        return {"x": x, "y": y, **self._color(), **self._second(), "tooltip": self._tooltip()}

    def _is_place(self) -> bool:
        """Whether x says where, as a dimension or a slice does: its numbers are whole and begin at 0."""
        whole = self.spec.x in INDICES and self.kinds[self.spec.x] == "Q"
        return whole and self.spec.mark != "heat map" and self.spec.y != COUNT

    def _axis(self) -> Any:
        if self.spec.mark == "heat map":
            return alt.Axis(labelAngle=0, labelOverlap=True)
        return alt.Axis(format="d", tickMinStep=1) if self._is_place() else alt.Undefined

    def _place_scale(self) -> alt.Scale:
        return alt.Scale(zero=self.spec.mark == "bar", nice=False, padding=8)

    def _y(self) -> alt.Y:
        discrete = self.spec.mark == "heat map"
        sort = None if self.kinds[self.spec.y] == "N" else alt.Undefined
        return alt.Y(
            self._field(self.spec.y, discrete),
            title=self.spec.y,
            sort=sort,
            scale=self._scale(self.spec.mark in ("bar", "area")) if not discrete else alt.Undefined,
        )

    def _field(self, name: str, discrete: bool = False) -> str:
        kind = self.kinds[name]
        return f"{self.names[name]}:{'O' if discrete and kind == 'Q' else kind}"

    def _scale(self, zero: bool) -> alt.Scale:
        return alt.Scale(zero=zero)

    def _color(self) -> dict[str, Any]:
        name = self.spec.color
        if name == NOTHING:
            return {"color": alt.value(BLUE)}
        kind = self.kinds[name]
        if kind == "Q" and self.spec.mark == "heat map":  # several rows may share a cell
            shade = alt.Scale(scheme="blues")
            return {
                "color": alt.Color(
                    f"mean({self.names[name]}):Q", title=f"{name}, mean", scale=shade
                )
            }
        scale = alt.Scale(scheme="viridis") if kind == "Q" else alt.Undefined
        dashed = alt.Legend(symbolType="stroke") if self._second().keys() == {"strokeDash"} else alt.Undefined  # fmt: skip
        return {"color": alt.Color(self._field(name), title=name, scale=scale, legend=dashed)}

    def _second(self) -> dict[str, Any]:
        """What tells words apart that share one of the theme's colors: dashes, shapes or paler marks."""
        name = self.spec.color
        if self.kinds.get(name) != "N" or self.series <= THEME_COLORS:
            return {}
        channel, looks = SECOND.get(self.spec.mark, ("opacity", (1.0, 0.4)))
        drawn = alt.Scale(
            type="ordinal", range=[looks[n // THEME_COLORS] for n in range(self.series)]
        )
        return {channel: SECOND_CHANNELS[channel](self._field(name), title=name, scale=drawn)}

    def _tooltip(self) -> list[alt.Tooltip]:
        if self.spec.y == COUNT:
            return [alt.Tooltip("count():Q", title=COUNT)]
        if self.spec.mark == "heat map":
            spec, plain = self.spec, self.names
            cell = [alt.Tooltip(self._field(name), title=name) for name in (spec.x, spec.y)]
            shown = self.kinds.get(spec.color) == "Q"
            return [
                *cell,
                *(
                    [alt.Tooltip(f"mean({plain[spec.color]}):Q", title=f"{spec.color}, mean")]
                    if shown
                    else []
                ),
            ]
        return [
            alt.Tooltip(f"{plain}:{self.kinds[name]}", title=name)
            for name, plain in self.names.items()
        ]


def _count(columns: Columns) -> ChartSpec:
    """How often each word, or each place, stands in the answer."""
    return ChartSpec(mark="bar", x=next(iter(columns.plottable), NOTHING), y=COUNT)


def _color(rows: pa.Table, columns: Columns) -> str:
    """The first column of words that is few enough to be told apart by color."""
    for name in columns.words:
        place = distinct(rows.column_names).index(name)
        if 1 < pc.count_distinct(rows.column(place)).as_py() <= COLORS:
            return name
    return NOTHING


def _is_word(rows: pa.Table, name: str) -> bool:
    return _vega_type(rows, name) == "N"


def _vega_type(rows: pa.Table, name: str) -> str:
    columns = list_columns(rows)
    return "N" if name in columns.words else "T" if name in columns.moments else "Q"
