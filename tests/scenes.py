"""Scenes of the Video page (`tubelet.training.scenes.occlusion`) as video files."""

from pathlib import Path

import av

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
