"""The videos of the corpus: filters, and one page of a query with thumbnails and curves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from tubelet.dashboard import address, caching, downloads, links, units
from tubelet.dashboard.corpus import details, label_columns, picking, pictures, several
from tubelet.dashboard.corpus import map as corpus_map
from tubelet.dashboard.corpus.thumbnails import thumbnail
from tubelet.dashboard.paging import lead_to_first, turn_pages
from tubelet.dashboard.parameters import VIDEO, bind
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.sql_link import sql_behind
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.questions.corpus import ORDERS, STATES, VideoFilter
from tubelet.store.questions.rows import PageVideo
from tubelet.store.schema.annotations import FOLDER
from tubelet.store.statistics import TOKEN_STATISTICS

ROWS = 25  # videos per page
TABLE, PICTURES, MAP = "Table", "Pictures", "Map"  # what the videos are shown as
ROW_HEIGHT, HEADER_HEIGHT = 46, 36  # pixels
MIN_VISIBLE, VISIBLE = 3, 10  # rows before the table scrolls; fewer where the store holds fewer
CURVE = "previous_cosine"  # the statistic drawn without being asked for: how much stays the same from slice to slice
MIN_SPAN = (
    0.01  # of the largest value: a y axis no narrower, so that rounding is not drawn as a signal
)
OPENING = ("thumbnail", "name")  # columns whose cells lead to the video
OPENS = "Click a picture or a name to open the video; check rows to see or compare them."
COLUMNS = (
    "thumbnail",
    "name",
    "label",
    "curve",
    "mean",
    "duration_s",
    "clips",
    "failures",
    "tokens",
    "frames",
    "fps",
    "size",
    "codec",
)

SPARSE = ("label", "failures")  # columns that are left out where no row of the page has any


@dataclass(frozen=True)
class Listing:
    """Which videos are listed, in which order, with the curves of which statistic, and as what they are shown."""

    videos: VideoFilter
    order: str
    statistic: str
    view: str


@dataclass(frozen=True)
class Curves:
    """What the curves show, and the y axis that they share."""

    statistic: str
    scale: tuple[float, float] | None


def show(store: Store, selection: Selection) -> None:
    listing = _filters(store, selection)
    total = caching.rows(store, corpus.videos_count(listing.videos))[0]["videos"]
    rows = [] if listing.view == MAP else _turn(store, listing, total)
    chosen = address.list_chosen_videos()
    with _beside(bool(chosen)) as (table, side):
        with table:
            if listing.view == MAP:
                corpus_map.show(store, listing.videos)
            elif listing.view == PICTURES:
                pictures.show(store, rows, selection.encoder_id, listing.statistic)
            else:
                _show_table(store, selection, listing, rows)
        if len(chosen) > 1:
            with side:
                several.show(store, selection, chosen)
        elif chosen:
            with side:
                details.show(store, selection, listing.statistic)


def _turn(store: Store, listing: Listing, total: int) -> list[PageVideo]:
    """The page numbers, and what can be done with all that is listed; the rows of the page."""
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="turn-videos",
    ):
        where = st.container(horizontal=True, vertical_alignment="center", width="content")
        first = turn_pages(total, ROWS, "page")
    videos, statistic = listing.videos, listing.statistic
    page = corpus.videos_page(videos, listing.order, ROWS, first, statistic)
    rows = caching.read(store, page, PageVideo)
    curves = _curves(rows, listing)
    with where:
        st.markdown(units.span(first + 1, first + len(rows), total, "video"), width="content")
        sql_behind({"Videos": page, "Curves": curves}, "videos")
        picking.offer(store, videos, total)
        downloads.offer_answer(
            store, "videos", corpus.videos_page(videos, listing.order, total, 0, statistic)
        )
    return rows


def _curves(rows: list[PageVideo], listing: Listing) -> corpus.Question:
    ids = [row.video_id for row in rows]
    return corpus.sparklines(ids, listing.videos.encoder_id, listing.statistic)


def _show_table(
    store: Store, selection: Selection, listing: Listing, rows: list[PageVideo]
) -> None:
    """The rows with their curves, which share one axis."""
    found = caching.rows(store, _curves(rows, listing)) if rows else []
    points = {row["video_id"]: row["points"] for row in found}
    asked = corpus.statistic_range(selection.encoder_id, listing.statistic)
    scale = _range(**caching.rows(store, asked)[0])
    _table(store, selection, rows, points, Curves(listing.statistic, scale))
    st.caption(f"{OPENS} {_curves_sentence(listing.statistic, scale)}")


@contextmanager
def _beside(anything: bool) -> Iterator[tuple[DeltaGenerator, DeltaGenerator]]:
    """Where the table stands, and where what is chosen in it: beside it, or below it where there is no room."""
    with st.container(key="chosen-beside"):
        table, side = st.columns([3, 2], gap="medium") if anything else (st.container(), st.empty())
        yield table, side


def _filters(store: Store, selection: Selection) -> Listing:
    """The filter, the order, the statistic of the curves and the view, each in the URL."""
    labels = [row["label"] or "" for row in caching.rows(store, corpus.labels())]
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap="small", key="choices-corpus"
    ):
        view = st.segmented_control(
            "View", [TABLE, PICTURES, MAP], default=TABLE, required=True, **bind("view")
        )
        text = st.text_input(
            "Search",
            placeholder="name or label",
            icon=":material/search:",
            live=True,
            **_bound("search"),
        )
        label_name = label_columns.choose_name(store, _to_first_page)
        label = st.selectbox(
            "Value" if label_columns.names(store) else "Label",
            labels if label_name == FOLDER else label_columns.values(store, label_name),
            None,
            lambda name: name or "(no label)",
            placeholder="any",
            width=140,
            **bind("label"),
            on_change=_choose_value,
        )
        state = st.selectbox("Show", list(STATES), width=130, **_bound("show"))
        order = st.selectbox(
            "Order by",
            list(ORDERS),
            width=130,
            help="Orders all videos. A click on a column's header orders this page only.",
            **_bound("order"),
        )
        statistic = _choose_statistic()
    videos = VideoFilter(
        encoder_id=selection.encoder_id,
        text=text.strip(),
        label=label,
        state=state,
        label_name=label_name,
        chosen=selection.video_ids,
    )
    return Listing(videos, order, statistic, view)


def _choose_statistic() -> str:
    meanings = "\n".join(f"- {literal(s.name)}: {s.meaning}" for s in TOKEN_STATISTICS.values())
    return st.selectbox(
        "Curve",
        list(TOKEN_STATISTICS),
        list(TOKEN_STATISTICS).index(CURVE),
        width=170,
        help=f"Mean over the patches of each slice of:\n{meanings}",
        **bind("statistic"),
    )


def _bound(key: str) -> dict:
    """A widget kept in the URL whose change leads back to the first page."""
    return {**bind(key), "on_change": _to_first_page}


def _to_first_page() -> None:
    lead_to_first("page")


def _choose_value() -> None:
    label_columns.hold_name()
    _to_first_page()


def _table(
    store: Store,
    selection: Selection,
    rows: list[PageVideo],
    points: Mapping[str, list[float]],
    curves: Curves,
) -> None:
    held = caching.summary(store).videos
    shown = [row.video_id for row in rows]
    added = label_columns.columns(store, shown)
    key = f"videos-{hash(tuple(shown))}"  # another page is another table: its selection is its own
    st.dataframe(
        _cells(store, rows, points, added),
        column_config=_column_config(curves, selection) | _label_config(added),
        column_order=_column_order(rows, added),
        hide_index=True,
        row_height=ROW_HEIGHT,
        height=HEADER_HEIGHT + ROW_HEIGHT * min(VISIBLE, max(MIN_VISIBLE, held)),
        placeholder="",
        key=key,
        on_select=lambda: _choose(key, shown),
        selection_mode=["multi-row", "single-cell"],
        selection_default={
            "selection": {
                "rows": [shown.index(id_) for id_ in address.list_chosen_videos() if id_ in shown]
            }
        },
        alt="Videos of this page",
    )


def _column_order(rows: list[PageVideo], added: Mapping[str, pa.Array]) -> list[str]:
    """The columns: those that the page measures, then all imported labels; those of `SPARSE` only where a row has a value."""
    kept = [
        name
        for name in COLUMNS
        if name not in SPARSE or any(row[name] is not None and row[name] != 0 for row in rows)
    ]
    after = kept.index("tokens")
    return [*kept[:after], *added, *kept[after:]]


def _label_config(added: Mapping[str, pa.Array]) -> dict:
    """Beside imported labels, the folder is called what it is."""
    folder = {"label": st.column_config.TextColumn(FOLDER, width=70)} if added else {}
    return folder | {
        name: st.column_config.TextColumn(
            literal(name.removeprefix(label_columns.PREFIX)), width=90
        )
        for name in added
    }


def _choose(key: str, shown: list[str]) -> None:
    """A click on picture or name opens the video; checked rows are chosen, with those of other pages of the table."""
    found = st.session_state[key]["selection"]
    opened = [shown[row] for row, column in found["cells"] if column in OPENING]
    if opened:
        links.open_player(**{VIDEO: opened[0]})
        return
    pictures.choose_of_page(shown, [shown[row] for row in found["rows"]])


def _cells(
    store: Store,
    rows: list[PageVideo],
    points: Mapping[str, list[float]],
    added: Mapping[str, pa.Array],
) -> pa.Table:
    given = (
        pa.Table.from_pylist([row.columns for row in rows])
        if rows
        else pa.table({name: pa.array([], pa.string()) for name in COLUMNS})
    )
    columns = {
        **{name: given[name] for name in given.column_names},
        "thumbnail": pa.array([thumbnail(store, row.thumbnail) for row in rows], pa.string()),
        "size": pa.array([f"{row.width} × {row.height}" for row in rows], pa.string()),
        "curve": pa.array([points.get(row.video_id) for row in rows], pa.list_(pa.float64())),
    }
    return pa.table({**{name: columns[name] for name in COLUMNS}, **added})


def _range(low: float | None, high: float | None) -> tuple[float, float] | None:
    """The one y axis of all curves of the encoder, on this page and the others."""
    if low is None or high is None:
        return None
    margin = max(0.0, MIN_SPAN * max(abs(low), abs(high)) - (high - low)) / 2
    return low - margin, high + margin


def _curves_sentence(statistic: str, scale: tuple[float, float] | None) -> Markdown:
    """What the curves show and on which axis."""
    chosen = TOKEN_STATISTICS[statistic]
    axis = (
        f"one y axis for all videos, {scale[0]:.4g} to {scale[1]:.4g}" if scale else "no values yet"
    )
    possible = f", where {literal(chosen.unit)} is possible" if chosen.unit else ""
    return f"Curves: {literal(statistic)}, mean over each slice's patches, along the encoded time; {axis}{possible}."


def _column_config(curves: Curves, selection: Selection) -> dict:
    low, high = curves.scale or (None, None)
    by = f" · {selection.encoder.label}" if selection.encoder else ""
    number = st.column_config.NumberColumn
    return {
        "thumbnail": st.column_config.ImageColumn("picture", width=66),
        "name": st.column_config.TextColumn("name", width=170),
        "label": st.column_config.TextColumn("label", width=70),
        "curve": st.column_config.LineChartColumn(
            f"{curves.statistic}{by}",
            width=150,
            y_min=low,
            y_max=high,
            color="blue",
            help=f"{TOKEN_STATISTICS[curves.statistic].meaning} To order all videos by it, choose *highest curve* or *lowest curve* above.",
        ),
        "mean": number(
            "mean",
            width=62,
            format="%.4g",
            help=f"Mean of {literal(curves.statistic)} over all slices of the video.",
        ),
        "duration_s": number("duration", width=66, format="%.2f s"),
        "clips": number("clips", width=48, format="localized"),
        "tokens": number("tokens", width=74, format="localized"),
        "frames": number("frames", width=58, format="localized"),
        "fps": number("frames/s", width=64, format="%.4g"),
        "size": st.column_config.TextColumn("size, px", width=88),
        "codec": st.column_config.TextColumn("codec", width=56),
        "failures": number("failures", width=70),
    }
