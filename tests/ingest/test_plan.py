"""The plan against runs: no run needs more memory or disk than its plan said, and far frame rates are told by both."""

import json
from pathlib import Path

import pytest

from tests.forks import fork
from tests.tiers import thin
from tests.videos import make_video
from tubelet.ingest.encoders import ENCODERS
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.frame_rate import Sampling
from tubelet.ingest.job import Job
from tubelet.ingest.layer import LAST
from tubelet.ingest.probe import peak_memory

FRAMES = 64


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for number in range(2):
        make_video(folder / f"{number}.mp4", frames=FRAMES, seed=number)
    return folder


def outcome(asked: dict, store: Path) -> dict:
    """What a process tells that does nothing else: its peak is that of its plan, or of its run."""
    answer = store.with_suffix(".json")
    process = fork(_measure, asked, store, answer)
    process.join()
    assert process.exitcode == 0
    return json.loads(answer.read_text())


def _measure(asked: dict, store: Path, answer: Path) -> None:
    job = Job.of(**asked)
    if store.name == "plan":
        answer.write_text(json.dumps(job.plan().as_json()))
        return
    summary = job.run(str(store)).execute(job.sources)
    measured = {
        "memory_bytes": peak_memory(job.device),
        "disk_bytes": sum(path.stat().st_size for path in store.rglob("*") if path.is_file()),
        "clips": summary.clips,
        "lines": summary.lines(),
    }
    answer.write_text(json.dumps(measured))


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="a process's peak is told by Linux"
)
@pytest.mark.parametrize(
    "setting",
    thin(
        [
            {"encoder": "toy", "size": "96", "frames": 8, "keep": "statistics"},
            {"encoder": "toy", "size": "224", "frames": 16, "hop": 4, "pairs": "all"},
            {
                "encoder": "vjepa2.1-untrained",
                "size": "64",
                "frames": 8,
                "keep": "statistics",
                "pairs": "0",
            },
            {"encoder": "vjepa2.1-untrained", "size": "160", "frames": 16},
            {
                "encoder": "vjepa2.1-untrained",
                "size": "96",
                "frames": 8,
                "precision": "bf16",
                "layer": "all",
                "keep": "statistics",
            },
        ]
    ),
    ids=lambda setting: "-".join(map(str, setting.values())),
)
def test_no_run_needs_more_than_its_plan_said(videos: Path, tmp_path: Path, setting: dict) -> None:
    asked = {"paths": [str(videos)], **setting}
    planned, used = outcome(asked, tmp_path / "plan"), outcome(asked, tmp_path / "run")
    assert planned["clips"] == used["clips"]
    for what in ("memory_bytes", "disk_bytes"):
        assert used[what] <= planned[what] <= 2.5 * used[what], (what, planned[what] / used[what])
    far = [line for line in used["lines"] if line.startswith("frame rate:")]
    assert far == planned["notes"]


def sampling(name: str, step: int, frames: int = 16) -> Sampling:
    row = ENCODERS[name]
    return Sampling(
        trained=row.frame_rate, frames=frames, step=step, name=name, trained_step=row.frame_step
    )


def test_the_rate_of_training_is_known_and_a_run_far_from_it_says_so() -> None:
    (line,) = sampling("vjepa2.1-vitl", 1).lines([30.0, 30.0, 4.0])
    assert (
        line
        == "frame rate: windows show 30 frames/s in 2 videos (0.53 s per window), vjepa2.1-vitl was trained at about 4 frames/s: --step 8 comes closest"
    )
    assert (
        sampling("vjepa2.1-vitl", 8).lines([30.0]) == []
        and sampling("vjepa1-vitl", 4).lines([25.0]) == []
        and sampling("vjepa1-vitl", 2).lines([60.0]) == []
    )
    (line,) = sampling("videomae-base", 1).lines([25.0, 60.0])
    assert (
        line
        == "frame rate: windows take every frame, videomae-base was trained on every 4th frame: --step 4 is the same"
    )
    assert "every 21st frame" in sampling("vjepa1-vitl", 21).lines([25.0])[0]
    assert sampling("vjepa1-vitl", 1, frames=1).lines([25.0]) == []
    assert "--step 1 comes closest" in sampling("vjepa2-vitl", 8).lines([5.0])[0], (
        "too slow is told, too"
    )
    assert sampling("vjepa2-vitl", 1, frames=1).lines([30.0]) == [], "an image has no rate"
    for name in ("toy", "efficientnet-lite0", "dinov2-base", "vjepa2.1-untrained"):
        assert sampling(name, 1).lines([30.0]) == []


def test_the_rate_is_known_for_every_trained_video_encoder_and_is_no_column() -> None:
    video = {name for name, row in ENCODERS.items() if row.tubelet > 1 and row.supply}
    known = {name for name, row in ENCODERS.items() if row.frame_rate or row.frame_step}
    assert video and known == video
    assert not any(row.frame_rate and row.frame_step for row in ENCODERS.values())
    facts = EncoderFacts.of(
        "x",
        ENCODERS["vjepa2-vitl"],
        layer=LAST,
        weights_sha256="0" * 64,
        weights_source="",
        preprocessing="",
    )
    assert facts.frame_rate == 4.0 and "frame_rate" not in facts.row.columns


@pytest.mark.long
def test_a_run_says_that_it_is_far_from_training(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        ENCODERS, "toy", type(ENCODERS["toy"])(**{**vars(ENCODERS["toy"]), "frame_rate": 4.0})
    )
    job = Job.of(paths=[str(videos / "0.mp4")], encoder="toy", size="32", frames=8)
    plan = job.plan()
    assert plan.notes[0].startswith("frame rate: windows show") and plan.notes[0] in plan.lines()
    assert plan.notes[0] in job.run(str(tmp_path / "store")).execute(job.sources).lines()
