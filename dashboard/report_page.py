"""A page for every report of the catalogue that has none of its own: widgets made from the report's options, its blocks, its files."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import MISSING, Field, dataclass
from functools import partial
from typing import Any, get_args, get_type_hints

import streamlit as st

from tubelet.dashboard import caching, consent
from tubelet.dashboard.parameters import bind_option
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.sensitivity import blocks
from tubelet.reports.blocks import Block
from tubelet.reports.catalogue import FORMATS, REPORTS, Report
from tubelet.reports.command_line import report_command
from tubelet.reports.errors import ReportError
from tubelet.reports.literal import Markdown, literal, literal_block
from tubelet.store import Store
from tubelet.store.errors import NoVideos, QueryError
from tubelet.store.options import Option, options_of

SQL = "SQL"  # the metavar of an option that holds it
MIME = {".html": "text/html", ".md": "text/markdown", ".parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True)
class ReportPage:
    """What a module of a page offers, for one report."""

    name: str
    report: Report
    ICON: str = ":material/summarize:"

    @property
    def TITLE(self) -> Markdown:
        return _menu_title(self.report)

    def show(self, store: Store, selection: Selection) -> None:
        st.title(_title(self.report), anchor=False)
        given = _choose(self.name, self.report.options)
        if not all(
            consent.holds(given[field.name] or "", field.name)
            for field, described in options_of(self.report.options)
            if described.metavar == SQL
        ):
            return
        try:
            options = self.report.options(**given)
            made = caching.report_blocks(store, self.report, caching.Options(options))
        except NoVideos as error:
            st.info(literal(error), icon=":material/filter_alt_off:")
        except QueryError as error:
            st.error(literal_block(error), title="Query failed", icon=":material/error:")
        except ReportError as error:
            st.warning(literal_block(error), icon=":material/warning:")
        else:
            blocks.draw(made)
            _offer(self.name, self.report, made)
            st.code(report_command(self.name, store, options), language=None, wrap_lines=True)


def make_pages(own: Collection[str]) -> dict[str, ReportPage]:
    """Pages by name; those in `own` are written by hand."""
    return {name: ReportPage(name, report) for name, report in REPORTS.items() if name not in own}


def _menu_title(report: Report) -> Markdown:
    if report.menu:
        return literal(report.menu)
    return report.title


def _title(report: Report) -> Markdown:
    return report.title


def _choose(name: str, options: type) -> dict[str, Any]:
    """Draw a widget per option, each in the URL, and read them."""
    hints = get_type_hints(options)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        return {
            field.name: _widget(f"{name}-{field.name}", field, hints[field.name], described)
            for field, described in options_of(options)
        }


def _widget(key: str, field: Field, hint: Any, described: Option) -> Any:
    label, default, about = (
        literal(field.name.replace("_", " ").capitalize()),
        None if field.default is MISSING else field.default,
        literal(described.help),
    )
    types = set(get_args(hint)) or {hint}
    if bool in types:
        return st.toggle(label, bool(default), help=about, **bind_option(key))
    if described.choices:
        return st.selectbox(
            label,
            described.choices,
            _place(described.choices, default),
            help=about,
            **bind_option(key),
        )
    if types & {int, float}:
        number = int if int in types else float
        low, high = (
            None if end is None else number(end) for end in (described.least, described.most)
        )
        return st.number_input(
            label, low, high, default, step=number(1), help=about, **bind_option(key)
        )
    placeholder = literal(described.unset or described.metavar or "")
    changed = partial(consent.ask_typed, key) if described.metavar == SQL else None
    typed = st.text_input(
        label,
        default,
        help=about,
        **bind_option(key),
        placeholder=placeholder,
        on_change=changed,
    )
    return (typed or "").strip() or None


def _place(choices: Sequence[str], default: Any) -> int | None:
    return choices.index(default) if default in choices else None


def _write(
    write: Callable[[str, Iterator[Block]], bytes], report: Report, made: Sequence[Block]
) -> bytes:
    return write(report.title, iter(made))


def _offer(name: str, report: Report, made: Sequence[Block]) -> None:
    """Files with everything that the page shows, made when asked for."""
    with st.container(horizontal=True, gap="small"):
        for suffix, write in FORMATS.items():
            st.download_button(
                literal(suffix[1:].upper()), partial(_write, write, report, made), f"{name}{suffix}", MIME[suffix],
                key=f"{name}-download-{suffix}", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
