"""NaN as what a table says of an unknown number: NULL, or None."""

import numpy as np
import pyarrow as pa


def null_where_nan(values: np.ndarray) -> pa.Array:
    """Numbers as a column, NULL where they are not finite."""
    return pa.array(np.asarray(values, float), mask=~np.isfinite(values))


def none_if_nan(value: float) -> float | None:
    """A number, or None for one that is not finite."""
    return float(value) if np.isfinite(value) else None
