"""Which window of a video tells each of its frames."""

import pytest

from tests.plain_rows import clip_row
from tests.player import clips
from tubelet.latent.errors import LatentError
from tubelet.latent.exports import timeline
from tubelet.store import Store
from tubelet.store.rows import ClipRow


def test_where_windows_overlap_a_frame_goes_to_the_one_whose_middle_is_nearest(
    numbered_store: Store,
) -> None:
    (first, *_) = windows = clips(numbered_store, "overlap.mp4")
    parts = timeline.divide_video(numbered_store, ClipRow.of(first))
    assert [part.clip["clip_id"] for part in parts] == [clip["clip_id"] for clip in windows]
    assert [part.frames for part in parts] == [
        range(12),
        range(12, 20),
        range(20, 28),
        range(28, 40),
    ]
    assert parts[1].slices.tolist() == [2, 2, 3, 3, 4, 4, 5, 5], (
        "of frames 12 to 19 in the window that begins at 8"
    )
    (partner, *_) = clips(numbered_store, "overlap.mp4", "partner") or [
        {**first, "role": "partner"}
    ]
    with pytest.raises(LatentError, match="only for a pair"):
        timeline.divide_video(numbered_store, ClipRow.of(partner))


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 16), (16, 16)], [(0, 16), (16, 32)]),
        ([(0, 16), (24, 16)], [(0, 16), (24, 40)]),
        ([(0, 16), (14, 4)], [(0, 14), (14, 18)]),
        ([(0, 16), (4, 16), (8, 16)], [(0, 10), (10, 14), (14, 24)]),
    ],
)
def test_every_frame_of_a_window_is_told_once(
    spans: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    rows = [
        clip_row(first_frame=first, frame_count=frames, step=1, slices=frames // 2)
        for first, frames in spans
    ]
    assert [
        (part.frames.start, part.frames.stop) for part in timeline.divide_windows(rows, 1000)
    ] == expected
