"""Parts: every source in exactly one of them, in the same one whatever else there is, and all of them together are one run."""

from pathlib import Path

import pytest

from tests.commands import tubelet
from tests.contents import contents
from tests.videos import make_folder
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.part import Part
from tubelet.ingest.sources import Source

SMALL = ("--encoder", "toy", "--size", "64", "--frames", "4")
SOURCES = [Source(path=Path(f"/data/{n % 7}/{n}.mp4"), label=str(n % 7)) for n in range(2000)]
TASK, TASKS, FIRST, LAST, STEP = (
    f"SLURM_ARRAY_TASK_{name}" for name in ("ID", "COUNT", "MIN", "MAX", "STEP")
)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("videos"), 6, frames=9)


def test_every_source_is_in_one_part_and_parts_are_about_equal():
    parts = [Part(number, 8).choose(SOURCES) for number in range(1, 9)]
    assert sorted(str(source.path) for part in parts for source in part) == sorted(
        str(source.path) for source in SOURCES
    )
    assert all(200 <= len(part) <= 300 for part in parts), [len(part) for part in parts]


def test_a_source_stays_in_its_part_when_others_come_and_wherever_the_folder_lies():
    part = Part(3, 8)
    assert [s for s in part.choose(SOURCES) if s in SOURCES[::2]] == part.choose(SOURCES[::2])
    elsewhere = [
        Source(path=Path("/mnt/x") / (s.label or "") / s.path.name, label=s.label) for s in SOURCES
    ]
    assert [s.path.name for s in part.choose(elsewhere)] == [
        s.path.name for s in part.choose(SOURCES)
    ]


def test_files_of_one_name_that_are_given_themselves_are_spread(tmp_path):
    make_folder(tmp_path / "videos", 1, frames=3)
    paths = [tmp_path / f"take_{n}" / "video.mp4" for n in range(40)]
    for path in paths:
        path.parent.mkdir()
        path.hardlink_to(tmp_path / "videos" / "video_000.mp4")
    job = Job.of(paths=[str(path) for path in paths], encoder="toy", size="64", part="1/4")
    assert 2 <= len(job.sources) <= 20


@pytest.mark.parametrize(
    "environment,number,of",
    [
        ({}, 1, 1),
        ({TASK: "0", TASKS: "4", FIRST: "0", LAST: "3", STEP: "1"}, 1, 4),
        ({TASK: "4", TASKS: "4", FIRST: "1", LAST: "4", STEP: "1"}, 4, 4),
        ({TASK: "14", TASKS: "3", FIRST: "10", LAST: "14", STEP: "2"}, 3, 3),
        ({TASK: "7", TASKS: "1", FIRST: "7", LAST: "7"}, 1, 1),  # one task started again takes all
        ({"RANK": "0", "WORLD_SIZE": "2"}, 1, 2),
        ({"RANK": "0", "WORLD_SIZE": "1"}, 1, 1),
        ({"RANK": "3"}, 1, 1),
        ({"SHARD_INDEX": "2", "NUM_SHARDS": "3"}, 3, 3),
        ({TASK: "2", TASKS: "2", FIRST: "1", "RANK": "1", "WORLD_SIZE": "8"}, 10, 16),
        ({"RANK": "1", "WORLD_SIZE": "2", "SHARD_INDEX": "2", "NUM_SHARDS": "3"}, 2, 2),
    ],
)
def test_the_environment_tells_the_part(environment, number, of):
    part = Part.parse(None, environment)
    assert (part.number, part.of) == (number, of)


@pytest.mark.parametrize("text", ["5/4", "0/4", "1/0", "1", "a/b", "-1/4", "1/4/2", "1.5/4", ""])
def test_a_part_that_does_not_exist_is_refused_in_a_sentence(text):
    with pytest.raises(UsageError, match=r"--part .*: (there is no|write|N must)|is not a part"):
        Part.parse(text, {})


@pytest.mark.parametrize(
    "environment,said",
    [
        ({"NUM_SHARDS": "4"}, "SHARD_INDEX is not set"),
        ({"RANK": "4", "WORLD_SIZE": "4"}, "RANK is 4, but WORLD_SIZE is 4"),
        ({"RANK": "one", "WORLD_SIZE": "4"}, "'one', which is not a number"),
        ({TASK: "1", TASKS: "3", FIRST: "1", LAST: "9", STEP: "1"}, "not evenly spaced"),
    ],
)
def test_an_environment_that_does_not_fit_together_is_refused(environment, said):
    with pytest.raises(UsageError, match=said) as refused:
        Part.parse(None, environment)
    assert "--part 1/1 for everything" in str(refused.value)
    assert Part.parse("2/3", environment).number == 2  # what is said wins


@pytest.mark.long
def test_all_parts_make_the_store_of_one_run_and_say_which_they_are(videos, tmp_path, monkeypatch):
    said = []
    for number in (2, 3, 1):
        with monkeypatch.context() as environment:
            environment.setenv("SLURM_ARRAY_TASK_COUNT", "3")
            environment.setenv("SLURM_ARRAY_TASK_MIN", "1")
            environment.setenv("SLURM_ARRAY_TASK_ID", str(number))
            found = job(videos, None)
        said.append(found.run(str(tmp_path / "parts")).execute(found.sources))
    taken = [summary.taken.sources for summary in said]
    assert sum(taken) == 6 and said[0].lines()[0] == (
        f"part 2/3 (SLURM_ARRAY_TASK_ID): {taken[0]} of the 6 sources that the paths hold"
    )
    assert job(videos, f"{2 if taken[0] else 3}/3").plan().lines()[0].startswith("part ")
    whole = tubelet("ingest", videos, "--store", tmp_path / "whole", "--part", "1/1", *SMALL)
    assert whole.stdout.startswith("6 videos: 6 encoded")
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    refused = tubelet("ingest", videos, "--store", tmp_path / "none", "--part", "5/4", *SMALL)
    assert refused.returncode == 2 and not (tmp_path / "none").exists()
    assert "--part 5/4: there is no such part, choose 1/4 to 4/4" in refused.stderr


def test_a_part_may_be_empty(videos, tmp_path):
    empty = next(n for n in range(1, 101) if not Part(n, 100).choose(job(videos, "1/1").sources))
    found = job(videos, f"{empty}/100")
    assert found.run(str(tmp_path / "store")).execute(found.sources).lines()[:2] == [
        f"part {empty}/100 (--part): 0 of the 6 sources that the paths hold",
        "0 videos: nothing to do",
    ]
    with pytest.raises(UsageError, match="nothing to plan"):
        found.plan()


def job(videos: Path, part: str | None) -> Job:
    return Job.of(paths=[str(videos)], encoder="toy", size="64", frames=4, part=part)
