"""Whitening: patch embeddings that start as the principal components of real patches, each at the same scale.

A random projection of a patch shows little but its brightness, because most of a patch's variance is that. Whitened components show edges
and textures as loudly; two thirds of a video's numbers stand for the mean of a tubelet's two frames, one third for what changed between them.
"""

import torch

from tubelet.ingest.networks.vjepa import VisionTransformer

FLOOR = 1e-3  # of the mean variance of a component: what is below is noise, and stays small
CHANGE = 3  # of that many numbers, one stands for change


@torch.no_grad()
def whiten(encoder: VisionTransformer, pixels: torch.Tensor) -> None:
    """Set the patch embeddings, for videos and for images, from some normalized clips (B, 3, T, H, W)."""
    patch, dim = encoder.config.patch, encoder.config.dim
    mean, half = (
        (pixels[:, :, ::2] + pixels[:, :, 1::2]) / 2,
        (pixels[:, :, 1::2] - pixels[:, :, ::2]) / 2,
    )
    changes = dim // CHANGE
    still, moving = (
        _components(_patches(mean, patch), dim),
        _components(_patches(half, patch), changes),
    )
    shape = (3, 1, patch, patch)
    encoder.patch_embed_img.proj.weight.copy_(still.unflatten(1, shape))
    lasting, changing = still[: dim - changes].unflatten(1, shape), moving.unflatten(1, shape)
    video = torch.cat([torch.cat([lasting, lasting], 2), torch.cat([-changing, changing], 2)]) / 2
    encoder.patch_embed.proj.weight.copy_(video)


def _patches(frames: torch.Tensor, patch: int) -> torch.Tensor:
    """Frames (B, 3, T, H, W) to patches (N, 3 * patch * patch)."""
    cells = (
        frames.transpose(1, 2).flatten(0, 1).unfold(2, patch, patch).unfold(3, patch, patch)
    )  # (B * T, 3, rows, columns, p, p)
    return cells.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)


def _components(patches: torch.Tensor, count: int) -> torch.Tensor:
    """The first components of patches (N, P), as rows (count, P) that give each of them unit variance."""
    centered = (patches - patches.mean(0)).double()
    values, vectors = torch.linalg.eigh(centered.T @ centered / len(centered))
    values, vectors = values.flip(0)[:count], vectors.flip(1)[:, :count]
    return (vectors / (values + FLOOR * values.mean()).sqrt()).T.float()
