"""The Masking page: hide tokens of one window, let the predictor fill them in, and see where it is right."""

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from tubelet.dashboard import caching
from tubelet.dashboard.jobs import permission
from tubelet.dashboard.masking import choice, decoded, pictures, results, running
from tubelet.dashboard.masking.request import COMPARED, MaskRequest
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.selection import Selection, describe_untrained
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.unpaired import show_unpredicted
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.mask_kinds import PAINTED
from tubelet.store.questions import clips as clip_queries
from tubelet.store.questions import maskings
from tubelet.store.questions.rows import KeptMasking
from tubelet.store.rows import ClipRow, NamedClip

TITLE, ICON = "Masking", ":material/grid_off:"
LISTED = 12  # kept runs that are offered
COMPARE_HELP = (
    "Runs both masks on this window. A neighbor of a random token is seen, one of a tube is not."
)


def show(store: Store, selection: Selection) -> None:
    st.title("What does the predictor fill in?", anchor=False)
    if not caching.rows(store, clip_queries.videos_with_clips(selection.encoder_id, 1)):
        _show_empty(store)
        return
    if not choice.is_found(store):
        return
    answer = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="choices-masking"):  # fmt: skip
        found = choice.choose_window(store, selection)
        if found is None:
            answer.markdown("**This encoder has no clips of this video.** Choose another one.")
            return
        film, clip = found
        kept = caching.read(store, maskings.maskings_of_clip(clip.clip_id), KeptMasking)
        if selection.encoder and not (selection.encoder.predicts or kept):
            with answer:
                show_unpredicted(store, selection.encoder)
            return
        asked = choice.choose_mask(clip)
        st.toggle("Tubes and random tokens", help=COMPARE_HELP, **bind(choice.COMPARE))
    if PAINTED in asked.kinds:
        choice.paint_mask(store, film, clip, asked)
    runs = asked.find(kept)
    with answer:
        _answer(asked, runs, describe_untrained(store, selection.encoder_id))
    _offer(store, clip, asked, runs)
    running.show_state(store)
    _show_runs(store, clip, runs)
    _list_kept(store, clip, kept)


def _answer(asked: MaskRequest, runs: Mapping[str, KeptMasking], badge: Markdown) -> None:
    if asked.wrong:
        st.markdown(asked.wrong)
        return
    if not runs:
        st.markdown(f"This mask was not run on this window yet. {choice.describe_mask(asked)}")
        return
    for row in runs.values():
        st.markdown(f"{results.describe_run(row)} {badge}")
    if compared := results.compare_runs(runs):
        st.markdown(compared)
    st.caption(results.ONE_WINDOW)


def _offer(store: Store, clip: ClipRow, asked: MaskRequest, runs: Mapping) -> None:
    """What runs the mask, where it was not run; and both of those that are compared, in one click. A command to type takes the whole width."""
    buttons = permission.find_folder() is not None
    with st.container(horizontal=buttons, vertical_alignment="center", gap="small"):
        if len(runs) < len(asked.kinds) and not asked.wrong:
            running.offer_run(store, clip.clip_id, asked)
        if asked.kinds != COMPARED:
            st.button(
                "Compare tubes with random tokens",
                icon=":material/compare:",
                key="go-compare-masks",
                help=COMPARE_HELP,
                on_click=_compare,
                args=(store, clip, asked),
            )


def _compare(store: Store, clip: ClipRow, asked: MaskRequest) -> None:
    """Show both; run what is not kept, where visitors may."""
    both = MaskRequest(
        kinds=COMPARED, percent=asked.percent, seed=asked.seed, paint=asked.paint, until=asked.until
    )
    choice.fill_in(both)
    kept = caching.read(store, maskings.maskings_of_clip(clip.clip_id), KeptMasking)
    if len(both.find(kept)) < len(COMPARED) and permission.find_folder() is not None:
        running.start(store, both.words(str(store.root), clip.clip_id))


def _show_runs(store: Store, clip: ClipRow, runs: Mapping[str, KeptMasking]) -> None:
    """The pictures of each run, all on one scale of errors."""
    named = caching.read_first(store, clip_queries.clip_of_video(clip.clip_id), NamedClip)
    questions = {kind: maskings.masked_window(clip.clip_id, row.masking_id) for kind, row in runs.items()}  # fmt: skip
    tokens = {kind: caching.table(store, question) for kind, question in questions.items()}
    size = clip.slices * clip.grid_height * clip.grid_width
    grids = {
        kind: pictures.MaskedGrid.of(rows, named)
        for kind, rows in tokens.items()
        if named and len(rows) == size
    }
    largest = max((grid.largest for grid in grids.values()), default=0.0)
    for kind, grid in grids.items():
        if named is None:
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.header(literal(kind), anchor=False, width="content")
            sql_behind({"Tokens": questions[kind], "Runs": maskings.maskings_of_clip(clip.clip_id)}, f"masking-{kind}")  # fmt: skip
        st.html(pictures.render_window(store, named, grid, largest))
        if said := pictures.describe_slices(grid):
            st.caption(said)
        decoded.show(store, clip, runs[kind])
    if grids:
        st.caption("Colors are the first three principal components of the target: one color means the same in all rows.")  # fmt: skip


def _list_kept(store: Store, clip: ClipRow, kept: Sequence[KeptMasking]) -> None:
    if not kept:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Kept runs of this window", anchor=False, width="content")
        sql_behind({"Runs": maskings.maskings_of_clip(clip.clip_id)}, "masking-runs")
    st.dataframe(
        results.list_runs(kept), hide_index=True, placeholder="", alt="Kept runs of this window, the newest first",
        column_config={name: st.column_config.NumberColumn(format="%.3f") for name in ("hidden", "error", "over nearest", "over mean")},
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for row in kept[:LISTED]:
            st.button(
                f"Show {literal(row.mask_kind)}, seed {row.seed:d}, {row.hidden_tokens:,d} hidden",
                key=f"go-kept-{row.masking_id}",
                on_click=partial(choice.fill_in, MaskRequest.of(row)),
            )


def _show_empty(store: Store) -> None:
    st.markdown("No clips yet. Encode a folder of videos with an encoder that has a predictor:")
    st.code(
        f"tubelet ingest FOLDER --store {store.shell_name} --encoder vjepa2.1-tiny",
        language=None,
        wrap_lines=True,
    )
