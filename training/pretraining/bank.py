"""The bank: clips and their features, each computed once, kept in the files of a folder, and read in pieces from then on.

    NUMBER.frames.npy   (T, 3, H, W) in uint8
    NUMBER.taught.npy   (S, H, W, C) in half precision, if there is a teacher

On a CPU, making a clip and running the teacher is what takes time: both happen once, and a clip is used with many crops, augmentations and
masks. What a file holds follows from source, settings and number, so a bank can be deleted, shared by runs, or left half filled.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from tubelet.store.disk.files import write_whole
from tubelet.training.pretraining.clip_source import ClipSource
from tubelet.training.pretraining.distillation import COLOR, Distillation
from tubelet.training.pretraining.settings import Settings

FORMAT = 2  # of what is kept: counted up with every change of clips or features
DECIDING = "seed", "side", "frames", "teacher"  # settings that decide what a clip is


@dataclass(frozen=True, kw_only=True)
class Bank:
    """Clips by number; those that are missing are made when they are asked for."""

    folder: Path
    clip_source: ClipSource
    settings: Settings
    distillation: Distillation | None
    making: Lock

    @classmethod
    def of(
        cls,
        cache: Path,
        clip_source: ClipSource,
        settings: Settings,
        distillation: Distillation | None,
    ) -> "Bank":
        decided = {name: settings.as_json[name] for name in DECIDING} | {
            "footage": clip_source.fingerprint,
            "format": FORMAT,
            "colors": COLOR,
        }
        name = hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:16]
        return cls(
            folder=cache / name,
            clip_source=clip_source,
            settings=settings,
            distillation=distillation,
            making=Lock(),
        )

    def clip(self, number: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Frames and their features, mapped from their files."""
        paths = [self.folder / name for name in self._name_files(number)]
        if not paths[-1].exists():
            with self.making:
                self._make(number, paths)
        found = [np.load(path, mmap_mode="r") for path in paths]
        return found[0], found[1] if self.distillation else None

    def find_missing(self, count: int) -> list[int]:
        """Which of the first clips are not in the folder yet."""
        held = {path.name for path in self.folder.glob("*.npy")}
        return [number for number in range(count) if self._name_files(number)[-1] not in held]

    def _name_files(self, number: int) -> list[str]:
        """Of a clip; the last one is written last."""
        kinds = ("frames", "taught") if self.distillation else ("frames",)
        return [f"{number}.{kind}.npy" for kind in kinds]

    def _make(self, number: int, paths: list[Path]) -> None:
        generator = np.random.default_rng([self.settings.seed, number])
        clip = self.clip_source.clip(generator, self.settings.frames, self.settings.side)
        write_whole(paths[0], _npy(clip.numpy()), self.folder)
        if self.distillation:
            write_whole(paths[1], _npy(self.distillation(clip).half().numpy()), self.folder)


def _npy(array: np.ndarray) -> memoryview:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getbuffer()
