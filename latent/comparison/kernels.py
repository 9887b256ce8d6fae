"""Inner products between all units, and how two such matrices agree, row by row: what every measure here is made of."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from tubelet.array_types import Float


def make_gram(states: Float[np.ndarray, "n D"]) -> Float[np.ndarray, "n n"]:
    """Inner products of centered states, scaled so that the mean of the diagonal is 1; zeros where nothing varies."""
    centered = states - states.mean(axis=0, dtype=np.float64)
    length = np.sqrt(np.einsum("nd,nd->n", centered, centered).mean())
    scale = np.sqrt(np.einsum("nd,nd->n", states, states, dtype=np.float64).mean())
    if not length > 1e-6 * scale:  # what is left is rounding
        return np.zeros((len(states), len(states)), np.float32)
    scaled = (centered / length).astype(np.float32)
    return scaled @ scaled.T


def center_unbiased(gram: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """U-centered (Szekely and Rizzo 2014): its products with another such matrix estimate HSIC without bias. The diagonal is 0."""
    count = len(gram)
    off = gram.astype(np.float64)
    np.fill_diagonal(off, 0)
    rows = off.sum(axis=1)
    off -= (rows[:, None] + rows) / (count - 2)
    off += rows.sum() / ((count - 1) * (count - 2))
    np.fill_diagonal(off, 0)
    return off.astype(np.float32)


def stack_rows(matrices: Sequence[Float[np.ndarray, "n n"]]) -> Float[np.ndarray, "n p n"]:
    """Matrices of several places, row by row: those of one unit lie together."""
    stack = np.empty((len(matrices[0]), len(matrices), len(matrices[0])), np.float32)
    for place, matrix in enumerate(matrices):
        stack[:, place] = matrix
    return stack


def multiply_rows(
    stack: Float[np.ndarray, "n p n"], order: np.ndarray | None = None
) -> Float[np.ndarray, "n p p"]:
    """Inner products of the rows of each unit, between every two places; the second place's units exchanged in an order, if one is given."""
    from threadpoolctl import threadpool_limits

    found = np.empty((len(stack), stack.shape[1], stack.shape[1]), np.float32)
    with threadpool_limits(1):  # threads wait for each other longer than such a product takes
        for unit, rows in enumerate(stack):
            others = rows if order is None else stack[order[unit]][:, order]
            np.matmul(rows, others.T, out=found[unit])
    return found


def shuffle_products(
    stack: Float[np.ndarray, "n p n"], shuffles: int, seed: int
) -> Float[np.ndarray, "s p p"]:
    """The sums of such products with units shuffled: what places reach that see other videos."""
    generator = np.random.default_rng(seed)
    return np.stack(
        [
            multiply_rows(stack, generator.permutation(len(stack))).sum(axis=0, dtype=np.float64)
            for _ in range(shuffles)
        ]
    )


def shuffle_marks(
    marked: Sequence[Float[np.ndarray, "n n"]], shuffles: int, seed: int
) -> Float[np.ndarray, "s p p"]:
    """The same of matrices of 0 and 1 in which few are 1: only those are counted. NaN where a place has no marks."""
    generator, units = np.random.default_rng(seed), len(marked[0])
    own = [np.divmod(np.flatnonzero(one == 1), units) for one in marked]
    lacking = np.array([not len(rows) for rows, _ in own])
    first = _place_marks(own, np.arange(units))
    found = np.empty((shuffles, len(marked), len(marked)))
    for number in range(shuffles):
        found[number] = (first @ _place_marks(own, generator.permutation(units)).T).toarray()
    found[:, lacking] = found[:, :, lacking] = np.nan
    return found


def _place_marks(
    marks: Sequence[tuple[np.ndarray, np.ndarray]], order: np.ndarray
) -> sparse.csr_array:
    """The marks of each place in a row, ``(p, n * n)``, as they lie in matrices whose rows and columns are put in an order."""
    now = np.argsort(order)  # where each unit is then
    columns = [now[rows] * len(order) + now[others] for rows, others in marks]
    ends = np.cumsum([0, *map(len, columns)])
    joined = np.concatenate(columns)
    return sparse.csr_array(
        (np.ones(len(joined)), joined, ends), shape=(len(marks), len(order) ** 2)
    )
