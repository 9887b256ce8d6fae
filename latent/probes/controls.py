"""Controls: what a probe is compared with. What a control reaches, no encoder needs to know.

shuffled    the same states, labels exchanged between videos: what the procedure reaches by chance
majority    the commonest class of the training part, or its mean
position    when a clip begins and ends, and the size of its grid: no picture at all
pixels      8 x 8 colors of the slice pictures, averaged over slices
motion      how far, and in which direction, slice pictures move from one to the next
untrained   the states of a network with random weights
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from PIL import Image

from tubelet.latent.probes import motion
from tubelet.latent.probes.states import ClipStates
from tubelet.latent.probes.truth import Truth
from tubelet.store import Store
from tubelet.store.disk.inside import UnsafePath
from tubelet.store.placement import Sheet
from tubelet.store.questions.corpus import OF_GRID
from tubelet.store.rows import ClipRow

SHUFFLED, MAJORITY, POSITION, PIXELS, MOTION, UNTRAINED = (
    "shuffled",
    "majority",
    "position",
    "pixels",
    "motion",
    "untrained",
)
SIDE = 8  # pixels of a picture whose colors are read
MOVING = 2  # slices, at least
POSITIONS = f"""SELECT clip_id, video_id, [c.start_s, c.stop_s, c.start_s / greatest(v.duration_s, 1e-3), c.slices, c.grid_height, c.grid_width]::DOUBLE[] AS vector
FROM clips c JOIN videos v USING (video_id) WHERE c.encoder_id = $encoder AND {OF_GRID} ORDER BY clip_id"""


def shuffle_labels(truth: Truth, seed: int) -> Truth:
    """The truth with its values exchanged: between groups where each has one value, else between videos."""
    generator = np.random.default_rng([seed, 29])
    names, place = np.unique(truth.groups, return_inverse=True)
    first = np.array([np.flatnonzero(place == number)[0] for number in range(len(names))])
    by_group = truth.values[first]
    if (by_group[place] == truth.values).all():
        return replace(truth, values=generator.permutation(by_group)[place])
    return replace(truth, values=generator.permutation(truth.values))


def read_positions(store: Store, encoder_id: str) -> ClipStates:
    """Where the clips of an encoder are in their videos, and how large."""
    rows = store.rows(POSITIONS, {"encoder": encoder_id})
    return _join((row["clip_id"], row["video_id"], row["vector"]) for row in rows)


def read_pixels(store: Store, encoder_id: str) -> ClipStates:
    """The colors of the clips of an encoder ``(192,)``, 0 to 1, the mean over their slice pictures; of those that have some."""
    return _read_pictures(store, encoder_id, "RGB", SIDE, lambda tiles: tiles.mean(0).ravel() / 255)


def read_motion(store: Store, encoder_id: str) -> ClipStates:
    """The motion between slice pictures of the clips of an encoder; of those that have two slices or more."""
    return _read_pictures(store, encoder_id, "L", motion.SIDE, motion.measure_motion, MOVING)


def _read_pictures(
    store: Store,
    encoder_id: str,
    mode: str,
    side: int,
    measure: Callable[[np.ndarray], np.ndarray],
    fewest: int = 1,
) -> ClipStates:
    clips = [
        ClipRow.of(row)
        for row in store.rows(
            f"FROM clips c WHERE encoder_id = $encoder AND slices >= $fewest AND {OF_GRID} ORDER BY clip_id",
            {"encoder": encoder_id, "fewest": fewest},
        )
    ]
    found = ((clip, _read_tiles(store, clip, mode, side)) for clip in clips)
    return _join(
        (clip.clip_id, clip.video_id, measure(tiles)) for clip, tiles in found if tiles is not None
    )


def _read_tiles(store: Store, clip: ClipRow, mode: str, side: int) -> np.ndarray | None:
    """The slice pictures of a clip, `side` pixels wide and high, 0 to 255; None where there is no picture to read."""
    sheet = Sheet.of(clip)
    try:
        data = store.layout.pictures_file(clip.video_id, clip.clip_id).read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            whole = image.convert(mode)
    except (OSError, UnsafePath):
        return None
    return np.stack([shrink_tile(whole, sheet, number, side) for number in range(clip.slices)])


def shrink_tile(image: Image.Image, sheet: Sheet, number: int, side: int) -> np.ndarray:
    """A slice's picture, `side` pixels wide and high."""
    top, left = sheet.corner(number)
    box = (left, top, left + sheet.tile[1], top + sheet.tile[0])
    small = image.resize((side, side), Image.Resampling.BOX, box=box)
    return np.asarray(small, np.float64)


def _join(rows: Iterable[tuple]) -> ClipStates:
    clips, videos, vectors = [], [], []
    for clip, video, vector in rows:
        clips.append(clip)
        videos.append(video)
        vectors.append(np.asarray(vector, np.float32))
    stacked = np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)
    return ClipStates(stacked, tuple(clips), np.array(videos, dtype=str))
