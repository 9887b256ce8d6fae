"""Batches: clips encoded together are the clips encoded alone, in any number of readers, and memory that runs out halves them."""

import resource
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.commands import ROOT
from tests.contents import contents
from tests.forks import fork
from tests.plain_rows import video_row
from tests.tiers import thin
from tests.videos import make_folder
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.encoders import load
from tubelet.ingest.grid import TokenGrids
from tubelet.ingest.job import Job
from tubelet.ingest.memory import STATUS, read_bytes
from tubelet.ingest.pipeline.batching import EncodeStage
from tubelet.ingest.pipeline.encoding import EncodedClip, encode
from tubelet.ingest.pipeline.messages import DecodedClip, VideoDone
from tubelet.ingest.pipeline.pipe import Pipe
from tubelet.ingest.pipeline.progress import Progress
from tubelet.ingest.pipeline.reader import Known, Reader
from tubelet.ingest.pipeline.run import Concurrency, Run
from tubelet.ingest.sources import Source
from tubelet.ingest.toy import ToyEncoder
from tubelet.store import Store
from tubelet.store.rows import PlannedClip

TOY, _ = load("toy", LoadOptions(device=torch.device("cpu")))
SMALL = {"encoder": "toy", "size": "64", "frames": 4, "pairs": "0"}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = make_folder(tmp_path_factory.mktemp("videos"), 6, frames=22)
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "z_copy.mp4").write_bytes((folder / "video_002.mp4").read_bytes())
    return folder


def ingest(videos, root, pace, encoder=None, **arguments):
    job = Job.of(**{"paths": [str(videos)], **SMALL, **arguments})
    run = Run(
        Store.create(root),
        job.recipe,
        encoder or job.encoder,
        Progress(len(job.sources), quiet=True),
        pace,
    )
    return run.execute(job.sources)


@pytest.fixture(scope="module")
def plain(videos, tmp_path_factory):
    """What a run makes of them that does one thing after another: its summary, and the store."""
    root = tmp_path_factory.mktemp("plain") / "store"
    return ingest(videos, root, Concurrency(), tail=True), contents(root)


@pytest.mark.parametrize(
    "pace",
    thin(
        [
            Concurrency(batch=3, readers=3, decoder_threads=1, writers=3),
            Concurrency(batch=7),
            Concurrency(batch=1, readers=4, decoder_threads=1),
        ]
    ),
)
def test_any_pace_makes_the_same_store(pace, videos, plain, tmp_path):
    plain, whole = plain
    paced = ingest(videos, tmp_path / "paced", pace, tail=True)
    assert contents(tmp_path / "paced") == whole
    assert (paced.clips, paced.duplicates, len(paced.failures), paced.videos) == (
        plain.clips,
        1,
        1,
        8,
    ) and plain.clips == 36
    again = ingest(videos, tmp_path / "paced", pace, tail=True)
    assert (again.clips, again.videos_decoded, again.clips_kept) == (0, 0, 36)


def test_a_batched_clip_is_the_clip_alone(videos):
    job = Job.of(paths=[str(videos)], encoder="vjepa2.1-untrained", size="64", frames=4)
    clips = [
        item
        for source in job.sources[:3]
        for item in Reader(job.recipe, Known()).read(source)
        if isinstance(item, DecodedClip)
    ]
    together = list(stage(job.encoder, 5, clips, job.recipe.encoder))
    for clip, encoded in zip(clips, together, strict=True):
        alone = encode(job.encoder, clip)
        assert encoded.row.clip_id == clip.row.clip_id
        assert (
            abs(encoded.grid.astype("f4") - alone.grid.astype("f4")).max() < 4e-3
        )  # one step of half precision at the largest values
        assert abs(encoded.token_stats["norm"] - alone.token_stats["norm"]).max() < 1e-4


def stage(encoder, batch, items, facts=TOY):
    batches = EncodeStage(encoder, facts, batch)
    for item in items:
        yield from batches.add(item)
    yield from batches.drain()


class Counting:
    """An encoder that notes its batches; above `most` clips it allocates more than there can be."""

    device = torch.device("cpu")

    def __init__(self, most=10**9, raises=None):
        self.batches = []
        self.most = most
        self.raises = raises

    def encode(self, frames):
        self.batches.append(tuple(frames.shape))
        if len(frames) > self.most:
            if self.raises:
                raise self.raises
            torch.empty(2**60, dtype=torch.uint8)  # the CPU's allocator refuses this for real
        colors = frames[:, ::2, :, ::16, ::16].float().permute(0, 1, 3, 4, 2)
        return TokenGrids(colors.repeat(1, 1, 1, 1, 6)[..., : TOY.dim] + 1)


def items(*shapes):
    """A clip a shape, each the only one of its video, then that video's end."""
    for number, (frames, side) in enumerate(shapes):
        source = Source(path=ROOT / f"{number}.mp4", label=None)
        row = PlannedClip(
            clip_id=str(number), video_id=str(number), encoder_id="e", first_frame=0, frame_count=frames, step=1, role="grid", start_s=0.0,
            stop_s=1.0, corrupt_frames=0, geometry="crop", crop_height=side, crop_width=side, precision="fp32",
        )  # fmt: skip
        yield DecodedClip(
            row=row,
            pixels=torch.full((frames, 3, side, side), number, dtype=torch.uint8),
            source=source,
            of=1,
            video=video_row(video_id=str(number)),
        )
        yield VideoDone(source=source, video_id=str(number))


def told(outcome):
    return [
        (
            "clip" if isinstance(item, EncodedClip) else "done",
            (item.clip if isinstance(item, EncodedClip) else item).source.path.stem,
        )
        for item in outcome
    ]


def test_clips_of_many_videos_fill_a_batch_and_each_end_follows_its_clips():
    encoder = Counting()
    outcome = told(stage(encoder, 3, items(*[(4, 32)] * 7)))
    assert [shape[0] for shape in encoder.batches] == [3, 3, 1]
    for number in map(str, range(7)):
        assert outcome.index(("clip", number)) < outcome.index(("done", number))
    assert (
        [name for kind, name in outcome if kind == "clip"]
        == [name for kind, name in outcome if kind == "done"]
        == list("0123456")
    )


def test_clips_of_other_shapes_never_share_a_batch():
    encoder = Counting()
    assert len(told(stage(encoder, 4, items((4, 32), (4, 32), (2, 32), (2, 64), (2, 64))))) == 10
    assert encoder.batches == [(2, 4, 3, 32, 32), (1, 2, 3, 32, 32), (2, 2, 3, 64, 64)]


@pytest.mark.parametrize(
    "raises",
    [
        None,
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("MPS backend out of memory"),
        MemoryError(),
    ],
)
def test_memory_that_runs_out_halves_the_batches_and_loses_nothing(raises):
    encoder = Counting(most=2, raises=raises)
    outcome = list(stage(encoder, 8, items(*[(4, 32)] * 20)))
    assert len(told(outcome)) == 40 and not any(
        item.failures for item in outcome if isinstance(item, VideoDone)
    )
    assert [shape[0] for shape in encoder.batches] == [8, 4, *[2] * 10]
    clips = [item for item in outcome if isinstance(item, EncodedClip)]
    assert [float(clip.grid[0, 0, 0, 0]) for clip in clips] == [
        float(number + 1) for number in range(20)
    ]


def test_a_single_clip_that_does_not_fit_fails_with_the_way_out_and_the_others_go_on(
    videos, tmp_path
):
    class Picky(Counting):
        def encode(self, frames):
            self.most = 0 if frames.shape[1] == 2 else 10**9  # the tails
            return super().encode(frames)

    summary = ingest(videos, tmp_path / "store", Concurrency(batch=4), encoder=Picky(), tail=True)
    assert summary.clips == 30
    errors = [failure for failure in summary.failures if failure.stage == "encode"]
    assert len(errors) == 6 and all(
        "smaller --size, fewer --frames" in failure.error and failure.first_frame == 20
        for failure in errors
    )


def test_another_error_fails_the_clip_that_raises_it_alone():
    class Odd(Counting):
        def encode(self, frames):
            if (frames == 2).any():
                raise RuntimeError("shapes do not match")
            return super().encode(frames)

    outcome = list(stage(Odd(), 3, items(*[(4, 32)] * 6)))
    failures = {
        item.source.path.stem: item.failures for item in outcome if isinstance(item, VideoDone)
    }
    assert sum(isinstance(item, EncodedClip) for item in outcome) == 5
    (failure,) = failures.pop("2")
    assert (failure.stage, failure.error) == (
        "encode",
        "RuntimeError: shapes do not match",
    ) and not any(failures.values())


@pytest.mark.parametrize(("dim", "patch", "tubelet"), [(17, 16, 2), (16, 8, 2), (16, 16, 4)])
def test_tokens_of_another_shape_than_the_encoders_row_promises_are_refused(dim, patch, tubelet):
    facts = replace(TOY, dim=dim, patch=patch, tubelet=tubelet)
    (end,) = stage(ToyEncoder(torch.device("cpu")), 1, items((4, 32)), facts)
    (failure,) = end.failures
    assert failure.error == (
        f"the encoder returned tokens (2, 2, 2, 16) as (slices, rows, columns, dim), and its row promises "
        f"{(4 // tubelet, 32 // patch, 32 // patch, dim)}: correct patch {patch}, tubelet {tubelet} or dim {dim} of toy, "
        "or what its encode returns"
    )


def encode_in_little_memory(answer: Path) -> None:
    """Write the size of the last batches, and how many clips were encoded and failed, in an address space that 16 clips exceed."""
    held = list(items(*[(16, 256)] * 16))
    batches = EncodeStage(ToyEncoder(torch.device("cpu")), TOY, 16)
    allowed = read_bytes(STATUS, "VmSize") + 400 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (allowed, -1))
    outcome = [*(out for item in held for out in batches.add(item)), *batches.drain()]
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    clips = sum(isinstance(item, EncodedClip) for item in outcome)
    failures = sum(len(getattr(item, "failures", ())) for item in outcome)
    answer.write_text(f"{batches.batch} {clips} {failures}")


@pytest.mark.long
@pytest.mark.skipif(
    sys.platform != "linux", reason="limits the address space, which Linux enforces"
)
def test_an_address_space_that_is_really_used_up_halves_the_batches(tmp_path):
    process = fork(encode_in_little_memory, tmp_path / "answer")
    process.join()
    assert process.exitcode == 0
    batch, clips, failures = map(int, (tmp_path / "answer").read_text().split())
    assert (clips, failures) == (16, 0) and 1 <= batch < 16


def test_a_reader_that_is_idle_is_never_waited_for(videos, tmp_path):
    """The first clip is encoded and written while the reader cannot give a second one."""
    job = Job.of(paths=[str(videos)], **SMALL)
    run = Run(
        Store.create(tmp_path / "store"),
        job.recipe,
        job.encoder,
        Progress(1, quiet=True),
        Concurrency(batch=8),
    )
    reader, written = Reader(job.recipe, Known()), Pipe(1)
    prepare = run._writer.prepare
    run._writer.prepare = lambda clip: (written.put(clip), prepare(clip))[1]

    def slow(source):
        for item in reader.read(source):
            yield item
            if isinstance(item, DecodedClip):
                assert (
                    next(iter(written)).row.clip_id == item.row.clip_id
                )  # blocks until it is there

    run._reader = SimpleNamespace(read=slow)
    assert run.execute(job.sources[1:2]).clips == 5


def test_a_failure_in_any_reader_ends_the_run_with_its_error(videos, tmp_path):
    job = Job.of(paths=[str(videos)], **SMALL)
    run = Run(
        Store.create(tmp_path / "store"),
        job.recipe,
        job.encoder,
        Progress(1, quiet=True),
        Concurrency(readers=3, decoder_threads=1),
    )
    reader = Reader(job.recipe, Known())

    def failing(source):
        if source.path.stem == "video_003":
            raise ZeroDivisionError("a mistake of ours")
        return reader.read(source)

    run._reader = SimpleNamespace(read=failing)
    with pytest.raises(ZeroDivisionError):
        run.execute(job.sources)


def test_stopping_with_several_readers_commits_what_is_encoded(videos, tmp_path):
    job = Job.of(paths=[str(videos)], **SMALL)
    progress = Progress(1, quiet=True)
    run = Run(
        Store.create(tmp_path / "store"),
        job.recipe,
        job.encoder,
        progress,
        Concurrency(batch=2, readers=3, decoder_threads=1),
    )
    count = progress.clip
    progress.clip = lambda *arguments: (count(*arguments), run.stop())
    summary = run.execute(job.sources)
    assert summary.exit_code == 130 and 0 < summary.clips < 30
    store = Store(tmp_path / "store")
    assert store.rows("SELECT count(*) AS n FROM clips") == [{"n": summary.clips}]
    store.close()
    assert (
        ingest(videos, tmp_path / "store", Concurrency(readers=2, decoder_threads=1)).clips
        + summary.clips
        == 30
    )


@pytest.mark.parametrize(
    "arguments,words",
    [
        ({"batch": "0"}, "--batch 0: give a number"),
        ({"readers": "many"}, "--readers many: give a number"),
    ],
)
def test_impossible_paces_are_refused(arguments, words, videos):
    with pytest.raises(Exception, match=words):
        Job.of(paths=[str(videos)], **SMALL, **arguments)


def test_numbers_that_do_not_fit_fail_their_own_clip_in_a_batch():
    class Overflowing(Counting):
        def encode(self, frames):
            grids = super().encode(frames)
            grids.embeddings[1] = 1e6
            return grids

    outcome = list(stage(Overflowing(), 3, items(*[(4, 32)] * 3)))
    failures = [item.failures for item in outcome if isinstance(item, VideoDone)]
    assert [len(found) for found in failures] == [0, 1, 0] and "half precision" in failures[1][
        0
    ].error
