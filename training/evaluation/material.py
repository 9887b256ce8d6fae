"""The material: scenes and windows that every encoder is measured on, the same for each.

Scenes are of 16 frames at 224 px over still backgrounds; those of `direction` have 8 frames, those of the Video page 64 at 256 px. Windows are 16 frames of a video, every
second one, and the same window a slice later.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tubelet.ingest.geometry import picture
from tubelet.media.errors import VideoError
from tubelet.media.video import open_video
from tubelet.store.placement import placement
from tubelet.training.scenes import motion, outlines, photographs, scene
from tubelet.training.scenes.hard import HardScene, hard_scenes
from tubelet.training.scenes.occlusion import OcclusionScene
from tubelet.training.scenes.scene import Scene

SIDE = 224  # pixels
FRAMES = 16
STEP = 2
SEED = 2026
HARD = 2  # hard scenes per five of the Video page


@dataclass(frozen=True)
class Size:
    """How much is measured: tracked scenes of either kind, scenes with a direction, videos."""

    tracked: int = 60
    directed: int = 480
    videos: int = 24


@dataclass(frozen=True, kw_only=True)
class Material:
    """`plain` and `changed` are the same scenes without and with a change of appearance; `windows` are (16 + 2 frames) of uint8 per video;
    `page` are scenes of the Video page, `hard` harder ones of the same length."""

    plain: Sequence[Scene]
    changed: Sequence[Scene]
    directed: Sequence[tuple[Scene, int]]
    windows: Sequence[torch.Tensor]
    page: Sequence[OcclusionScene]
    hard: Sequence[HardScene] = ()


def material(videos: Sequence[Path], pictures: Sequence[torch.Tensor], size: Size) -> Material:
    """Scenes over `pictures` and frames of the videos; without either, over generated textures."""
    generator = np.random.default_rng(SEED)
    backgrounds = [*photographs.load_videos(videos), *pictures] or photographs.generate_pictures(
        generator, 24
    )
    textures = list(pictures) or photographs.generate_pictures(generator, 24)
    seeds = range(size.tracked)
    return Material(
        plain=[make_tracking_scene(seed, backgrounds, textures, strength=0.0) for seed in seeds],
        changed=[make_tracking_scene(seed, backgrounds, textures, strength=1.0) for seed in seeds],
        directed=[
            make_direction_scene(seed, backgrounds, textures) for seed in range(size.directed)
        ],
        windows=[window for path in videos[: size.videos] if (window := _window(path)) is not None],
        page=page_scenes(backgrounds, size.tracked),
        hard=hard_scenes(backgrounds, -(-size.tracked * HARD // 5)),
    )


def page_scenes(backgrounds: Sequence[torch.Tensor], count: int) -> list[OcclusionScene]:
    """Scenes of the Video page, seeds 0 on, over some pictures."""
    pictures = [background.numpy() for background in backgrounds]
    return [OcclusionScene.of(seed, pictures) for seed in range(count)]


def make_tracking_scene(
    seed: int,
    backgrounds: Sequence[torch.Tensor],
    textures: Sequence[torch.Tensor],
    strength: float,
) -> Scene:
    """A textured disc that wanders over a still background; with another strength the same path, background and texture."""
    generator = np.random.default_rng([SEED, 1, seed])
    behind = backgrounds[seed % len(backgrounds)]
    ground = scene.still(generator, behind, FRAMES, SIDE)
    side = int(generator.integers(64, 97))
    thing = scene.sprite(generator, _other(generator, textures, behind), outlines.disc(side))
    path = motion.wandering(generator, FRAMES, SIDE, side * 0.6, generator.uniform(3, 7))
    return scene.compose(ground, [(thing, motion.changing(generator, path, strength))])


def make_direction_scene(
    seed: int, backgrounds: Sequence[torch.Tensor], textures: Sequence[torch.Tensor]
) -> tuple[Scene, int]:
    """A textured object that moves straight in one of eight directions, 3 to 6 pixels per frame, anywhere on a still background; 8 frames."""
    generator = np.random.default_rng([SEED, 2, seed])
    behind = backgrounds[int(generator.integers(len(backgrounds)))]
    ground = scene.still(generator, behind, FRAMES // 2, SIDE)
    side = int(generator.integers(72, 105))
    thing = scene.sprite(
        generator, _other(generator, textures, behind), outlines.blob(generator, side)
    )
    direction = seed % motion.DIRECTIONS
    path = motion.straight(
        generator, FRAMES // 2, SIDE, side / 2, generator.uniform(3, 6), direction
    )
    return scene.compose(ground, [(thing, motion.plain(path))]), direction


def _other(
    generator: np.random.Generator, textures: Sequence[torch.Tensor], behind: torch.Tensor
) -> torch.Tensor:
    """A texture from another photograph than the background, if there is one."""
    others = [texture for texture in textures if texture is not behind] or textures
    return others[int(generator.integers(len(others)))]


def _window(path: Path) -> torch.Tensor | None:
    """The middle of a video as (18, 3, 224, 224): a window of 16 frames and the slice after it; None where it is too short or broken."""
    held = (FRAMES + 2 - 1) * STEP + 1
    try:
        with open_video(path) as video:
            pictures: deque[torch.Tensor] = deque(maxlen=held)
            middle = video.promised_frames // 2 + held // 2
            for frame in video.frames():
                place = placement(frame.displayed, (SIDE, SIDE), fit=False)
                pictures.append(picture(frame.pixels, place))
                if frame.index >= middle and len(pictures) == held:
                    break
    except VideoError:
        return None
    return torch.stack(list(pictures)[::STEP]) if len(pictures) == held else None
