"""Which pair is shown: the one in the URL, or the first of the chosen video; and the widgets that choose another."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from tubelet.dashboard import address, caching, completion, missing, units
from tubelet.dashboard.parameters import CELL, PAIR, VIDEO, bind
from tubelet.dashboard.selection import Selection
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store
from tubelet.store.questions import nearby
from tubelet.store.questions import pairs as pair_queries
from tubelet.store.questions.rows import ListedPair, PairedVideo, ShownPair

LISTED = 200  # videos offered at once
KINDS = {
    "shifted": "shifted by {shift}",
    "repeated": "determinism: the same window twice",
    "rounding": "noise floor: the same window in fp32",
    "disjoint": "control: windows that share no frame",
    "changed": "{change}: the same window changed",
    "nested": "{change}: the first slices of the same window alone",
}


def is_found(store: Store) -> bool:
    """Whether the store has the pair and the video that the URL names; says what is missing where it has not."""
    pair_id, video_id = address.read()[PAIR], address.read()[VIDEO]
    if pair_id and not _find_pair(store, pair_id):
        missing.show_missing(PAIR, pair_id, caching.rows(store, nearby.pairs(pair_id, video_id)))
    elif video_id and not caching.find_video(store, video_id):
        missing.show_missing(VIDEO, video_id, caching.rows(store, nearby.videos(video_id)))
    else:
        return True
    return False


def _find_pair(store: Store, pair_id: str) -> ShownPair | None:
    return caching.read_first(store, pair_queries.pair(pair_id), ShownPair) if pair_id else None


def choose(store: Store, selection: Selection) -> ShownPair | None:
    """Draw the pickers and return the pair to show; None where the encoder, or the chosen video, has no pairs."""
    stands = address.read()
    linked = _find_pair(store, stands[PAIR])
    with st.container(
        horizontal=True, vertical_alignment="bottom", gap="small", key="choices-windows"
    ):
        text, videos = _search_videos(store, selection)
        names = {row.video_id: row.name for row in videos}
        if linked and linked.video_id not in names:
            names = {linked.video_id: linked.video, **names}
        if not names and not text:
            return None
        _pick(
            "Video",
            names,
            linked.video_id if linked else None,
            lambda video_id: _take_video(store, selection, video_id),
        )
        if linked:
            pairs = {
                row.pair_id: label(row)
                for row in caching.read(
                    store,
                    pair_queries.pairs_of_video(linked.video_id, selection.encoder_id),
                    ListedPair,
                )
            }
            _pick("Pair", pairs, linked.pair_id, lambda pair_id: _take(**{PAIR: pair_id}))
    _more(videos)
    if linked is None:
        _show_no_pairs(store, stands[VIDEO])
    return linked


def _search_videos(store: Store, selection: Selection) -> tuple[str, list[PairedVideo]]:
    """What is searched for, and the videos with pairs that it finds."""
    text = st.text_input(
        "Search",
        placeholder="video or label",
        icon=":material/search:",
        live=True,
        width=180,
        **bind("pair_search"),
    )
    among = selection.video_ids
    found = pair_queries.paired_videos(selection.encoder_id, text.strip(), LISTED, among)
    return text, caching.read(store, found, PairedVideo)


def _show_no_pairs(store: Store, video_id: str) -> None:
    """Of the chosen video, where others have some."""
    video = caching.find_video(store, video_id) if video_id else None
    which = f"The video {literal(video.name)}" if video else "The chosen video"
    st.info(
        f"{which} has no pairs of this encoder. Choose another video above.",
        icon=":material/search_off:",
    )


def label(row: ListedPair) -> str:
    """A pair in a few words: what it compares, where it lies, where its numbers came from."""
    shift = units.count(row.shift, "slice")
    window = f"{row.frame_count} frames" + (f" {row.step} apart" if row.step > 1 else "")
    source = "" if row.source == "live" else ", from stored files"
    size = f"{row.crop_height} \N{MULTIPLICATION SIGN} {row.crop_width} px"
    strength = "" if row.strength is None else f" {row.strength:g}"
    what = KINDS[row.kind].format(shift=shift, change=f"{row.change}{strength}")
    return f"{what} at {row.start_s:.2f} s, {window}, {size}{source}"


def _pick(
    title: Markdown,
    names: Mapping[str, str],
    current: str | None,
    take: Callable[[str], None],
) -> None:
    """A select box over ids, standing on `current`; what is chosen is handed to `take`."""
    ids = list(names)
    key = f"pick-{title}-{current}"
    index = ids.index(current) if current is not None and current in names else None
    st.selectbox(
        title,
        ids,
        index,
        names.__getitem__,
        key=key,
        on_change=lambda: take(st.session_state[key]),
        placeholder="none chosen",
        width=300 if title == "Video" else "stretch",
    )


def _take_video(store: Store, selection: Selection, video_id: str | None) -> None:
    if video_id:
        _take(**{VIDEO: video_id, **completion.first_pair(store, selection.encoder_id, video_id)})


def _take(**where: str) -> None:
    """Go to a pair, as one step of the Back button; the clicked cell belonged to the last pair and is dropped."""
    address.redirect(**dict.fromkeys(CELL, ""), **where)


def _more(videos: Sequence[PairedVideo]) -> None:
    if videos and videos[0].videos > len(videos):
        st.caption(
            f"The first {len(videos):,} of {videos[0].videos:,} videos by name; search for the others."
        )
