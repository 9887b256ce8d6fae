"""Which window of a video covers each of its frames, and which slice of it.

Where windows overlap, a frame goes to the window whose middle is nearest: tokens at the ends of a window depend on where it was cut.
Frames that no window covers belong to none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tubelet.array_types import Float64, Int
from tubelet.latent.errors import LatentError
from tubelet.media import sources
from tubelet.media.overlay import number_slice
from tubelet.store import Store
from tubelet.store.placement import place_picture
from tubelet.store.questions import clips, corpus
from tubelet.store.rows import ClipRow, VideoRow, list_fed_frames
from tubelet.store.schema import PARTNER


@dataclass(frozen=True)
class WindowPart:
    """Frames of a video that one window covers: a `clips` row, and those of its frames that count."""

    clip: ClipRow
    frames: range

    @property
    def slices(self) -> Int[np.ndarray, " n"]:
        """The slice of each frame, ``(frames,)``."""
        return np.array([number_slice(self.clip, frame) for frame in self.frames], int)


def divide_video(store: Store, clip: ClipRow) -> list[WindowPart]:
    """The windows that were cut like a clip, in order, each with the frames that it tells. Raises LatentError for one half of a pair."""
    if clip["role"] == PARTNER:
        raise LatentError(
            f"clip {clip['clip_id']} was encoded only for a pair of windows: choose one of the regular windows, whose role is `grid`"
        )
    (video,) = corpus.video(clip.video_id).answer(store).to_pylist()
    return divide_windows(clips.windows(clip).read(store, ClipRow), video["frames"])


def divide_windows(windows: Sequence[ClipRow], frames: int) -> list[WindowPart]:
    """The same of `clips` rows in the order of a video of `frames` frames."""
    spans = [
        range(row.first_frame, min(list_fed_frames(row)[-1] + row.step, frames)) for row in windows
    ]
    borders = [_border(*pair) for pair in pairwise(spans)]
    starts = [0, *(start for _, start in borders)]
    stops = [*(stop for stop, _ in borders), frames]
    cut = [
        range(max(span.start, start), min(span.stop, stop))
        for span, start, stop in zip(spans, starts, stops)
    ]
    return [WindowPart(row, part) for row, part in zip(windows, cut) if part]


def _border(one: range, other: range) -> tuple[int, int]:
    """Where one window ends and the next one takes over."""
    if other.start >= one.stop:
        return one.stop, other.start
    middle = (one.start + one.stop + other.start + other.stop) // 4
    border = min(max(middle, other.start), one.stop)
    return border, border


def measure_seconds(video: VideoRow, parts: Sequence[WindowPart]) -> Float64[np.ndarray, " n"]:
    """The time of every frame of the parts since the video's first frame, float64: by time stamps where the frame rate varies and the file
    is there, else from where each window begins and stops."""
    if all(sources.steady(part.clip, video["fps"]) for part in parts) or sources.missing(video):
        return np.concatenate([_interpolate(part) for part in parts]) if parts else np.empty(0)
    wanted = [frame for part in parts for frame in part.frames]
    stamps = dict(_read_stamps(video, max(wanted)))
    return np.array([stamps[frame] for frame in wanted])


def _interpolate(part: WindowPart) -> np.ndarray:
    count = (part.clip["frame_count"] - 1) * part.clip["step"] + 1
    each = (part.clip["stop_s"] - part.clip["start_s"]) / count
    return part.clip["start_s"] + (np.array(part.frames) - part.clip["first_frame"]) * each


def _read_stamps(video: VideoRow, last: int) -> Iterator[tuple[int, float]]:
    """Number and time of each frame up to the last one that is wanted; nothing is converted to pixels."""
    from tubelet.media.video import open_video

    with open_video(sources.verify(video)) as opened:
        for frame in opened.frames():
            yield frame.index, frame.time_s
            if frame.index >= last:
                return


def locate_picture(video: VideoRow, clip: ClipRow) -> tuple[float, float, float, float]:
    """Top, left, height and width of what the encoder saw, in pixels of the source as displayed."""
    frame = video["height"], video["width"]
    top, left, height, width = place_picture(
        frame, (clip["crop_height"], clip["crop_width"]), clip["geometry"]
    ).seen
    return top * frame[0], left * frame[1], height * frame[0], width * frame[1]
