"""What a report is made of: a page draws these and an exporter writes them, in the same order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import altair as alt
import pyarrow as pa

from tubelet.reports.formatting import Words, spell_rows
from tubelet.reports.literal import Markdown
from tubelet.reports.rasters import Raster
from tubelet.store.questions.corpus import Question

Questions = Mapping[str, Question]


@dataclass(frozen=True)
class Heading:
    """A heading. Its text, like all text of a block, is Markdown: what comes from data went through `literal`."""

    text: Markdown
    anchor: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    markdown: Markdown


@dataclass(frozen=True)
class Code:
    """Something to copy: a command, a list of dimensions."""

    label: Markdown
    text: str
    language: str = "text"


@dataclass(frozen=True)
class Column:
    """How a column is shown: its heading (text), the Python format of its numbers, and its meaning where the heading is short."""

    name: str
    title: str
    format: str = ""
    help: Markdown = ""


def interval_columns(
    low: str, high: str, form: str = ".3f", over: str = ""
) -> tuple[Column, Column]:
    """The two columns with the ends of a figure's 95% interval, `over` units where that has to be said."""
    units = f" over {over}" if over else ""
    return (
        Column(low, "from", form, f"Lower end of the 95% interval{units}"),
        Column(high, "to", form, f"Upper end of the 95% interval{units}"),
    )


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows that carry the report's numbers: `shown` of them are listed, all are exported under `name`.

    `words` gives readers of a column other words than those of the rows, which programs read.
    """

    name: str
    title: Markdown
    rows: pa.Table
    columns: tuple[Column, ...]
    shown: int = 50
    words: Words = field(default_factory=dict)
    questions: Questions = field(default_factory=dict)
    pairs: str | None = None  # column of pair ids that lead to the Windows page
    pictures: Mapping[int, bytes] | None = (
        None  # JPEGs of rows by their number; rows with a clip_id and a slice lead to the player
    )
    dims_of: str | None = (
        None  # encoder whose dimensions the column `dim` numbers, or whose directions the column `direction` names
    )

    player: Mapping[str, str] = field(
        default_factory=dict
    )  # what the addresses of videos say to the player, besides the video

    @property
    def spelled(self) -> pa.Table:
        """All rows, as readers see them."""
        return spell_rows(self.rows, self.words)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A chart or a raster, what it shows in words, and its numbers, for those who cannot see it or want to compute with them."""

    name: str
    title: Markdown
    drawing: alt.Chart | alt.LayerChart | Raster
    alt: str
    numbers: Callable[[], pa.Table]
    caption: Markdown = ""
    questions: Questions = field(default_factory=dict)


Block = Heading | Text | Code | Table | Picture
