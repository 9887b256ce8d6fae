"""Measuring: rollouts from several places of every test clip, their errors and the ranks of the true slices.

A rank is the share of other slices that are nearer to the prediction than the true one, ties counted half: 0 is the best, 0.5 what chance gives.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from tubelet.training.fitting.scaling import Scaling
from tubelet.training.fitting.tokens import Sequences, StretchBatch, StretchOptions
from tubelet.training.transition.network import SliceTransformer, roll_out

LEAST_CONTEXT = 2  # slices, where a clip has more: one alone has no direction
PLACES = 8  # rollouts per clip, at most
BANK = 64  # slices of all test videos together that others are ranked among
GUESSES = ("model", "copy", "mean")


@dataclass(kw_only=True)
class VideoSums:
    """Sums over the predictions of one video at one horizon."""

    count: int = 0
    errors: dict[str, float] = field(default_factory=lambda: dict.fromkeys(GUESSES, 0.0))
    within: dict[str, float] = field(default_factory=lambda: dict.fromkeys(GUESSES, 0.0))
    between: dict[str, float] = field(default_factory=lambda: dict.fromkeys(GUESSES, 0.0))
    candidates_within: int = 0
    candidates_between: int = 0


Sums = dict[tuple[str, int], VideoSums]  # by video and horizon


@dataclass(frozen=True)
class SliceBank:
    """Slices (M, H, W, D) of test videos, and which video each is of; they are as large as the clips that are ranked among them."""

    tokens: Tensor
    videos: np.ndarray


@dataclass(frozen=True)
class TestedNetwork:
    """A network that is measured, and the clips that it never saw, by their numbers."""

    network: SliceTransformer
    scaling: Scaling
    clips: Sequences
    numbers: Sequence[int]

    @torch.inference_mode()
    def measure(self, reading: StretchOptions, horizons: int) -> Sums:
        """By video and horizon."""
        sums: Sums = {}
        banks = self._fill_banks(reading)
        for batch in reading.read_whole(self.clips, self.numbers):
            scaled = self.scaling.scale(batch.tokens)
            bank = banks[tuple(scaled.shape[2:4])]
            for last in list_places(scaled.shape[1]):
                reach = min(horizons, scaled.shape[1] - 1 - last)
                context = scaled[:, : last + 1]
                rolled = roll_out(self.network, context, reach)
                for step, predicted in enumerate(rolled, 1):
                    guesses = {"model": predicted, "copy": context[:, -1], "mean": context.mean(1)}
                    found = Guessed(scaled, last + step, guesses)
                    self._add(sums, (batch, step), found, bank)
        return sums

    def _fill_banks(self, reading: StretchOptions) -> dict[tuple[int, ...], SliceBank]:
        """By the size of the grid: the same number of slices of every test video, evenly spread."""
        each = max(1, BANK // len({self.clips.clips[n].video_id for n in self.numbers}))
        tokens: dict[tuple[int, ...], list[Tensor]] = {}
        videos: dict[tuple[int, ...], list[str]] = {}
        left: dict[str, int] = {}
        for number in self.numbers:
            clip = self.clips.clips[number]
            wanted = min(left.get(clip.video_id, each), clip.shape[0])
            left[clip.video_id] = left.get(clip.video_id, each) - wanted
            for slice_ in np.unique(np.linspace(0, clip.shape[0] - 1, wanted).round().astype(int)):
                one = self.clips.read(number, int(slice_), int(slice_) + 1)[0].to(reading.device)
                tokens.setdefault(clip.shape[1:3], []).append(self.scaling.scale(one))
                videos.setdefault(clip.shape[1:3], []).append(clip.video_id)
        return {
            size: SliceBank(torch.stack(tokens[size]), np.array(videos[size])) for size in tokens
        } | {
            clip.shape[1:3]: SliceBank(torch.empty(0), np.array([]))
            for clip in (self.clips.clips[n] for n in self.numbers)
            if clip.shape[1:3] not in tokens
        }

    def _add(
        self, sums: Sums, at: tuple[StretchBatch, int], found: "Guessed", bank: SliceBank
    ) -> None:
        batch, step = at
        errors = found.errors()
        within = {name: found.rank_within(name) for name in GUESSES}
        for row, stretch in enumerate(batch.stretches):
            video = self.clips.clips[stretch.number].video_id
            others = torch.from_numpy(np.flatnonzero(bank.videos != video))
            one = sums.setdefault((video, step), VideoSums())
            one.count += 1
            one.candidates_within = max(one.candidates_within, found.truths.shape[1] - 1)
            one.candidates_between = len(others)
            for name in GUESSES:
                one.errors[name] += float(errors[name][row])
                one.within[name] += float(within[name][row])
                if len(others):
                    among = bank.tokens[others.to(bank.tokens.device)]
                    one.between[name] += found.rank_between(name, row, among)


def list_places(slices: int) -> Iterator[int]:
    """Numbers of the last slices seen, from which rollouts start, evenly spread over a clip."""
    first = min(LEAST_CONTEXT, slices - 1) - 1
    number = min(PLACES, slices - 1 - first)
    yield from (int(at) for at in np.linspace(first, slices - 2, number).round())


@dataclass(frozen=True)
class Guessed:
    """Clips (B, S, H, W, D), the slice `at` that was to be predicted, and what each guess (B, H, W, D) says."""

    truths: Tensor
    at: int
    guesses: dict[str, Tensor]

    def errors(self) -> dict[str, Tensor]:
        """Mean squared errors, (B,)."""
        truth = self.truths[:, self.at]
        return {name: (guess - truth).square().flatten(1).mean(1) for name, guess in self.guesses.items()}  # fmt: skip

    def rank_within(self, name: str) -> Tensor:
        """The rank of the true slice among the other slices of its clip, (B,)."""
        apart = (self.truths - self.guesses[name][:, None]).square().flatten(2).mean(2)  # (B, S)
        others = torch.arange(apart.shape[1], device=apart.device) != self.at
        return _rank(apart[:, self.at, None], apart[:, others])

    def rank_between(self, name: str, row: int, bank: Tensor) -> float:
        """The same among slices (M, H, W, D), of one clip of the batch."""
        guess = self.guesses[name][row]
        own = (self.truths[row, self.at] - guess).square().mean()
        apart = (bank - guess).square().flatten(1).mean(1)
        return float(_rank(own[None, None], apart[None])[0])


def _rank(own: Tensor, others: Tensor) -> Tensor:
    return ((others < own).float() + 0.5 * (others == own).float()).mean(1)
