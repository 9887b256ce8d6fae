"""V-JEPA written a second time: NumPy, float64, one number at a time, to be read beside the papers, not to be fast.

It shares nothing with `tubelet.ingest.networks.vjepa` but the names of the weights. A `kind` is "1", "2" or "2.1"; one clip at a time, pixels (3, T, H, W).
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

PATCH, TUBELET, EPS = 16, 2, 1e-6
Place = tuple[float, float, float]  # slice, row, column
erf = np.vectorize(math.erf)


@dataclass(frozen=True)
class Network:
    """An encoder or predictor: its weights by name, its kind, its heads, and the grid of its table."""

    weights: dict[str, np.ndarray]
    kind: str
    heads: int
    table: tuple[int, int, int] | None = None


def encoded(
    network: Network, pixels: np.ndarray, kept: list[int] | None = None
) -> list[np.ndarray]:
    """The residual stream (tokens, D) after each block; only the kept tokens ever meet."""
    grid = slices, rows, columns = _grid(pixels)
    tokens = _patches(network, pixels, grid)
    if network.kind == "1":
        tokens = tokens + stretched(network.weights["pos_embed"][0], network.table, grid)
    places = [(s, r, c) for s in range(slices) for r in range(rows) for c in range(columns)]
    if network.kind == "2.1":
        places = [(s, r * 15 / (rows - 1), c * 15 / (columns - 1)) for s, r, c in places]
    if kept is not None:
        tokens, places = tokens[kept], [places[i] for i in kept]
    return _stream(network, "blocks", tokens, places)


def predicted(
    network: Network, context: np.ndarray, places: list[Place], mask: int
) -> tuple[np.ndarray, np.ndarray]:
    """Normed tokens of targets and of context, (n, P) each; `places` are those of the context, then of the targets."""
    weights = network.weights
    if "predictor_embed.weight" in weights:
        given = linear(weights, "predictor_embed", context)
    else:
        given = linear(
            weights, "predictor_embed.2", gelu(linear(weights, "predictor_embed.0", context))
        )
    tokens = np.concatenate(
        [given, np.repeat(weights[f"mask_tokens.{mask}"][0], len(places) - len(context), axis=0)]
    )
    if network.kind == "1":
        tokens = tokens + weights["predictor_pos_embed"][0][[int(index) for index, _, _ in places]]
    if network.kind == "2.1":
        tokens = tokens + weights["video_mod_embed"][0]
    tokens = normed(
        weights, "predictor_norm", _stream(network, "predictor_blocks", tokens, places)[-1]
    )
    return tokens[len(context) :], tokens[: len(context)]


def _grid(pixels: np.ndarray) -> tuple[int, int, int]:
    _, frames, height, width = pixels.shape
    return max(frames // TUBELET, 1), height // PATCH, width // PATCH


def _patches(network: Network, pixels: np.ndarray, grid: tuple[int, int, int]) -> np.ndarray:
    weights = network.weights
    image = pixels.shape[1] == 1
    name, depth = ("patch_embed_img", 1) if image else ("patch_embed", TUBELET)
    kernel, bias = weights[f"{name}.proj.weight"], weights[f"{name}.proj.bias"]
    tokens = []
    for s, r, c in itertools.product(*map(range, grid)):
        cell = pixels[
            :, s * depth : (s + 1) * depth, r * PATCH : (r + 1) * PATCH, c * PATCH : (c + 1) * PATCH
        ]
        tokens.append([(kernel[d] * cell).sum() + bias[d] for d in range(len(bias))])
    told = (
        weights["img_mod_embed" if image else "video_mod_embed"][0] if network.kind == "2.1" else 0
    )
    return np.array(tokens) + told


def _stream(
    network: Network, blocks: str, tokens: np.ndarray, places: list[Place]
) -> list[np.ndarray]:
    weights, after = network.weights, []
    for index in itertools.count():
        name = f"{blocks}.{index}"
        if f"{name}.norm1.weight" not in weights:
            break
        tokens = tokens + attended(
            network, f"{name}.attn", normed(weights, f"{name}.norm1", tokens), places
        )
        hidden = gelu(linear(weights, f"{name}.mlp.fc1", normed(weights, f"{name}.norm2", tokens)))
        tokens = tokens + linear(weights, f"{name}.mlp.fc2", hidden)
        after.append(tokens)
    return after


def attended(network: Network, name: str, tokens: np.ndarray, places: list[Place]) -> np.ndarray:
    """Every token asks every token; a head sees its own stretch of the width."""
    width = tokens.shape[1]
    size = width // network.heads
    qkv = linear(network.weights, f"{name}.qkv", tokens)
    mixed = np.zeros_like(tokens)
    for head in range(network.heads):
        queries, keys, values = (
            qkv[:, part * width + head * size : part * width + (head + 1) * size]
            for part in range(3)
        )
        queries, keys = (
            np.array([turned(v, place, network.kind) for v, place in zip(vectors, places)])
            for vectors in (queries, keys)
        )
        for i in range(len(tokens)):
            scores = np.array([queries[i] @ key for key in keys]) / math.sqrt(size)
            shares = np.exp(scores - scores.max())
            mixed[i, head * size : (head + 1) * size] = shares @ values / shares.sum()
    return linear(network.weights, f"{name}.proj", mixed)


def turned(vector: np.ndarray, place: Place, kind: str) -> np.ndarray:
    """One query or key at its place: a third of it for each axis, the rest as it is."""
    if kind == "1":
        return vector
    pairs = len(vector) // 3 // 2
    out = vector.copy()
    for axis, position in enumerate(place):
        for e in range(2 * pairs):
            m = e // 2 if kind == "2.1" else e % pairs
            angle = position * 10000 ** (-m / pairs)
            here, start = axis * 2 * pairs + e, axis * 2 * pairs
            partner = vector[start + e + 1] * -1 if e % 2 == 0 else vector[start + e - 1]
            out[here] = vector[here] * math.cos(angle) + partner * math.sin(angle)
    return out


def sincos(grid: tuple[int, int, int], dim: int) -> np.ndarray:
    """V-JEPA 1's table (tokens, D)."""
    count = math.ceil(dim / 6)
    rows = []
    for place in itertools.product(*map(range, grid)):
        row = []
        for position in place:
            angles = [position * 10000 ** (-m / count) for m in range(count)]
            row += [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
        rows.append(row[:dim])
    return np.array(rows)


def stretched(table: np.ndarray, trained: tuple, grid: tuple) -> np.ndarray:
    """A table (tokens, D) read between its cells, so that its edges stay those of the new grid."""
    out = []
    for place in itertools.product(*map(range, grid)):
        value = 0
        for corner in itertools.product((0, 1), repeat=3):
            share, cell = 1.0, 0
            for at, new, old, side in zip(place, grid, trained, corner):
                exact = max(0.0, (at + 0.5) * old / new - 0.5)
                low = int(exact)
                share *= exact - low if side else 1 - (exact - low)
                cell = cell * old + min(low + side, old - 1)
            value = value + share * table[cell]
        out.append(value)
    return np.array(out)


def linear(weights: dict, name: str, tokens: np.ndarray) -> np.ndarray:
    return tokens @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def normed(weights: dict, name: str, tokens: np.ndarray) -> np.ndarray:
    centered = tokens - tokens.mean(axis=1, keepdims=True)
    variance = (centered**2).mean(axis=1, keepdims=True)
    return centered / np.sqrt(variance + EPS) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu(values: np.ndarray) -> np.ndarray:
    return values * (1 + erf(values / math.sqrt(2))) / 2
