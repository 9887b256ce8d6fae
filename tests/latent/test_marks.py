"""Marked patches in a URL, and the bytes of a track."""

import numpy as np
import pytest

from tests.plain_rows import clip_row
from tubelet.latent.marks import MOST, MarkedPatches
from tubelet.latent.null_similarity import Level
from tubelet.latent.tracking import Track
from tubelet.latent.tracks import pack_track

CLIP = clip_row(clip_id="00ff", slices=3, grid_height=2, grid_width=4)


@pytest.mark.parametrize(
    "name", ["00ff-0.0.0", "00ff-2.1.3,0.0.1", "00ff-2.1.3~0.0.1,1.1.1", "00ff-~0.0.1"]
)
def test_names_lead_there_and_back(name: str) -> None:
    assert MarkedPatches.parse(name).name == name
    assert MarkedPatches.parse(name).on(CLIP) == MarkedPatches.parse(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "00ff",
        "00ff-",
        "00ff-1.2",
        "00ff-1.2.x",
        "../x-0.0.0",
        "00ff-0.0.0,",
        "00ff-~",
        "00ff-0.0.0~",
        "00ff~0.0.0",
    ],
)
def test_other_texts_mark_nothing(name: str) -> None:
    assert MarkedPatches.parse(name) == MarkedPatches()


def test_patches_outside_the_grid_and_of_other_clips_are_left_out() -> None:
    assert MarkedPatches.parse("00ff-3.0.0,0.2.0,0.0.4,2.1.3").on(CLIP).patches == ((2, 1, 3),)
    assert MarkedPatches.parse("00ff-0.0.0~3.0.0,0.0.1").on(CLIP).background == ((0, 0, 1),)
    assert MarkedPatches.parse("aa-0.0.0").on(CLIP) == MarkedPatches()
    assert len(MarkedPatches.parse("00ff-" + ",".join(["0.0.0"] * 999)).patches) == MOST


@pytest.mark.parametrize("level", [0.6, float("nan")])
def test_a_track_in_bytes_says_what_it_says(level: float) -> None:
    heat = np.array([[[1.0, 0.8], [0.6, -1]], [[np.nan, 0.5], [0.9, 0.7]]], np.float32)
    score = np.array([1.0, 0.9], np.float32)
    track = Track(
        clip_id="00ff",
        heat=heat,
        y=np.array([0, 1], np.int16),
        x=np.array([0, 0], np.int16),
        score=score,
        margin=score,
        returned=score > 0,
        lost=np.array([False, True]),
        measured=Level(value=level, exceeded=0.05, low=0.01, high=0.1, slices=64, videos=64),
    )
    data = pack_track(track)
    rows = np.frombuffer(data[: 2 * 16], "<f4").reshape(2, 4)
    assert rows.tolist() == [[0, 0, 1, 0], [1, 0, pytest.approx(0.9), 1]]
    shown = np.frombuffer(data[2 * 16 :], np.uint8).reshape(heat.shape)
    floor = 0.7 if np.isnan(level) else level
    assert shown[0, 0, 0] == 255 and shown[0, 1, 1] == shown[1, 0, 0] == shown[1, 0, 1] == 0
    assert shown[0, 0, 1] == pytest.approx(255 * (0.8 - floor) / (1 - floor), abs=1)
