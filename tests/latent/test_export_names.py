"""Names of exported files: which video, which frames, and nothing that a header or a shell trips over."""

import pytest

from tests.plain_rows import clip_row
from tubelet.latent.exports import names


@pytest.mark.parametrize(
    ("video", "expected"),
    [
        ("cat.mp4", "cat"), ("../../etc/passwd", "etc-passwd"), ('a"; filename=b.html', "a-filename-b"), ("two words.tar.mkv", "two-words.tar"),
        ("...", "video"), ("x\r\nSet-Cookie: y.mp4", "x-Set-Cookie-y"), ("кот.mp4", "кот"), ("n" * 300 + ".mp4", "n" * 80),
    ],
)  # fmt: skip
def test_names_of_files_say_the_video_and_hold_nothing_that_a_header_or_a_shell_trips_over(
    video: str, expected: str
) -> None:
    clip = clip_row(first_frame=16, frame_count=8, step=2)
    name = names.name_window_file(video, clip, "track.csv")
    assert name == f"{expected}_frames-16-30_track.csv"
    header = names.disposition(name)
    assert (
        header.isascii() and header.startswith('attachment; filename="') and header.count('"') == 2
    )


def test_a_name_beyond_ascii_is_saved_whole() -> None:
    assert (
        names.disposition("кот_mask.npz")
        == "attachment; filename=\"_mask.npz\"; filename*=UTF-8''%D0%BA%D0%BE%D1%82_mask.npz"
    )
