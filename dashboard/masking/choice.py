"""The window, the mask and its settings: widgets whose values stand in the URL, and the player on which a mask is painted."""

import streamlit as st

from tubelet.dashboard import address, caching, missing, units
from tubelet.dashboard.components import player
from tubelet.dashboard.components.player import PAINTING, Film, PlayerMarks, SeekTarget
from tubelet.dashboard.masking.request import COMPARED, MaskRequest
from tubelet.dashboard.parameters import CLIP, SLICE, VIDEO, bind
from tubelet.dashboard.selection import Selection
from tubelet.dashboard.video import colors
from tubelet.dashboard.video.choice import OFFERED, describe_video, find_film, open_film
from tubelet.latent.colorings import Coloring
from tubelet.latent.marks import MarkedPatches
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.mask_kinds import MASK_KINDS, PAINTED
from tubelet.store.options import SEED_MOST
from tubelet.store.questions import clips as clip_queries
from tubelet.store.questions import nearby
from tubelet.store.questions.rows import NamedVideo
from tubelet.store.rows import ClipRow, TimelineRow

KIND, PERCENT, SEED, COMPARE, PATCHES_PAINTED, UNTIL, FIND = (
    "mask",
    "mask-percent",
    "mask-seed",
    "mask-compare",
    "mask-paint",
    "mask-until",
    "mask-find",
)

SLICES_MOST = 4_095  # as the command takes it


def is_found(store: Store) -> bool:
    """Whether the store has the window that the URL names; says what is missing where it has not."""
    clip_id = address.read()[CLIP]
    if clip_id and not caching.find_clip(store, clip_id):
        near = caching.rows(store, nearby.clips(clip_id, address.read()[VIDEO]))
        missing.show_missing(CLIP, clip_id, near)
        return False
    return True


def choose_window(store: Store, selection: Selection) -> tuple[Film, ClipRow] | None:
    """A video and one of its windows; None where the encoder has no clips of it."""
    text = st.text_input("Find video", placeholder="name or label", width=160, **bind(FIND))
    rows = caching.read(
        store,
        clip_queries.videos_with_clips(selection.encoder_id, OFFERED, text, selection.video_ids),
        NamedVideo,
    )
    names = {row.video_id: describe_video(row) for row in rows}
    asked = caching.find_video(store, address.read()[VIDEO])
    if asked:
        names.setdefault(asked.video_id, describe_video(asked))
    if not names:
        return None
    video_id = _choose_video(names, asked.video_id if asked else next(iter(names)))
    film = _open_named(store, video_id, selection) or find_film(store, video_id, selection.encoder_id)  # fmt: skip
    if film is None:
        return None
    _choose_clip(film.clips, film.clip.clip_id)
    return film, film.clip


def _open_named(store: Store, video_id: str, selection: Selection) -> Film | None:
    """The film of the window that the URL names, at that window."""
    clip, video = (
        caching.find_clip(store, address.read()[CLIP]),
        caching.find_video(store, video_id),
    )
    if clip is None or video is None or clip.video_id != video_id:
        return None
    return open_film(store, video, clip) if clip.encoder_id == selection.encoder_id else None


def _choose_video(names: dict[str, str], chosen: str) -> str:
    key = f"masking-video-{chosen}"  # a link from elsewhere is another choice
    st.selectbox(
        "Video", list(names), list(names).index(chosen), lambda id_: names.get(id_, id_), key=key, width=240,
        on_change=lambda: address.redirect(**{VIDEO: st.session_state[key], CLIP: "", SLICE: ""}),
    )  # fmt: skip
    return chosen


def _choose_clip(windows: list[TimelineRow], chosen: str) -> None:
    key, ids = f"masking-clip-{chosen}", [row.clip_id for row in windows]
    names = {row.clip_id: f"{row.start_s:.2f} to {row.stop_s:.2f} s" for row in windows}
    ids = ids if chosen in ids else [chosen, *ids]
    st.selectbox(
        "Window", ids, ids.index(chosen), lambda id_: names.get(id_, id_), key=key, width=180,
        on_change=lambda: address.redirect(**{CLIP: st.session_state[key], SLICE: ""}),
    )  # fmt: skip


def choose_mask(clip: ClipRow) -> MaskRequest:
    """Draw the settings, each always at its place, and read what is asked for."""
    comparing = bool(st.session_state.get(COMPARE))
    kind = st.selectbox("Mask", list(MASK_KINDS), disabled=comparing, width=180, **bind(KIND))
    kinds = COMPARED if comparing else (kind or next(iter(MASK_KINDS)),)
    percent = st.number_input(
        "Hidden (%)", 1, 99, 75, 5, width=120, **bind(PERCENT),
        disabled=all(MASK_KINDS[one].ratio is None for one in kinds),
    )  # fmt: skip
    seed = st.number_input(
        "Seed", 0, SEED_MOST, 0, 1, width=120, **bind(SEED),
        disabled=not any(MASK_KINDS[one].drawn for one in kinds),
    )  # fmt: skip
    painting = PAINTED in kinds
    text = st.text_input(
        "Painted patches", disabled=not painting, width=240, placeholder="0.3.4,0.3.5", **bind(PATCHES_PAINTED),
        help="Slice, row and column of each, from 0. What is painted on a slice holds until the next painted one.",
    )  # fmt: skip
    until = st.number_input(
        "Through slice", 0, SLICES_MOST, None, 1, disabled=not painting, width=120, placeholder="the last",
        **bind(UNTIL), help="The last slice that a painted mask hides.",
    )  # fmt: skip
    last = None if until is None or until >= clip.slices - 1 else int(until)
    return MaskRequest(
        kinds=kinds, percent=int(percent), seed=int(seed), paint=text.strip(), until=last
    )


def paint_mask(store: Store, film: Film, clip: ClipRow, asked: MaskRequest) -> None:
    """The player, on which patches are painted by click and drag; another slice continues the mask with another shape."""
    patches = MarkedPatches.parse(f"{clip.clip_id}-{asked.paint.replace(' ', '')}").on(clip)
    stands = address.read()
    nonce = str(address.count_redirects())
    at = SeekTarget(clip.clip_id, units.read(stands[SLICE]) or 0, nonce)
    paint = colors.choose_paint(store, film, Coloring("clip", clip.clip_id))
    st.html(f"<style>.stApp {{ --aspect: {player.aspect(film):.3f} }}</style>")
    with st.container(key="stage"):
        player.show(film, paint, at, PlayerMarks(patches), apply_news, PAINTING)


def apply_news(news: str) -> None:
    """What was painted, into the URL; the player's own place too."""
    value = st.session_state[player.KEYS[PAINTING]][news]
    if not value or value["nonce"] != str(address.count_redirects()):
        return
    if news == "picked":
        painted = [".".join(str(int(at)) for at in patch) for patch in value["patches"]]
        st.session_state[PATCHES_PAINTED] = ",".join(painted)
    address.write(**{CLIP: value["clip"], SLICE: str(value["slice"])})


def fill_in(asked: MaskRequest) -> None:
    """Have the widgets ask for this; called where a button was clicked, before they are drawn."""
    st.session_state[COMPARE] = asked.kinds == COMPARED
    if len(asked.kinds) == 1:
        st.session_state[KIND] = asked.kinds[0]
    st.session_state[PERCENT], st.session_state[SEED] = asked.percent, asked.seed
    st.session_state[PATCHES_PAINTED] = asked.paint
    st.session_state[UNTIL] = asked.until


def describe_mask(asked: MaskRequest) -> Markdown:
    """What each kind hides."""
    return (
        "; ".join(f"**{literal(kind)}** hides {MASK_KINDS[kind].hides}" for kind in asked.kinds)
        + "."
    )
