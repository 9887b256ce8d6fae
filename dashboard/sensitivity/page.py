"""The Sensitivity page: which dimensions react when the window shifts, across videos, and how sure that is."""

from functools import partial
from pathlib import Path

import streamlit as st

from tubelet.dashboard import caching, consent, refusals
from tubelet.dashboard.selection import Selection, describe_untrained
from tubelet.dashboard.sensitivity import blocks, scope
from tubelet.dashboard.sensitivity.leads import Leads
from tubelet.dashboard.unpaired import show_unpaired
from tubelet.reports.catalogue import FORMATS, sensitivity_blocks
from tubelet.reports.errors import ReportError
from tubelet.reports.literal import literal_block, literal_sentence
from tubelet.reports.sensitivity import narrative
from tubelet.reports.sensitivity import sections as report
from tubelet.reports.sensitivity.comparison import sections as compared
from tubelet.reports.sensitivity.findings import Findings
from tubelet.reports.sensitivity.rows import StrongestPair
from tubelet.store import Store
from tubelet.store.errors import NoVideos, QueryError
from tubelet.store.questions import sensitivity as queries
from tubelet.store.questions.rows import MeasuredScope

TITLE, ICON = "Sensitivity", ":material/compare_arrows:"
KINDS = {
    ".html": ("HTML", "text/html"),
    ".md": ("Markdown", "text/markdown"),
    ".parquet": ("Parquet", "application/vnd.apache.parquet"),
}


def show(store: Store, selection: Selection) -> None:
    st.title(report.TITLE, anchor=False)
    held = caching.read(store, queries.scopes(), MeasuredScope)
    if not any(row.encoder_id == selection.encoder_id for row in held):
        show_unpaired(store, selection)
        return
    request, compare = scope.choose(store, selection)
    if not consent.holds(request.where or "", "where"):
        return
    if (
        compare
        and compare.startswith(scope.WHERE)
        and not consent.holds(compare.removeprefix(scope.WHERE), "compare-where")
    ):
        return
    try:
        with st.skeleton(height=420):
            found = caching.findings(store, request)
            other = caching.findings(store, found.request.other(compare)) if compare else None
    except NoVideos as error:
        st.info(literal_sentence(error), icon=":material/filter_alt_off:")
    except QueryError as error:
        st.error(literal_block(error), title="Condition failed", icon=":material/error:")
    except ReportError as error:
        refusals.show(store, error, selection.encoder_id)
    else:
        _show(store, found, other, compare)


def _show(store: Store, found: Findings, other: Findings | None, compare: str | None) -> None:
    st.markdown(f"{narrative.answer(found)} {describe_untrained(store, found.request.encoder)}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(narrative.subject(found), width="stretch")
        _downloads(store, found, other, compare)
    if other is not None and compare is not None:
        blocks.draw(compared(found, other, compare))
    leads = Leads.from_rows(
        [StrongestPair.of(row) for row in found.dims.to_pylist() if row["pair_id"] is not None]
    )
    leads.show(found.dims["dim"].to_pylist())
    command = found.request.command(store, compare)
    drawn = list(report.sections(found, command, store))
    blocks.draw_contents(drawn)
    blocks.draw(drawn, leads, store)


def _downloads(store: Store, found: Findings, other: Findings | None, compare: str | None) -> None:
    """Files with everything that the page shows, made when asked for."""
    for suffix, (name, mime) in KINDS.items():
        st.download_button(
            name,
            partial(_write_file, suffix, store, found, other, compare),
            f"{Path(store.name).name}-sensitivity-{found.request.encoder}{suffix}",
            mime,
            key=f"download-{suffix}",
            icon=":material/download:",
            on_click="ignore",
        )


def _write_file(
    suffix: str, store: Store, found: Findings, other: Findings | None, compare: str | None
) -> bytes:
    return FORMATS[suffix](report.TITLE, sensitivity_blocks(store, found, other, compare))
