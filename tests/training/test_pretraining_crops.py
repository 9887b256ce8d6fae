"""Pieces of clips for pretraining: cut like their lessons, and encoded at the places of their picture."""

import numpy as np
import torch

from tubelet.ingest.checkpoints import init_untrained
from tubelet.ingest.networks.vjepa import VisionTransformerConfig
from tubelet.training.pretraining import crops


def test_a_piece_is_encoded_with_the_distances_of_its_picture():
    """Blocks that see a corner of a picture, and nothing else of it, say the same as blocks that see the corner alone as a piece."""
    encoder = init_untrained(VisionTransformerConfig(dim=48, depth=2, heads=2, mlp=96))
    pixels = torch.randn(1, 3, 4, 96, 96, generator=torch.Generator().manual_seed(0))
    crop = crops.Crop(kind="long", count=1, width=3, slices=2, picture=6)
    piece = crop.piece
    assert piece.grid == (2, 6, 6) and piece.ids.tolist() == [
        0,
        1,
        2,
        6,
        7,
        8,
        12,
        13,
        14,
        *(36 + n for n in (0, 1, 2, 6, 7, 8, 12, 13, 14)),
    ]
    with torch.inference_mode():
        whole = encoder(pixels, piece.ids[None])
        alone = encoder(pixels[..., :48, :48], piece=piece)
        stretched = encoder(pixels[..., :48, :48])
    for a, b, c in zip(whole, alone, stretched, strict=True):
        assert torch.allclose(a, b, atol=1e-5) and not torch.allclose(b, c, atol=1e-2)
    kept = torch.tensor([[0, 4, 9]])
    with torch.inference_mode():
        assert torch.allclose(
            encoder(pixels, piece.ids[kept])[-1],
            encoder(pixels[..., :48, :48], kept, piece=piece)[-1],
            atol=1e-5,
        )


def test_a_crop_cuts_frames_and_lessons_alike_and_plays_backward_what_is_longer_than_the_clip():
    frames = np.arange(8 * 3 * 64 * 64).reshape(8, 3, 64, 64)
    taught = np.arange(4 * 4 * 4 * 7, dtype=np.float32).reshape(4, 4, 4, 7)
    motion = slice(4, 6)
    crop, place = (
        crops.Crop(kind="short", count=1, width=2, slices=2, picture=14),
        crops.CropPlace(1, 2, 1),
    )
    assert np.array_equal(crops.cut_frames(frames, crop, place, 16), frames[2:6, :, 32:64, 16:48])
    assert np.array_equal(
        crops.cut_features(taught, crop, place, motion), taught[1:3, 2:4, 1:3].reshape(8, 7)
    )
    far, corner = (
        crops.Crop(kind="far", count=1, width=2, slices=16, picture=14),
        crops.CropPlace(0, 0, 0),
    )
    played = crops.cut_frames(frames, far, corner, 16)
    assert np.array_equal(
        played[:16], np.concatenate([frames, frames[::-1]])[:, :, :32, :32]
    ) and np.array_equal(played[16:], played[:16])
    lessons = crops.cut_features(taught, far, corner, motion).reshape(16, 2, 2, 7)
    assert np.array_equal(lessons[4, ..., :4], taught[3, :2, :2, :4]) and np.array_equal(
        lessons[4, ..., motion], -taught[3, :2, :2, motion]
    )
    assert np.array_equal(lessons[7, ..., 6], taught[0, :2, :2, 6])
    image = crops.Crop(kind="image", count=1, width=2, slices=1, picture=14)
    assert np.array_equal(crops.cut_frames(frames, image, place, 16), frames[2:3, :, 32:64, 16:48])
    assert not crops.cut_features(taught, image, place, motion)[:, 4:].any()
