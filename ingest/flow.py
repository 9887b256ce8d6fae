"""Displacements of patches between neighboring frames, computed from the gradients of their pixels: motion without a trained network."""

import torch
from torch.nn import functional as F

BLUR = 4  # pixels averaged into one first: displacements of a few pixels then are about one
DAMPING = 4.0  # squared gray levels: a patch without texture shows no motion
LIMIT = 12.0  # pixels per frame: what is beyond is not motion but a bad fit


def displacements(frames: torch.Tensor, patch: int) -> torch.Tensor:
    """Frames (..., T, 3, H, W) in 0..255 to displacements (..., T, H/patch, W/patch, 2): x, then y, in pixels per frame.

    The least squares of Lucas and Kanade (1981) over each patch; the last frame repeats the one before it.
    """
    clips = frames.flatten(0, -5) if frames.ndim > 4 else frames[None]
    count, length = clips.shape[:2]
    gray = F.avg_pool2d(clips.float().mean(2).flatten(0, 1)[:, None], BLUR).unflatten(
        0, (count, length)
    )[:, :, 0]  # (B, T, h, w)
    change, middle = gray.diff(dim=1), (gray[:, 1:] + gray[:, :-1]) / 2
    across, down = torch.zeros_like(middle), torch.zeros_like(middle)
    across[..., 1:-1] = (middle[..., 2:] - middle[..., :-2]) / 2
    down[..., 1:-1, :] = (middle[..., 2:, :] - middle[..., :-2, :]) / 2
    products = torch.stack(
        [across * across, across * down, down * down, across * change, down * change], 2
    )
    xx, xy, yy, xt, yt = (
        F.avg_pool2d(products.flatten(0, 1), patch // BLUR)
        .unflatten(0, (count, length - 1))
        .unbind(2)
    )
    xx, yy = xx + DAMPING, yy + DAMPING
    flow = (
        torch.stack([xy * yt - yy * xt, xy * xt - xx * yt], -1)
        / (xx * yy - xy * xy)[..., None]
        * BLUR
    )
    flow = flow.clamp(-LIMIT, LIMIT)
    return torch.cat([flow, flow[:, -1:]], 1).reshape(*frames.shape[:-3], *flow.shape[2:])
