"""From the table of videos to the selected videos: the chosen rows, or what the filters list."""

from dataclasses import replace

from tubelet.dashboard import address, caching, selected_videos
from tubelet.dashboard.chosen import LABEL, VideoChoice
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.questions.corpus import VideoFilter
from tubelet.store.schema.annotations import FOLDER


def offer(store: Store, videos: VideoFilter, total: int) -> None:
    """Make the chosen rows, or what the filters list, the selected videos of every page, or a tag."""
    if chosen := address.list_chosen_videos():
        selected_videos.offer(store, chosen, "chosen")
    if total and videos != replace(videos, text="", label=None, state="all"):
        ids = [row["video_id"] for row in caching.rows(store, corpus.video_ids(videos))]
        selected_videos.offer(store, ids, "filtered", _of_label(videos))


def _of_label(videos: VideoFilter) -> VideoChoice | None:
    """The one value that the filters ask for; None where they ask for something else, too."""
    alone = videos == replace(videos, text="", state="all", chosen=None)
    if not alone or not videos.label or videos.label_name == FOLDER:
        return None
    return VideoChoice(LABEL, f"{videos.label_name}={videos.label}")
