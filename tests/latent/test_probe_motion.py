"""Motion between pictures: eight directions and their speed are told, and a still picture does not move."""

import numpy as np

from tubelet.latent.probes.motion import SIDE, measure_motion

ANGLES = np.arange(8) * np.pi / 4


def draw_blob(center: np.ndarray, width: float = 3.0) -> np.ndarray:
    """A bright spot over a slope, gray levels ``(SIDE, SIDE)``; `center` is (x, y)."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    away = (columns - center[0]) ** 2 + (rows - center[1]) ** 2
    return 60 + columns + 120 * np.exp(-away / 2 / width**2)


def test_the_direction_of_what_moves_is_that_of_the_mean_displacement() -> None:
    generator = np.random.default_rng(0)
    for place, angle in enumerate(ANGLES):
        for speed in (0.5, 1.0):
            step = speed * np.array([np.cos(angle), np.sin(angle)])
            start = generator.uniform(12, 20, 2)
            pictures = np.stack([draw_blob(start + number * step) for number in range(4)])
            x, y, far = measure_motion(pictures + generator.normal(0, 0.5, pictures.shape))
            told = np.arctan2(y, x)
            assert np.abs(np.angle(np.exp(1j * (ANGLES - told)))).argmin() == place
            assert far >= np.hypot(x, y)


def test_a_faster_object_moves_farther_and_a_still_picture_not_at_all() -> None:
    slow, fast = (
        measure_motion(np.stack([draw_blob(np.array([10 + number * step, 16.0])) for number in range(4)]))
        for step in (0.4, 1.2)
    )  # fmt: skip
    assert 0 < slow[2] < fast[2] and slow[0] < fast[0]
    assert (measure_motion(np.stack([draw_blob(np.array([9.0, 16.0]))] * 2)) == 0).all()
