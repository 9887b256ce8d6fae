"""Fitting a decoder: batches of slices with their pictures, the best weights on the videos held back are kept."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tubelet.latent.decoding.pictures import read_pictures
from tubelet.store import Store
from tubelet.store.rows import ClipRow
from tubelet.training.decoder.network import TokenDecoder, make_decoder
from tubelet.training.decoder.options import DecoderOptions
from tubelet.training.fitting.pixels import cut_patches
from tubelet.training.fitting.scaling import Scaling, measure_scaling
from tubelet.training.fitting.tokens import StretchOptions, TokenSequences

SLICES = 8  # of a clip per step, at most
LOOK, PATIENCE, WARMUP = 50, 8, 20  # steps, looks, steps
WEIGHT_DECAY = 1e-4


@dataclass(frozen=True)
class Pictured:
    """Clips of an encoder with their tokens and slice pictures; a token is `patch` pixels per side."""

    store: Store
    tokens: TokenSequences
    rows: Sequence[ClipRow]
    patch: int

    def read(
        self, reading: StretchOptions, numbers: Sequence[int], generator: np.random.Generator | None
    ) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Numbers of clips, tokens (B, H, W, D) of slices and their pixels per token (B, H, W, patch * patch * 3), clip after clip."""
        for batch in reading.read(self.tokens, numbers, generator):
            slices = batch.tokens.shape[1]
            pixels = [self.read_pixels(one.number, one.first, one.first + slices) for one in batch.stretches]  # fmt: skip
            clips = [one.number for one in batch.stretches]
            yield clips, batch.tokens.flatten(0, 1), torch.cat(pixels).to(reading.device)

    def read_pixels(self, number: int, first: int, stop: int) -> Tensor:
        """Pixels per token (S, H, W, patch * patch * 3), 0 to 1."""
        _, height, width, _ = self.tokens.clips[number].shape
        size = (height * self.patch, width * self.patch)
        pictures = read_pictures(self.store, self.rows[number], size, range(first, stop))
        return cut_patches(torch.from_numpy(pictures).float() / 255, self.patch)


@dataclass(frozen=True, kw_only=True)
class FittedHead:
    """A network, its scaling, the steps that were taken, the one whose weights were kept, and into how many parts tokens are normalized first."""

    network: TokenDecoder
    scaling: Scaling
    steps: int
    best_step: int
    levels: int = 0


def fit_head(
    clips: Pictured,
    parts: tuple[Sequence[int], Sequence[int]],
    options: DecoderOptions,
    device: torch.device,
    report: Callable[[int], None] = lambda step: None,
) -> FittedHead:
    """`parts`: numbers of the clips to learn from, and of those held back. Raises FitError for tokens that are not finite and pictures that cannot be read."""
    learn, held = parts
    reading = StretchOptions(options.batch, SLICES, device)
    scaling = measure_scaling(clips.tokens, learn, reading).to(device)
    network = make_decoder(clips.tokens.clips[0].shape[3], options.width, options.pixels, options.seed).to(device)  # fmt: skip
    start_as_mean(network, clips, learn, reading)
    optimizer = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=WEIGHT_DECAY)
    generator = np.random.default_rng([options.seed, 53])
    now = FittedHead(network=network, scaling=scaling, steps=0, best_step=0)
    best = measure_error(clips, held, now, reading)
    state, best_step, step = _copy(network), 0, 0
    while step < options.steps and step - best_step < PATIENCE * LOOK:
        for _, tokens, pixels in clips.read(reading, learn, generator):
            for group in optimizer.param_groups:
                group["lr"] = options.rate * _schedule(step, options.steps)
            loss = F.mse_loss(network(scaling.scale(tokens)), pixels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
            report(step)
            if step % LOOK == 0 or step == options.steps:
                error = measure_error(clips, held, now, reading)
                if error < best:
                    best, best_step = error, step
                    state = _copy(network)
            if step == options.steps:
                break
    network.load_state_dict(state)
    return FittedHead(
        network=network.eval(),
        scaling=scaling,
        steps=step,
        best_step=best_step,
        levels=clips.tokens.levels,
    )


def _schedule(step: int, steps: int) -> float:
    """Share of the learning rate: a short rise, then half a cosine."""
    return min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * step / steps))


@torch.no_grad()
def start_as_mean(
    network: TokenDecoder, clips: Pictured, numbers: Sequence[int], reading: StretchOptions
) -> None:
    """Let a network draw the mean patch of what it learns from, whatever it sees: so none is kept that is worse than that on the videos held back."""
    total = torch.zeros_like(network.last.bias, dtype=torch.float64)
    count = 0
    for _, _, pixels in clips.read(reading, numbers, None):
        total += pixels.flatten(0, -2).double().sum(0)
        count += pixels[..., 0].numel()
    network.last.weight.zero_()
    network.last.bias.copy_(total / count)


def _copy(network: TokenDecoder) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@torch.no_grad()
def measure_error(
    clips: Pictured, numbers: Sequence[int], head: FittedHead, reading: StretchOptions
) -> float:
    """Mean squared error over the first slices of clips."""
    total, count = 0.0, 0
    for _, tokens, pixels in clips.read(reading, numbers, None):
        total += float((head.network(head.scaling.scale(tokens)) - pixels).square().sum())
        count += pixels.numel()
    return total / count
