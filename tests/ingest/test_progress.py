"""Progress: an estimate that headers begin and decoded videos correct."""

from tubelet.ingest.pipeline.progress import Progress


def test_the_estimate_follows_the_headers_then_what_was_decoded():
    progress = Progress(3, quiet=True)
    assert progress.expected_clips == 0
    progress.clip("a", tokens=100, of=10)
    assert progress.expected_clips == 30  # ten in this video, and two more like it
    progress.clip("a", tokens=100, of=10)
    progress.video("a", failures=1)  # the header lied: two clips
    assert progress.expected_clips == 6
    progress.clip("b", tokens=100, of=4)
    assert progress.expected_clips == 9  # two, four, and their average
    for _ in range(5):
        progress.clip("b", tokens=100, of=4)
    assert progress.expected_clips == 12  # more than promised: eight so far, and one more video of the average
    progress.video("b", failures=0)
    progress.video("c", failures=0)
    assert (progress.expected_clips, progress.clips, progress.tokens, progress.failures) == (8, 8, 800, 1)


def test_a_run_that_encodes_nothing_expects_nothing():
    progress = Progress(5, quiet=True)
    for number in range(5):
        progress.video(number, failures=0)
    assert progress.expected_clips == 0


def test_videos_that_are_read_at_the_same_time_are_estimated_each():
    progress = Progress(4, quiet=True)
    progress.clip("a", tokens=1, of=3)
    progress.clip("b", tokens=1, of=5)
    assert progress.expected_clips == 16  # three and five, and two more of the average
    progress.video("a", failures=0)
    assert progress.expected_clips == 12  # one and five
