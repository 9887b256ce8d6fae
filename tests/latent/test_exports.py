"""Exports over a whole video: frames, times and pixels of the source, held to scenes whose truth is known and to videos that say their number."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from PIL import Image

from tests.numbered import HEIGHT, LEFT, PATCHES, WIDTH, film, number_in
from tests.player import FRAMES as NUMBERED_FRAMES
from tests.player import clips
from tests.scenes import write_scene
from tubelet.latent import masks
from tubelet.latent.colorings import Coloring
from tubelet.latent.exports import requests, tracks
from tubelet.latent.exports.choice import ClipChoice, choose_clip
from tubelet.latent.exports.drawing import DrawingOptions
from tubelet.latent.exports.requests import Marks, VideoRequest
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.workspace import Workspace
from tubelet.store import Store
from tubelet.training.scenes.occlusion import FRAMES, SIDE, OcclusionScene

CORNER = Marks(patches=((0, 0, 0),))
WHOLE = Marks(patches=((0, 0, 0),), background=((0, 4, 4), (0, 5, 0)))


@dataclass(frozen=True)
class Filmed:
    """A scene in a store: an object that is hidden, leaves and comes back."""

    scene: OcclusionScene
    store: Store

    @property
    def marks(self) -> Marks:
        """The object in the first slice, and places that it never covers there."""
        y, x = (self.scene.center(0) // 16).astype(int).tolist()
        near = range(-2, 2)
        return Marks(
            patches=tuple((0, y + dy, x + dx) for dy in near for dx in near),
            background=((0, 1, 8), (0, 14, 14), (0, 1, 14), (0, 14, 2), (0, 8, 12)),
        )


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filmed]:
    from tubelet.ingest.job import Job

    folder, scene = tmp_path_factory.mktemp("filmed"), OcclusionScene.of(5)
    write_scene(scene, folder / "videos" / "scene.mp4")
    write_scene(OcclusionScene.of(3), folder / "videos" / "other.mp4")
    job = Job.of(
        paths=[str(folder / "videos")], encoder="toy", size=str(SIDE), frames=16, pairs="0"
    )
    assert not job.run(str(folder / "store")).execute(job.sources).failures
    store = Store(folder / "store")
    yield Filmed(scene, store)
    store.close()


@pytest.mark.long
def test_a_mask_is_carried_over_all_windows_past_an_occlusion_and_an_exit(
    filmed: Filmed, tmp_path: Path
) -> None:
    told = requests.export_mask(
        filmed.store,
        ClipChoice(video="scene.mp4"),
        filmed.marks,
        tmp_path / "masks",
        whole_video=True,
    )
    assert told == f"{tmp_path / 'masks'}: {FRAMES} frames of scene.mp4, all of its windows"
    files = sorted((tmp_path / "masks").iterdir())
    assert [file.name for file in files] == [f"{n:05d}.png" for n in range(FRAMES)]
    drawn = np.stack([np.asarray(Image.open(file)) > 0 for file in files])
    truth = np.stack([filmed.scene.visible(n) for n in range(FRAMES)])
    last = slice(FRAMES - 8, FRAMES)
    assert masks.iou(drawn, truth) > 0.5 and masks.iou(drawn[last], truth[last]) > 0.5, (
        "back again, it is found again"
    )
    assert drawn[~truth.any(axis=(1, 2))].mean() < 0.02, "nothing is cut out while it is away"
    requests.export_mask(
        filmed.store,
        ClipChoice(video="scene.mp4"),
        filmed.marks,
        tmp_path / "masks.mp4",
        whole_video=True,
    )
    with open(tmp_path / "masks.mp4", "rb") as file:
        frames, rate = film(file)
    assert (
        rate == 25
        and np.mean([masks.iou(frame[..., 0] > 127, mask) for frame, mask in zip(frames, drawn)])
        > 0.95
    )


def test_a_track_over_all_windows_has_frame_seconds_and_pixels_of_the_source(
    filmed: Filmed, tmp_path: Path
) -> None:
    y, x = (filmed.scene.center(0) // 16).astype(int).tolist()
    for ending, read in ((".csv", pyarrow.csv.read_csv), (".parquet", pyarrow.parquet.read_table)):
        output = tmp_path / f"track{ending}"
        told = requests.export_track(
            filmed.store,
            ClipChoice(video="scene.mp4"),
            Marks(patches=((0, y, x),)),
            output,
            whole_video=True,
        )
        rows = read(output).to_pylist()
        assert [row["frame"] for row in rows] == list(range(FRAMES)) and {
            row["video"] for row in rows
        } == {"scene.mp4"}
        assert [row["seconds"] for row in rows] == pytest.approx(np.arange(FRAMES) / 25)
        found = [row for row in rows if not row["lost"]]
        away = [
            np.hypot(
                row["x"] - filmed.scene.center(row["frame"])[1],
                row["y"] - filmed.scene.center(row["frame"])[0],
            )
            for row in found
        ]
        assert np.median(away) < 16 and f"found in {len(found)} of {FRAMES} frames" in told
        assert any(row["frame"] < 16 for row in found) and any(
            row["frame"] >= FRAMES - 12 for row in found
        )
        assert all(
            row["lost"]
            for row in rows
            if not filmed.scene.visible(row["frame"]).any()
            and not filmed.scene.visible(row["frame"] - 1).any()
        )


@pytest.mark.long
def test_over_overlapping_windows_track_and_mask_keep_to_a_known_path_past_every_border(
    tmp_path: Path,
) -> None:
    """An object on a straight path, windows of 16 frames, one every 8: each frame is told once, by the window whose middle is nearest."""
    from tubelet.ingest.job import Job

    path = np.linspace((110, 70), (150, 190), FRAMES)
    scene = replace(OcclusionScene.of(5), path=path, standing=(FRAMES, FRAMES))
    write_scene(scene, tmp_path / "videos" / "scene.mp4")
    write_scene(OcclusionScene.of(3), tmp_path / "videos" / "other.mp4")
    job = Job.of(
        paths=[str(tmp_path / "videos")], encoder="toy", size=str(SIDE), frames=16, hop=8, pairs="0"
    )
    assert not job.run(str(tmp_path / "store")).execute(job.sources).failures
    store, choice = Store(tmp_path / "store"), ClipChoice(video="scene.mp4")
    marks = Filmed(scene, store).marks
    requests.export_track(
        store, choice, Marks(patches=marks.patches[5:6]), tmp_path / "t.parquet", whole_video=True
    )
    table = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    rows, windows = table.to_pylist(), {row["clip_id"]: row for row in clips(store, "scene.mp4")}
    assert [row["frame"] for row in rows] == list(range(FRAMES))
    firsts = [windows[row["clip_id"]]["first_frame"] for row in rows]
    assert firsts == [min(max((n - 4) // 8 * 8, 0), FRAMES - 16) for n in range(FRAMES)]
    borders = [n for n in range(1, FRAMES) if firsts[n] != firsts[n - 1]]
    assert borders == list(range(12, FRAMES - 4, 8))
    away = [np.hypot(row["y"] - y, row["x"] - x) for row, (y, x) in zip(rows, path)]
    assert all(away[m] < 48 and not rows[m]["lost"] for n in borders for m in (n - 1, n)), (
        "on the object, whose radius is 48 pixels, on both sides of every border"
    )
    assert len(tracks.keep_slices(table)) == FRAMES // 2, "two frames per slice"
    requests.export_mask(store, choice, marks, tmp_path / "m.zip", whole_video=True)
    with zipfile.ZipFile(tmp_path / "m.zip") as archive:
        assert archive.namelist() == [f"{n:05d}.png" for n in range(FRAMES)]
        drawn = [np.asarray(Image.open(archive.open(name))) > 0 for name in archive.namelist()]
    fits = [masks.iou(one, scene.visible(n)) for n, one in enumerate(drawn)]
    assert min(fits[m] for n in borders for m in (n - 1, n)) > 0.45 and np.mean(fits) > 0.55
    store.close()


def test_pixels_are_those_of_the_source_though_the_encoder_saw_its_middle(
    numbered_store: Store, tmp_path: Path
) -> None:
    """The red corner lies at patch (0, 0), whose center is half a patch from where the crop begins."""
    requests.export_track(
        numbered_store,
        ClipChoice(video="plays.mp4"),
        CORNER,
        tmp_path / "t.parquet",
        whole_video=True,
    )
    rows = pyarrow.parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert len(rows) == 80 and not any(row["lost"] for row in rows)
    for row in rows:
        assert (row["x"], row["y"]) == pytest.approx((LEFT + HEIGHT / 12, HEIGHT / 12))


def test_the_whole_video_is_drawn_frame_by_frame_and_frames_without_a_window_stand_alone(
    numbered_store: Store, tmp_path: Path
) -> None:
    how = VideoRequest(
        drawing=DrawingOptions(view="over", over="mask", opacity=1), marks=WHOLE, whole_video=True
    )
    told = requests.export_mp4(
        numbered_store, ClipChoice(video="plays.mp4"), how, tmp_path / "w.mp4"
    )
    assert f"{NUMBERED_FRAMES} frames of plays.mp4" in told
    with open(tmp_path / "w.mp4", "rb") as file:
        frames, _ = film(file)
    assert [number_in(frame[:, LEFT : LEFT + HEIGHT]) for frame in frames] == list(
        range(NUMBERED_FRAMES)
    )
    corners = np.array([frame[8, LEFT + 8] for frame in frames], int)
    assert (corners[:80, 2] > 200).all() and (corners[80:, 2] < 90).all(), (
        "blue where a window tells of the corner, red as it is after the last"
    )
    beside = VideoRequest(coloring="dimensions-0.1.2", whole_video=True)
    requests.export_mp4(numbered_store, ClipChoice(video="plays.mp4"), beside, tmp_path / "b.mp4")
    with open(tmp_path / "b.mp4", "rb") as file:
        frames, _ = film(file)
    assert (
        frames[0].shape == (HEIGHT, WIDTH + 8 + HEIGHT, 3)
        and (frames[-1][:, WIDTH + 10 :] > 240).all()
    )
    assert [number_in(frame[:, WIDTH + 8 :], 1) for frame in frames[:80]] == [
        n // 2 for n in range(80)
    ]


def test_times_of_a_varying_frame_rate_are_the_time_stamps(tmp_path: Path) -> None:
    from tubelet.ingest.job import Job

    path = tmp_path / "videos" / "varies.mp4"
    path.parent.mkdir()
    stamps = np.cumsum([0, *[20 if n % 3 else 120 for n in range(1, 32)]])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=50)
        stream.width = stream.height = 64
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for n, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(
                np.full((64, 64, 3), n * 7, np.uint8), format="rgb24"
            )
            frame.pts, frame.time_base = int(stamp), stream.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    job = Job.of(paths=[str(path)], encoder="toy", size="64", frames=16, pairs="0")
    assert not job.run(str(tmp_path / "store")).execute(job.sources).failures
    store = Store(tmp_path / "store")
    requests.export_track(
        store, ClipChoice(video="varies.mp4"), CORNER, tmp_path / "t.parquet", whole_video=True
    )
    seconds = pyarrow.parquet.read_table(tmp_path / "t.parquet")["seconds"].to_pylist()
    assert seconds == pytest.approx(stamps / 1000, abs=1e-3)
    store.close()


def test_colors_are_those_of_the_player(numbered_store: Store, tmp_path: Path) -> None:
    requests.export_colors(
        numbered_store, ClipChoice(video="plays.mp4"), "dimensions-0.1.2", tmp_path / "c.npy"
    )
    clip, workspace = clips(numbered_store, "plays.mp4")[0], Workspace(numbered_store)
    basis = workspace.basis(clip["encoder_id"], Coloring("dimensions", "0.1.2"))
    assert np.array_equal(
        np.load(tmp_path / "c.npy"), workspace.clip_colors(clip["clip_id"], basis)
    )


def test_the_npz_of_a_window_is_the_mask_of_its_marks(
    numbered_store: Store, tmp_path: Path
) -> None:
    requests.export_mask(numbered_store, ClipChoice(video="plays.mp4"), WHOLE, tmp_path / "m.npz")
    clip = clips(numbered_store, "plays.mp4")[0]
    found = Workspace(numbered_store).segment(
        MarkedPatches(clip["clip_id"], WHOLE.patches, WHOLE.background)
    )
    assert (
        np.array_equal(np.load(tmp_path / "m.npz")["scores"], found.scores)
        and found.mask()[:, 0, 0].all()
        and found.scores.shape[1] == PATCHES
    )


@pytest.mark.parametrize(
    ("export", "words"),
    [
        (
            lambda store, folder: requests.export_track(
                store, ClipChoice(), CORNER, folder / "t.csv"
            ),
            "pass either --clip or --video",
        ),
        (
            lambda store, folder: requests.export_track(
                store, ClipChoice(video="gone.mp4"), CORNER, folder / "t.csv"
            ),
            "holds no video gone.mp4",
        ),
        (
            lambda store, folder: requests.export_track(
                store, ClipChoice(clip="00ff"), CORNER, folder / "t.csv"
            ),
            "holds no clip 00ff",
        ),
        (
            lambda store, folder: requests.export_track(
                store, ClipChoice(video="plays.mp4"), CORNER, folder / "t.xls"
            ),
            "ends in .xls: name FILE.csv or FILE.parquet",
        ),
        (
            lambda store, folder: requests.export_track(
                store, ClipChoice(video="plays.mp4"), Marks(), folder / "t.csv"
            ),
            "--patch SLICE.Y.X",
        ),
        (
            lambda store, folder: requests.export_track(
                store, ClipChoice(video="plays.mp4"), Marks(patches=((9, 0, 0),)), folder / "t.csv"
            ),
            "8 x 6 x 6",
        ),
        (
            lambda store, folder: requests.export_mask(
                store, ClipChoice(video="plays.mp4"), CORNER, folder / "m"
            ),
            "no patch of the background is marked: mark one or more of the background with --background SLICE.Y.X",
        ),
        (
            lambda store, folder: requests.export_mask(
                store, ClipChoice(video="plays.mp4"), WHOLE, folder / "m.npz", whole_video=True
            ),
            "hold one window",
        ),
        (
            lambda store, folder: requests.export_mask(
                store, ClipChoice(video="plays.mp4"), WHOLE, folder
            ),
            "not an empty folder",
        ),
        (
            lambda store, folder: requests.export_colors(
                store, ClipChoice(video="plays.mp4"), "loud", folder / "c.npy"
            ),
            "no coloring is called loud: choose corpus, video-ID",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    numbered_store: Store, tmp_path: Path, export, words: str
) -> None:
    (tmp_path / "held").write_text("")
    with pytest.raises(Exception, match=words) as raised:
        export(numbered_store, tmp_path)
    assert "\n" not in str(raised.value) and [path.name for path in tmp_path.iterdir()] == ["held"]


def test_an_export_that_fails_half_way_leaves_the_old_file(
    numbered_store: Store, tmp_path: Path
) -> None:
    (tmp_path / "w.mp4").write_bytes(b"old")
    with pytest.raises(Exception, match="missing or was moved"):
        requests.export_mp4(
            numbered_store,
            ClipChoice(video="moved.mp4"),
            VideoRequest(whole_video=True, coloring="dimensions-0.1.2"),
            tmp_path / "w.mp4",
        )
    assert (tmp_path / "w.mp4").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_clip_is_chosen_by_the_encoder_too(numbered_store: Store) -> None:
    clip = choose_clip(numbered_store, ClipChoice(video="plays.mp4", encoder="toy"))
    assert (
        clip["clip_id"] == clips(numbered_store, "plays.mp4")[0]["clip_id"]
        and clip["video_name"] == "plays.mp4"
    )
    with pytest.raises(Exception, match="holds no encoder other"):
        choose_clip(numbered_store, ClipChoice(video="plays.mp4", encoder="other"))
