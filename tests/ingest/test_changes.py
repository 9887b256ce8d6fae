"""Changes of a window: pixels against a computation of their own, tokens back at their own address, and what cannot be is refused."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from tubelet.ingest.alignment import Alignment
from tubelet.ingest.change_options import parse_changes
from tubelet.ingest.changes import CHANGES, Change, measure_pixel_change
from tubelet.ingest.errors import UsageError

TUBELET, PATCH = 2, 16
EXAMPLES = [entry.example or name for name, entry in CHANGES.items()]


@pytest.fixture(scope="module")
def frames():
    """8 frames of 96 x 128 px: smooth and textured, no two alike."""
    drawn = np.random.default_rng(5).integers(0, 256, (8, 3, 96, 128))
    smooth = ndimage.gaussian_filter(drawn.astype(float), (0, 0, 4, 4)) * 3 - 256
    return torch.from_numpy((0.5 * smooth + 0.5 * drawn).clip(0, 255).astype(np.uint8))


def changed(frames, text):
    (change,) = parse_changes(text)
    return change.apply(frames, TUBELET).frames.numpy().astype(int)


def test_changes_of_order_and_brightness_are_what_numpy_makes(frames):
    pixels = frames.numpy()
    assert (changed(frames, "flip") == pixels[..., ::-1]).all()
    assert (changed(frames, "reverse") == pixels[::-1]).all()
    assert (changed(frames, "still") == pixels[4]).all()
    assert (changed(frames, "dark:0.5") == np.rint(pixels / 2)).all()


def test_a_shuffle_moves_whole_slices(frames):
    found = changed(frames, "shuffle").reshape(4, TUBELET, 3, 96, 128)
    slices = frames.numpy().reshape(4, TUBELET, 3, 96, 128)
    order = [next(k for k in range(4) if (slices[k] == one).all()) for one in found]
    assert sorted(order) == [0, 1, 2, 3] and order != [0, 1, 2, 3]


def test_a_dropped_frame_repeats_the_one_before(frames):
    pixels, found = frames.numpy(), changed(frames, "drop:0.25")
    repeated = [k for k in range(8) if (found[k] != pixels[k]).any()]
    assert len(repeated) == 2 and 0 not in repeated
    assert all((found[k] == found[k - 1]).all() for k in repeated)


def test_noise_has_the_strength_that_was_asked_for():
    gray = torch.full((8, 3, 96, 128), 128, dtype=torch.uint8)
    noise = changed(gray, "noise:0.05") - 128
    assert abs(noise.std() / 255 - 0.05) < 0.0005 and abs(noise.mean()) < 0.05
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.02


def test_a_blur_is_the_gaussian_of_scipy(frames):
    expected = ndimage.gaussian_filter(
        frames.numpy().astype(float), (0, 0, 2, 2), mode="nearest", truncate=3
    )
    assert np.abs(changed(frames, "blur:2") - expected).max() < 0.51


def test_a_jpeg_is_what_pillow_reads_back(frames):
    for frame, found in zip(frames.numpy(), changed(frames, "jpeg:20")):
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0))).save(
            file, "JPEG", quality=20
        )
        assert (np.asarray(Image.open(file)).transpose(2, 0, 1) == found).all()


@pytest.mark.parametrize("text,angle,scale", [("crop:0.8", 0, 0.8), ("rotate:10", 10, 1)])
def test_a_crop_and_a_rotation_are_those_of_scipy(frames, text, angle, scale):
    """Counterclockwise on a screen, whose rows run downward."""
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    back = scale * np.array([[cosine, sine], [-sine, cosine]])
    center = np.array([47.5, 63.5])
    for plane, found in zip(
        frames.numpy().reshape(-1, 96, 128), changed(frames, text).reshape(-1, 96, 128)
    ):
        expected = ndimage.affine_transform(
            plane.astype(float), back, center - back @ center, order=1, mode="nearest"
        )
        assert np.abs(found - expected).max() < 0.6


def addresses():
    """Frames that say where they are: red is the row, green the column, blue the slice."""
    y, x = np.mgrid[:96, :128].astype(float)
    still = np.stack([y * 2, x * 1.5, np.zeros_like(y)])
    frames = np.repeat(still[None], 8, axis=0)
    frames[:, 2] = (np.arange(8) // TUBELET * 40 + 20)[:, None, None]
    return torch.from_numpy(frames.round().astype(np.uint8))


def encode(frames):
    """Mean color of every tubelet, ``(S, H, W, 3)``."""
    blocks = frames.float().reshape(-1, TUBELET, 3, 96 // PATCH, PATCH, 128 // PATCH, PATCH)
    return blocks.mean(dim=(1, 4, 6)).permute(0, 2, 3, 1)


@pytest.mark.parametrize(
    "text,share",
    [
        ("flip", 1),
        ("reverse", 1),
        ("shuffle", 1),
        ("drop:0.3", 1),
        ("crop:0.9", 0.5),
        ("crop:0.6", 0.2),
        ("rotate:10", 0.4),
        ("rotate:-25", 0.2),
        ("rotate:180", 1),
    ],
)
def test_tokens_are_aligned_back_to_their_own_address(text, share):
    """A wrong place, order or direction would differ by 24 or more."""
    frames = addresses()
    (change,) = parse_changes(text)
    found = change.apply(frames, TUBELET)
    aligned, inside = found.alignment.align(encode(found.frames)), found.alignment.inside(6, 8)
    far = (aligned - encode(frames))[:, inside].abs()
    channels = slice(0, 2) if text.startswith("drop") else slice(0, 3)
    assert far[..., channels].max() < 1
    assert share <= inside.float().mean() and (share == 1) == bool(inside.all())


def test_places_that_the_change_cut_off_are_outside():
    inside = Alignment(matrix=((2.0, 0.0), (0.0, 2.0))).inside(6, 6)
    expected = torch.zeros(6, 6, dtype=torch.bool)
    expected[2:4, 2:4] = True  # 0.5 and 1.5 from the center; twice 1.5 lies beyond 2.5
    assert (inside == expected).all()


def test_chance_is_seeded_by_the_frames(frames):
    for text in ("noise:0.1", "shuffle", "drop:0.5"):
        assert (changed(frames, text) == changed(frames.clone(), text)).all()
    other = frames.clone()
    other[0, 0, 0, 0] ^= 1
    assert (changed(frames, "noise:0.1") != changed(other, "noise:0.1")).mean() > 0.5


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_change_changes_pixels_and_leaves_the_window_alone(frames, text):
    before = frames.clone()
    (change,) = parse_changes(text)
    found = change.apply(frames, TUBELET).frames
    assert change.text == text and (frames == before).all()
    if text.startswith("prefix"):
        assert (found == frames[: len(found)]).all() and len(found) < len(frames)
        return
    assert found.shape == frames.shape and found.dtype == torch.uint8 and found.ndim == 4
    expected = np.abs(found.numpy().astype(float) - before.numpy()).mean() / 255
    assert measure_pixel_change(frames, found) == pytest.approx(expected, rel=1e-5) and expected > 0


def test_several_changes_and_strengths_are_read_in_their_order():
    assert parse_changes("flip, noise:0.1,noise:0.20,flip") == (
        Change("flip"),
        Change("noise", 0.1),
        Change("noise", 0.2),
    )
    assert parse_changes(None) == ()


@pytest.mark.parametrize(
    "text,words",
    [
        ("", "choose flip, reverse"),
        ("flop", "--change flop: choose flip, reverse"),
        ("flip,", "choose flip"),
        ("flip:2", "flip has no strength: write flip alone"),
        ("noise", "noise needs a strength, as in noise:0.1"),
        ("noise:loud", "must be from 0.001 to 1"),
        ("noise:nan", "must be from 0.001 to 1"),
        ("noise:-0.1", "must be from 0.001 to 1"),
        ("crop:1", "must be from 0.1 to 0.999"),
        ("jpeg:20.5", "a whole number from 1 to 95"),
        ("rotate:0", "it changes nothing"),
    ],
)
def test_changes_that_cannot_be_are_refused_with_what_to_do(text, words):
    with pytest.raises(UsageError, match=words):
        parse_changes(text)
