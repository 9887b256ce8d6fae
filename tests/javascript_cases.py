"""Cases for the browser's modules, answered by the Python functions they mirror: `python -m tests.javascript_cases` writes them.

tests/javascript/*.test.js reads the file; a test compares it with what the functions answer now.
"""

import json
from pathlib import Path

import numpy as np

from tests.plain_rows import clip_row, video_row
from tubelet.dashboard.components import matrix
from tubelet.latent import layers, masks, tracks
from tubelet.latent.marks import MOST, MarkedPatches, number_tokens
from tubelet.latent.null_similarity import Level
from tubelet.latent.segmentation import THRESHOLD
from tubelet.latent.tracking import Track
from tubelet.media.overlay import WindowScene
from tubelet.store.pairs.differences import quantize_differences
from tubelet.store.placement import Sheet

FILE = Path(__file__).parent / "javascript" / "cases.json"
SEED = 20261128
LEVEL = Level(value=0.25, exceeded=0.05, low=0.01, high=0.1, slices=64, videos=64)
GRIDS = ((1, 1), (2, 3), (3, 2), (4, 4))  # rows and columns of patches


def cases() -> dict:
    """Every case, by the function that answers it."""
    draw = np.random.default_rng(SEED)
    return {
        "masks.enlarged": [_enlarged(draw, *grid) for grid in GRIDS],
        "films.masked": [
            _masked(draw, *grid, smooth) for grid in GRIDS for smooth in (False, True)
        ],
        "films.colors": {
            "HEAT": layers.HEAT,
            "MASK": layers.MASK,
            "EDGE": layers.EDGE,
            "FINE": layers.FINE,
            "THRESHOLD": THRESHOLD,
        },
        "Scene.slice": [
            _slices(*window)
            for window in (
                (0, 16, 1, 8),
                (5, 16, 3, 8),
                (7, 3, 1, 2),
                (0, 1, 1, 1),
                (100, 64, 2, 32),
            )
        ],
        "Sheet.corner": [
            _corners(slices, crop)
            for slices, crop in ((1, (256, 256)), (8, (96, 160)), (32, (384, 288)))
        ],
        "marks.numbered": [_numbered(shape) for shape in ((2, 3, 4), (8, 6, 6), (1, 1, 5))],
        "Marked.name": [_named(*marked) for marked in _markings()],
        "tracks.packed": [_packed(draw, *shape) for shape in ((1, 1, 1), (3, 2, 4))],
        "matrix.packed": [_pair(draw, values) for values in (True, False)],
        "MOST": MOST,
    }


def _enlarged(draw: np.random.Generator, rows: int, columns: int) -> dict:
    scores = draw.random((1, rows, columns), np.float32)
    enlarged = masks.upsample(scores, rows * layers.FINE, columns * layers.FINE)
    return {"h": rows, "w": columns, "scores": _list(scores), "enlarged": _list(enlarged)}


def _masked(draw: np.random.Generator, rows: int, columns: int, smooth: bool) -> dict:
    """The mask of one slice: 0 outside, 1 inside, 2 on its edge."""
    scores = draw.random((rows, columns), np.float32)
    pixels = layers.render_mask(scores, smooth)
    kinds = np.where(
        pixels[..., 3] == 0, 0, np.where((pixels[..., :3] == layers.EDGE).all(axis=-1), 2, 1)
    )
    return {
        "h": rows,
        "w": columns,
        "smooth": smooth,
        "scores": _list(scores),
        "kinds": _list(kinds),
    }


def _slices(first: int, frames: int, step: int, slices: int) -> dict:
    scene = WindowScene(
        video_row(frames=10_000),
        clip_row(first_frame=first, frame_count=frames, step=step, slices=slices),
    )
    return {
        "window": {"first": first, "frames": frames, "step": step, "slices": slices},
        "slices": [scene.slice(frame) for frame in scene.frames],
    }


def _corners(slices: int, crop: tuple[int, int]) -> dict:
    sheet = Sheet.fit(slices, crop)
    return {
        "slices": slices,
        "tile": sheet.tile,
        "columns": sheet.columns,
        "corners": [sheet.corner(number) for number in range(slices)],
    }


def _numbered(shape: tuple[int, int, int]) -> dict:
    patches = [tuple(map(int, patch)) for patch in np.ndindex(shape)]
    slices, rows, columns = shape
    return {
        "h": rows,
        "w": columns,
        "patches": patches,
        "numbers": number_tokens(
            clip_row(slices=slices, grid_height=rows, grid_width=columns), patches
        ),
    }


def _markings() -> list[tuple]:
    one, two = ((0, 0, 0),), ((1, 12, 3), (7, 0, 15))
    return [
        ("ab12", one),
        ("ab12", two),
        ("ab12", one, two),
        ("ab12", (), one),
        ("ab12", ()),
        ("", ()),
    ]


def _named(clip_id: str, patches: tuple, background: tuple = ()) -> dict:
    name = MarkedPatches(clip_id, patches, background).name
    assert MarkedPatches.parse(name) == (
        MarkedPatches(clip_id, patches, background) if name else MarkedPatches()
    )
    return {"clip": clip_id, "patches": patches, "background": background, "name": name}


def _packed(draw: np.random.Generator, slices: int, rows: int, columns: int) -> dict:
    scores, lost = draw.random(slices), draw.random(slices) < 0.5
    y, x = draw.integers(0, rows, slices), draw.integers(0, columns, slices)
    track = Track(
        clip_id="clip",
        heat=draw.random((slices, rows, columns)).astype(np.float32),
        y=y.astype(np.int16),
        x=x.astype(np.int16),
        score=scores.astype(np.float32),
        margin=np.zeros(slices, np.float32),
        returned=~lost,
        lost=lost,
        measured=LEVEL,
    )
    rows_of = [[*map(float, row)] for row in zip(y, x, scores.astype(np.float32), lost)]
    return {
        "slices": slices,
        "h": rows,
        "w": columns,
        "bytes": tracks.pack_track(track).hex(),
        "rows": rows_of,
        "heat": _list(tracks.scale_similarity(track)),
    }


def _pair(draw: np.random.Generator, with_values: bool) -> dict:
    """The buffer of a small pair, and what its cells mean."""
    a, b = draw.standard_normal((2, 3, 2, 2, 5)).astype(np.float32)
    made = quantize_differences(a, b)
    if not with_values:
        made = type(made)(**{**vars(made), "values": b""})
    heading = {
        "id": "pair now",
        "offset": 1,
        "times": [[0.0, 0.5], [0.5, 1.0], [1.0, 1.5]],
        "tile": [16, 32],
        "tiles_a_row": 2,
    }
    order = [4, 0, 3, 1, 2]
    codes = np.frombuffer(made.differences, np.uint8).reshape(made.shape).astype(np.float64)
    differences = (codes - 128) * made.range / 127
    low, step = (
        np.frombuffer(made.low, "<f4").astype(np.float64),
        np.frombuffer(made.step, "<f4").astype(np.float64),
    )
    values = (
        low + np.frombuffer(made.values, np.uint8).reshape(made.shape) * step
        if with_values
        else None
    )
    return {
        "bytes": matrix.pack(made, heading, [b"JPEG of A", b""], order).hex(),
        "differences": _list(differences),
        "values": None if values is None else _list(values),
        "means": _list(np.abs(differences).mean(axis=(1, 2, 3))),
        "means_of_dims": _list(np.abs(differences).mean(axis=(1, 2))),
        "means_of_patches": _list(np.abs(differences).mean(axis=3)),
        "order": order,
        "head": heading | {"slices": 3, "rows": 2, "columns": 2, "dim": 5},
    }


def _list(array: np.ndarray) -> list:
    """Its numbers in order, to nine digits: float32 and exact enough for the eye."""
    return [float(f"{value:.9g}") for value in np.asarray(array, np.float64).ravel()]


def written() -> str:
    return json.dumps(cases(), separators=(",", ":")) + "\n"


if __name__ == "__main__":
    FILE.write_text(written())
