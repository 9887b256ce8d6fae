"""A direction as gray: a basis of one component three times, made to color with and never stored."""

import numpy as np

from tubelet.latent import colors, scope
from tubelet.latent.basis import Basis
from tubelet.latent.directions.direction import Direction
from tubelet.latent.errors import LatentError
from tubelet.latent.linear import Linear
from tubelet.latent.scope import Scope
from tubelet.store import Store, ids

KIND = "direction"
CHANNELS = 3


def make_basis(store: Store, direction: Direction) -> Basis:
    """Make the basis that shows a direction as brightness, on the scale of the corpus's sample. Raises LatentError where no sampled token has a value."""
    tokens = scope.gather(store, Scope("corpus", None, direction.encoder_id))
    positions = direction.preparation.positions
    if positions is not None:
        tokens = tokens.only(
            (tokens.height == positions.shape[0]) & (tokens.width == positions.shape[1])
        )
    values = direction.measure(tokens.vectors, tokens.y, tokens.x)
    values = values[np.isfinite(values)]
    if not len(values):
        raise LatentError(f"no sampled token has a value along {direction.name}")
    limits = np.repeat(colors.ranges(values[:, None]), CHANNELS, axis=0)
    return Basis(
        basis_id=ids.hash_parts(KIND, direction.encoder_id, direction.key, limits.tolist()),
        encoder_id=direction.encoder_id,
        kind=KIND,
        scope="corpus",
        scope_id=None,
        parameters={"name": direction.name, "key": direction.key},
        preparation=direction.preparation,
        foreground=None,
        model=_repeat(direction),
        limits=limits,
        explained=np.empty(0),
        total=0.0,
        tokens=len(values),
        clip_ids=(),
    )


def _repeat(direction: Direction) -> Linear:
    """The direction as components; its bias moves the mean along it."""
    vector = direction.vector.astype(np.float64)
    square = float(vector @ vector)
    moved = direction.mean - (vector * (direction.bias / square) if square else 0)
    return Linear(moved.astype(np.float32), np.repeat(direction.vector[None], CHANNELS, axis=0))
