"""The folder of a store as a user names it: which names do, and which folders."""

import os
from pathlib import Path

from tubelet.store.disk.layout import Layout
from tubelet.store.errors import StoreError

UNFIT = {
    *"*?[]%\\^|",
    *map(chr, range(32)),
    chr(127),
}  # patterns to DuckDB, escapes to Delta, no name of a table's folder to delta-rs; control characters end a line of text


def resolve_root(root: Path | str) -> Path:
    """The folder that a text names, absolute. Raises StoreError for a name that tables, queries or a line of text would take for something else."""
    try:
        path = Path(os.path.abspath(Path(root).expanduser()))
    except (RuntimeError, OSError) as error:
        raise StoreError(
            f"the path {root} cannot be resolved ({error}): pass another path as --store"
        ) from error
    if unprintable := sorted(c for c in set(str(path)) if ord(c) < 32 or ord(c) == 127):
        raise StoreError(
            f"the path {str(path)!r} holds {' '.join(map(repr, unprintable))}, which no line can show: pass another path as --store"
        )
    if unfit := sorted(set(str(path)) & UNFIT):
        which = " ".join(
            character if character.isprintable() else repr(character) for character in unfit
        )
        raise StoreError(
            f"the path {str(path)!r} holds {which}, which tables and queries would read as something else: pass another path as --store"
        )
    if str(path) != os.fsencode(path).decode(errors="replace"):
        raise StoreError(
            f"the path {os.fsencode(path)!r} is not UTF-8, which the tables need: pass another path as --store"
        )
    return path


def refuse_foreign(layout: Layout) -> None:
    """Raise StoreError where a new store would stand among files of somebody else."""
    if layout.root.exists() and not layout.root.is_dir():
        raise StoreError(f"{layout.root} is a file, not a folder: pass a folder as --store")
    foreign = [name for name in layout.home.entries() if not layout.is_own(name)]
    if foreign:
        raise StoreError(
            f"{layout.home} is not a Tubelet store and is not empty ({foreign[0]} is in it): pass an empty or a new folder as --store"
        )
