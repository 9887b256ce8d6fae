"""Where the selected patches are in a clip: the track, and its bytes for the player."""

import numpy as np

from tubelet.array_types import UInt8
from tubelet.latent import query, tracking
from tubelet.latent.clips import open_clip
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.null_similarity import NullSimilarity
from tubelet.latent.tracking import Track
from tubelet.store import Store


def follow_patches(
    store: Store, clip_id: str, marked: MarkedPatches, unrelated: NullSimilarity
) -> Track:
    """Follow the marked patches through a clip, their own or another. Raises LatentError."""
    return tracking.track(
        query.query_stored(store, marked.clip_id, marked.patches),
        open_clip(store, clip_id),
        unrelated,
    )


def scale_similarity(track: Track) -> UInt8[np.ndarray, "S H W"]:
    """How far each patch is above the level, uint8 ``(S, H, W)``: 255 at a cosine of 1.

    Without a level, the scale begins at the clip's median: half of the patches are blank.
    """
    floor = track.level if np.isfinite(track.level) else float(np.nanmedian(track.heat))
    shares = np.clip(np.nan_to_num((track.heat - floor) / max(1 - floor, 1e-6)), 0, 1)
    return (shares * 255 + 0.5).astype(np.uint8)


def pack_track(track: Track) -> bytes:
    """Float32 of each slice (y, x, score, lost), then the similarity of each patch, uint8 ``(S, H, W)``."""
    rows = np.stack([track.y, track.x, track.score, track.lost], axis=1).astype("<f4")
    return rows.tobytes() + scale_similarity(track).tobytes()
