"""Masks that are compared with others, and those of the smallest grids and of tokens that are not finite."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from tests.gray_pngs import chunk
from tubelet.latent import graph, masks, segmentation
from tubelet.latent.clips import Clip
from tubelet.latent.errors import LatentError


@pytest.mark.parametrize("pixels", [True, False])
def test_a_mask_is_compared_with_one_of_pixels_or_patches_all_slices_or_the_shown(
    pixels: bool,
) -> None:
    scores = np.random.default_rng(0).random((3, 4, 5)).astype(np.float32)
    own = masks.threshold_pixels(scores, 32, 40) if pixels else scores > 0.5
    truth = np.roll(own, 1, axis=2)
    expected = [(a & b).sum() / (a | b).sum() for a, b in zip(own, truth)]
    whole = masks.agreement(scores, truth, (32, 40), 1)
    assert whole.slices == pytest.approx(expected) and whole.pixels == pixels
    assert whole.overall == pytest.approx((own & truth).sum() / (own | truth).sum())
    shown = masks.agreement(scores, truth[1:2], (32, 40), 1)
    assert shown.overall == pytest.approx(expected[1]) and len(shown.slices) == 1


@pytest.mark.parametrize("shape", [(2, 32, 40), (3, 40, 32), (1, 5, 4), (3, 384, 384)])
def test_a_mask_of_another_shape_is_told_which_ones_fit(shape: tuple[int, int, int]) -> None:
    with pytest.raises(LatentError, match="3 x 32 x 40 or 3 x 4 x 5"):
        masks.agreement(np.zeros((3, 4, 5), np.float32), np.zeros(shape, bool), (32, 40), 0)


def test_a_broken_archive_or_an_array_of_words_is_no_mask() -> None:
    words, packed = io.BytesIO(), io.BytesIO()
    np.save(words, np.array([["a"]]))
    np.savez(packed, other=np.zeros((1, 2, 2)))
    for data in (
        b"PK\x03\x04 and no more",
        b"\x89PNG and no more",
        words.getvalue(),
        packed.getvalue(),
    ):
        with pytest.raises(LatentError, match="pass"):
            masks.read_mask(data)


@pytest.mark.parametrize("shape", [(1, 6, 6), (5, 1, 1), (1, 1, 2)])
def test_the_smallest_grids_and_tokens_that_are_not_finite_are_cut_out_too(
    shape: tuple[int, int, int],
) -> None:
    grid = np.random.default_rng(0).standard_normal((*shape, 8)).astype(np.float16)
    grid.reshape(-1, 8)[1:-1:3] = np.nan
    first, last = (0, 0, 0), tuple(side - 1 for side in shape)
    found = segmentation.segment(graph.build_graph(Clip("c", "v", "e", grid)), [first], [last])
    assert np.isfinite(found.scores).all() and found.scores[first] == 1 and found.scores[last] == 0
    assert not found.mask().reshape(-1)[1:-1:3].any(), "what is not finite is joined to nothing"
    grid[:] = np.nan
    with pytest.raises(LatentError, match="foreground patches are not finite"):
        segmentation.segment(graph.build_graph(Clip("c", "v", "e", grid)), [first], [last])


def npy(shape: tuple[int, ...], held: int = 10) -> bytes:
    """An .npy whose heading promises a shape, with so many bytes behind it."""
    sink = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        sink, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return sink.getvalue() + bytes(held)


def zipped(data: bytes, name: str = "mask.npy") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return sink.getvalue()


def picture(width: int, height: int) -> bytes:
    """A black PNG of 1 bit per pixel, compressed as fast as zlib can: Pillow takes 10 s for the largest."""
    rows = zlib.compress(bytes(height * (1 + -(-width // 8))), 1)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    "data",
    [
        npy((10**6, 10**6)), npy((1 << 62, 1 << 62)), npy((1, 4, 4), 3), npy((-1, 4, 4)), zipped(npy((10**5, 10**5))), zipped(npy((2, 40, 40))),
        zipped(bytes(10), "other.npy"), zipped(b""), picture(20_000, 20_000), b"PK\x03\x04", b"\x93NUMPY", b"\x93NUMPY\x09\x09", b"", b"\x89PNG",
    ],
)  # fmt: skip
def test_a_supplied_mask_is_bounded_by_what_it_unpacks_to(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(LatentError, match="pass"):
            masks.read_mask(data)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_a_heading_is_not_read_before_its_length_is_known() -> None:
    """A zip of 60 KB whose array says that 3 GB of heading follow: they were unpacked."""
    data = zipped(b"\x93NUMPY\x02\x00" + struct.pack("<I", 3_000_000_000) + b" " * 60_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(LatentError, match="this is not a mask: pass"):
            masks.read_mask(data)
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()
    sink = io.BytesIO()
    np.lib.format.write_array(sink, np.eye(3, dtype=np.uint8)[None], version=(2, 0))
    for kept in (sink.getvalue(), zipped(sink.getvalue())):
        assert np.array_equal(masks.read_mask(kept), np.eye(3, dtype=bool)[None])


@pytest.mark.parametrize("order", ["C", "F"])
def test_masks_of_either_order_are_read(order: str) -> None:
    made = np.asarray(np.random.default_rng(0).random((2, 3, 4)) > 0.5, order=order)
    for save in (np.save, lambda sink, values: np.savez_compressed(sink, mask=values)):
        sink = io.BytesIO()
        save(sink, made)
        assert np.array_equal(masks.read_mask(sink.getvalue()), made)
