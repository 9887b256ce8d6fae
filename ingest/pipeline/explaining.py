"""Why a video, or a part of it, became nothing: errors as reasons in words."""

from tubelet.media.errors import VideoError, find_stage
from tubelet.media.video import Timeline

MOST_CORRUPT = 1 / 4  # of a video's frames that FFmpeg may mark as damaged


def explain(error: Exception, stage: str, first_frame: int | None = None) -> VideoError:
    """Any error as a VideoError with a reason in words."""
    if isinstance(error, VideoError):
        return error
    stage = find_stage(error, stage)
    if isinstance(error, MemoryError):
        return VideoError(
            stage, "out of memory: use a smaller --size or fewer --readers", first_frame
        )
    return VideoError(stage, f"{type(error).__name__}: {error}", first_frame)


def explain_gaps(timeline: Timeline) -> VideoError:
    """The record of damaged packets that were skipped."""
    places = ", ".join(map(str, timeline.gaps[:5])) + (
        f" and {len(timeline.gaps) - 5:,} more" if len(timeline.gaps) > 5 else ""
    )
    return VideoError(
        "decode",
        f"damaged packets: frames are lost before frame {places}; no window lies over them",
        timeline.gaps[0],
    )


def refuse_corrupt(timeline: Timeline) -> None:
    """Raises VideoError where so much of a video is damaged that what was decoded is meaningless."""
    if timeline.marked > MOST_CORRUPT * timeline.frames:
        share = f"FFmpeg marks {timeline.marked:,} of {timeline.frames:,} frames as damaged, more than {MOST_CORRUPT:.0%}"
        raise VideoError(
            "decode",
            f"{share}: none of it is stored; get a complete or a decrypted copy of the file",
            0,
        )
