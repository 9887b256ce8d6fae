"""A direction of an encoder's embedding space by its name: a number is a dimension, `basis:NAME:2` the second component of a basis."""

import re
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float32, Int
from tubelet.latent.bases import ListedBasis, list_bases, load_basis
from tubelet.latent.errors import LatentError
from tubelet.latent.linear import Linear
from tubelet.latent.preparation import Preparation
from tubelet.store import Store

LINEAR = ("pca", "dimensions")  # kinds of bases whose components are directions
COMPONENT = re.compile(r"basis:(.+):([0-9]{1,6})")
LISTED = 8  # bases that an error names


@dataclass(frozen=True)
class Direction:
    """A `vector` ``(D,)`` and the `mean` ``(D,)`` that is subtracted first; `preparation` is what happens to a token before that.

    `dim` is the number of a dimension; `basis_id` and `number` (from 0) those of a component.
    """

    encoder_id: str
    name: str
    vector: Float32[np.ndarray, " D"]
    mean: Float32[np.ndarray, " D"]
    preparation: Preparation
    dim: int | None = None
    basis_id: str | None = None
    number: int | None = None

    @property
    def plain(self) -> bool:
        """Whether values are linear in tokens wherever they lie, so that a mean of tokens has the mean of their values."""
        return not self.preparation.unit and self.preparation.positions is None

    def measure(
        self,
        vectors: Float32[np.ndarray, "n D"],
        y: Int[np.ndarray, " n"],
        x: Int[np.ndarray, " n"],
    ) -> Float32[np.ndarray, " n"]:
        """Values of float32 tokens ``(n, D)`` at patches ``(y, x)``; NaN where a token is not finite."""
        if self.dim is not None:
            return vectors[:, self.dim]
        with np.errstate(invalid="ignore"):
            return (self.preparation.transform(vectors, y, x) - self.mean) @ self.vector


def find_direction(store: Store, encoder_id: str, name: str) -> Direction:
    """The direction of a name: `61`, or `basis:NAME:2` with the name or id of a basis. Raises LatentError where there is none, and says which there are."""
    size = count_dimensions(store, encoder_id)
    text = name.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return _dimension(encoder_id, int(text), size)
    found = COMPONENT.fullmatch(text)
    if found is None:
        raise LatentError(
            f"no direction is called {text}: pass a dimension from 0 to {size - 1}, or basis:NAME:2 for the second component of a basis"
        )
    return _component(store, encoder_id, found[1], int(found[2]))


def count_dimensions(store: Store, encoder_id: str) -> int:
    """How many dimensions an encoder has. Raises LatentError for one that the store does not hold."""
    rows = store.rows("SELECT embed_dim FROM encoders WHERE encoder_id = ?", [encoder_id])
    if not rows:
        raise LatentError(f"{store.name} holds no encoder {encoder_id}: ingest some videos")
    return int(rows[0]["embed_dim"])


def _dimension(encoder_id: str, dim: int, size: int) -> Direction:
    if dim >= size:
        raise LatentError(
            f"there is no dimension {dim}: this encoder has dimensions 0 to {size - 1}"
        )
    vector = np.zeros(size, np.float32)
    vector[dim] = 1
    return Direction(
        encoder_id,
        f"dimension {dim}",
        vector,
        np.zeros(size, np.float32),
        Preparation(),
        dim=dim,
    )


def _component(store: Store, encoder_id: str, name: str, number: int) -> Direction:
    linear = [row for row in list_bases(encoder_id).read(store, ListedBasis) if row.kind in LINEAR]
    row = next((row for row in linear if name in (row.name, row.basis_id)), None)
    if row is None:
        held = ", ".join(row.name or row.basis_id for row in linear[:LISTED])
        there = f"there are: {held}" if held else f"fit one with `tubelet basis fit --name NAME --store {store.shell_name}`"  # fmt: skip
        raise LatentError(f"this encoder has no basis {name} of components; {there}")
    basis = load_basis(store, row.basis_id)
    if not 1 <= number <= basis.components or not isinstance(basis.model, Linear):
        raise LatentError(
            f"basis {name} has no component {number}: it has components 1 to {basis.components}"
        )
    return Direction(
        encoder_id,
        f"component {number} of {row.name or row.basis_id}",
        basis.model.components[number - 1],
        basis.model.mean,
        basis.preparation,
        basis_id=basis.basis_id,
        number=number - 1,
    )
