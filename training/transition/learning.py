"""Fitting: steps over random stretches of clips, and every few steps a look at the videos that were held back; the best weights are kept.

The first look is at the copy that the network starts as, so no model is kept that is worse than a copy on the videos held back.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tubelet.training.fitting.scaling import Scaling, measure_scaling
from tubelet.training.fitting.tokens import Sequences, StretchOptions
from tubelet.training.transition.network import NetworkShape, SliceTransformer
from tubelet.training.transition.options import TransitionOptions

LOOK = 20  # steps between two looks at what is held back
PATIENCE = 10  # looks without a better one
WARMUP = 20  # steps
WEIGHT_DECAY = 0.01
CLIPPED = 1.0  # norm of gradients


@dataclass(frozen=True, kw_only=True)
class FittedNetwork:
    """A network, its scaling, the steps that were taken, the one whose weights were kept, and what it explains over copying of the videos held back."""

    network: SliceTransformer
    scaling: Scaling
    steps: int
    best_step: int
    held_explained: float


@dataclass(frozen=True)
class Parts:
    """Numbers of the clips to learn from, and of those held back."""

    learn: Sequence[int]
    held: Sequence[int]


def fit(
    clips: Sequences,
    parts: Parts,
    options: TransitionOptions,
    reading: StretchOptions,
    report: Callable[[int], None] = lambda step: None,
) -> FittedNetwork:
    """Fit one model; `report` receives each step. Raises FitError for tokens that are not finite."""
    scaling = measure_scaling(clips, parts.learn, reading).to(reading.device)
    network = _make_network(clips, options).to(reading.device)
    task = FittingTask(network, scaling, clips, reading)
    optimizer = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=WEIGHT_DECAY)
    generator = np.random.default_rng([options.seed, 47])
    best, step = BestStep(), 0
    best.compare(0, task.measure(parts.held), network)
    while step < options.steps and not best.is_stale(step):
        for batch in reading.read(clips, parts.learn, generator):
            for group in optimizer.param_groups:
                group["lr"] = options.rate * schedule(step, options.steps)
            loss, _ = task.lose(batch.tokens)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), CLIPPED)
            optimizer.step()
            step += 1
            report(step)
            if step % LOOK == 0 or step == options.steps:
                best.compare(step, task.measure(parts.held), network)
            if step == options.steps or best.is_stale(step):
                break
    network.load_state_dict(best.state)
    return FittedNetwork(
        network=network.eval(),
        scaling=scaling,
        steps=step,
        best_step=best.step,
        held_explained=best.explained,
    )


def _make_network(clips: Sequences, options: TransitionOptions) -> SliceTransformer:
    shape = NetworkShape(
        dim=clips.clips[0].shape[3],
        width=options.width,
        depth=options.depth,
        heads=options.heads,
        block=options.block,
        side=max(max(clip.shape[1:3]) for clip in clips.clips),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        return SliceTransformer(shape)


def schedule(step: int, steps: int) -> float:
    """Share of the learning rate: a short rise, then half a cosine down to zero."""
    rise = min(1.0, (step + 1) / min(WARMUP, steps))
    return rise * 0.5 * (1 + math.cos(math.pi * step / steps))


@dataclass(frozen=True)
class FittingTask:
    """A network and what it learns from."""

    network: SliceTransformer
    scaling: Scaling
    clips: Sequences
    reading: StretchOptions

    def lose(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Mean squared errors of the slices after each, of the prediction and of a copy."""
        scaled = self.scaling.scale(tokens)
        seen, truth = scaled[:, :-1], scaled[:, 1:]
        return F.mse_loss(self.network(seen), truth), F.mse_loss(seen, truth)

    @torch.no_grad()
    def measure(self, numbers: Sequence[int]) -> tuple[float, float]:
        """Summed errors over clips, of prediction and copy."""
        found = torch.zeros(2, dtype=torch.float64)
        self.network.eval()
        for batch in self.reading.read(self.clips, numbers):
            losses = torch.stack(self.lose(batch.tokens)).double().cpu()
            found += losses * batch.tokens[:, 1:].numel()
        self.network.train()
        return float(found[0]), float(found[1])


class BestStep:
    """The best look so far, and the weights at it."""

    def __init__(self) -> None:
        self.error, self.step, self.explained = math.inf, 0, math.nan
        self.state: dict[str, Tensor] = {}

    def compare(self, step: int, errors: tuple[float, float], network: SliceTransformer) -> None:
        error, copied = errors
        if error < self.error or not self.state:
            self.error, self.step = error, step
            self.explained = 1 - error / copied if copied else math.nan
            self.state = {name: value.clone() for name, value in network.state_dict().items()}

    def is_stale(self, step: int) -> bool:
        """Whether nothing has got better for long, or there is nothing to gain."""
        return self.error == 0 or step - self.step >= PATIENCE * LOOK
