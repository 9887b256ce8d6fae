"""A point of the map of videos as the browser has to know it: which video it is, in words and as a thumbnail."""

from typing import Any

from tubelet.dashboard import caching, units
from tubelet.dashboard.corpus.thumbnails import thumbnail
from tubelet.store import Store, StoreError


def describe_video(store: Store, video_id: str) -> dict[str, Any]:
    """A token of the map's component that stands for a video. Raises StoreError where the video was removed."""
    video = caching.find_video(store, video_id)
    if video is None:
        raise StoreError("the video was removed from the store: reload the page")
    facts = [video.name, video.label, units.duration(video.duration_s)]
    return {
        "id": "",
        "video": video_id,
        "pictures": None,
        "patch": [0, 0, 0],
        "words": ", ".join(fact for fact in facts if fact),
        "thumbnail": thumbnail(store, video.thumbnail),
    }
