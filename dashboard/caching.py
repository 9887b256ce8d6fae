"""Answers kept until the store changes: the only module that caches. What is fitted and searched, the store's `Workspace` keeps.

An answer is keyed on the store's fingerprint, so a new clip shows at the next rerun and no lifetime is guessed.
Keep small answers here; embeddings cost more to fetch from a cache than from the store. What a browser draws of a pair is
kept as the one object it is.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pyarrow as pa
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from tubelet.dashboard.access import is_read_only, read_limits, read_store_options
from tubelet.latent.decoding.along import draw_along
from tubelet.latent.decoding.decoder import choose_decoder, describe_quality
from tubelet.latent.decoding.maskings import draw_masking
from tubelet.latent.decoding.sheet import SLICES_MOST, arrange_sheet, draw_along_sheet, draw_sheet
from tubelet.latent.directions.naming import find_direction
from tubelet.latent.workspace import Workspace
from tubelet.reports.blocks import Block
from tubelet.reports.catalogue import Report
from tubelet.reports.sensitivity.findings import Findings, find
from tubelet.reports.sensitivity.request import SensitivityRequest
from tubelet.store import Store
from tubelet.store.jobs.forms import CommandForm
from tubelet.store.jobs.starting import read_commands
from tubelet.store.pairs.differences import Differences, measure_differences
from tubelet.store.questions import clips, corpus, sensitivity
from tubelet.store.questions.corpus import Question, VideoSelection
from tubelet.store.questions.rows import CorpusSummary
from tubelet.store.rows import ClipRow, Row, VideoRow
from tubelet.store.sandbox import conditions, untrusted
from tubelet.store.sandbox.estimate import Estimate
from tubelet.store.sandbox.untrusted import Answer, Query, ask

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class ReportOptions:
    """What a report was asked for: a dataclass of its own, known by what it says."""

    values: Any


KEYS: dict[str | type, Callable[[Any], Any]] = {
    Store: lambda store: store.fingerprint,
    Question: lambda question: question.text,
    Query: lambda query: (query.sql, sorted(query.values.items())),
}


def open_store(path: str) -> Store:
    """The store at a path or an address, opened once for all sessions, read-only where the dashboard is. Raises StoreError."""
    return _open_store(path, is_read_only())


@st.cache_resource(max_entries=8, show_spinner=False)
def _open_store(path: str, read_only: bool) -> Store:
    return Store(path, read_only, options=read_store_options())


@st.cache_resource(
    max_entries=8, show_spinner=False, hash_funcs={Store: lambda store: str(store.root)}
)
def workspace(store: Store) -> Workspace:
    """What is fitted, drawn and searched over a store, one for all sessions."""
    return Workspace(store)


@st.cache_data(max_entries=1, show_spinner=False)
def command_forms() -> list[CommandForm]:
    """The commands that can be jobs. Raises StoreError, which is not kept."""
    return read_commands()


@st.cache_data(max_entries=1000, show_spinner=False, hash_funcs=KEYS)
def table(store: Store, question: Question) -> pa.Table:
    """Answer to one of our own questions."""
    return question.answer(store)


def rows(store: Store, question: Question) -> list[dict]:
    """Answer to one of our own questions, as dicts."""
    return table(store, question).to_pylist()


def read(store: Store, question: Question, row: type[R]) -> list[R]:
    """Answer to one of our own questions, as rows of a class that has its columns."""
    return [row.of(found) for found in rows(store, question)]


def read_first(store: Store, question: Question, row: type[R]) -> R | None:
    """The first row of an answer; None where it has none."""
    return next(iter(read(store, question, row)), None)


def summary(store: Store) -> CorpusSummary:
    """How much a store holds."""
    return read(store, corpus.corpus_summary(), CorpusSummary)[0]


def find_clip(store: Store, clip_id: str) -> ClipRow | None:
    """The row of a clip; None where the store holds none of this id."""
    return read_first(store, clips.clip(clip_id), ClipRow)


def find_video(store: Store, video_id: str) -> VideoRow | None:
    """The row of a video; None where the store holds none of this id."""
    return read_first(store, corpus.video(video_id), VideoRow)


def _is_unwanted() -> Callable[[], bool]:
    """Whether nobody waits for this run of the script: its page is closed, or the reader has asked for another run. Never so without a server."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not st.runtime.exists():
        return lambda: False
    server, session, requests = (
        st.runtime.get_instance(),
        context.session_id,
        context.script_requests,
    )
    return lambda: not server.is_active_session(session) or _is_overtaken(requests)


def _is_overtaken(requests: object) -> bool:
    """Whether another run waits for this one; Streamlit itself looks only when the script next draws something."""
    return getattr(getattr(requests, "_state", None), "name", "CONTINUE") != "CONTINUE"


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=KEYS)
def run_query(store: Store, query: Query) -> Answer:
    """Answer to a user's query, given up once its page is closed or its reader does something else. Raises QueryError, which is not kept: the next try is a new one."""
    return ask(store, query, read_limits().limits, _is_unwanted())


@st.cache_data(max_entries=100, show_spinner=False, hash_funcs=KEYS)
def estimate_reads(store: Store, query: Query) -> Estimate:
    """What a user's query would read, without running it. Raises QueryError, which is not kept."""
    return untrusted.estimate_reads(store, query, read_limits().limits)


@st.cache_data(max_entries=100, show_spinner=False, hash_funcs=KEYS)
def count_rows(store: Store, query: Query, seconds: float) -> int:
    """How many rows a user's query answers with. Raises QueryError, which is not kept."""
    limits = read_limits().whole
    return untrusted.count_rows(store, query, replace(limits, seconds=min(seconds, limits.seconds)))


@st.cache_data(max_entries=50, show_spinner=False, hash_funcs=KEYS)
def videos(store: Store, where: str) -> VideoSelection | None:
    """The videos that a user's condition chooses; None, for all, where it is empty. Raises NoVideos and QueryError, which are not kept."""
    return conditions.videos(store, where) if where else None


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs={**KEYS, SensitivityRequest: repr})
def findings(store: Store, request: SensitivityRequest) -> Findings:
    """All numbers of a sensitivity report. Raises ReportError and QueryError, which are not kept."""
    return find(store, request, table(store, sensitivity.scopes()))


@st.cache_resource(
    max_entries=4,
    show_spinner=False,
    hash_funcs={**KEYS, Report: repr, ReportOptions: lambda options: repr(options.values)},
)
def report_blocks(store: Store, report: Report, options: ReportOptions) -> tuple[Block, ...]:
    """All blocks of a report. Raises ReportError and QueryError, which are not kept."""
    return tuple(report.blocks(store, options.values))


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=KEYS)
def pair_differences(store: Store, pair_id: str, most_bytes: int) -> Differences:
    """The differences of a pair, shared as they are between sessions: nothing is copied on a hit. Raises StoreError."""
    return measure_differences(store, pair_id, most_bytes)


@st.cache_data(max_entries=32, show_spinner="Decoding the window", hash_funcs=KEYS)
def draw_decoded_sheet(store: Store, decoder_id: str, clip_id: str) -> bytes:
    """The slices of a clip as a decoder draws them, as PNG. Raises LatentError and StoreError, which are not kept."""
    sink = io.BytesIO()
    decoder = choose_decoder(store, store.clip(clip_id).encoder_id, decoder_id)
    draw_sheet(store, decoder, clip_id).save(sink, "PNG")
    return sink.getvalue()


@st.cache_data(max_entries=32, show_spinner="Decoding the prediction", hash_funcs=KEYS)
def draw_decoded_masking(
    store: Store, decoder_id: str, clip_id: str, masking_id: str
) -> tuple[bytes, str]:
    """A window under a mask as a decoder draws it, as PNG, and how near its hidden patches come. Raises LatentError and StoreError, which are not kept."""
    decoder = choose_decoder(store, store.clip(clip_id).encoder_id, decoder_id)
    drawn, sink = draw_masking(store, decoder, clip_id, masking_id, SLICES_MOST), io.BytesIO()
    said = f"{drawn.quality} {describe_quality(decoder.row)}"
    arrange_sheet(drawn.rows, said, [f"slice {n}" for n in drawn.slices]).save(sink, "PNG")
    return sink.getvalue(), drawn.quality


@st.cache_data(max_entries=32, show_spinner="Decoding the direction", hash_funcs=KEYS)
def draw_decoded_direction(
    store: Store, decoder_id: str, encoder_id: str, name: str
) -> tuple[bytes, tuple[str, ...]]:
    """Tokens along a direction as a decoder draws them, as PNG, and what they are called. Raises LatentError and StoreError, which are not kept."""
    decoder = choose_decoder(store, encoder_id, decoder_id)
    direction = find_direction(store, encoder_id, name)
    drawn = draw_along(store, decoder, direction, workspace(store).direction_sample(encoder_id))
    sink = io.BytesIO()
    draw_along_sheet(drawn, describe_quality(decoder.row)).save(sink, "PNG")
    return sink.getvalue(), drawn.names
