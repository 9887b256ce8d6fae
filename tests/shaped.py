"""Array shapes and element types are checked in every test: jaxtyping's import hook over the modules that state any.

Importing this module installs the hook, so it comes before Tubelet (tests/conftest.py). What a test runs in a process of its
own is not checked.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from beartype import beartype
from jaxtyping import AbstractArray, install_import_hook

ROOMS = ("store", "media", "latent", "ingest")  # where arrays are born


def find_modules(root: Path) -> list[str]:
    """The modules that import types from `tubelet.array_types`."""
    return [
        "tubelet." + ".".join(path.relative_to(root).with_suffix("").parts)
        for room in ROOMS
        for path in sorted((root / room).rglob("*.py"))
        if "from tubelet.array_types import" in path.read_text()
    ]


def check_arrays(function: Callable) -> Callable:
    """The function with its arrays checked by beartype; every other type is the type checker's."""
    hints = function.__annotations__
    function.__annotations__ = {name: hint for name, hint in hints.items() if _has_shape(hint)}
    return beartype(function) if function.__annotations__ else function


def _has_shape(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(_has_shape(part) for part in get_args(hint))


# Every call in these modules is checked, and every dataclass, once they are imported.
install_import_hook(find_modules(Path(__file__).parents[1]), "tests.shaped.check_arrays")
