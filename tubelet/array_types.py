"""Array types that say element type and shape: ``Float32[np.ndarray, "n D"]``.

The tests check them at every call: tests/conftest.py loads jaxtyping before anything else. Without jaxtyping each name
stands for the array alone, so an installed Tubelet neither needs that package nor spends time on it.

S, H, W, D are slices, patch rows, patch columns and dimensions of a token grid; B clips of a batch; T frames; h, w pixels;
n tokens; k components. A name has one size per call. A single name starts with a space: linters take it for a type otherwise.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or sys.modules.get("jaxtyping"):
    from jaxtyping import Bool, Float, Float16, Float32, Float64, Int, Int8, Int16, Shaped, UInt8
else:

    class Unchecked:
        """``Unchecked[array, shape]`` is the array type."""

        def __class_getitem__(cls, wanted: tuple[Any, str]) -> Any:
            return wanted[0]

    Bool = Float = Float16 = Float32 = Float64 = Int = Int8 = Int16 = Shaped = UInt8 = Unchecked

__all__ = [
    "Bool",
    "Float",
    "Float16",
    "Float32",
    "Float64",
    "Int",
    "Int8",
    "Int16",
    "Shaped",
    "UInt8",
]
