"""From frame to picture: V-JEPA's own preprocessing, sizes, rotation and pixel aspect."""

import json

import av
import numpy as np
import pytest
import torch

from tests.commands import run_here
from tests.conftest import shared
from tests.tiers import thin
from tubelet.ingest.encoders import ENCODERS
from tubelet.ingest.errors import UsageError
from tubelet.ingest.geometry import Geometry, choose_framing, picture
from tubelet.ingest.networks.vjepa import VARIANTS
from tubelet.ingest.toy import ToyEncoder
from tubelet.store import Store
from tubelet.store.placement import META, Placement, place_picture, placement


@pytest.mark.parametrize("case", ["landscape", "portrait", "upscale"])
def test_pictures_are_those_of_meta_s_tensor_path_within_one_gray_level(case):
    facts, arrays = golden(case)
    left, top = facts["crop_xy"]
    place = place_picture(tuple(facts["HW"]), (facts["crop"],) * 2, META)
    assert place == Placement(tuple(facts["resized_HW"]), (top, left, facts["crop"], facts["crop"]))
    made = np.stack(
        [picture(frame, place).numpy() for frame in arrays[f"{case}/in_uint8_THWC"]], axis=1
    )
    difference = np.abs(made.astype(int) - arrays[f"{case}/out_tensor_uint8_CTHW"])
    assert difference.max() <= 1 and (difference > 0).mean() < 0.04


@pytest.mark.parametrize("case", thin(["landscape", "upscale"]))
def test_an_ingest_with_meta_s_framing_encodes_meta_s_own_picture(case, tmp_path):
    """From a video file to stored tokens: the toy's numbers of Meta's golden picture."""
    facts, arrays = golden(case)
    video = write_lossless(tmp_path / "golden.avi", arrays[f"{case}/in_uint8_THWC"])
    arguments = (
        video,
        "--store",
        tmp_path / "store",
        "--encoder",
        "toy",
        "--frames",
        "2",
        "--pairs",
        "0",
        "--size",
        facts["crop"],
    )
    run_here("ingest", *arguments, "--framing", "meta", check=True)
    store = Store(tmp_path / "store")
    (clip,) = store.rows("FROM clips")
    wanted = torch.from_numpy(arrays[f"{case}/out_tensor_uint8_CTHW"]).transpose(0, 1)[None]
    meant = ToyEncoder(torch.device("cpu")).encode(wanted).embeddings[0].numpy()
    np.testing.assert_allclose(store.grid(clip["clip_id"]).astype(np.float32), meant, atol=0.003)
    assert clip["geometry"] == "meta"
    run_here("ingest", *arguments, check=True)
    rows = store_rows(tmp_path / "store")
    assert [row["geometry"] for row in rows] == ["crop", "meta"] and len(
        {row["clip_id"] for row in rows}
    ) == 2
    store.close()


def store_rows(root):
    store = Store(root)
    rows = store.rows("SELECT geometry, clip_id FROM clips ORDER BY geometry")
    store.close()
    return rows


def write_lossless(path, frames):
    """Frames (T, H, W, 3) as uncompressed RGB."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], "bgr24"
        for frame in frames:
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(frame[..., ::-1].copy(), format="bgr24"))
            )
        container.mux(stream.encode(None))
    return path


def golden(case):
    facts = json.loads((shared("golden") / "preprocess.json").read_text())["cases"][case]
    return facts, np.load(shared("golden") / "preprocess.npz")


def test_released_v_jepa_is_framed_as_its_authors_do_and_older_clips_keep_their_ids():
    assert {name for name, row in ENCODERS.items() if row.framing == META} == set(VARIANTS)
    assert [Geometry.parse("224", framing).mode for framing in ("meta", "whole", "fit")] == [
        "meta",
        "crop",
        "fit",
    ]
    assert (
        choose_framing(None, False, "meta") == "meta"
        and choose_framing("whole", False, "meta") == "whole"
        and choose_framing(None, True, "meta") == "fit"
    )
    for framing, fit, words in (
        ("wide", False, "choose one of meta, whole, fit"),
        ("meta", True, "contradict"),
    ):
        with pytest.raises(UsageError, match=words):
            choose_framing(framing, fit, "whole")


def test_a_crop_keeps_the_middle_and_a_fit_the_whole_frame():
    assert placement((480, 854), (384, 384), False) == Placement((384, 683), (0, 150, 384, 384))
    assert Geometry.parse("224", "fit").target(480, 854, 16) == (224, 400)
    assert placement((480, 854), (224, 400), True) == Placement((224, 400), (0, 0, 224, 400))
    assert Geometry.parse("224x384").target(1, 1, 16) == (224, 384)


def test_a_rectangle_is_covered_whichever_side_is_short():
    for frame in ((480, 640), (640, 480), (100, 3000)):
        place = placement(frame, (224, 384), False)
        assert place.resized[0] >= 224 and place.resized[1] >= 384
        assert place.resized[0] == 224 or place.resized[1] == 384
        assert place.crop[0] >= 0 and place.crop[1] >= 0


@pytest.mark.parametrize(
    "size,framing,words",
    [
        ("big", "whole", "is not a size"),
        ("x224", "meta", "is not a size"),
        ("224x384", "fit", "only the short side"),
    ],
)
def test_sizes_that_are_none_are_refused(size, framing, words):
    with pytest.raises(UsageError, match=words):
        Geometry.parse(size, framing)
