"""A server that fails at random and processes that are killed at random change nothing about the store. `make bench ARGS=chaos` does it often."""

from tests import buckets
from tests.chaos import TOY, compare_with, ingest_in_chaos
from tests.contents import contents
from tests.tiers import LONG
from tests.videos import make_folder
from tubelet.ingest.job import Job


@LONG
def test_a_disturbed_ingest_makes_the_store_of_an_undisturbed_one(tmp_path):
    videos = make_folder(tmp_path / "videos", 4, frames=40)
    job = Job.of(paths=[str(videos)], **TOY)
    whole = job.run(str(tmp_path / "store"))
    clips = whole.execute(job.sources).clips
    whole.store.close()
    with buckets.serve_faulty() as server:
        outcome = ingest_in_chaos(server, videos, tmp_path, seed=1, kills=2)
        compare_with(contents(tmp_path / "store"))
    assert outcome.killed == 2 and outcome.faults > 0
    assert outcome.encoded <= clips, "what was committed is not encoded again"
