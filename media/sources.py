"""What represents a video on screen: its file if a browser can play it, else its slice pictures, and why."""

import os
import stat
from collections.abc import Sequence
from functools import lru_cache
from os import stat_result
from pathlib import Path

from tubelet.media import remote_videos
from tubelet.store import Store, StoreError, ids
from tubelet.store.questions.rows import VideoFailure
from tubelet.store.remote.address import is_remote
from tubelet.store.rows import ClipRow, TimelineRow, VideoRow

BYTES = "application/octet-stream"
MEDIA_TYPES = {
    "mp4": "video/mp4",
    "webm": "video/webm",
}  # all that are served, by a word of FFmpeg's name of the container
PLAYABLE = {
    "h264",
    "hevc",
    "vp8",
    "vp9",
    "av1",
    "libdav1d",
    "libaom-av1",
    "libvpx",
    "libvpx-vp9",
}  # decoders of what some browsers play; the page falls back where this one does not
IRREGULAR = 0.5  # frames by which a clip may be longer or shorter than its frame rate says


def media_type(video: VideoRow) -> str | None:
    """The media type of a container that browsers open; None for others."""
    return next(
        (kind for word, kind in MEDIA_TYPES.items() if word in video.container.split(",")), None
    )


def missing(video: VideoRow) -> str | None:
    """Why a video's file cannot be shown; None where it is there as it was ingested, by its size and time."""
    if video.container == "frames":
        return "the video is a folder of frames"
    if is_remote(video.path):
        return remote_videos.explain_absence(video)
    found = _stat(video.path)
    if found is None:
        return "the source file is missing or was moved"
    touched = found.st_mtime_ns != video.modified_ns
    if found.st_size != video.bytes or (
        touched and _video_id(Path(video.path), _stamp(found)) != video.video_id
    ):
        return "the source file has changed since it was ingested"
    return None


def verify(video: VideoRow) -> Path:
    """The file of a video, for whoever opens it. Raises StoreError unless its bytes are those that were ingested.

    A store from somebody else may name any file of this machine as a video, but it cannot know the hash of a file that it has not seen.
    """
    if gone := missing(video):
        raise StoreError(gone)
    path = remote_videos.copy_video(video) if is_remote(video.path) else Path(video.path)
    if _video_id(path, _stamp(path.stat())) != video.video_id:
        raise StoreError("the source file is not the one that was ingested: its bytes differ")
    return path


@lru_cache(maxsize=4096)
def _video_id(path: Path, _stamp: tuple[int, ...]) -> str | None:
    """The id of a file's bytes, read once as long as the file does not change; None where it cannot be read."""
    try:
        return ids.video_id(path)
    except OSError:
        return None


def _stamp(found: stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def unplayable(
    video: VideoRow, clips: Sequence[TimelineRow], failures: Sequence[VideoFailure]
) -> str | None:
    """Why slice pictures are shown in place of the file; None where the browser is to try it."""
    if gone := missing(video):
        return gone
    if any(failure.stage == "decode" for failure in failures):
        return "the file is damaged, and browsers mend it each in their own way"
    if media_type(video) is None or video.codec not in PLAYABLE:
        return f"browsers do not play {video.codec} in {video.container.split(',')[0]}"
    if not all(steady(clip, video.fps) for clip in clips):
        return "the file's frames do not come at a steady rate"
    return None


def steady(clip: ClipRow | TimelineRow, fps: float) -> bool:
    """Whether a clip is as long as its frames and their rate say, and its frames are equally far apart."""
    if clip.frame_numbers:
        return False
    too_long = (clip.stop_s - clip.start_s) * fps - 1 - (clip.frame_count - 1) * clip.step
    return abs(too_long) <= IRREGULAR


def pictures(store: Store, clip: ClipRow) -> Path:
    """The JPEG of a clip's slices. Raises StoreError where there is none."""
    path = store.layout.pictures_file(clip.video_id, clip.clip_id)
    if not path.is_file():
        raise StoreError("the store holds no pictures of this clip")
    return path


def _stat(path: str) -> stat_result | None:
    """The status of a regular file at an absolute path; None for anything else."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found if os.path.isabs(path) and stat.S_ISREG(found.st_mode) else None
