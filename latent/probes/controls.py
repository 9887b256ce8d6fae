"""Controls: what a probe is compared with. What a control reaches, no encoder needs to know.

shuffled    the same states, labels exchanged between videos: what the procedure reaches by chance
majority    the commonest class of the training part, or its mean
position    when a clip begins and ends, and the size of its grid: no picture at all
pixels      8 x 8 colors of the slice pictures, averaged over slices
untrained   the states of a network with random weights
"""

import io
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from PIL import Image

from tubelet.latent.probes.states import ClipStates
from tubelet.latent.probes.truth import Truth
from tubelet.store import Store
from tubelet.store.disk.inside import UnsafePath
from tubelet.store.placement import Sheet
from tubelet.store.questions.corpus import OF_GRID
from tubelet.store.rows import ClipRow

SHUFFLED, MAJORITY, POSITION, PIXELS, UNTRAINED = (
    "shuffled",
    "majority",
    "position",
    "pixels",
    "untrained",
)
SIDE = 8  # pixels of a picture
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
    """The colors of the clips of an encoder, from their slice pictures; of those that have some."""
    clips = [
        ClipRow.of(row)
        for row in store.rows(
            f"FROM clips c WHERE encoder_id = $encoder AND {OF_GRID} ORDER BY clip_id",
            {"encoder": encoder_id},
        )
    ]
    found = ((clip, _read_colors(store, clip)) for clip in clips)
    return _join(
        (clip.clip_id, clip.video_id, colors) for clip, colors in found if colors is not None
    )


def _read_colors(store: Store, clip: ClipRow) -> np.ndarray | None:
    """Colors ``(192,)`` of 0 to 1, the mean over slices of 8 x 8 pixels; None where there is no picture to read."""
    try:
        data = store.layout.pictures_file(clip.video_id, clip.clip_id).read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            sheet = Sheet.of(clip)
            tiles = [_tile(image, sheet, number) for number in range(clip.slices)]
    except (OSError, UnsafePath):
        return None
    return np.mean(tiles, axis=0)


def _tile(image: Image.Image, sheet: Sheet, number: int) -> np.ndarray:
    top, left = sheet.corner(number)
    box = (left, top, left + sheet.tile[1], top + sheet.tile[0])
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX, box=box)
    return np.asarray(small, np.float64).ravel() / 255


def _join(rows: Iterable[tuple]) -> ClipStates:
    clips, videos, vectors = [], [], []
    for clip, video, vector in rows:
        clips.append(clip)
        videos.append(video)
        vectors.append(np.asarray(vector, np.float32))
    stacked = np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)
    return ClipStates(stacked, tuple(clips), np.array(videos, dtype=str))
