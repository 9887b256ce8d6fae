"""A mask carried on over a whole video: what was cut out in one window, found again in those before and after it.

    for part, scores in segment_video(workspace, clip, marked): ...      # scores (S, H, W) of each window, foreground above one half

From one window to the next, two slices are matched that lie closest in time: patches that are each other's most similar one take over
whether they are foreground. With them count the marks themselves, wherever they are followed to and not lost. Where neither finds the
foreground, the window has none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float32, Int
from tubelet.latent import clips, half, segmentation
from tubelet.latent.errors import LatentError
from tubelet.latent.exports.timeline import WindowPart, divide_video
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.segmentation import THRESHOLD
from tubelet.latent.workspace import READING, Workspace
from tubelet.store.rows import ClipRow

SURE = 0.1  # by which a score is above or below the threshold where its patch is carried on
NEARBY = 0.05  # of a cosine: what a match over the whole diagonal of the grid has to be better by


def segment_video(
    workspace: Workspace, clip: ClipRow, marked: MarkedPatches
) -> Iterator[tuple[WindowPart, Float32[np.ndarray, "S H W"]]]:
    """The windows that were cut like a `clips` row, which the marks are on, with the scores of their patches. Raises LatentError."""
    parts = divide_video(workspace.store, clip)
    home = next(
        (number for number, part in enumerate(parts) if part.clip["clip_id"] == clip["clip_id"]),
        None,
    )
    if home is None:
        raise LatentError(
            f"the frames of clip {clip['clip_id']} are covered by other windows: mark patches on one of them"
        )
    scores = {home: workspace.segment(marked).scores}
    foreground = MarkedPatches(marked.clip_id, marked.patches)
    for number in range(home - 1, -1, -1):
        scores[number] = _carry_on(
            workspace,
            ScoredWindow(parts[number + 1].clip, scores[number + 1]),
            parts[number].clip,
            foreground,
        )
    for number, part in enumerate(parts):
        if number > home:
            scores[number] = _carry_on(
                workspace,
                ScoredWindow(parts[number - 1].clip, scores.pop(number - 1)),
                part.clip,
                foreground,
            )
        yield part, scores[number]


@dataclass(frozen=True)
class ScoredWindow:
    """A window of which the mask is known: a `clips` row and its scores ``(S, H, W)``."""

    clip: ClipRow
    scores: Float32[np.ndarray, "S H W"]


def _carry_on(
    workspace: Workspace, told: ScoredWindow, clip: ClipRow, foreground: MarkedPatches
) -> Float32[np.ndarray, "S H W"]:
    """Scores of another window."""
    graph = workspace.graph(clip["clip_id"])
    matched, outside = _match(workspace, told, clip)
    inside = matched | (_follow(workspace, clip, foreground) - outside)
    finite = graph.finite.reshape(graph.positions)
    marks, others = (
        [patch for patch in sorted(patches) if finite[patch]] for patches in (inside, outside)
    )
    if not marks or not others:
        return np.full(graph.positions, float(bool(marks)), np.float32)
    return segmentation.segment(graph, marks, others).scores


def _match(workspace: Workspace, told: ScoredWindow, clip: ClipRow) -> tuple[set, set]:
    """Patches ``(slice, y, x)`` of a window that are surely foreground, and surely background, by the window beside it."""
    one, other = nearest_slices(told.clip, clip)
    store, rows = (
        workspace.store,
        [clips.row(workspace.store, row["clip_id"]) for row in (told.clip, clip)],
    )
    with READING:
        before, now = (
            half.unit(half.widen(clips.read(store, row, n, n + 1)[0].reshape(-1, row.embed_dim)))
            for row, n in zip(rows, (one, other))
        )
    known, grid = told.scores[one].ravel(), told.scores.shape[1:]
    old, new = match_patches(before, now, grid)
    y, x = np.unravel_index(new, grid)
    patches = [(other, int(row), int(column)) for row, column in zip(y, x)]
    sure = known[old] - THRESHOLD
    return {p for p, s in zip(patches, sure) if s > SURE}, {
        p for p, s in zip(patches, sure) if s < -SURE
    }


def nearest_slices(one: ClipRow, other: ClipRow) -> tuple[int, int]:
    """The slices of two `clips` rows that lie closest in time; of several as close, those in the middle."""
    times = [
        row["first_frame"]
        + np.arange(row["slices"]) * row["frame_count"] // row["slices"] * row["step"]
        for row in (one, other)
    ]
    apart = np.abs(times[0][:, None] - times[1])
    closest = np.argwhere(apart == apart.min())
    return tuple(closest[len(closest) // 2].tolist())


def match_patches(
    before: Float32[np.ndarray, "P D"], now: Float32[np.ndarray, "P D"], grid: tuple[int, int]
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Numbers of patches of two slices ``(H*W, D)``, of unit length, that are each other's most similar: ``(n,)`` each."""
    places = np.indices(grid).reshape(2, -1).T
    apart = np.hypot(*(places[:, None] - places).transpose(2, 0, 1)) / max(np.hypot(*grid), 1)
    likeness = np.nan_to_num(before @ now.T, nan=-2) - NEARBY * apart
    forth, back = likeness.argmax(axis=1), likeness.argmax(axis=0)
    mutual = np.flatnonzero(back[forth] == np.arange(len(before)))
    return mutual, forth[mutual]


def _follow(workspace: Workspace, clip: ClipRow, foreground: MarkedPatches) -> set:
    """Where the marked patches are found in a window, slice by slice."""
    track = workspace.track(clip["clip_id"], foreground)
    return {
        (number, int(track.y[number]), int(track.x[number]))
        for number in np.flatnonzero(~track.lost).tolist()
    }
