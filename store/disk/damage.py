"""Files of tables that are not as they were committed: written again, what is in them would pass as sound."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from tubelet.store.disk import checksums, snapshot
from tubelet.store.disk.layout import Layout
from tubelet.store.errors import StoreError


def find_changed(layout: Layout, files: Iterable[str]) -> Path | None:
    """The first of these files that is missing, or whose bytes have changed since they were committed."""
    known = snapshot.sums(layout)
    for path in map(Path, files):
        expected = known.get(layout.relative(path))
        if not path.is_file() or expected not in (None, checksums.measure(path)):
            return path
    return None


def require_sound(layout: Layout, files: Iterable[str], what: str) -> None:
    """Raise StoreError where a file has changed; `what` is about to be done."""
    if path := find_changed(layout, files):
        raise StoreError(
            f"{path} is damaged, and {what} would hide that: run `tubelet check --repair --store {shlex.quote(str(layout.root))}`, then ingest again"
        )
