"""Errors of a prediction, beside those of two guesses that need no predictor: a copy of the last slice seen, and the mean token."""

from collections.abc import Mapping

import torch
from torch.nn import functional as F

Tokens = torch.Tensor  # (..., D)
Numbers = Mapping[str, torch.Tensor]  # by column of `surprise`


def measure_errors(truth: Tokens, predicted: Tokens, copied: Tokens, mean: Tokens) -> Numbers:
    """L1 and cosine of each guess against the truth, and the prediction's relative to the others; NaN where those have no error."""
    guesses = {"": predicted, "copy_": copied, "mean_": mean}
    found: dict[str, torch.Tensor] = {}
    for name, guess in guesses.items():
        found[f"{name}l1"] = (truth - guess).abs().mean(-1)
        found[f"{name}cosine"] = F.cosine_similarity(truth, guess, dim=-1)
    return {**found, **relate(found)}


def relate(found: Numbers) -> dict[str, torch.Tensor]:
    """The prediction's L1 and angle relative to those of each other guess."""
    related = {}
    for other in ("copy", "mean"):
        related[f"l1_over_{other}"] = _divide(found["l1"], found[f"{other}_l1"])
        related[f"cosine_over_{other}"] = _divide(
            1 - found["cosine"], (1 - found[f"{other}_cosine"]).clamp(min=0)
        )
    return related


def judge_errors(ours: float, copying: float) -> str:
    """How a predictor's error stands to that of copying, which is not 0."""
    ratio = ours / copying
    verdict = (
        "worse than copying: its surprise says little"
        if ratio > 1
        else "better than copying the last slice seen"
    )
    return f"error {ratio:.2f} times that of a copy of the last slice seen: {verdict}"


def _divide(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    return torch.where(theirs > 0, ours / theirs, torch.nan)
