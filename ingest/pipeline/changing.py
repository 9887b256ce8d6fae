"""Changing: a clip's pixels once they are changed, to be encoded for one pair alone."""

from dataclasses import replace

from tubelet.ingest.changes import Change, measure_pixel_change
from tubelet.ingest.pipeline.messages import DecodedClip
from tubelet.store.pairs.rows import Pair


def change_clip(clip: DecodedClip, pair: Pair, tubelet: int) -> DecodedClip:
    """Window B of a changed pair from window A, with how much the change did to the pixels. It is not stored as a clip of the video."""
    if pair.change is None:
        raise ValueError(f"a changed pair names its change: {pair.kind = }")
    changed = Change(pair.change, pair.strength).apply(clip.pixels, tubelet)
    pixels = changed.frames.contiguous()
    shared = clip.pixels[: len(pixels)]  # a prefix has fewer frames
    measured = replace(pair, pixel_change=measure_pixel_change(shared, pixels))
    return replace(clip, pixels=pixels, pairs=(measured,), stored=True, alignment=changed.alignment)
