"""The store while an ingest is under way, and after one that was stopped: videos and clips say the same."""

from contextlib import closing

import pytest

from tests.contents import contents
from tests.videos import make_video
from tubelet.ingest.job import Job
from tubelet.ingest.pipeline import writer
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.rows import UNFINISHED

FRAMES, CLIPS = 66, 16
SMALL = {"encoder": "toy", "size": "64", "frames": 4, "pairs": "0"}


@pytest.fixture
def source(tmp_path):
    return make_video(tmp_path / "long.mp4", frames=FRAMES)


def start(source, root):
    job = Job.of(paths=[str(source)], **SMALL)
    return job.run(str(root)), job.sources


def watch(monkeypatch, run, look):
    """Have the run commit every clip, and `look` called with the store after every commit."""
    monkeypatch.setattr(writer, "COMMIT_SECONDS", 0)
    commit = run.store.commit

    def committing(*arguments):
        commit(*arguments)
        look(run.store)

    run.store.commit = committing


@pytest.mark.long
def test_a_video_is_there_no_later_than_its_first_clip(source, tmp_path, monkeypatch):
    seen = []
    run, sources = start(source, tmp_path / "store")
    watch(
        monkeypatch,
        run,
        lambda store: seen.append(
            (
                corpus.corpus_summary().answer(store).to_pylist()[0],
                store.rows("SELECT frames, duration_s, modified_ns FROM videos")[0],
            )
        ),
    )
    run.execute(sources)
    under_way, ended = seen[:-1], seen[-1]
    assert len(under_way) >= 2
    for summary, video in under_way:
        assert summary["videos"] == summary["encoded_videos"] == 1 and summary["clips"] > 0
        assert video == {"frames": FRAMES, "duration_s": FRAMES / 25, "modified_ns": UNFINISHED}
    assert ended[0]["clips"] == CLIPS
    assert ended[1]["frames"] == FRAMES and ended[1]["modified_ns"] == source.stat().st_mtime_ns
    with closing(Store(tmp_path / "store")) as store:
        assert store.rows("SELECT count(*) AS n FROM videos") == [{"n": 1}]


@pytest.mark.long
def test_a_video_whose_run_was_stopped_is_read_to_its_end_by_the_next(source, tmp_path):
    run, sources = start(source, tmp_path / "store")
    with pytest.MonkeyPatch.context() as patch:
        watch(patch, run, lambda store: run.stop())
        stopped = run.execute(sources)
    assert 0 < stopped.clips < CLIPS, "stopped too late: this test needs a slower encoder"
    with closing(Store(tmp_path / "store")) as store:
        assert store.rows("SELECT modified_ns FROM videos") == [{"modified_ns": UNFINISHED}]
    again, sources = start(source, tmp_path / "store")
    summary = again.execute(sources)
    assert (summary.clips, summary.clips_kept) == (CLIPS - stopped.clips, stopped.clips)
    whole, sources = start(source, tmp_path / "whole")
    whole.execute(sources)
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")
