"""The trainer: one step after the other, its losses, and a state complete enough to resume from."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from tubelet.store.errors import TubeletError
from tubelet.training.evaluation.spectrum import effective_rank
from tubelet.training.pretraining.attention_init import init_attention
from tubelet.training.pretraining.bank import Bank
from tubelet.training.pretraining.distillation import SIZES
from tubelet.training.pretraining.muon import Float32Muon
from tubelet.training.pretraining.objective import Batch, Networks, losses, normalize_clips
from tubelet.training.pretraining.settings import Settings
from tubelet.training.pretraining.whitening import whiten

PREPARED, LOOKED = 16, 4  # clips that are looked at before the first step, and frames of each
SAMPLED = 2048  # tokens that variance and rank are measured on
LEAST_SPREAD = (
    0.02  # mean standard deviation of a dimension over tokens; a fresh encoder has about a half
)
LEAST_RANK = 1.5
JUDGED = 15  # steps whose median is held to these: the tokens of one plain wall are alike, and rightly so
GRADIENT_NORM = 1.0
BETAS = (0.9, 0.98)
BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")  # of x86, then of ARM


class CollapseError(TubeletError):
    """Tokens have become similar: the loss falls, and nothing is learned."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one step showed: losses, learning rate, and the spread and effective rank of tokens."""

    step: int
    frames: int
    loss: float
    masked: float
    context: float
    distillation: float
    similarity: float
    rate: float
    spread: float
    rank: float


def mean_step(steps: Sequence[Step]) -> Step:
    """Several steps as one, numbered as the last: the mean of each figure, of those that need masks over the steps that have some."""
    masked = [step for step in steps if step.masked]

    def mean(name: str, of: Sequence[Step] = steps) -> float:
        return float(np.mean([getattr(step, name) for step in of])) if of else 0.0

    return replace(
        steps[-1],
        loss=mean("loss"),
        masked=mean("masked", masked),
        context=mean("context", masked),
        distillation=mean("distillation"),
        similarity=mean("similarity"),
        spread=mean("spread"),
        rank=mean("rank"),
    )


def has_bf16(device: torch.device) -> bool:
    """Whether a device computes in bf16. A CPU without instructions for it emulates them, which takes longer than float32.

    A CPU counts as one without where PyTorch is too old to list its instructions.
    """
    if device.type != "cpu":
        return True
    capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in BF16_INSTRUCTIONS)


class Trainer:
    """Networks and optimizer on a device; autocast to bf16 where the device has it, averages and normalization in float32."""

    def __init__(self, settings: Settings, device: torch.device, steps: int) -> None:
        self.settings, self.device, self.steps = settings, device, steps
        self.networks = Networks(settings, sum(SIZES) if settings.teacher else 1).to(device)
        self.optimizers = _optimizers(self.networks, settings, device)
        self.step = 0
        self._recent: deque[tuple[float, float]] = deque(maxlen=JUDGED)  # spread and rank

    def prepare(self, bank: Bank) -> None:
        """Before the first step, from a few clips: patch embeddings, attention to near patches, and the scale of the teacher's features."""
        clips, features = zip(*(bank.clip(number) for number in range(PREPARED)), strict=True)
        pixels = normalize_clips(
            torch.from_numpy(np.stack([clip[:LOOKED] for clip in clips])).to(self.device).float()
        )
        for encoder in (self.networks.student, self.networks.target):
            whiten(encoder, pixels)
            init_attention(
                encoder,
                np.random.default_rng(self.settings.seed),
                self.settings.side // self.settings.patch,
            )
        if self.settings.teacher:
            self.networks.calibrate(
                torch.from_numpy(np.stack(features)).to(self.device).float().flatten(0, 3)
            )

    def learn(self, batch: Batch) -> Step:
        """One step. Raises CollapseError when the target's tokens no longer differ."""
        rate, weights = self._rate(), self._weights()
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            group["lr"] = rate
        batch = _move_batch(batch if any(weights) else replace(batch, masks=()), self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=has_bf16(self.device)):
            found = losses(self.networks, batch)
        total = found.total(*weights)
        self.networks.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.networks.parameters(), GRADIENT_NORM)
        for optimizer in self.optimizers:
            optimizer.step()
        self.networks.average(self.settings.momentum_at(self.step, self.steps))
        self.step += 1
        spread, rank = _measure_spread_and_rank(found.tokens)
        return self._check(
            Step(
                step=self.step,
                frames=batch.clips.shape[1],
                loss=float(total.detach()),
                masked=float(found.masked.detach()),
                context=float(found.context.detach()),
                distillation=float(found.distillation.detach()),
                similarity=float(found.similarity.detach()),
                rate=rate,
                spread=spread,
                rank=rank,
            )
        )

    def state(self) -> dict:
        """Everything that the next step depends on."""
        moments = [optimizer.state_dict() for optimizer in self.optimizers]
        return {"step": self.step, "networks": self.networks.state_dict(), "optimizers": moments}

    def restore(self, state: dict) -> None:
        self.networks.load_state_dict(state["networks"])
        for optimizer, moments in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(moments)
        self.step = state["step"]

    def _rate(self) -> float:
        """Linear up, constant, and at the end as a cosine down: the constant part can be extended afterwards."""
        left = (self.steps - self.step) / max(1, min(self.settings.cooldown, self.steps // 2))
        falling = (1 - math.cos(math.pi * min(1.0, left))) / 2
        return self.settings.rate * min(1.0, (self.step + 1) / self.settings.warmup) * falling

    def _weights(self) -> tuple[float, float]:
        """Weights of the masked and the context loss."""
        masked, context = (
            min(1.0, (self.step - start) / start) if start else 1.0
            for start in (self.settings.masked_from, self.settings.context_from)
        )
        return max(0.0, masked), max(0.0, self.settings.context_weight * context)

    def _check(self, progress: Step) -> Step:
        if not math.isfinite(progress.loss):
            raise CollapseError(
                f"the loss is {progress.loss} at step {progress.step}: start again with a lower --rate"
            )
        self._recent.append((progress.spread, progress.rank))
        spread, rank = np.median(self._recent, axis=0)
        if progress.step > self.settings.warmup and (spread < LEAST_SPREAD or rank < LEAST_RANK):
            raise CollapseError(
                f"collapse at step {progress.step}: all tokens have become alike "
                f"(spread {spread:.3f}, effective rank {rank:.1f}); "
                "start again with a lower --rate, more videos, or a --teacher"
            )
        return progress


def _optimizers(
    networks: Networks, settings: Settings, device: torch.device
) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, whose steps it makes equally long in all directions (Jordan, 2024), AdamW for all else."""
    learned = [
        (name, weight) for name, weight in networks.named_parameters() if weight.requires_grad
    ]
    matrices = [weight for name, weight in learned if "blocks." in name and weight.ndim == 2]
    rest = [weight for name, weight in learned if "blocks." not in name or weight.ndim != 2]
    groups = [{"params": [w for w in rest if w.ndim > 1], "weight_decay": settings.decay}]
    groups.append({"params": [w for w in rest if w.ndim <= 1], "weight_decay": 0.0})
    made = torch.optim.Muon if has_bf16(device) else Float32Muon
    muon = made(
        matrices, lr=settings.rate, weight_decay=settings.decay, adjust_lr_fn="match_rms_adamw"
    )
    return muon, torch.optim.AdamW(groups, lr=settings.rate, betas=BETAS)


def _move_batch(batch: Batch, device: torch.device) -> Batch:
    masks = [
        replace(each, context=each.context.to(device), targets=each.targets.to(device))
        for each in batch.masks
    ]
    features = None if batch.features is None else batch.features.to(device)
    piece = replace(batch.piece, ids=batch.piece.ids.to(device))
    return Batch(
        clips=batch.clips.to(device),
        seen=batch.seen.to(device),
        masks=masks,
        piece=piece,
        features=features,
    )


def _measure_spread_and_rank(tokens: torch.Tensor) -> tuple[float, float]:
    sample = tokens[:: max(1, len(tokens) // SAMPLED)]
    return float(sample.std(0).mean()), effective_rank(sample)
