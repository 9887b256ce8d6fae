"""Trains a TopK sparse autoencoder: each token is rebuilt from the few features that answer it most.

Tokens are centered and scaled to a mean square of 1 per dimension, and the scale is taken into the weights at the end. Features begin as tokens. One that no token has
made active for a while begins again at a token that was rebuilt badly, and in between dead ones learn what the others leave (the auxiliary loss of Gao et al. 2024).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tubelet.array_types import Float32
from tubelet.latent.dictionary import Dictionary

AUXILIARY = 1 / 32  # weight of what dead features learn
PATIENCE = 1 / 20  # of all steps without a token: then a feature is dead
AGAIN = 0.75  # of all steps: later, none begins again
WARM, COOL = 1 / 20, 1 / 4  # of all steps: the rate rises at first and falls to 0 at last


@dataclass(frozen=True, kw_only=True)
class DictionaryRecipe:
    """`features` of which `active` rebuild a token; `steps` of Adam at `rate`, on `device`."""

    features: int
    active: int
    steps: int
    rate: float
    seed: int
    device: torch.device


def train_dictionary(
    batches: Iterator[Float32[np.ndarray, "n D"]],
    first: Float32[np.ndarray, "m D"],
    recipe: DictionaryRecipe,
) -> Dictionary:
    """A dictionary from batches of finite tokens; the `first` ones set the scale and the initial features."""
    trainer = DictionaryTrainer(first, recipe)
    for step, batch in zip(range(recipe.steps), batches):
        trainer.learn(batch, step)
    return trainer.finish()


class DictionaryTrainer:
    """The autoencoder and its optimizer."""

    def __init__(self, first: Float32[np.ndarray, "m D"], recipe: DictionaryRecipe) -> None:
        self.recipe, self.generator = recipe, torch.Generator().manual_seed(recipe.seed)
        tokens = torch.from_numpy(np.ascontiguousarray(first, np.float32))
        self.mean = tokens.mean(0).to(recipe.device)
        spread = float((tokens - tokens.mean(0)).square().mean().sqrt())
        self.scale = spread if spread > 0 else 1.0
        chosen = self._unit(self._scale(tokens[self._draw(len(tokens), recipe.features)]))
        noise = torch.randn(chosen.shape, generator=self.generator).to(chosen)
        start = self._unit(chosen + 0.3 * noise / chosen.shape[1] ** 0.5)
        self.decoder = start.clone().requires_grad_()
        self.encoder = start.clone().requires_grad_()
        self.bias = torch.zeros(recipe.features, device=recipe.device, requires_grad=True)
        self.weights = [self.encoder, self.decoder, self.bias]
        self.optimizer = torch.optim.Adam(self.weights, recipe.rate, betas=(0.9, 0.999))
        self.idle = torch.zeros(recipe.features, dtype=torch.long, device=recipe.device)
        self.patience = max(2, int(recipe.steps * PATIENCE))

    def learn(self, batch: Float32[np.ndarray, "n D"], step: int) -> float:
        """One step; the loss."""
        tokens = self._scale(torch.from_numpy(np.ascontiguousarray(batch, np.float32)))
        answers = tokens @ self.encoder.T + self.bias
        kept = self._keep(answers, self.recipe.active)
        rest = tokens - kept @ self.decoder
        loss = rest.square().mean() + AUXILIARY * self._learn_rest(answers, rest.detach())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate * self._schedule(step)
        self.optimizer.step()
        with torch.no_grad():
            self.decoder.copy_(self._unit(self.decoder))
            self.idle = torch.where((kept > 0).any(0), 0, self.idle + 1)
            if step % self.patience == 0 and step < self.recipe.steps * AGAIN:
                self._begin_again(tokens, rest)
        return float(loss.detach())

    def finish(self) -> Dictionary:
        """The dictionary in the units of tokens."""
        held = self.encoder, self.decoder, self.bias, self.mean
        encoder, decoder, bias, mean = (part.detach().cpu().numpy() for part in held)
        return Dictionary.make((encoder, decoder, bias * self.scale, mean), self.recipe.active)

    def _keep(self, answers: Tensor, active: int) -> Tensor:
        """The largest answers of each token that exceed 0; the others are 0."""
        found = answers.topk(min(active, answers.shape[1]), dim=1)
        return torch.zeros_like(answers).scatter(1, found.indices, F.relu(found.values))

    def _learn_rest(self, answers: Tensor, rest: Tensor) -> Tensor:
        """What dead features miss of what the others leave; 0 where none is dead."""
        dead = self.idle >= self.patience
        if not dead.any():
            return rest.new_zeros(())
        kept = self._keep(answers[:, dead], 2 * self.recipe.active)
        missed = (rest - kept @ self.decoder[dead]).square().mean()
        return missed / rest.square().mean().clamp_min(1e-12)

    def _begin_again(self, tokens: Tensor, rest: Tensor) -> None:
        """Dead features take what is left of tokens, badly rebuilt ones more often."""
        dead = (self.idle >= self.patience).nonzero().flatten()
        if not len(dead):
            return
        weights = rest.square().sum(1).cpu() + 1e-12
        chosen = torch.multinomial(weights, len(dead), replacement=True, generator=self.generator)
        start = self._unit(rest[chosen.to(rest.device)])
        self.decoder[dead], self.encoder[dead] = start, start
        self.bias[dead] = 0
        self.idle[dead] = 0
        for weight in self.weights:
            for moments in self.optimizer.state[weight].values():
                if moments.shape == weight.shape:
                    moments[dead] = 0

    def _schedule(self, step: int) -> float:
        done = (step + 1) / self.recipe.steps
        return min(1.0, done / WARM, (1 - done) / COOL + 1e-3)

    def _scale(self, tokens: Tensor) -> Tensor:
        return (tokens.to(self.recipe.device) - self.mean) / self.scale

    def _draw(self, count: int, wanted: int) -> Tensor:
        """Numbers below `count`, each as often as any other."""
        rounds = [torch.randperm(count, generator=self.generator) for _ in range(-(-wanted // count))]  # fmt: skip
        return torch.cat(rounds)[:wanted]

    @staticmethod
    def _unit(rows: Tensor) -> Tensor:
        return F.normalize(rows, dim=1)
