"""Surprise of a transition model: how far each slice of a clip is from what the model predicts from the slices before it.

It needs stored tokens and no predictor of the encoder's own, so that every encoder has one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from tubelet.training.fitting.errors import FitError
from tubelet.training.fitting.scaling import Scaling
from tubelet.training.transition.network import SliceTransformer

BATCH = 8  # contexts at once


@dataclass(frozen=True, kw_only=True)
class SliceSurprise:
    """Errors of the slices from `first` on by patch, (S - first, H, W), of the prediction and of a copy of the slice before: means over dimensions of absolute and squared errors, in standard deviations."""

    first: int
    l1: Tensor
    copy_l1: Tensor
    squared: Tensor
    copy_squared: Tensor


@torch.inference_mode()
def measure_surprise(
    network: SliceTransformer, scaling: Scaling, tokens: Tensor, context: int
) -> SliceSurprise:
    """Of one clip (S, H, W, D), each slice predicted from the `context` slices before it alone.

    Raises FitError for a context that the model does not see, or that leaves nothing to predict.
    """
    slices, block = len(tokens), network.shape.block
    if not 1 <= context <= min(block, slices - 1):
        raise FitError(
            f"a context of {context} slices: this model sees up to {block}, and the clip has {slices}, of which one is predicted"
        )
    scaled = scaling.scale(tokens.to(scaling.mean.device))
    seen = scaled.unfold(0, context, 1)[:-1].movedim(-1, 1)  # (S - context, context, H, W, D)
    predicted = torch.cat([network(some)[:, -1] for some in seen.split(BATCH)])
    truth = scaled[context:]
    ours, copied = (predicted - truth).cpu(), (seen[:, -1] - truth).cpu()
    return SliceSurprise(
        first=context,
        l1=ours.abs().mean(-1),
        copy_l1=copied.abs().mean(-1),
        squared=ours.square().mean(-1),
        copy_squared=copied.square().mean(-1),
    )
