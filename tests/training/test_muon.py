"""Muon in float32 against PyTorch's, which iterates in bf16, and against a singular value decomposition."""

import copy

import pytest
import torch

from tubelet.training.pretraining import trainer
from tubelet.training.pretraining.muon import Float32Muon, orthogonalize
from tubelet.training.pretraining.objective import Networks
from tubelet.training.pretraining.settings import Settings

SETTINGS = {"lr": 2e-3, "weight_decay": 0.05, "adjust_lr_fn": "match_rms_adamw"}
SHAPES = (24, 40), (40, 24), (16, 16)


def test_steps_are_those_of_pytorch_up_to_the_rounding_of_bf16() -> None:
    """After two steps, which leave a moving average, and from PyTorch's own state on for a third."""
    generator = torch.Generator().manual_seed(0)
    theirs = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]
    ours = copy.deepcopy(theirs)
    unused = torch.nn.Parameter(torch.ones(2, 2))  # has no gradient
    reference, muon = torch.optim.Muon(theirs, **SETTINGS), Float32Muon([*ours, unused], **SETTINGS)
    for number in range(3):
        before = [weights.detach().clone() for weights in theirs]
        for wanted, found in zip(theirs, ours, strict=True):
            found.data.copy_(wanted)
            wanted.grad = torch.randn(wanted.shape, generator=generator)
            found.grad = wanted.grad.clone()
        if number == 2:
            muon = Float32Muon(ours, **SETTINGS)
            muon.load_state_dict(copy.deepcopy(reference.state_dict()))
        reference.step()
        muon.step()
        for old, wanted, found in zip(before, theirs, ours, strict=True):
            off = float((found - wanted).detach().norm() / (wanted - old).detach().norm())
            assert off < 0.1, (number, wanted.shape, off)
    assert torch.equal(unused, torch.ones(2, 2))


@pytest.mark.parametrize("shape", SHAPES)
def test_directions_stay_and_become_equally_long(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    lengths = left.T @ orthogonalize(matrix) @ right.T
    assert ((lengths.diag() > 0.6) & (lengths.diag() < 1.25)).all()
    assert (lengths - lengths.diag().diag()).abs().max() < 1e-3
    assert torch.equal(orthogonalize(torch.zeros(shape)), torch.zeros(shape))


@pytest.mark.parametrize("has_bf16", [True, False])
def test_float32_is_for_devices_without_bf16(monkeypatch, has_bf16: bool) -> None:
    monkeypatch.setattr(trainer, "has_bf16", lambda device: has_bf16)
    settings = Settings(dim=48, depth=4, heads=2, predictor_dim=32, predictor_depth=1)
    made, _ = trainer._optimizers(Networks(settings, 1), settings, torch.device("cpu"))
    assert isinstance(made, Float32Muon) != has_bf16 and isinstance(made, torch.optim.Muon)
