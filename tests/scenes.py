"""Scenes of the Video page (`tubelet.training.scenes.occlusion`) as video files, and an evaluation's material with fewer frames of them."""

from dataclasses import replace
from pathlib import Path

import av

from tubelet.training.evaluation.material import Material, material
from tubelet.training.scenes.hard import HardScene
from tubelet.training.scenes.occlusion import SIDE, OcclusionScene


def write_scene(scene: OcclusionScene, path: Path) -> Path:
    """Write a scene as H.264."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=25, options={"preset": "ultrafast", "crf": "12", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for picture in scene.frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def thin_material(*arguments: object) -> Material:
    """What an evaluation measures on, with every fourth frame of the long scenes: a V-JEPA sees 8,192 patches of a whole one at once, which takes long."""
    made = material(*arguments)
    return replace(made, page=list(map(_thin, made.page)), hard=list(map(_thin, made.hard)))


def _thin(scene: OcclusionScene | HardScene) -> OcclusionScene | HardScene:
    class Thinned(type(scene)):
        def frames(self):
            return super().frames()[::4]

    return Thinned(**vars(scene))
