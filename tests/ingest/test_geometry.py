"""From frame to picture: V-JEPA's own preprocessing, sizes, rotation and pixel aspect."""

import json

import numpy as np
import pytest

from tubelet.ingest.errors import UsageError
from tubelet.ingest.geometry import Geometry, picture
from tubelet.store.placement import Placement, placement
from tests.conftest import shared


@pytest.mark.parametrize("case", ["landscape", "portrait", "upscale"])
def test_pictures_are_those_of_meta_s_tensor_path_within_one_gray_level(case):
    facts = json.loads((shared("golden") / "preprocess.json").read_text())["cases"][case]
    arrays = np.load(shared("golden") / "preprocess.npz")
    left, top = facts["crop_xy"]
    place = Placement(tuple(facts["resized_HW"]), (top, left, facts["crop"], facts["crop"]))
    made = np.stack([picture(frame, place).numpy() for frame in arrays[f"{case}/in_uint8_THWC"]], axis=1)
    difference = np.abs(made.astype(int) - arrays[f"{case}/out_tensor_uint8_CTHW"])
    assert difference.max() <= 1 and (difference > 0).mean() < 0.04


@pytest.mark.parametrize("case", ["landscape", "portrait", "upscale"])
def test_the_resize_before_a_crop_is_meta_s(case):
    facts = json.loads((shared("golden") / "preprocess.json").read_text())["cases"][case]
    short = facts["short_side"]
    assert placement(tuple(facts["HW"]), (short, short), fit=False).resized == tuple(facts["resized_HW"])


def test_a_crop_keeps_the_middle_and_a_fit_the_whole_frame():
    assert placement((480, 854), (384, 384), False) == Placement((384, 683), (0, 150, 384, 384))
    assert Geometry.parse("224", fit=True).target(480, 854, 16) == (224, 400)
    assert placement((480, 854), (224, 400), True) == Placement((224, 400), (0, 0, 224, 400))
    assert Geometry.parse("224x384", fit=False).target(1, 1, 16) == (224, 384)


def test_a_rectangle_is_covered_whichever_side_is_short():
    for frame in ((480, 640), (640, 480), (100, 3000)):
        place = placement(frame, (224, 384), False)
        assert place.resized[0] >= 224 and place.resized[1] >= 384
        assert place.resized[0] == 224 or place.resized[1] == 384
        assert place.crop[0] >= 0 and place.crop[1] >= 0


@pytest.mark.parametrize("size,fit,words", [("big", False, "is no size"), ("x224", False, "is no size"), ("224x384", True, "short side alone")])
def test_sizes_that_are_none_are_refused(size, fit, words):
    with pytest.raises(UsageError, match=words):
        Geometry.parse(size, fit)
