"""Two encoders at the same place: scores of the marked patches in both players, in a table and over one time."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import streamlit as st

from tubelet.dashboard import caching, charts
from tubelet.dashboard.components.player import Film
from tubelet.latent.colorings import Coloring
from tubelet.latent.correspondence import FollowedPlace, View, compare_tracks
from tubelet.latent.marks import MarkedPatches, number_tokens
from tubelet.reports.literal import Markdown, literal, literal_sentence
from tubelet.store import Store, TubeletError
from tubelet.store.questions import clips as clip_queries
from tubelet.store.statistics import TOKEN_STATISTICS

LEFT, RIGHT = "left", "right"


@dataclass(frozen=True)
class Shown:
    """What a player shows: a film, how it is colored, and the name of its encoder."""

    film: Film
    coloring: Coloring
    encoder: str

    @property
    def view(self) -> View:
        return View(self.film.video, self.film.clip, self.film.clips)


Sides = Mapping[str, tuple[Shown, MarkedPatches]]


def show(store: Store, sides: Sides) -> None:
    if not all(marked.patches for _, marked in sides.values()):
        st.caption(
            "The selected place has no counterpart: the second video has no window there, or its encoder did not see it."
            if sides[LEFT][1].patches
            else "Click a patch in either player: the same place is marked in both, and scored here."
        )
        return
    try:
        followed = {side: _follow(store, *given) for side, given in sides.items()}
    except TubeletError as error:
        st.warning(f"No scores: {literal_sentence(error)}", icon=":material/compare:")
        return
    rows = [_score(store, side, *given, followed[side]) for side, given in sides.items()]
    st.dataframe(
        pa.Table.from_pylist(rows), hide_index=True, placeholder="", alt="Scores of the place in both",
        column_config={name: st.column_config.NumberColumn(format="%.3f") for name in ("mean cosine", *TOKEN_STATISTICS)},
    )  # fmt: skip
    found = {side: row["found in"] for side, row in zip(sides, rows)}
    st.caption(
        f"The same place in both players. Tracked through its window, it is found in {literal(found[LEFT])} on the left and in {literal(found[RIGHT])} on the right. Each player shows the score of the current slice. {describe_distance(sides, followed)}"
    )
    st.altair_chart(
        charts.likeness_of_two(list_scores(followed)),
        alt="Cosine of the best match in each slice of both players, over the seconds of the video",
        key="chart-beside",
    )


def _follow(store: Store, shown: Shown, marked: MarkedPatches) -> FollowedPlace:
    """The marked place, followed through its window."""
    clip = caching.find_clip(store, marked.clip_id) or shown.film.clip
    window = shown.view.window(clip.clip_id) or shown.film.clips[0]
    return FollowedPlace(caching.workspace(store).track(clip.clip_id, marked), window, shown.view)


def list_scores(followed: Mapping[str, FollowedPlace]) -> pa.Table:
    """side, at_s, slice, score, lost: one row per slice of each player's window."""
    rows = [
        {"side": side, "at_s": at_s, "slice": slice_, "score": float(one.track.score[slice_]), "lost": bool(one.track.lost[slice_])}
        for side, one in followed.items()
        for slice_, at_s in enumerate(one.times)
        if one.track.score[slice_] == one.track.score[slice_]
    ]  # fmt: skip
    kinds = (pa.string(), pa.float64(), pa.int64(), pa.float64(), pa.bool_())
    return pa.Table.from_pylist(rows, pa.schema(list(zip(("side", "at_s", "slice", "score", "lost"), kinds))))  # fmt: skip


def describe_distance(sides: Sides, followed: Mapping[str, FollowedPlace]) -> Markdown:
    """How far apart both find the place at the same moments; nothing for two videos."""
    if len({shown.film.video.video_id for shown, _ in sides.values()}) > 1:
        return ""
    apart = compare_tracks(followed[LEFT], followed[RIGHT])
    if not apart:
        return "There is no moment at which both find it."
    return f"Both find it at {len(apart):,} of the {len(followed[LEFT].times):,} slices on the left, on average {sum(apart) / len(apart):.1%} of the frame's diagonal apart."


def _score(
    store: Store, side: str, shown: Shown, marked: MarkedPatches, followed: FollowedPlace
) -> dict:
    """How an encoder scores the marked place: statistics of its first patch, and how well it is found in its window."""
    clip = caching.find_clip(store, marked.clip_id) or shown.film.clip
    (row, *_) = caching.rows(
        store, clip_queries.patches(clip.clip_id, number_tokens(clip, marked.patches[:1]))
    )
    (slice_, y, x), track = marked.patches[0], followed.track
    scores = track.score[track.score == track.score]
    return {
        "side": side,
        "video": shown.film.video.name,
        "encoder": shown.encoder,
        "slice": slice_,
        "patch": f"({y}, {x})",
        "found in": f"{int((~track.lost).sum())} of {len(track.lost)} slices",
        "mean cosine": float(scores.mean()) if len(scores) else None,
        **{name: row[name] for name in TOKEN_STATISTICS},
    }
