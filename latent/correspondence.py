"""The same place in two pictures of one moment: patches of one clip, carried to another video, encoder or layer.

carry_marks(marked, View(video, clip, windows), View(other_video, other_clip, other_windows))

A patch is carried by the middle of its slice, in seconds since the first frame, and by its middle on the frame as displayed, in shares of
height and width. What the other encoder did not see there, or has no window for, has no counterpart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.latent.marks import MarkedPatches, Patch
from tubelet.latent.tracking import Track
from tubelet.store.placement import place_picture
from tubelet.store.rows import ClipRow, TimelineRow, VideoRow


@dataclass(frozen=True)
class View:
    """A video as one encoder sees it: its row, one of its clips in full (grid and geometry are the same for all), and its windows."""

    video: VideoRow
    clip: ClipRow
    windows: Sequence[TimelineRow]

    @property
    def seen(self) -> tuple[float, float, float, float]:
        """What the encoder sees, in shares of the frame: top, left, height, width."""
        frame = self.video.height, self.video.width
        return place_picture(
            frame, (self.clip.crop_height, self.clip.crop_width), self.clip.geometry
        ).seen

    def window(self, clip_id: str) -> TimelineRow | None:
        return next((row for row in self.windows if row.clip_id == clip_id), None)


def carry_marks(marked: MarkedPatches, here: View, there: View) -> MarkedPatches:
    """The counterparts of marked patches; those of one window alone, the one that the first of them falls in."""
    window = here.window(marked.clip_id)
    found = [carry_patch(patch, window, here, there) for patch in marked.patches] if window else []
    known = [one for one in found if one is not None]
    if not known:
        return MarkedPatches()
    clip_id = known[0][0]
    patches = tuple(dict.fromkeys(patch for clip, patch in known if clip == clip_id))
    return MarkedPatches(clip_id, patches)


def carry_patch(
    patch: Patch, window: TimelineRow, here: View, there: View
) -> tuple[str, Patch] | None:
    """Clip and address of the counterpart; None where there is none."""
    slice_, y, x = patch
    top, left, height, width = here.seen
    down = top + (y + 0.5) / window.grid_height * height
    across = left + (x + 0.5) / window.grid_width * width
    moment = find_moment(there, time_of(window, slice_))
    place = _find_patch(there, down, across)
    return None if moment is None or place is None else (moment[0], (moment[1], *place))


def time_of(window: TimelineRow, slice_: int) -> float:
    """The middle of a slice, in seconds since the first frame."""
    return window.start_s + (slice_ + 0.5) / window.slices * (window.stop_s - window.start_s)


def find_moment(view: View, seconds: float) -> tuple[str, int] | None:
    """Clip and slice at a time: of several windows that cover it, the one whose middle is nearest."""
    covering = [row for row in view.windows if row.start_s <= seconds < row.stop_s]
    if not covering:
        return None
    row = min(covering, key=lambda row: abs(row.start_s + row.stop_s - 2 * seconds))
    share = (seconds - row.start_s) / (row.stop_s - row.start_s)
    return row.clip_id, min(int(share * row.slices), row.slices - 1)


@dataclass(frozen=True)
class FollowedPlace:
    """A place that is followed through a window."""

    track: Track
    window: TimelineRow
    view: View

    @property
    def times(self) -> list[float]:
        """The middle of each slice, in seconds since the first frame."""
        return [time_of(self.window, slice_) for slice_ in range(len(self.track.score))]

    def place(self, slice_: int) -> tuple[float, float]:
        """Where the best patch is on the frame: its middle, in shares of height and width."""
        top, left, height, width = self.view.seen
        return (
            top + (float(self.track.y[slice_]) + 0.5) / self.window.grid_height * height,
            left + (float(self.track.x[slice_]) + 0.5) / self.window.grid_width * width,
        )


def compare_tracks(first: FollowedPlace, second: FollowedPlace) -> list[float]:
    """How far apart two tracks of one video are, in shares of the frame's diagonal, at each slice of the first where neither is lost."""
    frame = np.array([first.view.video.height, first.view.video.width], float)
    found = []
    for slice_, seconds in enumerate(first.times):
        other = _slice_at(second.window, seconds)
        if other is None or first.track.lost[slice_] or second.track.lost[other]:
            continue
        away = (np.array(first.place(slice_)) - second.place(other)) * frame
        found.append(float(np.hypot(*away) / np.hypot(*frame)))
    return found


def _slice_at(window: TimelineRow, seconds: float) -> int | None:
    share = (seconds - window.start_s) / (window.stop_s - window.start_s)
    return int(share * window.slices) if 0 <= share < 1 else None


def _find_patch(view: View, down: float, across: float) -> tuple[int, int] | None:
    """Row and column of the patch at a place of the frame, in shares of height and width."""
    top, left, height, width = view.seen
    y, x = (
        (down - top) / height * view.clip.grid_height,
        (across - left) / width * view.clip.grid_width,
    )
    inside = 0 <= y < view.clip.grid_height and 0 <= x < view.clip.grid_width
    return (int(y), int(x)) if inside else None
