"""Which data files of tables are here: of a store in a bucket, those of bulky tables come when they are first needed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tubelet.store.disk import tables
from tubelet.store.disk.layout import Layout
from tubelet.store.disk.tables import Version
from tubelet.store.errors import FilesGone
from tubelet.store.schema import TABLES


def comes_late(layout: Layout, name: str) -> bool:
    """Whether data files of a table may not be here yet."""
    return TABLES[name].is_bulky and layout.is_partial


def measure(layout: Layout, held: Iterable[Version]) -> dict[str, int]:
    """The files of versions, by name and bytes, of tables whose rows have an owner."""
    return {
        layout.relative(Path(file)): version.sizes[file]
        for version in held
        for file in version.files
        if version.sizes
    }


def bring(layout: Layout, held: Version) -> None:
    """Have the files of a version here. Raises FilesGone where the bucket has one no more: another writer has merged it, or it is lost."""
    layout.home.bring(measure(layout, [held]))


def bring_tables(layout: Layout, versions: Iterable[tuple[str, int]]) -> bool:
    """Have all files of tables here that there are; whether none is lost, which whoever reads them finds."""
    whole = True
    for name, version in versions:
        if comes_late(layout, name):
            try:
                bring(layout, tables.open_table(layout.table(name), version))
            except FilesGone:
                whole = False
    return whole


def require_here(files: Sequence[str]) -> None:
    """Raise FilesGone where one of these files is not here: a process that has no access to the bucket cannot bring it."""
    for file in files:
        if not Path(file).exists():
            raise FilesGone(f"{file} is not on this machine yet: ask again")


def is_whole(layout: Layout, name: str, version: int) -> bool:
    """Whether a version can be opened, and all its files are there, or may come."""
    if comes_late(layout, name):
        return tables.can_open(layout.table(name), version)
    return tables.is_whole(layout.table(name), version)
