"""Slice pictures: what the encoder saw, in the place where its slice is looked for, gone with its clip."""

import io
from math import ceil

import numpy as np
import pytest
import torch
from PIL import Image

from tests.videos import make_video
from tubelet.ingest.job import Job
from tubelet.ingest.pipeline.slice_pictures import draw_sheet, first_frames
from tubelet.store import Store
from tubelet.store.disk.integrity import check, repair
from tubelet.store.placement import Sheet, placement
from tubelet.store.rows import ClipRow


def pictures_of(store: Store, clip: ClipRow) -> list[np.ndarray]:
    """The slices of a clip, cut out of its sheet: `(h, w, 3)` each."""
    sheet = Sheet.of(clip)
    whole = np.asarray(Image.open(store.layout.pictures(clip.video_id, clip.clip_id)))
    assert whole.shape == (*sheet.size, 3)
    corners = [sheet.corner(index) for index in range(clip.slices)]
    return [whole[top : top + sheet.tile[0], left : left + sheet.tile[1]] for top, left in corners]


@pytest.fixture
def store(tmp_path):
    make_video(tmp_path / "a.mp4", frames=12, height=128, width=192)
    job = Job.of(paths=[str(tmp_path / "a.mp4")], encoder="toy", size="64x96", frames=6, step=2)
    assert job.run(str(tmp_path / "store")).execute(job.sources).clips == 1
    opened = Store(tmp_path / "store")
    yield opened
    opened.close()


def test_a_slice_s_picture_is_the_first_frame_of_its_tubelet(store, tmp_path):
    from tubelet.media.video import open_video

    (clip,) = map(ClipRow.of, store.rows("FROM clips"))
    with open_video(tmp_path / "a.mp4") as video:
        frames = [frame.pixels for frame in video.frames()]
    shrunk = [
        np.asarray(Image.fromarray(frame).resize((96, 64), Image.Resampling.BILINEAR))
        for frame in frames
    ]
    for index, shown in enumerate(pictures_of(store, clip)):
        errors = [np.abs(shown.astype(int) - frame).mean() for frame in shrunk]
        assert np.argmin(errors) == index * 4 and min(errors) < 12, (
            "tubelets of two frames, two frames apart"
        )


def test_pictures_lie_where_the_sheet_says_and_take_nothing_from_their_neighbors():
    sheet = Sheet.fit(5, (64, 96))
    levels = torch.tensor([10, 250, 30, 220, 60], dtype=torch.uint8)
    image = np.asarray(
        Image.open(io.BytesIO(draw_sheet(levels[:, None, None, None].expand(5, 3, 64, 96), sheet)))
    )
    for index, level in enumerate(levels.tolist()):
        top, left = sheet.corner(index)
        assert np.abs(image[top : top + 64, left : left + 96].astype(int) - level).max() <= 2


@pytest.mark.parametrize("slices", [1, 2, 8, 22, 150])
@pytest.mark.parametrize("crop", [(64, 64), (224, 400), (384, 384), (518, 518), (16, 1600)])
def test_sheets_hold_every_slice_once_within_what_a_browser_decodes(slices, crop):
    sheet = Sheet.fit(slices, crop)
    assert max(sheet.tile) <= 256 and all(side % 16 == 0 for side in sheet.tile)
    assert len({sheet.corner(index) for index in range(slices)}) == slices
    assert all(
        top + sheet.tile[0] <= sheet.size[0] and left + sheet.tile[1] <= sheet.size[1]
        for top, left in map(sheet.corner, range(slices))
    )
    assert max(sheet.size) <= 4096 and sheet.size[0] == ceil(slices / sheet.columns) * sheet.tile[0]


def test_first_frames_of_slices():
    pixels = torch.arange(16, dtype=torch.uint8)[:, None, None, None].expand(16, 3, 4, 4)
    frames = first_frames(pixels, 8)
    assert frames[:, 0, 0, 0].tolist() == list(range(0, 16, 2))
    assert len(first_frames(pixels[:1], 1)) == 1


def test_the_part_of_a_frame_that_the_encoder_saw():
    assert placement((240, 320), (64, 64), fit=False).seen == pytest.approx(
        (0, 10 / 85, 1, 64 / 85)
    )  # int(85.33) wide, round(21 / 2) = 10 to the left
    assert placement((240, 320), (64, 80), fit=True).seen == (0, 0, 1, 1)


def test_no_pictures_are_kept_where_none_are_wanted(tmp_path):
    make_video(tmp_path / "a.mp4", frames=4)
    job = Job.of(
        paths=[str(tmp_path / "a.mp4")], encoder="toy", size="64", frames=4, pictures=False
    )
    job.run(str(tmp_path / "store")).execute(job.sources)
    assert [path.name for path in (tmp_path / "store" / "media").glob("*/*")] == ["thumbnail.jpg"]


def test_pictures_without_their_clip_are_swept_and_missing_ones_are_no_damage(store):
    (clip,) = map(ClipRow.of, store.rows("FROM clips"))
    path = store.layout.pictures(clip.video_id, clip.clip_id)
    orphan = path.with_name("0123456789abcdef.jpg")
    orphan.write_bytes(path.read_bytes())
    (problem,) = check(store)
    assert problem.path == orphan
    repair(store, [problem])
    assert not orphan.exists() and path.exists()
    (store.root / clip["embedding_path"]).unlink()
    repair(store, list(check(store)))
    assert not path.exists() and list(check(store)) == []


def test_a_clip_is_whole_without_its_pictures(store):
    (clip,) = map(ClipRow.of, store.rows("FROM clips"))
    store.layout.pictures(clip.video_id, clip.clip_id).unlink()
    assert list(check(store)) == []
