"""Which pair is shown: the one in the URL, or the first of the chosen video; and the widgets that choose another."""

from collections.abc import Mapping

import streamlit as st

from tubelet.dashboard import caching
from tubelet.dashboard.selection import VIDEO, Selection
from tubelet.dashboard.components.matrix import ADDRESS
from tubelet.reports.literal import Markdown
from tubelet.store import Store
from tubelet.store.questions import pairs as pair_queries

PAIR = "pair"  # URL parameter
SEEN = "windows_encoder"  # in the session: the encoder when the page was last drawn
LISTED = 200  # videos offered at once
KINDS = {"shifted": "shifted by {shift}", "repeated": "determinism: the same window twice", "rounding": "noise floor: the same window in fp32", "disjoint": "control: windows that share nothing"}


def choose(store: Store, selection: Selection) -> Mapping | None:
    """Draw the pickers and return the pair to show; None where the encoder has no pairs."""
    _forget_other_encoder(selection)
    linked = _find_linked_pair(store)
    encoder_id = linked["encoder_id"] if linked else selection.encoder_id
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        bound = {"key": "pair_search", "bind": "query-params"}
        text = st.text_input("Search", placeholder="video or label", icon=":material/search:", live=True, width=180, **bound)
        videos = caching.rows(store, pair_queries.paired_videos(encoder_id, text.strip(), LISTED))
        names = {row["video_id"]: row["name"] for row in videos}
        if linked and linked["video_id"] not in names:
            names = {linked["video_id"]: linked["video"], **names}
        if not names:
            return None
        video_id = _pick("Video", names, linked["video_id"] if linked else st.query_params.get(VIDEO), _leave_pair)
        pairs = {row["pair_id"]: label(row) for row in caching.rows(store, pair_queries.pairs_of_video(video_id, encoder_id))}
        pair_id = _pick("Pair", pairs, linked["pair_id"] if linked and linked["video_id"] == video_id else None, _take_pair)
    _more(videos)
    st.query_params[PAIR] = pair_id
    return caching.rows(store, pair_queries.pair(pair_id))[0]


def label(row: Mapping) -> str:
    """A pair in a few words: what it compares, where it lies, where its numbers came from."""
    shift = f"{row['shift']} slice{'s' * (row['shift'] != 1)}"
    window = f"{row['frame_count']} frames" + (f" {row['step']} apart" if row["step"] > 1 else "")
    source = "" if row["source"] == "live" else ", from stored files"
    size = f"{row['crop_height']} \N{MULTIPLICATION SIGN} {row['crop_width']} px"
    return f"{KINDS[row['kind']].format(shift=shift)} at {row['start_s']:.2f} s, {window}, {size}{source}"


def _forget_other_encoder(selection: Selection) -> None:
    """A change of the encoder leads away from the pair that was shown."""
    if st.session_state.get(SEEN, selection.encoder_id) != selection.encoder_id:
        st.query_params.pop(PAIR, None)
        _leave_cell()
    st.session_state[SEEN] = selection.encoder_id


def _find_linked_pair(store: Store) -> Mapping | None:
    """The pair that the URL names, unless it names another encoder too."""
    found = caching.rows(store, pair_queries.pair(st.query_params.get(PAIR, "")))
    chosen = st.query_params.get("encoder")
    return found[0] if found and (chosen is None or chosen == found[0]["encoder_id"]) else None


def _pick(title: Markdown, names: Mapping[str, str], current: str | None, changed) -> str:
    """A select box over ids, standing on `current` where it is among them."""
    ids = list(names)
    key = f"pick-{title}-{current}"
    index = ids.index(current) if current in names else 0
    return st.selectbox(title, ids, index, names.__getitem__, key=key, on_change=changed, args=(key,), width=300 if title == "Video" else "stretch")


def _leave_pair(key: str) -> None:
    st.query_params.pop(PAIR, None)
    _leave_cell()
    st.query_params[VIDEO] = st.session_state[key]


def _take_pair(key: str) -> None:
    _leave_cell()
    st.query_params[PAIR] = st.session_state[key]


def _leave_cell() -> None:
    for name in ADDRESS:
        st.query_params.pop(name, None)


def _more(videos: list[Mapping]) -> None:
    if videos and videos[0]["videos"] > len(videos):
        st.caption(f"The first {len(videos):,} of {videos[0]['videos']:,} videos by name; search for the others.")
