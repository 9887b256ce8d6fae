"""The bank: clips that are made once and taught once, in files of a folder, and read in pieces ever after.

    NUMBER.frames.npy   (T, 3, H, W) in uint8
    NUMBER.taught.npy   (S, H, W, C) in half precision, where there is a teacher

Making a clip and asking the teacher is what costs on a CPU: each is done once, and a clip is seen in many crops, lights and masks. What a
file holds follows from footage, settings and number, so that a bank may be deleted, shared by runs, or left half filled.
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

FORMAT = 2  # of what is kept: counted up with every change of clips or lessons
DECIDING = "seed", "side", "frames", "teacher"  # settings that decide what a clip is


@dataclass(frozen=True)
class Bank:
    """Clips by number; those that are missing are made when they are asked for."""

    folder: Path
    footage: ClipSource
    settings: Settings
    lessons: Distillation | None
    making: Lock

    @classmethod
    def of(
        cls, cache: Path, footage: ClipSource, settings: Settings, lessons: Distillation | None
    ) -> "Bank":
        decided = {name: settings.as_json[name] for name in DECIDING} | {
            "footage": footage.fingerprint,
            "format": FORMAT,
            "colors": COLOR,
        }
        name = hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:16]
        return cls(cache / name, footage, settings, lessons, Lock())

    def clip(self, number: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Frames and what is taught of them, mapped from their files."""
        paths = [
            self.folder / f"{number}.{kind}.npy"
            for kind in (("frames", "taught") if self.lessons else ("frames",))
        ]
        if not paths[-1].exists():
            with self.making:
                self._make(number, paths)
        found = [np.load(path, mmap_mode="r") for path in paths]
        return found[0], found[1] if self.lessons else None

    def _make(self, number: int, paths: list[Path]) -> None:
        generator = np.random.default_rng([self.settings.seed, number])
        clip = self.footage.clip(generator, self.settings.frames, self.settings.side)
        write_whole(paths[0], _npy(clip.numpy()), self.folder)
        if self.lessons:
            write_whole(paths[1], _npy(self.lessons(clip).half().numpy()), self.folder)


def _npy(array: np.ndarray) -> memoryview:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getbuffer()
