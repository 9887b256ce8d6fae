"""Selections too long for an address: kept in the table of tags under a name that is made from their videos."""

from collections.abc import Sequence

from tubelet.store import ids
from tubelet.store.annotations.tags import KEPT_PREFIX, TagMember, add_members
from tubelet.store.store import Store


def name_kept(kept_id: str) -> str:
    """The tag of a kept selection."""
    return f"{KEPT_PREFIX}{kept_id}"


def keep_videos(store: Store, video_ids: Sequence[str]) -> str:
    """Keep a set of videos; its id, which is the same for the same videos. Nothing is written where the store keeps it already."""
    chosen = sorted(set(video_ids))
    kept_id = ids.hash_parts("selection", *chosen)
    add_members(store, name_kept(kept_id), [TagMember(video_id=video_id) for video_id in chosen])
    return kept_id
