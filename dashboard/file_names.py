"""Names of the files that a page hands out: which video, which frames, what is in it."""

import re

from tubelet.store.rows import ClipRow, VideoRow

LONGEST = 60  # characters of a video's name
UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)  # in a header, a shell or on a disk


def stem(video: VideoRow) -> str:
    """A video's name without its ending, as every system takes it: ``my cat.mp4`` is my-cat."""
    name = UNSAFE.sub("-", str(video.name).rpartition(".")[0] or str(video.name)).strip("-.")[:LONGEST]
    return name or str(video.video_id)


def name_file(video: VideoRow, clip: ClipRow, content: str) -> str:
    """``my-cat-frames-0-15-track.csv``: the content of a window of a video."""
    last = clip.first_frame + (clip.frame_count - 1) * clip.step
    return f"{stem(video)}-frames-{clip.first_frame}-{last}{'' if content.startswith('.') else '-'}{content}"
