"""A page for every report of the catalogue that has none of its own: widgets made from the report's options, its blocks, its files."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from tubelet.dashboard import caching, refusals, report_options
from tubelet.dashboard.missing import show_no_clips
from tubelet.dashboard.selection import Selection, describe_untrained
from tubelet.dashboard.sensitivity import blocks
from tubelet.reports.blocks import Block, Code
from tubelet.reports.catalogue import FORMATS, REPORTS, Report
from tubelet.reports.command_line import report_command
from tubelet.reports.errors import ReportError
from tubelet.reports.literal import Markdown, literal, literal_block, literal_sentence
from tubelet.store import Store
from tubelet.store.errors import NoVideos, QueryError

ICONS = {
    "changes": ":material/auto_fix_high:",
    "dimensions": ":material/stacked_bar_chart:",
    "probes": ":material/science:",
    "scores": ":material/target:",
    "encoders": ":material/join_inner:",
    "transition": ":material/skip_next:",
}
KINDS: dict[str, Markdown] = {".html": "HTML", ".md": "Markdown", ".parquet": "Parquet"}
MIME = {".html": "text/html", ".md": "text/markdown", ".parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True)
class ReportPage:
    """What a module of a page offers, for one report."""

    name: str
    report: Report

    @property
    def ICON(self) -> str:
        return ICONS.get(self.name, ":material/summarize:")

    @property
    def TITLE(self) -> Markdown:
        return _menu_title(self.report)

    def show(self, store: Store, selection: Selection) -> None:
        st.title(_title(self.report), anchor=False)
        if not caching.summary(store).clips:
            show_no_clips(store)
            return
        given = report_options.choose_options(self.name, self.report.options, selection)
        if not report_options.hold_conditions(given, self.report.options):
            return
        try:
            options = self.report.options(**given)
            with st.skeleton(height=420):
                made = caching.report_blocks(store, self.report, caching.ReportOptions(options))
        except NoVideos as error:
            st.info(literal_sentence(error), icon=":material/filter_alt_off:")
        except QueryError as error:
            st.error(literal_block(error), title="Query failed", icon=":material/error:")
        except ReportError as error:
            refusals.show(store, error, selection.encoder_id)
        else:
            blocks.draw(made[:1])  # the answer
            _offer(self.name, self.report, made, self._name_untrained(store, selection))
            blocks.draw_contents(made)
            blocks.draw(made[1:], store=store)
            if not any(isinstance(block, Code) for block in made):
                st.code(report_command(self.name, store, options), language=None, wrap_lines=True)

    def _name_untrained(self, store: Store, selection: Selection) -> Markdown:
        """The badge of the encoder that the report is about, or of all."""
        alone = report_options.is_of_one_encoder(self.report.options)
        return describe_untrained(store, selection.encoder_id if alone else None)


def make_pages(own: Collection[str]) -> dict[str, ReportPage]:
    """Pages by name; those in `own` are written by hand."""
    return {name: ReportPage(name, report) for name, report in REPORTS.items() if name not in own}


def _menu_title(report: Report) -> Markdown:
    if report.menu:
        return literal(report.menu)
    return report.title


def _title(report: Report) -> Markdown:
    return report.title


def _write(
    write: Callable[[str, Iterator[Block]], bytes], report: Report, made: Sequence[Block]
) -> bytes:
    return write(report.title, iter(made))


def _offer(name: str, report: Report, made: Sequence[Block], untrained: Markdown) -> None:
    """Files with everything that the page shows, made when asked for, and which encoders are untrained."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for suffix, write in FORMATS.items():
            st.download_button(
                KINDS.get(suffix, literal(suffix[1:])), partial(_write, write, report, made), f"{name}{suffix}", MIME[suffix],
                key=f"{name}-download-{suffix}", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
        if untrained:
            st.markdown(untrained, width="content")
