"""Rows of videos and clips in a line, for tests of functions that look at a few of their columns."""

from datetime import datetime
from typing import Any

from tubelet.store.rows import ClipRow, VideoRow

AT = datetime(2026, 11, 1, 12)


def video_row(**columns: Any) -> VideoRow:
    """A video of 100 frames, with these columns instead."""
    file = {
        "name": "a.mp4",
        "path": "/videos/a.mp4",
        "bytes": 1000,
        "modified_ns": 1,
        "container": "mov,mp4,m4a,3gp,3g2,mj2",
        "codec": "h264",
    }
    picture = {
        "width": 320,
        "height": 240,
        "rotation": 0,
        "mirrored": False,
        "transfer": "bt709",
        "primaries": "bt709",
        "bit_depth": 8,
    }
    time = {"fps": 25.0, "frames": 100, "corrupt_frames": 0, "gaps": [], "duration_s": 4.0}
    return VideoRow(
        **{
            "video_id": "video",
            "label": None,
            "thumbnail": None,
            "added_at": AT,
            **file,
            **picture,
            **time,
            **columns,
        }
    )


def clip_row(**columns: Any) -> ClipRow:
    """A clip of 8 frames and 4 slices of 5 by 5 patches, with these columns instead."""
    ids = {"clip_id": "clip", "video_id": "video", "encoder_id": "encoder"}
    window = {
        "first_frame": 0,
        "frame_count": 8,
        "step": 1,
        "role": "grid",
        "start_s": 0.0,
        "stop_s": 0.32,
        "corrupt_frames": 0,
    }
    grid = {"slices": 4, "grid_height": 5, "grid_width": 5, "embed_dim": 16}
    picture = {"geometry": "crop", "crop_height": 80, "crop_width": 80, "precision": "float32"}
    return ClipRow(
        **{**ids, **window, **grid, **picture, "encode_s": 0.1, "created_at": AT, **columns}
    )
