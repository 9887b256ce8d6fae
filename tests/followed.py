"""Scenes of the Video page through a real ingest, followed and cut out of the store: what `tubelet evaluate` measures without one.

scenes = ingested(folder, "toy", [OcclusionScene.of(seed) for seed in range(6)])
held = Held.of([scenes.follow(number) for number in range(6)])
in_pixels, in_patches = scenes.cut(0)          # intersection over union with the object's mask
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.scenes import write_scene
from tubelet.ingest.encoders import row
from tubelet.ingest.job import Job
from tubelet.latent import clips, null_similarity
from tubelet.latent.clips import Clip
from tubelet.store import Store
from tubelet.training.evaluation.page_scenes import (
    FollowedPatch,
    TrackShares,
    follow_patch,
    segment_object,
)
from tubelet.training.scenes.occlusion import FRAMES, SIDE, OcclusionScene

__all__ = ["FollowedPatch", "Scenes", "TrackShares", "ingested"]


@dataclass(frozen=True)
class Scenes:
    """Scenes, and the store that holds a clip of each, named by its number."""

    scenes: Sequence[OcclusionScene]
    store: Store

    def clip(self, number: int) -> Clip:
        found = self.store.rows(
            "SELECT clip_id FROM clips JOIN videos USING (video_id) WHERE name = ?",
            [f"{number}.mp4"],
        )
        return clips.open_clip(self.store, found[0]["clip_id"])

    def follow(self, number: int) -> FollowedPatch:
        clip = self.clip(number)
        return follow_patch(
            self.scenes[number],
            clip,
            null_similarity.sample_other_videos(self.store, clip.encoder_id, clip.video_id),
        )

    def cut(self, number: int, corrections: int = 0) -> tuple[float, float]:
        return segment_object(self.scenes[number], self.clip(number), corrections)


def ingested(
    folder: Path, encoder: str, scenes: Sequence[OcclusionScene], layer: str = "last"
) -> Scenes:
    """Scenes through a real ingest, each as one clip; the caller closes the store."""
    for number, scene in enumerate(scenes):
        write_scene(scene, folder / "videos" / f"{number}.mp4")
    patch = row(encoder).patch
    job = Job.of(
        paths=[str(folder / "videos")],
        encoder=encoder,
        layer=layer,
        frames=FRAMES,
        size=str(SIDE // patch * patch),
        device="cpu",
        pairs="0",
    )
    summary = job.run(str(folder / "store")).execute(job.sources)
    assert summary.clips == len(scenes) and not summary.failures
    return Scenes(scenes, Store(folder / "store"))
