"""Other encoders, layers, window lengths and settings beside the reported one: each reaction on the videos that both have, and how many times as strong it is."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from tubelet.latent.nulls import none_if_nan
from tubelet.reports.blocks import Block, Column, Heading, Table, Text, interval_columns
from tubelet.reports.changes.findings import name_change
from tubelet.store import Store
from tubelet.store.intervals import FEWEST, TAILS, interval, student
from tubelet.store.questions.changes import ReactionScope, change_scopes, reactions
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.rows import ChangeScope, Reaction

MOST = 12  # that stand beside it
Key = tuple[str, float | None]
Rows = Mapping[Key, Mapping[str, Reaction]]  # by change and strength, then by video
COLUMNS = (
    Column("encoder_id", "encoder"),
    Column("frames", "frames", "d"),
    Column("setting", "setting"),
    Column("what", "change"),
    Column("videos", "videos", ",d", "Videos, or groups, that were measured in both"),
    Column("reaction", "reaction", ".3f", "In standard deviations of a dimension of its own"),
    *interval_columns("low", "high", over="videos"),
    Column("pixel_change", "pixel change", ".3f", "What the change did to the pixels that this encoder was given"),
    Column("times", "times", ".2f", "Relative to the first: geometric mean over the videos of both"),
    Column("times_low", "times from", ".2f", "Lower end of its 95% interval"),
    Column("times_high", "times to", ".2f", "Upper end of its 95% interval"),
)  # fmt: skip
SCHEMA = pa.schema(
    {
        "encoder_id": pa.string(),
        "frames": pa.int64(),
        "setting": pa.string(),
        "what": pa.string(),
        "videos": pa.int64(),
        **dict.fromkeys(("reaction", "low", "high", "pixel_change", "times", "times_low", "times_high"), pa.float64()),
    }
)  # fmt: skip
SAID = (
    "The reported setting comes first. Each encoder, layer, window length or precision below it is measured on the videos that both have; `times` compares the two video by video. "
    "Reactions are in standard deviations of an encoder's own dimensions, so that they compare across encoders; where the pixel change differs, so did what the encoders were given."
)


def beside_sections(store: Store, chosen: ChangeScope) -> Iterator[Block]:
    """Nothing where the store holds one setting alone, or no other has a video in common with it."""
    held = change_scopes().read(store, ChangeScope)
    others = [scope for scope in held if scope != chosen][:MOST]
    if not others:
        return
    first = read_rows(store, chosen)
    rows = [row for other in others for row in compare(first, other, read_rows(store, other))]
    if not rows:
        return
    yield Heading("Beside other encoders and settings", "beside")
    left = len(held) - 1 - len(others)
    yield Text(f"{SAID} {left} more are left out." if left else SAID)
    yield Table(
        name="beside",
        title="Reactions of other encoders, layers and settings to the same changes of the same videos",
        rows=pa.Table.from_pylist([*_own_rows(chosen, first), *rows], SCHEMA),
        columns=COLUMNS,
        shown=200,
        questions={"Settings": change_scopes()},
    )


def read_rows(store: Store, scope: ChangeScope) -> Rows:
    found: dict[Key, dict[str, Reaction]] = {}
    for row in _ask(scope).read(store, Reaction):
        if row.relative is not None:
            found.setdefault((row.change, row.strength), {})[row.video_id] = row
    return found


def _ask(scope: ChangeScope) -> Question:
    return reactions(
        ReactionScope(encoder_id=scope.encoder_id, frames=scope.frame_count, setting=scope.setting)
    )


def _own_rows(scope: ChangeScope, rows: Rows) -> Iterator[dict]:
    for key, own in rows.items():
        yield _describe(scope, key, list(own.values()))


def compare(first: Rows, scope: ChangeScope, rows: Rows) -> Iterator[dict]:
    """One row per change that both have, of the videos that both have."""
    for key, own in rows.items():
        both = sorted(own.keys() & first.get(key, {}).keys())
        if not both:
            continue
        pairs = [(own[video].relative or 0.0, first[key][video].relative or 0.0) for video in both]
        yield _describe(scope, key, [own[video] for video in both]) | _relate(pairs)


def _describe(scope: ChangeScope, key: Key, own: list[Reaction]) -> dict:
    found = interval([row.relative or 0.0 for row in own], 0)
    pixels = [row.pixel_change for row in own if row.pixel_change is not None]
    return {
        "encoder_id": scope.encoder_id,
        "frames": scope.frame_count,
        "setting": scope.setting,
        "what": name_change(*key),
        "videos": len(own),
        "reaction": found.mean,
        "low": none_if_nan(found.low),
        "high": none_if_nan(found.high),
        "pixel_change": float(np.mean(pixels)) if pixels else None,
    }


def _relate(pairs: list[tuple[float, float]]) -> dict:
    """The geometric mean of ratios with Student's interval of their logarithms; none where a reaction is 0, no ends below five videos."""
    values = np.array(pairs)
    if (values <= 0).any():
        return {}
    logs = np.log(values[:, 0] / values[:, 1])
    times = {"times": float(np.exp(logs.mean()))}
    if len(logs) < FEWEST:
        return times
    reach = student(len(logs) - 1, TAILS[1]) * logs.std(ddof=1) / np.sqrt(len(logs))
    ends = np.exp(logs.mean() + np.array([-reach, reach]))
    return times | {"times_low": float(ends[0]), "times_high": float(ends[1])}
