"""The blocks of a report, drawn by Streamlit: the counterpart of the exporters in `reports`."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from urllib.parse import quote

import altair as alt
import pyarrow as pa
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from tubelet.dashboard import links, selected_videos
from tubelet.dashboard.parameters import CLIP, VIDEO, VIDEO_PAGE
from tubelet.dashboard.sensitivity import gallery
from tubelet.dashboard.sensitivity.leads import Leads
from tubelet.dashboard.sql_link import sql_behind
from tubelet.reports.blocks import Block, Code, Column, Heading, Picture, Table, Text
from tubelet.reports.formatting import round_to_zero
from tubelet.reports.literal import Markdown, html_text
from tubelet.reports.rasters import Raster
from tubelet.store import Store
from tubelet.store.sandbox import formats

ROW_HEIGHT, VISIBLE = 31, 12  # pixels; rows before a table scrolls
WINDOWS_PATH = "windows"  # where the page of one pair lies in the URL
PAIR = "pair"  # its parameter
LINKED = {
    "video_id": VIDEO,
    "clip_id": CLIP,
}  # columns of ids, and the parameters of the Video page that they are
HEIGHT = 240  # pixels, of a chart that names none
LEAST_HEIGHT = 240  # pixels, below which Streamlit draws beyond a chart's place
AROUND, AROUND_WIDTH = (
    80,
    300,
)  # pixels that axes and legend of a chart take below and beside its marks


def draw(blocks: Iterable[Block], leads: Leads | None = None, store: Store | None = None) -> None:
    """`leads`: where each dimension is looked at; `store`: where videos that a table lists can be selected and tagged."""
    for number, block in enumerate(blocks):
        _draw_block(block, number, leads or Leads({}))
        if store is not None and isinstance(block, Table) and "video_id" in block.rows.column_names:
            _offer_videos(store, block)


def _offer_videos(store: Store, block: Table) -> None:
    """Buttons that select the videos of a table on every page; nothing for an empty one."""
    found = block.rows["video_id"].drop_null().unique().to_pylist()
    if found:
        with st.container(horizontal=True, gap="small"):
            selected_videos.offer(store, found, f"table-{block.name}")


def draw_contents(blocks: Iterable[Block]) -> None:
    """Links to the headings."""
    st.markdown(" · ".join([_link(block) for block in blocks if isinstance(block, Heading)]))


def _link(heading: Heading) -> Markdown:
    return f"[{heading.text}](#{heading.anchor})"


def _draw_block(block: Block, number: int, leads: Leads) -> None:
    match block:
        case Heading():
            _heading(block)
        case Text():
            _text(block)
        case Code():
            _code(block, number)
        case Picture():
            _picture(block)
        case Table():
            _table(block, leads)


def _heading(block: Heading) -> None:
    st.header(block.text, anchor=block.anchor) if block.level == 2 else st.subheader(
        block.text, anchor=block.anchor
    )


def _text(block: Text) -> None:
    st.markdown(block.markdown)


def _code(block: Code, number: int) -> None:
    st.caption(block.label)
    with st.container(key=f"code-{number}-{block.label}"):  # style.css keeps its place
        st.code(
            block.text,
            language=None if block.language == "text" else block.language,
            wrap_lines=True,
        )


def _picture(block: Picture) -> None:
    _title(block)
    if isinstance(block.drawing, Raster):
        st.html(f'<div role="img" aria-label="{html_text(block.alt)}">{block.drawing.html}</div>')
    else:
        _chart(block, block.drawing)
    if block.caption:
        st.caption(block.caption)
    _offer_numbers(block)


def _chart(block: Picture, drawing: alt.Chart | alt.LayerChart) -> None:
    """A chart whose size is that of its marks: axes and legend get room around them, all of which is kept from the start."""
    width, height = drawing.width, drawing.height  # undefined where a chart names none
    height = height if isinstance(height, int) else HEIGHT
    st.altair_chart(
        drawing,
        width=width + AROUND_WIDTH if isinstance(width, int) else "stretch",
        height=max(height + AROUND, LEAST_HEIGHT),
        alt=block.alt,
        key=f"chart-{block.name}",
    )


def _offer_numbers(block: Picture) -> None:
    """The numbers of a picture, and a heat map as it is drawn, as files that are made when asked for."""
    with st.container(horizontal=True, gap="small"):
        if isinstance(block.drawing, Raster):
            _offer(block, "PNG", "image/png", partial(getattr, block.drawing, "png"))
        _offer(block, "CSV", "text/csv", lambda: formats.csv(block.numbers()))
        _offer(block, "Parquet", "application/vnd.apache.parquet", lambda: formats.parquet(block.numbers()))  # fmt: skip


def _offer(block: Picture, kind: Markdown, mime: str, write: Callable[[], bytes]) -> None:
    st.download_button(
        kind,
        write,
        f"sensitivity-{block.name}.{kind.lower()}",
        mime,
        key=f"numbers-{block.name}-{kind}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        help=f"{'The picture' if kind == 'PNG' else 'The numbers'} of: {block.title}",
    )


def _table(block: Table, leads: Leads) -> None:
    _title(block)
    if block.pictures:
        st.html(gallery.render_moments(block))
    forms = {column.name: column.format for column in block.columns}
    rows, config = round_to_zero(block.spelled.select(list(forms)), forms), {}
    for column in block.columns:
        config[column.name] = _column(block, column)
    if block.pairs:
        windows = [f"{WINDOWS_PATH}?{PAIR}={quote(pair)}" for pair in rows[block.pairs].to_pylist()]
        rows = rows.set_column(
            rows.column_names.index(block.pairs), block.pairs, pa.array(windows, pa.string())
        )
    for name in ("dim", "direction"):
        if name in rows.column_names and block.dims_of:
            rows, config = _add_pages(rows, config, (name, block.dims_of))
    rows = _link_ids(rows, block.player)
    if "dim" in rows.column_names and leads.of:
        rows, config = _add_leads(rows, config, leads)
    height = ROW_HEIGHT * (min(max(len(rows), 1), VISIBLE) + 1) + 4
    st.dataframe(
        rows,
        column_config=config,
        hide_index=True,
        height=height,
        placeholder="",
        key=f"table-{block.name}",
        alt=block.title,
    )


def _add_pages(rows: pa.Table, config: dict, named: tuple[str, str]) -> tuple[pa.Table, dict]:
    """A column behind the number of a dimension, or the name of a direction: its page; `named`: that column, and the encoder."""
    name, encoder_id = named
    at = rows.column_names.index(name) + 1
    locate = links.locate_dimension if name == "dim" else links.locate_direction
    pages = [None if one is None else locate(encoder_id, one) for one in rows[name].to_pylist()]
    config["page"] = st.column_config.LinkColumn("page", display_text="open", help="What it encodes and reacts to")  # fmt: skip
    return rows.add_column(at, "page", pa.array(pages, pa.string())), config


def _link_ids(rows: pa.Table, said: Mapping[str, str]) -> pa.Table:
    """Videos and clips as addresses of the Video page, which `_column` shows as the ids that they are; `said`: its other parameters."""
    more = "".join(f"&{name}={quote(value)}" for name, value in said.items())
    for name in set(LINKED) & set(rows.column_names):
        addresses = [
            None if id_ is None else f"{VIDEO_PAGE}?{LINKED[name]}={quote(id_)}{more}"
            for id_ in rows[name].to_pylist()
        ]
        rows = rows.set_column(
            rows.column_names.index(name), name, pa.array(addresses, pa.string())
        )
    return rows


def _add_leads(rows: pa.Table, config: dict, leads: Leads) -> tuple[pa.Table, dict]:
    """Two columns behind the number of a dimension: its picture on a video, and its pair."""
    at = rows.column_names.index("dim") + 1
    dims = rows["dim"].to_pylist()
    for title, address, meaning in (
        ("pair", leads.pair, "The pair of windows in which the dimension reacts most"),
        ("picture", leads.picture, "The dimension as gray on the video in which it reacts most"),
    ):
        rows = rows.add_column(at, title, pa.array([address(dim) for dim in dims], pa.string()))
        config[title] = st.column_config.LinkColumn(title, display_text="open", help=meaning)
    return rows, config


def _column(block: Table, column: Column) -> ColumnConfig:
    name, title, form, meaning = column.name, column.title, column.format, column.help
    if name == block.pairs:
        return st.column_config.LinkColumn(
            title, display_text="open", help="The Windows page of this pair"
        )
    if name in LINKED:
        shown = rf"{LINKED[name]}=(\w+)"
        return st.column_config.LinkColumn(title, display_text=shown, help="The Video page")
    if not form:
        return st.column_config.TextColumn(title, help=meaning or None)
    return st.column_config.NumberColumn(title, format=_printf(form), help=meaning or None)


def _printf(form: str) -> str:
    """Python's format as the browser's table takes it."""
    if form.endswith("%"):
        return "percent"
    return {"d": "%d", ",d": "localized"}.get(form, f"%{form}")


def _title(block: Picture | Table) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{block.title}**", width="content")
        if block.questions:
            sql_behind(block.questions, block.name)
