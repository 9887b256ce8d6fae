"""The same mask in every form that people have it in: read as the same pixels, so that it fits another equally well."""

import io
import json
import struct
import time
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tests.conftest import shared
from tests.gray_pngs import write_gray
from tests.plain_rows import clip_row, video_row
from tubelet.latent import masks
from tubelet.latent.errors import LatentError
from tubelet.store.placement import place_picture

DAVIS = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]  # black, red, green, yellow
HEIGHT, WIDTH = 60, 80


def disc(y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.indices((HEIGHT, WIDTH))
    return np.hypot(rows - y, columns - x) < radius


ONE, TWO = disc(20, 25, 12), disc(42, 55, 9)
LABELS = ONE * np.uint8(1) + TWO * np.uint8(2)


def png(
    values: np.ndarray, mode: str | None = None, palette: list[int] | None = None, **info: object
) -> bytes:
    sink, picture = io.BytesIO(), Image.fromarray(values)
    if palette:
        picture = Image.frombytes("P", values.shape[::-1], values.astype(np.uint8).tobytes())
        picture.putpalette(palette)
    (picture.convert(mode) if mode else picture).save(sink, "PNG", **info)
    return sink.getvalue()


def npy(values: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, values)
    return sink.getvalue()


def runs(mask: np.ndarray) -> list[int]:
    """Run lengths of a mask, column by column, background first, by walking through its pixels."""
    found, value = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            found.append(0)
            value = pixel
        found[-1] += 1
    return found


def compress(counts: list[int]) -> str:
    """COCO's text of run lengths, from its description: five bits per character, differences from the fourth run on."""
    text = ""
    for number, count in enumerate(counts):
        left = count - counts[number - 2] if number > 2 else count
        while True:
            bits, left = left & 31, left >> 5
            more = left != (-1 if bits & 16 else 0)
            text += chr(48 + bits + 32 * more)
            if not more:
                break
    return text


def coded(mask: np.ndarray, compressed: bool = True) -> dict:
    return {"size": list(mask.shape), "counts": compress(runs(mask)) if compressed else runs(mask)}


def outline(mask: np.ndarray) -> list[list[float]]:
    """The polygon around a mask of one run per row, along its pixels' edges."""
    rows = [(y, np.flatnonzero(line)) for y, line in enumerate(mask) if line.any()]
    left = [edge for y, xs in rows for edge in ((xs[0], y), (xs[0], y + 1))]
    right = [edge for y, xs in rows for edge in ((xs[-1] + 1, y), (xs[-1] + 1, y + 1))]
    return [[float(at) for edge in [*left, *right[::-1]] for at in edge]]


def clear_beside(mask: np.ndarray) -> np.ndarray:
    """A cut-out: any colors where the mask is, nothing elsewhere."""
    colors = np.random.default_rng(0).integers(0, 256, (*mask.shape, 3), np.uint8)
    return np.dstack([colors, mask * np.uint8(255)])


def softened(mask: np.ndarray) -> np.ndarray:
    """White with an edge in grays, which lie above the middle inside alone."""
    out = np.roll(mask, 1, 1) & ~mask
    inner = mask & ~np.roll(mask, 1, 1)
    gray = np.where(mask, 255, 0).astype(np.uint8)
    gray[out] = np.random.default_rng(0).integers(40, 120, out.sum())
    gray[inner] = np.random.default_rng(1).integers(140, 250, inner.sum())
    return gray


FEW_BITS = {
    f"gray of {bits} bits{', background transparent' if inverted else ''}": write_gray(
        ONE ^ inverted, bits, clear=int(inverted) if inverted else None
    )
    for bits in (1, 2, 4, 8)
    for inverted in (False, True)
}
WHITE_FIRST = (~ONE).astype(np.uint8)
FORMS = {
    "0 and 255": png(ONE * np.uint8(255)),
    "0 and 1": png(ONE * np.uint8(1)),
    "one bit": png(ONE),
    "indexed, DAVIS": png(ONE * np.uint8(1), palette=DAVIS),
    "indexed, white before black": png(WHITE_FIRST, palette=[255, 255, 255, 0, 0, 0]),
    "indexed, background transparent": png(
        WHITE_FIRST, palette=[9, 9, 9, 200, 0, 0], transparency=1
    ),
    "16 bits, white": png(ONE * np.uint16(65_535)),
    "16 bits, 1": png(ONE * np.uint16(1)),
    "16 bits, 300": png(ONE * np.uint16(300)),
    "soft edges": png(softened(ONE)),
    **FEW_BITS,
    "RGB": png(np.dstack([ONE * np.uint8(255)] * 3)),
    "RGB, one color": png(np.dstack([ONE * np.uint8(200), ONE * np.uint8(3), ONE * np.uint8(90)])),
    "RGBA, opaque": png(np.dstack([ONE * np.uint8(255)] * 3 + [np.full(ONE.shape, 255, np.uint8)])),
    "RGBA, cut out": png(clear_beside(ONE)),
    "labels in the transparency": png(
        np.dstack([np.full(ONE.shape, 9, np.uint8)] * 3 + [ONE * np.uint8(1)])
    ),
    "gray and alpha": png(np.dstack([np.zeros(ONE.shape, np.uint8), ONE * np.uint8(255)])),
    "npy, truth values": npy(ONE),
    "npy, labels": npy(ONE.astype(np.int64)),
    "npy, probabilities": npy(np.where(ONE, 0.8, 0.2).astype(np.float32)),
    "npy, logits": npy(np.where(ONE, 2.5, -1.5)),
    "npy, -1 for void": npy(np.where(ONE, 1, -1)),
    "run lengths": json.dumps(coded(ONE)).encode(),
    "run lengths, plain": json.dumps(coded(ONE, compressed=False)).encode(),
    "COCO annotation": json.dumps(
        {"id": 7, "category_id": 1, "segmentation": coded(ONE), "bbox": [0, 0, 1, 1]}
    ).encode(),
    "COCO file": json.dumps(
        {
            "images": [{"id": 1, "height": HEIGHT, "width": WIDTH}],
            "annotations": [{"id": 7, "image_id": 1, "segmentation": coded(ONE)}],
        }
    ).encode(),
    "COCO file of two sizes": json.dumps(
        {
            "images": [
                {"id": 1, "height": 4, "width": 4},
                {"id": 2, "height": HEIGHT, "width": WIDTH},
            ],
            "annotations": [{"id": 7, "image_id": 2, "segmentation": outline(ONE)}],
        }
    ).encode(),
    "run lengths after a byte order mark": b"\xef\xbb\xbf" + json.dumps(coded(ONE)).encode(),
    "list of annotations": json.dumps([{"segmentation": coded(ONE)}]).encode(),
    "YouTube-VIS": json.dumps([{"segmentations": [coded(ONE)], "id": 1}]).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_one_object_is_the_same_mask_in_every_form(form: str) -> None:
    found = masks.read_mask(FORMS[form])
    assert np.array_equal(found, ONE[None]), form
    assert masks.iou(found, disc(22, 28, 12)[None]) == masks.iou(ONE[None], disc(22, 28, 12)[None])
    assert len(masks.read_objects(FORMS[form]).objects) == 1


SEVERAL = {
    "indexed, DAVIS": png(LABELS, palette=DAVIS),
    "indexed, first color transparent": png(LABELS, palette=[7, 7, 7, *DAVIS[3:]], transparency=0),
    "labels": png(LABELS),
    "labels of 2 bits": write_gray(LABELS, 2),
    "labels of 4 bits, the largest among them": write_gray(LABELS * np.uint8(7) + (LABELS > 1), 4),
    "labels of 4 bits, background transparent": write_gray(LABELS + 3, 4, clear=3),
    "labels of 16 bits": png(LABELS.astype(np.uint16) * 1000),
    "gray of DAVIS's colors": png(LABELS * np.uint8(38)),
    "colors": png(np.array(DAVIS, np.uint8).reshape(-1, 3)[LABELS]),
    "npy": npy(LABELS.astype(np.int32)),
    "COCO": json.dumps(
        [{"id": 1, "segmentation": coded(ONE)}, {"id": 2, "segmentation": coded(TWO)}]
    ).encode(),
}


@pytest.mark.parametrize("form", SEVERAL)
def test_of_several_objects_each_can_be_chosen(form: str) -> None:
    found = masks.read_objects(SEVERAL[form])
    assert len(found.objects) == 2
    chosen = [found.select(name)[0] for name in found.objects]
    assert {mask.tobytes() for mask in chosen} == {ONE.tobytes(), TWO.tobytes()}
    assert np.array_equal(found.select()[0], ONE | TWO)


@pytest.mark.parametrize("bits", [2, 4])
def test_objects_of_few_bits_keep_their_numbers(bits: int) -> None:
    every = np.arange(2**bits)[None].repeat(3, axis=0)
    found = masks.read_objects(write_gray(every, bits))
    assert found.objects == tuple(str(number) for number in range(1, 2**bits))


def test_the_mask_of_davis_counts_as_its_objects_pixels() -> None:
    found = masks.read_objects((shared("faults") / "davis_palette_mask.png").read_bytes())
    assert found.objects == ("1", "2") and [
        int(found.select(name).sum()) for name in found.objects
    ] == [8000, 3000]


def test_polygons_are_filled() -> None:
    box = {
        "images": [{"height": 20, "width": 30}],
        "annotations": [{"segmentation": [[4, 6, 14, 6, 14, 16, 4, 16]]}],
    }
    expected = np.zeros((1, 20, 30), bool)
    expected[0, 6:16, 4:14] = True
    assert np.array_equal(masks.read_mask(json.dumps(box).encode()), expected)
    with pytest.raises(LatentError, match="without the size of their picture"):
        masks.read_mask(json.dumps(box["annotations"]).encode())


def test_a_video_of_run_lengths_has_a_mask_per_frame() -> None:
    text = json.dumps(
        {"segmentations": [coded(ONE), None, coded(TWO)], "height": HEIGHT, "width": WIDTH}
    ).encode()
    assert np.array_equal(masks.read_mask(text), np.stack([ONE, np.zeros_like(ONE), TWO]))


def test_run_lengths_of_large_masks_are_read_fast() -> None:
    mask = np.random.default_rng(0).random((720, 1280)) > 0.5
    text = json.dumps(coded(mask)).encode()
    begun = time.perf_counter()
    assert np.array_equal(masks.read_mask(text), mask[None])
    assert time.perf_counter() - begun < 20


def write_deep(mask: np.ndarray) -> bytes:
    """A PNG of 16 bits per color, of which the lower 8 alone tell the mask."""
    lines = b"".join(
        b"\0" + line.astype(">u2").repeat(3).tobytes() for line in mask.astype(np.uint16)
    )
    parts = {b"IHDR": struct.pack(">IIBBBBB", *mask.shape[::-1], 16, 2, 0, 0, 0), b"IDAT": zlib.compress(lines), b"IEND": b""}  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts.items()
    )


def broken() -> Iterator[bytes]:
    good = coded(ONE)
    yield from (json.dumps(one).encode() for one in (
        {**good, "size": [HEIGHT, WIDTH + 1]}, {**good, "size": [-1, 5]}, {**good, "size": [10**6, 10**6]}, {**good, "counts": "\x7f"}, {**good, "counts": [-1, 4801]},
        {**good, "counts": [2**62] * 4 + [HEIGHT * WIDTH]}, {**good, "counts": [2399.5, 2400.5]}, {"annotations": []},
        {"annotations": [{"video_id": 1, "segmentations": [good]}, {"video_id": 2, "segmentations": [good]}]},
        {}, [], [1], {"annotations": 5}, {"segmentation": [[1, 2]], "height": 5, "width": 5}, {"segmentation": good, "height": "x", "width": 1},
        [{"segmentation": good, "image_id": 1}, {"segmentation": good, "image_id": 2}], {"segmentations": [None]}, {"segmentations": [None] * 10**5, "height": 9999, "width": 9999},
    ))  # fmt: skip
    yield from (b"{", b"[[[[", b'{"size": [1e400, 2], "counts": []}', b"[" * 100_000)
    yield png(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    yield write_deep(ONE)


@pytest.mark.parametrize("data", list(broken()), ids=lambda data: repr(data[:30]))
def test_what_is_no_mask_is_a_sentence(data: bytes) -> None:
    with pytest.raises(LatentError, match="pass") as raised:
        masks.read_mask(data)
    assert "\n" not in str(raised.value)


CLIP = {
    "crop_height": 32,
    "crop_width": 32,
    "grid_height": 4,
    "grid_width": 4,
    "slices": 8,
    "frame_count": 16,
    "step": 1,
    "first_frame": 4,
}


@pytest.mark.parametrize("geometry", ["crop", "fit", "meta"])
@pytest.mark.parametrize("scale", [1, 2])
def test_a_mask_of_whole_frames_is_mapped_through_the_crop(geometry: str, scale: int) -> None:
    """Held to a picture of coordinates: each pixel of the encoder's picture takes the frame's pixel that it was made of."""
    video = video_row(height=HEIGHT, width=WIDTH, frames=40)
    clip = clip_row(**CLIP, geometry=geometry)
    top, left, high, wide = place_picture((HEIGHT, WIDTH), (32, 32), geometry).seen
    whole = np.kron(ONE | TWO, np.ones((scale, scale), bool))
    expected = [
        [
            whole[
                int((top + (y + 0.5) / 32 * high) * HEIGHT * scale),
                int((left + (x + 0.5) / 32 * wide) * WIDTH * scale),
            ]
            for x in range(32)
        ]
        for y in range(32)
    ]
    assert np.array_equal(masks.fit_to_clip(whole[None], video, clip), np.array(expected)[None])
    assert 0 < np.mean(expected) < 1


def test_masks_of_the_picture_and_of_patches_stay_and_those_of_all_frames_give_the_slices() -> None:
    video = video_row(height=HEIGHT, width=WIDTH, frames=40)
    clip = clip_row(**CLIP, geometry="crop")
    draw = np.random.default_rng(0)
    for shape in ((8, 32, 32), (1, 4, 4)):
        own = draw.random(shape) > 0.5
        assert np.array_equal(masks.fit_to_clip(own, video, clip), own)
    frames = draw.random((40, 32, 32)) > 0.5
    assert np.array_equal(masks.fit_to_clip(frames, video, clip), frames[4:20:2])
    assert np.array_equal(masks.fit_to_clip(frames[4:20], video, clip), frames[4:20:2])
    other = draw.random((1, 33, 77)) > 0.5
    assert np.array_equal(masks.fit_to_clip(other, video, clip), other), (
        "neither: refused by the comparison, which says what fits"
    )
