"""Surprise of a transition model: how far each slice of a clip is from what the model predicts from the slices before it.

It needs stored tokens and no predictor of the encoder's own, so that every encoder has one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from tubelet.training.fitting.errors import FitError
from tubelet.training.fitting.scaling import Scaling
from tubelet.training.transition.network import SliceTransformer

BATCH = 8  # contexts at once
SMALLEST = (
    1e-6  # usual squared error, in variances: a dimension that never changes is not divided by zero
)


@dataclass(frozen=True, kw_only=True)
class SliceSurprise:
    """Errors of the slices from `first` on by patch, (S - first, H, W), of the prediction and of a copy of the slice before: means over dimensions of absolute and squared errors, in standard deviations.

    `standard`: squared errors again, each dimension over what is usual there; equal to `squared` where nothing is known of that.
    """

    first: int
    l1: Tensor
    copy_l1: Tensor
    squared: Tensor
    copy_squared: Tensor
    standard: Tensor
    copy_standard: Tensor


@dataclass(frozen=True)
class UsualErrors:
    """Mean squared errors by dimension, (D,) each, of the prediction and of a copy, over clips in which nothing should surprise."""

    ours: Tensor
    copied: Tensor


@torch.inference_mode()
def measure_surprise(
    network: SliceTransformer,
    scaling: Scaling,
    tokens: Tensor,
    context: int,
    usual: UsualErrors | None = None,
) -> SliceSurprise:
    """Of one clip (S, H, W, D), each slice predicted from the `context` slices before it alone.

    Raises FitError for a context that the model does not see, or that leaves nothing to predict.
    """
    return summarize_errors(context, *_find_errors(network, scaling, tokens, context), usual)


def summarize_errors(
    first: int, ours: Tensor, copied: Tensor, usual: UsualErrors | None = None
) -> SliceSurprise:
    """Errors (S - first, H, W, D) of predictions and of copies, in standard deviations, by patch."""
    expected = usual or UsualErrors(torch.ones(ours.shape[-1]), torch.ones(ours.shape[-1]))
    return SliceSurprise(
        first=first,
        l1=ours.abs().mean(-1),
        copy_l1=copied.abs().mean(-1),
        squared=ours.square().mean(-1),
        copy_squared=copied.square().mean(-1),
        standard=(ours.square() / expected.ours).mean(-1),
        copy_standard=(copied.square() / expected.copied).mean(-1),
    )


@torch.inference_mode()
def measure_usual_errors(
    network: SliceTransformer, scaling: Scaling, clips: Iterable[Tensor], context: int
) -> UsualErrors:
    """Over all slices with such a context. Raises FitError as `measure_surprise` does, and where there is no clip."""
    found = [
        [part.square().mean((0, 1, 2)) for part in _find_errors(network, scaling, clip, context)]
        for clip in clips
    ]
    if not found:
        raise FitError("no clip to learn usual errors from")
    ours, copied = (torch.stack(part).mean(0).clamp_min(SMALLEST) for part in zip(*found))
    return UsualErrors(ours, copied)


def _find_errors(
    network: SliceTransformer, scaling: Scaling, tokens: Tensor, context: int
) -> tuple[Tensor, Tensor]:
    """Of the prediction and of a copy, in standard deviations, (S - context, H, W, D) each."""
    slices, block = len(tokens), network.shape.block
    if not 1 <= context <= min(block, slices - 1):
        raise FitError(
            f"a context of {context} slices: this model sees up to {block}, and the clip has {slices}, of which one is predicted"
        )
    scaled = scaling.scale(tokens.to(scaling.mean.device))
    seen = scaled.unfold(0, context, 1)[:-1].movedim(-1, 1)  # (S - context, context, H, W, D)
    predicted = torch.cat([network(some)[:, -1] for some in seen.split(BATCH)])
    truth = scaled[context:]
    return (predicted - truth).cpu(), (seen[:, -1] - truth).cpu()
