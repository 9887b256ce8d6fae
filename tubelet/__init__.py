"""Tubelet from Python. Importing it loads nothing heavy. The public names are:

open         opens the store at a path
Store        the class of an open store: `query`, `rows`, `grid`, `close`
__version__  the version that is installed

import tubelet
store = tubelet.open("STORE")
store.query("SELECT count(*) FROM clips")

cli       the `tubelet` command
__main__  the same as `python -m tubelet`
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tubelet.store import Store

__all__ = ["Store", "__version__", "open"]

LAZY = {
    "Store": ("tubelet.store", "Store"),
    "main": ("tubelet.cli", "main"),
}  # name -> module and name in it, imported when asked for


def open(path: "Path | str", read_only: bool = False) -> "Store":
    """The store at a path; with `read_only` every write to it is refused. Raises StoreError with what to do where there is none."""
    from tubelet.store import Store

    return Store(path, read_only)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("tubelet")
    if name not in LAZY:
        raise AttributeError(f"module 'tubelet' has no attribute {name!r}")
    module, attribute = LAZY[name]
    return getattr(import_module(module), attribute)
