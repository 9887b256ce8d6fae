"""Folders of numbered pictures as videos, and stills: found, identified, cut and resumed as files are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.numbered import numbered_frame
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.pipeline.summary import Summary
from tubelet.media.frame_folder import find_frames
from tubelet.media.sources import missing
from tubelet.store import Store

FRAMES = 8


def paint(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(numbered_frame(number)).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(FRAMES):
        paint(tmp_path / "in/davis/bear" / f"{number:05d}.png", number)
        paint(tmp_path / "in/davis/cow" / f"img_{5 * number + 1}.jpg", 100 + number)
    paint(tmp_path / "in/photos/cat.jpg", 200)
    paint(tmp_path / "in/photos/dog.png", 201)
    return tmp_path / "in"


def ingest(folder: Path, root: Path, **asked) -> Summary:
    arguments = {"frames": 4, "size": "128", "pairs": "0", "tail": True, "fps_of_frames": 24.0}
    job = Job.of(paths=[str(folder)], encoder="toy", device="cpu", **(arguments | asked))
    return job.run(str(root)).execute(job.sources)


def rows(root: Path, sql: str) -> list[tuple]:
    store = Store(root)
    found = [tuple(row.values()) for row in store.rows(sql)]
    store.close()
    return found


def test_folders_of_frames_and_stills_are_videos(folder, tmp_path):
    summary = ingest(folder, tmp_path / "store")
    assert not summary.failures and not summary.skipped
    videos = (
        "SELECT name, label, container, frames, fps, round(duration_s, 6) FROM videos ORDER BY name"
    )
    found = rows(tmp_path / "store", videos)
    assert found[:1] + found[2:3] == [
        ("bear", "davis", "frames", FRAMES, 24.0, 0.333333),
        ("cow", "davis", "frames", FRAMES, 24.0, 0.333333),
    ]
    assert [row[0] for row in found] == ["bear", "cat.jpg", "cow", "dog.png"]
    clips = "SELECT v.name, first_frame, frame_count, round(start_s, 6) FROM clips c JOIN videos v USING (video_id) ORDER BY ALL"
    assert rows(tmp_path / "store", clips) == [
        ("bear", 0, 4, 0.0), ("bear", 4, 4, 0.166667), ("cat.jpg", 0, 1, 0.0), ("cow", 0, 4, 0.0), ("cow", 4, 4, 0.166667), ("dog.png", 0, 1, 0.0),
    ]  # fmt: skip
    store = Store(tmp_path / "store")
    (bear,) = store.rows("SELECT video_id FROM videos WHERE name = 'bear'")
    assert missing(store.video(bear["video_id"])) == "the video is a folder of frames"
    store.close()


def test_a_rerun_reads_nothing_and_other_pictures_or_rates_are_other_videos(folder, tmp_path):
    ingest(folder, tmp_path / "store")
    again = ingest(folder, tmp_path / "store")
    assert (again.clips, again.clips_kept, again.videos_decoded) == (0, 6, 0)
    assert ingest(folder / "davis/bear", tmp_path / "store", fps_of_frames=12.0).clips == 2
    paint(folder / "davis/cow/img_6.jpg", 99)
    changed = ingest(folder, tmp_path / "store")
    assert (changed.clips, changed.videos_decoded) == (2, 1)


@pytest.mark.long
def test_windows_by_time_and_the_plan_take_folders_too(folder, tmp_path):
    bear = folder / "davis/bear"
    assert ingest(bear, tmp_path / "store", fps=6.0, frames=2, tail=False).clips == 1
    assert rows(tmp_path / "store", "SELECT first_frame, step FROM clips") == [(0, 4)]
    plan = Job.of(
        paths=[str(folder)],
        encoder="toy",
        device="cpu",
        frames=4,
        size="128",
        pairs="0",
        tail=True,
        fps_of_frames=24.0,
    ).plan()
    assert (plan.videos, plan.clips) == (4, 6)


def test_missing_numbers_are_a_gap_and_a_broken_picture_ends_the_video(folder, tmp_path):
    (folder / "davis/bear/00005.png").unlink()
    (folder / "davis/cow/img_31.jpg").write_bytes(b"no picture")
    summary = ingest(folder / "davis", tmp_path / "store")
    errors = sorted(failure.error for failure in summary.failures)
    assert (
        "frames are lost before frame 5" in errors[0] and "img_31.jpg cannot be read" in errors[1]
    )
    clips = "SELECT v.name, first_frame, frame_count FROM clips c JOIN videos v USING (video_id) ORDER BY ALL"
    assert rows(tmp_path / "store", clips) == [("bear", 0, 4), ("cow", 0, 4), ("cow", 4, 2)]


def test_what_is_no_series_is_no_video(tmp_path):
    for name in ("a1.png", "a2.png"):
        paint(tmp_path / "series" / name, 1)
    assert len(find_frames(tmp_path / "series").pictures) == 2
    for name in ("b3.png", "cover.jpg", "a01.png"):  # another series, no number, a number twice
        paint(tmp_path / "series" / name, 1)
        assert find_frames(tmp_path / "series") is None
        (tmp_path / "series" / name).unlink()
    paint(tmp_path / "one" / "a1.png", 1)
    assert find_frames(tmp_path / "one") is None
    assert np.array_equal(
        sorted(p.number for p in find_frames(tmp_path / "series").pictures), [1, 2]
    )


def test_pictures_are_named_where_nobody_asked_for_them(folder):
    with pytest.raises(
        UsageError, match="no video file below .*a picture: --fps-of-frames N takes pictures, too"
    ):
        Job.of(paths=[str(folder)], encoder="toy", device="cpu")
