"""The report `dimensions` as blocks: the answer, each layer's shares and profiles, and what it rests on."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from tubelet.latent.directions.questions import sampled_addresses
from tubelet.reports.blocks import Block, Code, Column, Heading, Table, Text, interval_columns
from tubelet.reports.command_line import report_command
from tubelet.reports.dimensions import figures, narrative
from tubelet.reports.dimensions.findings import (
    DimensionFindings,
    LayerFindings,
    find_dimensions,
    list_dimensions,
    questions_of,
)
from tubelet.reports.dimensions.position_probes import list_readings
from tubelet.reports.dimensions.request import DimensionsOptions
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.ids import ONLY
from tubelet.store.questions import dimensions as queries

TITLE = "What does each dimension encode?"
SHOWN = 50
COLUMNS = (
    Column("dim", "dimension", "d"),
    Column(
        "mostly", "mostly", help="The largest part of its variance, where it is more than chance"
    ),
    Column("video", "videos", ".1%", "Share of the variance between videos"),
    *interval_columns("video_low", "video_high", ".1%"),
    Column("video_chance", "videos by chance", ".1%"),
    Column("slice", "position", ".1%", "Share between positions of the slice in the window"),
    Column("slice_chance", "position by chance", ".1%"),
    Column("excess", "above chance", ".1%", "Share of the position above chance"),
    Column("excess_low", "above chance from", ".1%", "Lower end of the 95% interval"),
    Column("excess_high", "above chance to", ".1%", "Upper end of the 95% interval"),
    Column("q", "q", ".2g", "False discovery rate at which the dimension is named"),
    Column(
        "moment", "moments", ".1%", "Share of what changes over time in a way of the video's own"
    ),
    Column("patch", "patches", ".1%", "Share between patches of one slice"),
    Column(
        "place",
        "places",
        ".1%",
        "Of the patches' share: between places of the frame, over all videos",
    ),
    Column("row", "rows", ".1%", "Of the places' share: between rows"),
    Column("column", "columns", ".1%", "Of the places' share: between columns"),
    Column("mean", "mean", ".3g"),
    Column("std", "standard deviation", ".3g"),
)
LAYER_COLUMNS = (
    Column("layer", "layer"),
    Column("dims", "dimensions", ",d"),
    Column("varying", "varying", ",d"),
    Column("named", "depend on the position", ",d"),
    Column("video", "videos", ".1%"),
    Column("slice", "position", ".1%"),
    Column("moment", "moments", ".1%"),
    Column("patch", "patches", ".1%"),
)
READING_COLUMNS = (
    Column("axis", "position"),
    Column("together", "R2 of all", ".3f", "Share of the variance of positions that ridge regression on other videos explains"),
    *interval_columns("low", "high", over="videos"),
    Column("chance", "by chance", ".3f", "With the positions of each video exchanged among its tokens"),
    Column("best_dim", "best dimension", "d"),
    Column("alone", "R2 of it alone", ".3f"),
    Column("alone_chance", "largest by chance", ".3f", "The largest R2 of a single dimension with exchanged positions"),
    Column("tokens", "tokens", ",d"),
    Column("videos", "videos or groups", ",d"),
)  # fmt: skip
READINGS = pa.schema(
    {
        "axis": pa.string(),
        **dict.fromkeys(("together", "low", "high", "chance"), pa.float64()),
        "best_dim": pa.int64(),
        **dict.fromkeys(("alone", "alone_chance"), pa.float64()),
        **dict.fromkeys(("tokens", "videos"), pa.int64()),
    }
)
VIDEO_COLUMNS = (
    Column("name", "video"),
    Column("unit", "counts as"),
    Column("clips", "windows", ",d"),
    Column("starts", "different first frames", ",d"),
    Column("video_id", "video id"),
)


def dimensions_report(store: Store, options: DimensionsOptions) -> Iterator[Block]:
    found = find_dimensions(store, options)
    yield Text(narrative.answer(found))
    for sentence in narrative.limits(found):
        yield Text(sentence)
    if len(found.layers) > 1:
        yield from _layers(found)
    for number, layer in enumerate(found.layers):
        yield from _layer(found, layer, f"layer_{number:d}_" if len(found.layers) > 1 else "")
    if found.readings:
        yield from _positions(found)
    yield from _foundations(store, options, found)


def _positions(found: DimensionFindings) -> Iterator[Block]:
    yield Heading("Where is a token, by its embedding?", "positions")
    yield Text(narrative.describe_readings(found.readings))
    yield Table(
        name="positions",
        title="Position of a token, read from all dimensions together and from the best one alone",
        rows=pa.Table.from_pylist(list(list_readings(found.readings)), READINGS),
        columns=READING_COLUMNS,
        questions={"Sampled tokens": sampled_addresses(found.layers[0].scope.encoder_id)},
    )
    alone = {one.axis: pa.array(one.alone, from_pandas=True) for one in found.readings}
    rows = pa.table({"dim": np.arange(len(found.readings[0].alone)), **alone})
    largest = np.nanmax([np.nan_to_num(one.alone, nan=-1) for one in found.readings], axis=0)
    yield Table(
        name="positions_alone",
        title="The same from each dimension alone (R2)",
        rows=rows.take(np.argsort(-largest, kind="stable")),
        columns=(Column("dim", "dimension", "d"), *(Column(name, name, ".3f") for name in alone)),
        shown=SHOWN,
        dims_of=found.layers[0].scope.encoder_id,
    )


def _layers(found: DimensionFindings) -> Iterator[Block]:
    yield Heading("By layer", "layers")
    yield figures.draw_layers(found)
    yield Table(
        name="layers",
        title="Mean shares over dimensions",
        rows=figures.list_layers(found),
        columns=LAYER_COLUMNS,
        questions={
            literal(layer.scope.layer): queries.shares(layer.scope) for layer in found.layers
        },
    )


def _layer(found: DimensionFindings, layer: LayerFindings, prefix: Markdown) -> Iterator[Block]:
    of_layer = "" if layer.scope.layer == ONLY else f" of layer {literal(layer.scope.layer)}"
    yield Heading(f"Dimensions{of_layer}", f"{prefix}dimensions")
    if prefix:
        yield Text(narrative.describe_parts(found, layer))
    if found.tested:
        listed = ", ".join(str(dim) for dim in layer.named) or "none"
        yield Code(f"Dimensions that depend on the position ({len(layer.named)})", listed)
    yield figures.draw_shares(layer, prefix)
    if found.tested:
        yield figures.draw_profiles(layer, prefix)
    rows = list_dimensions(layer)
    known = tuple(column for column in COLUMNS if _is_known(rows, column.name))
    yield Table(
        name=f"{prefix}dimensions",
        title="All dimensions",
        rows=rows,
        columns=known,
        shown=SHOWN,
        questions=questions_of(layer),
        dims_of=None if layer.scope.pooled else layer.scope.encoder_id,
    )


def _is_known(rows: pa.Table, name: str) -> bool:
    return name in rows.column_names and rows[name].null_count < len(rows)


def _foundations(
    store: Store, options: DimensionsOptions, found: DimensionFindings
) -> Iterator[Block]:
    yield Heading("What this rests on", "foundations")
    scope = found.layers[0].scope
    mixed = max(found.videos["settings"].to_pylist())
    several = (
        " A video has windows of several settings (step, picture or precision); they are averaged."
        if mixed > 1
        else ""
    )
    yield Text(
        f"Encoder {literal(scope.encoder_id)}, windows of {scope.frames:,} frames and {scope.slices:,} slices, {narrative.count_units(found)}.{several}"
    )
    yield Text(narrative.METHOD)
    yield Table(
        name="videos",
        title="Videos",
        rows=found.videos.select(["name", "unit", "clips", "starts", "video_id"]),
        columns=VIDEO_COLUMNS,
        shown=SHOWN,
        questions={"Videos": queries.state_videos(scope)},
    )
    command = report_command(
        "dimensions", store, options, encoder=scope.encoder_id, frames=scope.frames
    )
    yield Code("The command that repeats it", command, "bash")
