"""What the ids of an address imply: a clip and a pair their encoder and video, a page what it shows where the address names nothing.

A complete address shows the same tomorrow, whatever has been ingested since. So links of the menu are complete, an address from elsewhere
is completed before its page is sent (`permalinks`), and what a run of the script is handed is completed once more.
"""

import json
from collections.abc import Mapping

from tubelet.dashboard import caching
from tubelet.dashboard.parameters import (
    CLIP,
    ENCODER,
    MASKING,
    PAIR,
    SHORT,
    VALUES,
    VIDEO,
    VIDEO_PAGE,
    WINDOWS,
)
from tubelet.store import Store
from tubelet.store.questions import clips, corpus, pairs
from tubelet.store.saved_queries import find_kept


def complete(store: Store, page: str, given: Mapping[str, str], last: str = "") -> dict[str, str]:
    """The parameters with those that they imply; `last` is the encoder of the visitor's page before. Unknown ids stay as they are."""
    known = dict(given)
    known |= _imply(store, page, known)
    encoder_id = known.get(ENCODER) or _default_encoder(store, known.get(VIDEO, ""), last)
    known[ENCODER] = _by_name(store, encoder_id)
    return {**known, **_default(store, page, known)}


def replace_short_link(store: Store, given: Mapping[str, str]) -> dict[str, str]:
    """The parameters with query, values and picture in place of the id under which the store keeps them; an unknown id stays as it is."""
    kept = find_kept(store, given[SHORT]) if given.get(SHORT) else None
    if kept is None:
        return dict(given)
    values = json.dumps(dict(kept.defaults)) if kept.defaults else ""
    opened = {"query": kept.sql, VALUES: values, "picture": kept.picture}
    return {name: value for name, value in given.items() if name != SHORT} | opened


def _imply(store: Store, page: str, given: Mapping[str, str]) -> dict[str, str]:
    """Encoder and video of the clip or the pair that a page is about."""
    clip = clips.clip, CLIP
    questions = {VIDEO_PAGE: clip, MASKING: clip, WINDOWS: (pairs.pair, PAIR)}
    if page not in questions or not given.get(questions[page][1]):
        return {}
    ask, name = questions[page]
    found = caching.rows(store, ask(given[name]))
    return {ENCODER: found[0]["encoder_id"], VIDEO: found[0]["video_id"]} if found else {}


def _default_encoder(store: Store, video_id: str, last: str) -> str:
    """The encoder of the page before, else the first that has clips of the video, else the first; "" where there is none."""
    known = [row["encoder_id"] for row in caching.rows(store, corpus.encoders())]
    if last in known:
        return last
    of_video = (
        {row["encoder_id"] for row in caching.rows(store, clips.encoders_of_video(video_id))}
        if video_id
        else set()
    )
    return next(
        (encoder_id for encoder_id in known if encoder_id in of_video), known[0] if known else ""
    )


def _by_name(store: Store, wanted: str) -> str:
    """The id of the one encoder of that name; anything else as it is."""
    rows = caching.rows(store, corpus.encoders())
    if any(row["encoder_id"] == wanted for row in rows):
        return wanted
    named = [row["encoder_id"] for row in rows if row["name"] == wanted]
    return named[0] if len(named) == 1 else wanted


def _default(store: Store, page: str, known: Mapping[str, str]) -> dict[str, str]:
    """What a page shows where its address names nothing: the first video, the first pair."""
    if page in (VIDEO_PAGE, MASKING) and not known.get(VIDEO) and not known.get(CLIP):
        first = caching.rows(store, clips.videos_with_clips(known[ENCODER], 1))
        return {VIDEO: first[0]["video_id"]} if first else {}
    if page == WINDOWS and not known.get(PAIR):
        return first_pair(store, known[ENCODER], known.get(VIDEO, ""))
    return {}


def first_pair(store: Store, encoder_id: str, video_id: str) -> dict[str, str]:
    """The first pair of a video, or of the first video that has pairs; nothing where there is none."""
    if not video_id:
        videos = caching.rows(store, pairs.paired_videos(encoder_id, "", 1))
        video_id = videos[0]["video_id"] if videos else ""
    found = caching.rows(store, pairs.pairs_of_video(video_id, encoder_id))
    return {PAIR: found[0]["pair_id"], VIDEO: video_id} if found else {}
