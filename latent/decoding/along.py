"""A direction as a decoder draws it: the mean token, moved along the direction and nowhere else; of a cluster, its center too.

A token is drawn among copies of itself, as far as the decoder sees, so that nothing beside it has a part in the picture. Such tokens need not occur
in any video: what is drawn is what the decoder makes of them, and stands beside what the decoder reached on real ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float32, UInt8
from tubelet.latent.bases import load_basis
from tubelet.latent.clusters import Clusters
from tubelet.latent.decoding.decoder import LoadedDecoder
from tubelet.latent.directions.direction import Direction
from tubelet.latent.directions.sample import ROUNDING, DirectionSample
from tubelet.latent.errors import LatentError
from tubelet.store import Store

STEPS = (-2, -1, 0, 1, 2)  # standard deviations of the sampled values
CENTER = "center"
AROUND = 2  # tokens on each side of one that a decoder sees


@dataclass(frozen=True)
class DrawnTokens:
    """Pictures ``(k, p, p, 3)`` of single tokens, and what each is called."""

    names: tuple[str, ...]
    pictures: UInt8[np.ndarray, "k p p 3"]


def draw_along(
    store: Store, decoder: LoadedDecoder, direction: Direction, sample: DirectionSample
) -> DrawnTokens:
    """The mean of the sampled tokens, and what lies on both sides of it. Raises LatentError for a decoder of another encoder, and where no token is a step away."""
    decoder.refuse_other(store, direction.encoder_id)
    tokens = _step(direction, sample)
    names = [_name_step(step) for step in STEPS]
    center = find_center(store, direction)
    if center is not None:
        tokens, names = np.concatenate([tokens, center[None]]), [*names, CENTER]
    return DrawnTokens(tuple(names), _draw_alone(decoder, tokens))


def _step(direction: Direction, sample: DirectionSample) -> Float32[np.ndarray, "k D"]:
    if not direction.plain:
        raise LatentError(
            f"tokens are divided by their length, or position means are subtracted, before they are multiplied with {direction.name}, so that no token is a step along it: choose a direction of a basis without that"
        )
    measured = sample.measure(direction)
    if not len(measured):
        raise LatentError(f"no sampled token has a value along {direction.name}")
    values = measured.values.astype(np.float64)
    square = float(direction.vector.astype(np.float64) @ direction.vector)
    if not values.std() > ROUNDING * abs(values.mean()) or not square:
        raise LatentError(f"{direction.name} has the same value everywhere: there is no step along it")  # fmt: skip
    mean = measured.tokens.vectors.mean(0, dtype=np.float64)
    steps = np.array(STEPS)[:, None] * values.std() / square
    return (mean + steps * direction.vector).astype(np.float32)


def find_center(store: Store, direction: Direction) -> Float32[np.ndarray, " D"] | None:
    """The center of the cluster that a direction leads to; None where it leads to none, or tokens do not lie where centers do."""
    if direction.basis_id is None or direction.number is None or not direction.plain:
        return None
    model = load_basis(store, direction.basis_id).model
    return model.centers[direction.number] if isinstance(model, Clusters) else None


def _draw_alone(decoder: LoadedDecoder, tokens: Float32[np.ndarray, "k D"]) -> np.ndarray:
    side, patch = 2 * AROUND + 1, decoder.head.patch
    among = np.broadcast_to(tokens[:, None, None], (len(tokens), side, side, tokens.shape[1]))
    middle = slice(AROUND * patch, (AROUND + 1) * patch)
    return decoder.head.draw(among)[:, middle, middle]


def _name_step(step: int) -> str:
    return "mean" if step == 0 else f"{step:+d} sd"


def describe_steps(names: Sequence[str]) -> str:
    """What the pictures are, in a sentence."""
    center = " and the center of the cluster" if CENTER in names else ""
    return f"The mean token, moved along the direction by -2 to +2 standard deviations of its values{center}, each surrounded by copies of itself. No video needs to contain such tokens."
