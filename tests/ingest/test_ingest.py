"""Ingest: the same work once, the same result always, in memory that does not grow."""

import json
import shutil

import numpy as np
import pytest
import torch

from tests.commands import run_here
from tests.contents import contents, rows
from tests.tiers import thin
from tests.videos import make_folder, make_video, scene
from tubelet.ingest import encoders
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.encoders import ENCODERS
from tubelet.ingest.job import Job
from tubelet.store import Store

BATCH_TOLERANCE = 1e-5  # a clip in a batch against the same clip alone, fp32: other matrix shapes sum in another order
SMALL = {"encoder": "toy", "size": "64", "frames": 4, "pairs": "0"}


def run(paths, root, **arguments):
    job = Job.of(**{"paths": [str(path) for path in paths], **SMALL, **arguments})
    return job.run(str(root)).execute(job.sources)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("videos"), 4, frames=22)


def test_a_rerun_decodes_nothing_and_writes_nothing(videos, tmp_path):
    first = run([videos], tmp_path / "store")
    assert (first.clips, first.videos_decoded, first.dropped_windows) == (20, 4, 4)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*")}
    again = run([videos], tmp_path / "store")
    assert (again.clips, again.videos_decoded, again.clips_kept, again.videos_unchanged) == (
        0,
        0,
        20,
        4,
    )
    after = {
        path: path.stat().st_mtime_ns
        for path in (tmp_path / "store").rglob("*")
        if path.suffix != ".lock"
    }
    assert after == {path: time for path, time in before.items() if path.suffix != ".lock"}


def test_a_video_that_gave_no_clip_has_failed(tmp_path):
    make_video(tmp_path / "short.mp4", frames=3)
    summary = run([tmp_path / "short.mp4"], tmp_path / "store")
    assert summary.lines()[0] == "1 video: 1 failed"
    assert summary.lines()[1].startswith("0 clips encoded (0 tokens")


@pytest.mark.parametrize("name", thin(["toy", "vjepa2.1-untrained"]))
def test_the_same_clip_encoded_twice_is_bitwise_equal(name, videos, tmp_path):
    for number in (1, 2):
        run([videos], tmp_path / f"store{number}", encoder=name)
    first, second = (contents(tmp_path / f"store{number}") for number in (1, 2))
    assert first == second and len(first["clips"]) == 20


def test_embeddings_are_those_of_the_encoder_on_the_frames_of_the_window(tmp_path):
    make_video(tmp_path / "a.mp4", frames=9, height=64, width=64)
    run([tmp_path / "a.mp4"], tmp_path / "store", hop=3)
    store = Store(tmp_path / "store")
    clips = store.rows("FROM clips ORDER BY first_frame")
    assert [clip["first_frame"] for clip in clips] == [0, 3]
    facts, toy = encoders.load("toy", LoadOptions(device=torch.device("cpu")))
    frames = torch.from_numpy(np.stack(list(_decoded(tmp_path / "a.mp4")))).permute(0, 3, 1, 2)
    for clip in clips:
        expected = toy.encode(
            frames[None, clip["first_frame"] : clip["first_frame"] + 4]
        ).embeddings[0]
        assert np.array_equal(store.grid(clip["clip_id"]), expected.half().numpy())
    (row,) = store.rows(
        "SELECT max(abs(norm - n)) AS worst FROM token_stats JOIN (SELECT *, sqrt(list_sum(list_transform(embedding, lambda v: v * v))) AS n FROM tokens) USING (clip_id, slice, y, x)"
    )
    assert row["worst"] < 2e-3
    assert store.rows("FROM encoders")[0]["encoder_id"] == facts.encoder_id
    store.close()


def _decoded(path):
    from tubelet.media.video import open_video

    with open_video(path) as video:
        yield from (frame.pixels for frame in video.frames())


def test_the_toy_s_first_dimensions_are_the_mean_color(tmp_path):
    pixels = torch.from_numpy(np.stack(list(scene(4, 64, 64, 0)))).permute(0, 3, 1, 2)
    _, toy = encoders.load("toy", LoadOptions(device=torch.device("cpu")))
    grid = toy.encode(pixels[None]).embeddings[0]
    assert grid.shape == (2, 4, 4, 16)
    expected = pixels[2:4, :, 16:32, 32:48].float().mean(dim=(0, 2, 3)) / 255
    assert torch.allclose(grid[1, 1, 2, :3], expected, atol=1e-6)


@pytest.mark.long
def test_other_settings_are_other_clips_and_never_mix(videos, tmp_path):
    root = tmp_path / "store"
    for arguments in (
        {},
        {"size": "96"},
        {"step": 2},
        {"frames": 2},
        {"fit": True},
        {"encoder": "vjepa2.1-untrained"},
    ):
        run([videos / "video_000.mp4"], root, **arguments)
    store = Store(root)
    assert store.rows("SELECT count(DISTINCT clip_id) = count(*) AS once FROM clips") == [
        {"once": True}
    ]
    assert store.rows("SELECT count(*) AS n FROM encoders") == [{"n": 2}]
    assert store.rows("SELECT count(*) AS n FROM videos") == [{"n": 1}]
    store.close()


def test_the_same_content_under_two_names_is_one_video(videos, tmp_path):
    folder = tmp_path / "videos"
    (folder / "more").mkdir(parents=True)
    shutil.copy(videos / "video_000.mp4", folder / "a.mp4")
    shutil.copy(videos / "video_000.mp4", folder / "more" / "b.mp4")
    shutil.copy(videos / "video_001.mp4", folder / "more" / "c.mp4")
    summary = run([folder], tmp_path / "store")
    assert (summary.videos, summary.duplicates, summary.clips) == (3, 1, 10)
    store = Store(tmp_path / "store")
    assert store.rows("SELECT name, label FROM videos ORDER BY name") == [
        {"name": "a.mp4", "label": None},
        {"name": "c.mp4", "label": "more"},
    ]
    store.close()


def test_a_video_that_is_too_short_is_a_failure_that_a_fitting_run_resolves(tmp_path):
    make_video(tmp_path / "short.mp4", frames=6)
    summary = run([tmp_path / "short.mp4"], tmp_path / "store", frames=8)
    assert summary.exit_code == 1 and "too short with 6 frames" in summary.failures[0].error
    assert run([tmp_path / "short.mp4"], tmp_path / "store", frames=8).videos_decoded == 0
    assert run([tmp_path / "short.mp4"], tmp_path / "store", frames=2).exit_code == 0
    store = Store(tmp_path / "store")
    assert store.rows("SELECT count(*) AS n FROM failures") == [{"n": 0}]
    store.close()


def test_a_mended_file_loses_its_failure(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(b"not yet")
    assert run([path], tmp_path / "store").exit_code == 1
    make_video(path)
    assert run([path], tmp_path / "store").exit_code == 0
    store = Store(tmp_path / "store")
    assert store.rows(
        "SELECT (SELECT count(*) FROM failures) AS failures, (SELECT count(*) FROM videos) AS videos"
    ) == [{"failures": 0, "videos": 1}]
    store.close()


def test_more_windows_of_a_known_video_add_only_what_is_missing(tmp_path):
    make_video(tmp_path / "a.mp4", frames=16)
    assert run([tmp_path / "a.mp4"], tmp_path / "store", hop=8).clips == 2
    more = run([tmp_path / "a.mp4"], tmp_path / "store", hop=4)
    assert (more.clips, more.clips_kept, more.videos_decoded) == (2, 2, 1)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, row in ENCODERS.items()
        if row.supply is None and not row.weights.startswith("--weights")
    ],
)
def test_every_encoder_at_hand_keeps_the_contract(name):
    row = ENCODERS[name]
    facts, encoder = encoders.load(name, LoadOptions(device=torch.device("cpu")))
    frames = torch.randint(
        0, 256, (3, 2 * row.tubelet, 3, 3 * row.patch, 2 * row.patch), dtype=torch.uint8
    )
    with torch.inference_mode():
        grids = encoder.encode(frames).embeddings
        image = encoder.encode(frames[:, :1]).embeddings
        alone = torch.cat([encoder.encode(clip[None]).embeddings for clip in frames])
    assert grids.shape == (3, 2, 3, 2, row.dim) and image.shape == (3, 1, 3, 2, row.dim), (
        f"the row of {name} promises {row.dim} dimensions: (clips, slices, rows, columns, dimensions) differ"
    )
    assert (
        bool(torch.isfinite(grids).all()) and float((grids - alone).abs().max()) < BATCH_TOLERANCE
    )
    assert grids.device == encoder.device
    assert (facts.dim, facts.patch, facts.tubelet, facts.parameters) == (
        row.dim,
        row.patch,
        row.tubelet,
        row.parameters,
    )
    assert (
        facts.encoder_id
        == encoders.load(name, LoadOptions(device=torch.device("cpu")))[0].encoder_id
    )


def test_numbers_that_are_not_finite_or_do_not_fit_are_refused_with_the_clip_s_place(
    videos, tmp_path
):
    job = Job.of(paths=[str(videos / "video_000.mp4")], **SMALL)

    class Overflowing:
        device = job.encoder.device

        def encode(self, frames):
            grid = job.encoder.encode(frames)
            grid.embeddings[:, 0, 0, 0, 0] = 1e6 if frames.float().mean() > 0 else 0
            return grid

    from tubelet.ingest.pipeline.progress import Progress
    from tubelet.ingest.pipeline.run import Run

    summary = Run(
        Store.create(tmp_path / "store"), job.recipe, Overflowing(), Progress(1, quiet=True)
    ).execute(job.sources)
    assert summary.clips == 0 and [f.stage for f in summary.failures] == ["encode"] * 5
    assert "half precision" in summary.failures[1].error and summary.failures[1].first_frame == 4


@pytest.mark.long
def test_the_plan_is_never_below_what_is_then_written_and_close_to_it(tmp_path):
    videos = make_folder(
        tmp_path / "videos", 6, frames=64, height=120, width=160
    )  # eight windows and a partner each
    arguments = (videos, "--encoder", "vjepa2.1-untrained", "--size", "96", "--frames", "8")
    plan = json.loads(run_here("plan", *arguments, "--json", check=True).stdout)
    summary = json.loads(
        run_here("ingest", *arguments, "--store", tmp_path / "store", "--json", check=True).stdout
    )
    written = sum(path.stat().st_size for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert (
        (plan["clips"], plan["tokens"])
        == (summary["clips"], summary["tokens"])
        == (54, 54 * 4 * 36)
    )
    stored = rows(tmp_path / "store", "SELECT count(*) AS n FROM pairs")[0]["n"]
    assert plan["pairs"] == stored == 6 + 6 + 3 <= summary["pairs"] <= 3 * 6
    assert written <= plan["disk_bytes"] <= 1.3 * written
    assert plan["seconds"] > 0 and 0 < plan["memory_bytes"] < plan["memory_total_bytes"]


@pytest.mark.long
def test_a_plan_passes_over_videos_that_break_before_their_first_clip(tmp_path):
    folder = make_folder(tmp_path / "videos", 2, frames=40)
    whole = (folder / "video_000.mp4").read_bytes()
    middle = whole.index(b"mdat") + 2000
    (folder / "a_broken.mp4").write_bytes(whole[:middle] + bytes(3000) + whole[middle + 3000 :])
    plan = run_here("plan", folder, "--encoder", "toy", "--size", "64", "--frames", "40", "--json")
    assert plan.returncode == 0, plan.stderr
    assert json.loads(plan.stdout)["clips"] >= 2


def test_a_plan_of_nothing_that_decodes_is_a_sentence(tmp_path):
    video = make_video(tmp_path / "broken.mp4", frames=40)
    data = video.read_bytes()
    start = data.index(b"mdat") + 4
    video.write_bytes(data[:start] + bytes(len(data) - start - 2000) + data[-2000:])
    process = run_here("plan", video, "--encoder", "toy", "--size", "64", "--frames", "40")
    assert (
        process.returncode == 2
        and "fewer --frames" in process.stderr
        and "Traceback" not in process.stderr
    )
