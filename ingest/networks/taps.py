"""Taps: the residual stream before or after chosen blocks of any network, taken by hooks during one forward pass.

Every transformer of the table is tapped this way: it has a list of blocks, and at most one norm behind the last of them.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from tubelet.ingest.layer import PRE, Layer


class _AllTaken(Exception):
    """Every wanted layer was seen: the blocks after it are not computed."""


class Taps:
    """Where a layer's tokens are taken in a network."""

    def __init__(self, blocks: nn.ModuleList, norm: nn.Module | None, layer: Layer) -> None:
        self._wanted = {number: blocks[number] for number in layer.blocks}
        self._before = layer.side == PRE
        self._norm = norm if layer.final_norm else None

    def run(self, forward: Callable[[], object]) -> list[torch.Tensor]:
        """The tokens ``(B, N, D)`` in float32 of each wanted block, in order; `forward` runs the network, as far as needed."""
        found: dict[int, torch.Tensor] = {}
        handles = [self._hook(number, found) for number in self._wanted]
        try:
            forward()
        except _AllTaken:
            pass
        finally:
            for handle in handles:
                handle.remove()
        return [self._finish(found[number]) for number in self._wanted]

    def _hook(self, number: int, found: dict[int, torch.Tensor]) -> RemovableHandle:
        def take(tokens: Any) -> None:
            found[number] = tokens[0] if isinstance(tokens, tuple) else tokens
            if len(found) == len(self._wanted):
                raise _AllTaken

        block = self._wanted[number]
        if self._before:
            return block.register_forward_pre_hook(
                lambda _, positional, named: take(positional or (named["hidden_states"],)),
                with_kwargs=True,
            )
        return block.register_forward_hook(lambda _, given, tokens: take(tokens))

    def _finish(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens.float()
        return (self._norm(tokens) if self._norm else tokens).float()
