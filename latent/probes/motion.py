"""Motion between pictures without a network: displacements of the parts of a frame, from the gradients of its gray levels."""

import numpy as np

from tubelet.array_types import Float64

SIDE = 32  # pixels of a picture: displacements of a thirtieth of the frame are then one
PARTS = 4  # of the frame, per side
DAMPING = 4.0  # squared gray levels: a part without texture shows no motion
LIMIT = 4.0  # pixels: what is beyond is not motion but a bad fit


def measure_motion(pictures: Float64[np.ndarray, "S h w"]) -> Float64[np.ndarray, " 3"]:
    """Gray levels of two pictures or more to the mean displacement (x, y) and the mean distance ``(3,)``, over 4 x 4 parts and all pairs of neighbors.

    The least squares of Lucas and Kanade (1981) over each part. Parts one by one tell less: a model then has to learn the same of each.
    """
    change, middle = np.diff(pictures, axis=0), (pictures[1:] + pictures[:-1]) / 2
    across, down = np.zeros_like(middle), np.zeros_like(middle)
    across[:, :, 1:-1] = (middle[:, :, 2:] - middle[:, :, :-2]) / 2
    down[:, 1:-1] = (middle[:, 2:] - middle[:, :-2]) / 2
    xx, xy, yy, xt, yt = (
        _average_parts(one * other)
        for one, other in (
            (across, across), (across, down), (down, down), (across, change), (down, change)
        )
    )  # fmt: skip
    xx, yy = xx + DAMPING, yy + DAMPING
    moved = np.stack([xy * yt - yy * xt, xy * xt - xx * yt], -1) / (xx * yy - xy * xy)[..., None]
    moved = moved.clip(-LIMIT, LIMIT)  # (S - 1, PARTS, PARTS, 2)
    far = np.linalg.norm(moved, axis=-1, keepdims=True)
    return np.concatenate([moved, far], axis=-1).mean(axis=(0, 1, 2))


def _average_parts(values: Float64[np.ndarray, "s h w"]) -> Float64[np.ndarray, "s p p"]:
    side = values.shape[1] // PARTS
    return values.reshape(len(values), PARTS, side, PARTS, side).mean(axis=(2, 4))
