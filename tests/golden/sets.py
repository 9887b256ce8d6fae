"""Sets: the networks of one NAME.json with their weights, and what they say about its inputs."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from tests.golden.cards import Card, Unchecked
from tubelet.ingest.checkpoints import load_meta
from tubelet.ingest.networks.vjepa import Predictor, VisionTransformer

PIXEL_SCALE = 32  # inputs are stored as int8: pixels = stored / 32
SUFFIXES = (".pt", ".pth.tar", ".pth")
Arrays = Mapping[str, np.ndarray]


class Set:
    """One set: its card, its arrays, its networks, each made once."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.card = Card(json.loads((folder / f"{name}.json").read_text()))
        self.checkpoint = next(
            (
                path
                for path in (folder / f"{name}{suffix}" for suffix in SUFFIXES)
                if path.is_file()
            ),
            None,
        )
        with np.load(folder / f"{name}.npz") as arrays:
            self.arrays: Arrays = dict(arrays)
        self.encoder = lru_cache(self._encoder)
        self.predictor = lru_cache(self._predictor)
        self.levels = lru_cache(self._levels)

    @property
    def expected(self) -> list[str]:
        """The names of the arrays that our networks have to reproduce."""
        return [key for key in self.arrays if key.rpartition("/")[2].startswith("out_")]

    def _encoder(self, cut: bool) -> VisionTransformer:
        found = (re.search(r"_block(\d+)", f"_{key.rpartition('/')[2]}") for key in self.expected)
        with torch.device("meta"):
            model = VisionTransformer(
                self.card.encoder({int(block[1]) for block in found if block}, cut)
            )
        return load_meta(self._file, self.card.key, model).eval()

    def _predictor(self, interpolated: bool) -> Predictor:
        with torch.device("meta"):
            model = Predictor(self.card.predictor(interpolated))
        return load_meta(self._file, "predictor", model).eval()

    @property
    def _file(self) -> Path:
        if self.checkpoint is None:
            raise Unchecked(f"there is no {' or '.join(self.name + suffix for suffix in SUFFIXES)}")
        return self.checkpoint

    def array(self, key: str) -> torch.Tensor:
        if key not in self.arrays:
            raise Unchecked(f"its .npz lacks {key}")
        return torch.from_numpy(self.arrays[key])

    def pixels(self, case: str) -> torch.Tensor:
        """The input of a case, (B, 3, T, H, W)."""
        return self.array(f"{case}/in_video_i8").float() / PIXEL_SCALE

    @torch.inference_mode()
    def _levels(self, case: str, kept: str | None = None, cut: bool = True) -> list[torch.Tensor]:
        """Every level of a case's clips, (B, N, D) each; of the tokens that the array `kept` names alone."""
        return self.encoder(cut)(self.pixels(case), None if kept is None else self.array(kept))
