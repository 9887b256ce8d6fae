"""Every report by its name, and the files that it can be written to.

A report is a title, a dataclass of options and a generator of blocks. A row of `REPORTS` makes its command (`tubelet report NAME`, whose
options are the dataclass's fields), its page in the dashboard and its files.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tubelet.reports import html_file, markdown_file, parquet_file
from tubelet.reports.blocks import Block, Heading, Text
from tubelet.reports.changes import sections as changes
from tubelet.reports.changes.request import ChangesOptions
from tubelet.reports.dimensions import sections as dimensions
from tubelet.reports.dimensions.request import DimensionsOptions
from tubelet.reports.encoders import sections as encoders
from tubelet.reports.encoders.request import EncodersOptions
from tubelet.reports.errors import ReportError
from tubelet.reports.literal import Markdown
from tubelet.reports.prediction import sections as prediction
from tubelet.reports.prediction.request import PredictionOptions
from tubelet.reports.probes import sections as probes
from tubelet.reports.probes.request import ProbesOptions
from tubelet.reports.scores import sections as scores
from tubelet.reports.scores.request import ScoresOptions
from tubelet.reports.sensitivity import comparison, narrative, sections
from tubelet.reports.sensitivity.findings import Findings, find
from tubelet.reports.sensitivity.request import SensitivityOptions
from tubelet.reports.transition import sections as transition
from tubelet.reports.transition.request import TransitionReportOptions
from tubelet.store import Store
from tubelet.store.disk.outputs import write_file

FORMATS = {
    ".html": html_file.render_html,
    ".md": markdown_file.render_markdown,
    ".parquet": parquet_file.render_parquet,
}


@dataclass(frozen=True)
class Report:
    """A title, the dataclass of its options (`tubelet.store.options`), and its blocks out of a store and such options."""

    title: Markdown
    options: type
    blocks: Callable[[Store, Any], Iterator[Block]]
    menu: Markdown = ""  # a shorter title, for the menu of pages

    def write(self, store: Store, options: Any, path: Path) -> None:
        """Write the report to a file of the format that its name ends in. Raises ReportError."""
        written = FORMATS[suffix(path)]
        data = written(self.title, self.blocks(store, options))
        write_file(path, lambda file: file.write(data))


def suffix(path: Path) -> str:
    """The format of a file. Raises ReportError for any other extension."""
    if path.suffix not in FORMATS:
        raise ReportError(
            f"{path} does not end in a report format: pass a file that ends in {', '.join(FORMATS)} as -o"
        )
    if not path.absolute().parent.is_dir():
        raise ReportError(
            f"{path.absolute().parent} is not a folder: create it, or pass another file as -o"
        )
    return path.suffix


def sensitivity_report(store: Store, options: SensitivityOptions) -> Iterator[Block]:
    found = find(store, options.request)
    other = find(store, found.request.other(options.compare)) if options.compare else None
    return sensitivity_blocks(store, found, other, options.compare)


def sensitivity_blocks(
    store: Store, found: Findings, other: Findings | None = None, compare: str | None = None
) -> Iterator[Block]:
    """The answer, the comparison where there is one, and the sections of each."""
    command = found.request.command(store, compare)
    yield Text(narrative.answer(found))
    yield Text(narrative.subject(found) + ".")
    if other is None or compare is None:
        yield from sections.sections(found, command, store)
        return
    yield from comparison.sections(found, other, compare)
    for prefix, one in (("a_", found), ("b_", other)):
        yield Heading(narrative.subject(one), f"{prefix}report")
        yield Text(narrative.answer(one))
        yield from sections.sections(one, command, store, prefix)


def report(name: str) -> Report:
    """A report by its name. Raises ReportError."""
    if name not in REPORTS:
        raise ReportError(f"there is no report {name!r}: choose one of {', '.join(REPORTS)}")
    return REPORTS[name]


REPORTS = {
    "sensitivity": Report(sections.TITLE, SensitivityOptions, sensitivity_report),
    "changes": Report(changes.TITLE, ChangesOptions, changes.changes_report, menu="Changes"),
    "probes": Report(probes.TITLE, ProbesOptions, probes.probes_report, menu="Probes"),
    "dimensions": Report(
        dimensions.TITLE, DimensionsOptions, dimensions.dimensions_report, menu="Dimensions"
    ),
    "scores": Report(scores.TITLE, ScoresOptions, scores.scores_report, menu="Scores"),
    "encoders": Report(encoders.TITLE, EncodersOptions, encoders.encoders_report, menu="Encoders"),
    "prediction": Report(
        prediction.TITLE, PredictionOptions, prediction.prediction_report, menu="Prediction"
    ),
    "transition": Report(
        transition.TITLE, TransitionReportOptions, transition.transition_report, menu="Transition"
    ),
}
