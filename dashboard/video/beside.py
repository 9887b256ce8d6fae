"""Two things side by side on one clock: another video, encoder, layer or coloring in a second player. One click marks the same place in both."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import streamlit as st

from tubelet.dashboard import address, caching
from tubelet.dashboard.components import player
from tubelet.dashboard.components.player import SECOND, Film, Paint, PlayerMarks, SeekTarget
from tubelet.dashboard.parameters import (
    CLIP,
    HIT,
    PATCHES,
    SECOND_ENCODER,
    SECOND_VIDEO,
    SLICE,
    bind,
)
from tubelet.dashboard.selection import list_encoders, name_encoders
from tubelet.dashboard.video import beside_scores, choice, colors, place
from tubelet.dashboard.video.beside_scores import LEFT, RIGHT, Shown
from tubelet.latent.colorings import ATTENTION, TEXT, Coloring
from tubelet.latent.correspondence import carry_marks, find_moment, time_of
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.probes.attention import list_attention
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.questions import clips as clip_queries
from tubelet.store.questions.rows import NamedVideo

SAME = "the same"
OF_FIRST = ("dimensions", TEXT)  # that only the first player has a box for
ONE, EACH = "one basis for both", "one each"
HELP = "A second player beside this one: another video, encoder, layer or coloring, at the same time of the video. A click marks the same place in both."


def is_asked() -> bool:
    """Draw the switch, and whether it is on."""
    return st.toggle("Side by side", **bind("beside"), help=HELP)


def choose(store: Store, film: Film, coloring: Coloring) -> Shown | None:
    """Draw the choices and read from the URL what the second player shows; None, and why, where there is nothing to show."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        video_id = _choose_video(store, film)
        encoder_id, name = _choose_encoder(store, film)
        second = choice.find_film(store, video_id, encoder_id)
        if second is None:
            st.warning(
                f"{literal(name)} has no clips of that video: choose another video or encoder.",
                icon=":material/compare:",
            )
            return None
        return Shown(second, _choose_coloring(store, film, second, coloring), name)


def _choose_video(store: Store, film: Film) -> str:
    offered = clip_queries.videos_with_clips(film.clip.encoder_id, choice.OFFERED)
    rows = caching.read(store, offered, NamedVideo)
    names = {row.video_id: choice.describe_video(row) for row in rows}
    asked = caching.find_video(store, address.read()[SECOND_VIDEO])
    names |= {asked.video_id: choice.describe_video(asked)} if asked else {}
    return _choose("Second video", names, film.video.video_id, SECOND_VIDEO)


def _choose_encoder(store: Store, film: Film) -> tuple[str, str]:
    """Id and name; layers are encoders of their own."""
    names = name_encoders(list_encoders(store))
    chosen = _choose("Second encoder or layer", names, film.clip.encoder_id, SECOND_ENCODER)
    return chosen, names[chosen]


def _choose(label: Markdown, names: Mapping[str, str], own: str, parameter: str) -> str:
    """An id among names, the first player's own unless the URL says otherwise."""
    others = [id_ for id_ in names if id_ != own]
    asked = address.read()[parameter]
    chosen = asked if asked in others else ""
    key = f"{parameter}-{chosen}"  # a link from elsewhere is another choice
    st.selectbox(
        label, ["", *others], ["", *others].index(chosen), lambda id_: names.get(id_, SAME), key=key,
        on_change=lambda: address.redirect(**{parameter: st.session_state[key]}), width=260,
    )  # fmt: skip
    return chosen or own


def _choose_coloring(store: Store, film: Film, second: Film, coloring: Coloring) -> Coloring:
    """The first's coloring unless another is chosen; of a video or window by one basis for both, or one each."""
    offered = [SAME, *(name for name, source in colors.SOURCES.items() if source not in OF_FIRST)]
    name = st.selectbox("Second colors", offered, **bind("beside-color"), width=220)
    own = {"video": second.video.video_id, "clip": second.clip.clip_id}
    if name != SAME:
        source = colors.SOURCES[name]
        if source == ATTENTION:  # the newest probe of its encoder
            probes = list_attention(store, second.clip.encoder_id).values()
            return Coloring(source, next((probe.probe_id for probe in probes), ""))
        return Coloring(source, "10" if source == "clusters" else own.get(source, ""))
    alike = second.clip.encoder_id == film.clip.encoder_id
    if alike and (coloring.source not in own or _choose_basis() == ONE):
        return coloring
    if coloring.source in own:
        return replace(coloring, of=own[coloring.source])
    return coloring if alike or coloring.source != "basis" else Coloring("corpus")


def _choose_basis() -> str:
    return st.segmented_control(
        "Colors by", [ONE, EACH], default=ONE, required=True, **bind("beside-basis"),
        help="By one basis a color means the same in both; one each shows more of either.",
    )  # fmt: skip


def show(store: Store, first: Shown, second: Shown, paint: Paint, marks: PlayerMarks) -> None:
    """Both players on one clock, and both scores of the marked place."""
    carried = carry_marks(marks.taken, first.view, second.view)
    painted = colors.choose_paint(store, second.film, second.coloring)
    left, right = st.columns(2, gap="small")
    with left, st.container(key="stage-first"):
        st.markdown(_describe(first))
        player.show(
            first.film, paint, place.place(first.film.clip.clip_id), marks, place.apply_news, player.FIRST_OF_TWO
        )  # fmt: skip
    with right, st.container(key="stage-second"):
        st.markdown(_describe(second))
        player.show(
            second.film, painted, _go_along(first, second), PlayerMarks(carried), partial(_apply_news, first, second), SECOND
        )  # fmt: skip
    beside_scores.show(store, {LEFT: (first, marks.taken), RIGHT: (second, carried)})


def _describe(shown: Shown) -> Markdown:
    return f"**{literal(shown.film.video.name)}** by {literal(shown.encoder)}"


def _go_along(first: Shown, second: Shown) -> SeekTarget:
    """Where the second player stands when the first stands where the URL says."""
    at = place.place(first.film.clip.clip_id)
    window = first.view.window(at.clip_id)
    found = find_moment(second.view, time_of(window, at.slice)) if window else None
    clip_id, slice_ = found or (second.film.clip.clip_id, 0)
    return SeekTarget(clip_id, slice_, at.nonce)


def _apply_news(first: Shown, second: Shown, news: str) -> None:
    """A patch that was taken on the second player is the same place on the first; where it came to rest, the first one tells."""
    value = st.session_state[player.KEYS[SECOND]][news]
    if news != "picked" or not value or value["nonce"] != str(address.count_redirects()):
        return
    picked = MarkedPatches(value["clip"], tuple(tuple(patch) for patch in value["patches"]))
    marked = carry_marks(picked, second.view, first.view)
    at = {CLIP: marked.clip_id, SLICE: str(marked.patches[0][0])} if marked.patches else {}
    address.write(**{PATCHES: marked.name, HIT: ""}, **at)
