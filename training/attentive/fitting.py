"""Fitting: one probe per learning rate, all on the same minibatches; the rate and the epoch are those that do best on a part of the training part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tubelet.array_types import Int
from tubelet.latent.probes.folds import splitter
from tubelet.latent.probes.models import count_inner_folds
from tubelet.latent.probes.options import NUMBERS
from tubelet.latent.probes.tokens import TokenFile
from tubelet.training.attentive.batches import BatchOptions
from tubelet.training.attentive.network import AttentiveProbe, answer_all, choose_heads

INNER = 5  # parts of the training part, one of which decides about rate and epoch
PATIENCE = 10  # epochs without a better one
LEAST_STEPS = (
    200  # before anything stops: attention starts uniform, and epochs of few clips are short
)
ENOUGH = 1e-3  # a loss that leaves nothing to gain
BLIND_EPOCHS = 20  # where too few groups are there to hold some back
WEIGHT_DECAY = 0.01


@dataclass(frozen=True)
class ProbeRecipe:
    """How probes are fitted."""

    rates: tuple[float, ...]
    epochs: int
    reading: BatchOptions


@dataclass(frozen=True)
class ClipExamples:
    """Clips, their targets ``(n,)`` (numbers of classes, or standardized values), and how many outputs a probe needs."""

    files: Sequence[TokenFile]
    targets: Tensor
    outputs: int

    def at(self, numbers: np.ndarray) -> "ClipExamples":
        return ClipExamples([self.files[n] for n in numbers], self.targets[numbers], self.outputs)


@dataclass(frozen=True)
class FittedProbe:
    """The best probe, its learning rate, the epochs that it took, and its loss on the clips that were held back (NaN: none were)."""

    probe: AttentiveProbe
    rate: float
    epochs: int
    loss: float


def hold_back(
    task: str, values: np.ndarray, groups: np.ndarray, seed: int
) -> tuple[Int[np.ndarray, " _"], Int[np.ndarray, " _"]] | None:
    """Clips to learn from and clips to decide with, no group on both sides; None where there are too few."""
    inner = count_inner_folds(task, values, groups, INNER)
    if inner < 2:
        return None
    learned, held = next(iter(splitter(task, inner, seed).split(values, values, groups)))
    return learned, held


def fit(
    examples: ClipExamples,
    parts: tuple[np.ndarray, np.ndarray] | None,
    recipe: ProbeRecipe,
    seed: int,
) -> FittedProbe:
    """Fit a probe per learning rate and keep the best; without clips to decide with, the middle rate for a few epochs."""
    if parts is None:
        rate = recipe.rates[len(recipe.rates) // 2]
        sweep = Sweep(examples, (rate,), recipe.reading, seed)
        epochs = min(recipe.epochs, BLIND_EPOCHS)
        for _ in range(epochs):
            sweep.learn(examples)
        return FittedProbe(sweep.probes[0], rate, epochs, float("nan"))
    learned, held = (examples.at(numbers) for numbers in parts)
    sweep = Sweep(examples, recipe.rates, recipe.reading, seed)
    best = BestEpochs(len(recipe.rates))
    for epoch in range(1, recipe.epochs + 1):
        sweep.learn(learned)
        best.compare(epoch, sweep.measure(held), sweep.probes)
        tired = sweep.steps >= LEAST_STEPS and epoch - max(best.epochs) >= PATIENCE
        if tired or min(best.losses) < ENOUGH:
            break
    return best.choose(sweep.probes, recipe.rates)


class BestEpochs:
    """For each probe of a sweep, its best epoch so far and its weights then."""

    def __init__(self, size: int) -> None:
        self.losses, self.epochs = [float("inf")] * size, [0] * size
        self.states: list[dict[str, Tensor]] = [{} for _ in range(size)]

    def compare(
        self, epoch: int, losses: Sequence[float], probes: Sequence[AttentiveProbe]
    ) -> None:
        for number, loss in enumerate(losses):
            if loss < self.losses[number]:
                state = probes[number].state_dict()
                self.states[number] = {name: tensor.clone() for name, tensor in state.items()}
                self.losses[number], self.epochs[number] = loss, epoch

    def choose(self, probes: Sequence[AttentiveProbe], rates: Sequence[float]) -> FittedProbe:
        """The one with the least loss, the smaller rate among equals."""
        at = int(np.argmin(self.losses))
        if self.states[at]:
            probes[at].load_state_dict(self.states[at])
        return FittedProbe(probes[at], rates[at], self.epochs[at], self.losses[at])


class Sweep:
    """Probes that start the same and learn from the same minibatches, each at its own rate."""

    def __init__(
        self, examples: ClipExamples, rates: Sequence[float], reading: BatchOptions, seed: int
    ) -> None:
        dim = examples.files[0].shape[3]
        self.probes = [
            AttentiveProbe(
                dim, choose_heads(dim), examples.outputs, torch.Generator().manual_seed(seed)
            ).to(reading.device)
            for _ in rates
        ]
        groups = [{"params": list(p.parameters()), "lr": r} for p, r in zip(self.probes, rates)]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
        self.reading, self.generator, self.steps = reading, np.random.default_rng(seed), 0

    def learn(self, examples: ClipExamples) -> None:
        """Train for one epoch."""
        for batch in self.reading.read(examples.files, self.generator):
            targets = examples.targets[batch.numbers].to(self.reading.device)
            losses = [_loss(found, targets) for found in answer_all(self.probes, batch.tokens)]
            self.optimizer.zero_grad(set_to_none=True)
            torch.stack(losses).sum().backward()
            self.optimizer.step()
            self.steps += 1

    @torch.inference_mode()
    def measure(self, examples: ClipExamples) -> list[float]:
        """The mean loss of each probe; infinite for one that diverged."""
        total = torch.zeros(len(self.probes), dtype=torch.float64)
        for batch in self.reading.read(examples.files):
            targets = examples.targets[batch.numbers].to(self.reading.device)
            losses = [_loss(found, targets) for found in answer_all(self.probes, batch.tokens)]
            total += torch.stack(losses).double().cpu() * len(targets)
        means = total / len(examples.files)
        return [float(mean) if torch.isfinite(mean) else float("inf") for mean in means]


def _loss(found: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of classes, squared error of numbers."""
    if targets.dtype == torch.long:
        return F.cross_entropy(found, targets)
    return F.mse_loss(found[:, 0], targets)


def encode_targets(task: str, values: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """Targets of values, and what turns outputs into values again: the classes, or mean and standard deviation."""
    if task == NUMBERS:
        scale = np.array([values.mean(), values.std() or 1.0])
        return torch.from_numpy((values - scale[0]) / scale[1]).float(), scale
    classes, numbers = np.unique(values, return_inverse=True)
    return torch.from_numpy(numbers).long(), classes
