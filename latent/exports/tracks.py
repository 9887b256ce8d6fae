"""A track as a table: one row per frame, with its time and where the best match lies in the source video.

tabulate_window(store, clip, workspace.track(clip["clip_id"], marked))
tabulate_video(workspace, clip, marked)           # over all windows that were cut like `clip`
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tubelet.latent.exports.timeline import (
    WindowPart,
    divide_video,
    divide_windows,
    locate_picture,
    measure_seconds,
)
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.tracking import Track
from tubelet.latent.workspace import Workspace
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.rows import ClipRow, VideoRow

COLUMNS = {
    "video": "name of the video",
    "frame": "frame of the source, counted from 0 as decoded",
    "seconds": "time of the frame since the first one",
    "x": "column of the center of the best patch, in pixels of the source as displayed; NULL where no patch has a direction",
    "y": "row of it",
    "score": "cosine of the best patch to the marked ones",
    "level": "cosine that at most 5% of unrelated slices exceed, from 19 other videos on; NULL without other videos",
    "lost": "whether the match is below the level or fails the round-trip check",
    "margin": "score minus that of the best patch elsewhere in the slice",
    "video_id": "id of the video",
    "clip_id": "window that covers the frame",
    "slice": "slice of that window; its frames share one match",
    "patch_y": "row of the best patch in the grid, from 0; -1 where there is none",
    "patch_x": "column of it",
}


def tabulate_window(store: Store, clip: ClipRow, track: Track) -> pa.Table:
    """The track of one window of a `clips` row."""
    video = _find_video(store, clip)
    return _tabulate(video, divide_windows([clip], video["frames"]), [track])


def tabulate_video(workspace: Workspace, clip: ClipRow, marked: MarkedPatches) -> pa.Table:
    """Marked patches followed through all windows of the video that were cut like a `clips` row. Raises LatentError."""
    parts = divide_video(workspace.store, clip)
    return _tabulate(
        _find_video(workspace.store, clip),
        parts,
        [workspace.track(part.clip["clip_id"], marked) for part in parts],
    )


def keep_slices(table: pa.Table) -> pa.Table:
    """The first frame of every slice of such a table: frames of a slice share one match."""
    places = np.array(
        list(zip(table["clip_id"].to_pylist(), table["slice"].to_pylist())),
        [("clip", object), ("slice", int)],
    )
    new = [n == 0 or places[n] != places[n - 1] for n in range(len(places))]
    return table.filter(pa.array(new, pa.bool_()))


def _find_video(store: Store, clip: ClipRow) -> VideoRow:
    return VideoRow.of(corpus.video(clip.video_id).answer(store).to_pylist()[0])


def _tabulate(video: VideoRow, parts: Sequence[WindowPart], tracks: Sequence[Track]) -> pa.Table:
    table = pa.concat_tables([_tabulate_part(video, *told) for told in zip(parts, tracks)])
    return table.append_column("seconds", pa.array(measure_seconds(video, parts))).select(
        list(COLUMNS)
    )


def _tabulate_part(video: VideoRow, part: WindowPart, track: Track) -> pa.Table:
    """One row per frame of a part, without its time."""
    slices = part.slices
    top, left, height, width = locate_picture(video, part.clip)
    _, rows, columns = track.heat.shape
    y, x = track.y[slices].astype(float), track.x[slices].astype(float)
    seen = y >= 0
    numbers = {
        "frame": np.array(part.frames, np.int32),
        "x": pa.array(left + (x + 0.5) / columns * width, mask=~seen),
        "y": pa.array(top + (y + 0.5) / rows * height, mask=~seen),
        "slice": slices.astype(np.int16), "patch_y": track.y[slices], "patch_x": track.x[slices], "lost": track.lost[slices],
        **{name: pa.array(getattr(track, name)[slices], from_pandas=True) for name in ("score", "margin")},
        "level": pa.array(np.full(len(slices), track.level), from_pandas=True),
    }  # fmt: skip
    same = {"video": video["name"], "video_id": video["video_id"], "clip_id": part.clip["clip_id"]}
    return pa.table(
        numbers | {name: pa.array([value] * len(slices)) for name, value in same.items()}
    )
