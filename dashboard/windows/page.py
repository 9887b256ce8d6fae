"""The Windows page: one pair of windows, from its answer down to a single token."""

import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching, charts, downloads, links, units
from tubelet.dashboard.components import matrix
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.unpaired import show_unpaired
from tubelet.dashboard.windows import choice
from tubelet.reports.literal import Markdown, literal, literal_sentence
from tubelet.store import Store, StoreError
from tubelet.store.questions import pairs
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.rows import (
    ControlNoise,
    EdgeAndMiddle,
    RankedDimension,
    ShownPair,
)

TITLE, ICON = "Windows", ":material/compare:"
RANKED = 12  # dimensions in the table
ROW_HEIGHT = 31  # pixels
NOT_KEPT = "The embeddings of these clips were not kept, so single values are not available. Run the same ingest with `--keep embeddings`."
RELATIVE_EDGE = (
    "Mean |difference| on the outer shared slices over the dimension's standard deviation"
)


def show(store: Store, selection: Selection) -> None:
    head = st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    )
    head.title("What changes when the window shifts?", anchor=False, width="content")
    if not choice.is_found(store):
        return
    if not caching.rows(store, pairs.paired_videos(selection.encoder_id, "", 1)):
        show_unpaired(store, selection)
        return
    pair = choice.choose(store, selection)
    if pair is None:
        return
    with head:
        _sql_behind_answer(pair)
    _show_answer(store, pair)
    _show_matrix(store, pair)
    _show_curves(store, pair)


def _show_answer(store: Store, pair: ShownPair) -> None:
    edge = pairs.edge_and_middle(pair.pair_id)
    again, floor = (
        caching.read(store, ask(pair.pair_id), ControlNoise)[0]
        for ask in (pairs.determinism, pairs.noise_floor)
    )
    ranked = pairs.ranked_dimensions(pair.pair_id, 1)
    badge = " :orange-badge[:material/warning: untrained weights]" if pair.untrained else ""
    curve = caching.read(store, edge, EdgeAndMiddle)[0]
    st.markdown(answer(pair, curve, caching.read(store, ranked, RankedDimension)[0]) + badge)
    st.caption(" ".join((provenance(pair), noise(again, floor, literal(pair.precision)))))
    _show_links(pair)


def _show_links(pair: ShownPair) -> None:
    with st.container(horizontal=True, gap="medium", key="links-windows"):
        for name, clip_id in (("A", pair.clip_a), ("B", pair.clip_b)):
            links.to_player(
                f"Window {name} in player",
                video=pair.video_id,
                clip=clip_id,
                encoder=pair.encoder_id,
            )


def _sql_behind_answer(pair: ShownPair) -> None:
    questions = {
        "Pair": pairs.pair(pair.pair_id),
        "Answer": pairs.edge_and_middle(pair.pair_id),
        "Dimension that reacts most": pairs.ranked_dimensions(pair.pair_id, 1),
        "Determinism": pairs.determinism(pair.pair_id),
        "Noise floor": pairs.noise_floor(pair.pair_id),
    }
    sql_behind(questions, "pair")


def answer(pair: ShownPair, curve: EdgeAndMiddle, strongest: RankedDimension) -> Markdown:
    """What this pair says, in one or two sentences with numbers."""
    shift = f"{units.count(pair.shift, 'slice')} ({units.count(pair.shift * pair.tubelet * pair.step, 'frame')})"
    if pair.kind == "repeated":
        said = f"mean differences reach {share(curve.most)} of a dimension's standard deviation"
        return f"The same window encoded twice: {said}. 0 means that the arithmetic is deterministic; it says nothing about rounding."
    if pair.kind == "rounding":
        said = f"mean differences reach {share(curve.most)} of a dimension's standard deviation"
        return f"The same window in {literal(pair.precision)} and in fp32: {said}. This is the effect of rounding alone, the noise floor."
    if pair.kind == "disjoint":
        return f"Two windows of one video that share no frame differ by {share(curve.edge)} of a dimension's standard deviation: the scale for pairs that do."
    if pair.kind == "changed":
        strength = "" if pair.strength is None else f" {pair.strength:g}"
        pixels = f"its pixels changed by {share(pair.pixel_change)} of their range"
        return f"The same window after {literal(pair.change)}{strength}: the same places differ by {share(curve.middle)} of a dimension's standard deviation in the middle of the window; {pixels}."
    if pair.kind == "nested":
        kept = f"the first {units.count(pair.shared_slices, 'slice')} of {pair.slices:d}"
        return f"The same window and {kept} alone: the same frames differ by {share(curve.edge)} of a dimension's standard deviation on the first and last slice of both, and by {share(curve.middle)} in the middle. What the last slice differs by, it knows of later frames."
    edges = (
        "on the only shared slice"
        if pair.shared_slices == 1
        else "on the first and last shared slice"
    )
    said = f"Shifted by {shift}, the same frames differ by **{share(curve.edge)}** of a dimension's standard deviation {edges}"
    if pair.shared_slices > 1:
        said += f" and by **{share(curve.middle)}** in the middle"
    if strongest.relative_edge:
        said += f"; dimension **{strongest.dim:d}** reacts most, by {share(strongest.relative_edge)} at the edges"
    return said + "."


def provenance(pair: ShownPair) -> Markdown:
    """Which windows, and from which numbers."""
    times = [
        f"{literal(name)} from frame {first:,} ({start:.2f} s)"
        for name, first, start in _starts(pair)
    ]
    source = "live float32 values" if pair.source == "live" else "stored half-precision values"
    apart = f", {pair.step:d} apart" if pair.step > 1 else ""
    shared = units.count(pair.shared_slices, "shared slice" if pair.kind == "shifted" else "slice")
    windows = f"{' and '.join(times)}, {units.count(pair.frame_count, 'frame')}{apart} each"
    return f"{windows}, {shared} compared. Measured from {source}, {literal(pair.encoder)}, {literal(pair.precision)}."


def _starts(pair: ShownPair) -> list[tuple[str, int, float]]:
    return [("A", pair.first_a, pair.start_a), ("B", pair.first_b, pair.start_b)]


def noise(again: ControlNoise, floor: ControlNoise, precision: Markdown) -> Markdown:
    """Whether the arithmetic repeats itself, and what its rounding alone does."""
    repeats = f"Determinism: the same window encoded twice differs by at most {again.most or 0:.3g} ({units.count(again.pairs, 'control')})."
    rounds = f"Noise floor: rounding to {precision} alone differs by {floor.mean or 0:.3g} on average ({units.count(floor.pairs, 'control')})."
    return " ".join(
        (
            repeats
            if again.pairs
            else "No window was encoded twice, so it is unknown whether the arithmetic is deterministic.",
            rounds
            if floor.pairs
            else ""
            if precision in ("fp32", "float32")
            else f"The effect of rounding to {precision} was not measured.",
        )
    ).strip()


def share(value: float | None) -> Markdown:
    """A relative difference: 0.1234 -> 12.3%."""
    return "an unknown share" if value is None else f"{100 * value:.3g}%"


def _show_matrix(store: Store, pair: ShownPair) -> None:
    ranking = pairs.ranked_dimensions(pair.pair_id, pair.embed_dim)
    try:
        if not pair.embeddings and pair.kind not in ("changed", "nested"):
            raise StoreError(NOT_KEPT)
        made = caching.pair_differences(store, pair.pair_id, matrix.MOST_BYTES)
    except StoreError as error:
        st.info(literal_sentence(error), icon=":material/info:")
        _show_patch_map(store, pair)
        return
    matrix.show(store, pair, made, caching.table(store, ranking)["dim"].to_pylist())


def _show_patch_map(store: Store, pair: ShownPair) -> None:
    """What the tables tell of the frame without the embeddings."""
    question = pairs.patch_map(pair.pair_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            "**Where in the frame** \N{EM DASH} distance of the two embeddings of a patch, mean over the shared slices",
            width="content",
        )
        sql_behind({"Map": question}, "map")
    st.altair_chart(
        charts.over_patches(caching.table(store, question), pair.grid_height, pair.grid_width),
        width="content",
        alt="Distance by patch",
    )


def _show_curves(store: Store, pair: ShownPair) -> None:
    curves, ranked = (
        pairs.slice_curves(pair.pair_id),
        pairs.ranked_dimensions(pair.pair_id, RANKED),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**By shared slice and by dimension**", width="content")
        sql_behind({"Curves": curves, "Dimensions": ranked}, "curves")
        every = pairs.ranked_dimensions(pair.pair_id, pair.embed_dim)
        downloads.offer_answer(store, f"{pair.pair_id}-dimensions", every)
    with st.grid(4, min_column_width=190, gap="small") as grid:
        for name in charts.SLICE_CURVES:
            with grid.cell():
                st.altair_chart(
                    charts.over_shared_slices(caching.table(store, curves), name),
                    alt=f"{name} by shared slice",
                )
        with grid.cell():
            _show_ranked(store, ranked, pair.encoder_id)


def _show_ranked(store: Store, ranked: Question, encoder_id: str) -> None:
    number = st.column_config.NumberColumn
    rows = caching.table(store, ranked)
    pages = [links.locate_dimension(encoder_id, dim) for dim in rows["dim"].to_pylist()]
    st.dataframe(
        rows.append_column("page", pa.array(pages, pa.string())), hide_index=True, placeholder="constant", height=ROW_HEIGHT * 6 + 8,
        column_order=("dim", "relative_edge", "edge_over_middle", "page"),
        column_config={
            "dim": number("dim", width=45, format="%d"),
            "relative_edge": number("edge / std", width=75, format="%.3g", help=RELATIVE_EDGE),
            "edge_over_middle": number("edge / middle", width=95, format="%.3g"),
            "page": st.column_config.LinkColumn("page", width=60, display_text="open"),
        },
        alt="Dimensions whose edge difference is largest",
    )  # fmt: skip
