"""Spectrum: how many dimensions are in use."""

import torch


def effective_rank(tokens: torch.Tensor) -> float:
    """Tokens (N, D) to the exponential of the entropy of their covariance's eigenvalues (Roy and Vetterli, 2007): 1 to D."""
    centered = tokens.double() - tokens.double().mean(0)
    values = torch.linalg.eigvalsh(centered.T @ centered).clamp(min=0)
    shares = values / values.sum()
    shares = shares[shares > 1e-12]
    return float(torch.exp(-(shares * shares.log()).sum()))
