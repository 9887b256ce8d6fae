"""Surprise inside the player: the error of each predicted patch over the frame while it plays, on one scale for the whole video."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from tubelet.array_types import UInt8
from tubelet.dashboard import caching, units
from tubelet.dashboard.components.player import Film, Paint, Swatch
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.sql.frames import STOPS, color_heat
from tubelet.dashboard.video.expectation import grid_errors
from tubelet.reports.literal import Markdown
from tubelet.store import Store, StoreError
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.surprise import largest_surprise, surprise_of_clip, surprise_of_video
from tubelet.store.rows import NamedClip

SHOWN = "surprise-over"
SLICES_MOST = 1 << 20  # of a window
NOT_PREDICTED = (70, 70, 70)
HELP = "Show prediction error instead of colors: the distance between the predicted token of each patch and the encoder's own. Slices without enough context before them are not predicted."


def choose(store: Store, film: Film) -> Paint | None:
    """The paint of surprise where it is asked for; None where it is not, or nothing of the video was predicted."""
    found = caching.table(store, surprise_of_video(film.clip.encoder_id, film.video.video_id))
    if not len(found):
        return None
    if not st.toggle("Surprise", help=HELP, **bind(SHOWN)):
        return None
    context, horizon = (int(found[name][0].as_py()) for name in ("context", "horizon"))
    return make_paint(find_largest(store, film.clip.clip_id, context, horizon), context, horizon)


def make_paint(largest: float, context: int, horizon: int) -> Paint:
    """Where the player finds the heat, and what it means."""
    stops = ", ".join(f"rgb({', '.join(f'{value:.0f}' for value in stop)})" for stop in STOPS)
    legend = (
        Swatch(f"error of the prediction, 0 to {largest:.3g}", f"linear-gradient(90deg, {stops})"),
        Swatch("not predicted", f"rgb{NOT_PREDICTED}"),
    )
    return Paint(f"surprise/{context}/{horizon}", legend, describe(context, horizon), measured=True)


def describe(context: int, horizon: int) -> Markdown:
    return f"Bright patches are those that the predictor did not expect from the {units.count(context, 'slice')} before, {units.count(horizon, 'slice')} ahead."


def questions(film: Film, paint: Paint) -> dict[str, Question]:
    """The SQL behind the heat; none where the player shows colors."""
    if not paint.measured or paint.url is None:
        return {}
    context, horizon = map(int, paint.url.split("/")[1:])
    return {"Surprise": surprise_of_clip(film.clip.clip_id, context, horizon)}


def find_largest(store: Store, clip_id: str, context: int, horizon: int) -> float:
    """The end of the scale: the largest error of a patch in the video of a clip; 0 where nothing was predicted."""
    (row,) = caching.rows(store, largest_surprise(clip_id, context, horizon))
    return float(row["largest"] or 0.0)


def color_errors(
    store: Store, clip: NamedClip, context: int, horizon: int
) -> UInt8[np.ndarray, "S H W 3"]:
    """The heat of a clip's patches ``(S, H, W, 3)``, gray where nothing was predicted."""
    colors = np.empty((*clip.positions, 3), np.uint8)
    colors[:] = NOT_PREDICTED
    tokens = caching.table(store, surprise_of_clip(clip.clip_id, context, horizon))
    largest = find_largest(store, clip.clip_id, context, horizon) if len(tokens) else 0.0
    for slice_, grid in grid_errors(tokens, clip).items():
        known = np.isfinite(grid)
        colors[slice_][known] = color_heat(grid, 0.0, largest)[known][:, :3]
    return colors


def color_asked(store: Store, clip: NamedClip, asked: Mapping[str, str]) -> np.ndarray:
    """The same for a context and horizon out of an address. Raises StoreError for what is not a number of slices."""
    context, horizon = (units.read(asked[name]) for name in ("context", "horizon"))
    if context is None or horizon is None or max(context, horizon) > SLICES_MOST:
        raise StoreError("this context and horizon have no predictions: reload the page")
    return color_errors(store, clip, context, horizon)
