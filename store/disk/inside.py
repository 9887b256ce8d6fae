"""Paths that come out of a table, a log or somebody else's file: resolved here before anything opens, writes or deletes them.

    resolve_file(root, "embeddings/toy/0123/4567.parquet")      # or UnsafePath

A store may come from anybody. Whatever it contains, it can only name regular files inside its own folder: no absolute path, no `..`,
no link that leads out, nothing that blocks whoever opens it.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from tubelet.store.errors import StoreError

PATTERN = set("*?[")  # DuckDB would read these as a pattern
DISTRUST = "the store may be malicious: do not open it until you know who made it"


class UnsafePath(StoreError):
    """A path that leads outside the folder it belongs to, or to something that is not a regular file."""


def is_component(name: object) -> bool:
    """Whether a value is the name of one file or folder, and stays in the folder it is joined to."""
    return isinstance(name, str) and name not in ("", ".", "..") and not {"/", "\0"} & set(name)


def resolve_file(root: Path, name: object) -> Path:
    """The path of a regular file below `root`, or of one that does not exist yet. Raises UnsafePath."""
    return resolve_files(root, [name])[0]


def resolve_files(root: Path, names: Iterable[object]) -> list[Path]:
    """What `resolve_file` gives for each name; each folder is examined once."""
    known: set[str] = set()
    return [Path(_resolve(str(root), name, known)) for name in names]


def resolve_folder(root: Path, name: str) -> Path:
    """The path of a folder below `root`, or of one that does not exist yet. Raises UnsafePath."""
    path = _join(str(root), name)
    _refuse_folder(path, str(root), set())
    return Path(path)


def refuse_links(folder: Path) -> None:
    """Raise UnsafePath unless everything below a folder is a regular file or a folder."""
    if not os.path.lexists(folder):
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                refuse_links(Path(entry.path))
            elif not entry.is_file(follow_symlinks=False):
                raise UnsafePath(
                    f"{entry.path} is not a regular file, which a table is made of: {DISTRUST}"
                )


def walk_files(root: Path, name: str) -> Iterator[Path]:
    """Everything but folders below a folder of `root`, in order; links are named, never followed. Raises UnsafePath."""
    folder = resolve_folder(root, name)
    for place, folders, files in os.walk(folder):
        links = [folder for folder in folders if os.path.islink(os.path.join(place, folder))]
        folders.sort()
        yield from sorted(Path(place) / name for name in files + links)


def remove_file(root: Path, path: Path) -> None:
    """Delete one file below `root`; for a link, the link itself. Raises UnsafePath, does nothing if there is no such file."""
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    _refuse_folder(os.path.dirname(_join(str(root), name)), str(root), set())
    path.unlink(missing_ok=True)


def _resolve(root: str, name: object, known: set[str]) -> str:
    path = _join(root, name)
    _refuse_folder(os.path.dirname(path), root, known)
    mode = _mode(path)
    if mode is not None and stat.S_ISLNK(mode):
        _refuse_outside(path, root)
        mode = _target_mode(path)
    if mode is not None and not stat.S_ISREG(mode):
        raise UnsafePath(
            f"{path} is not a regular file: if the store is yours, remove it and run `tubelet check`; else {DISTRUST}"
        )
    return path


def _join(root: str, name: object) -> str:
    """Raises UnsafePath for a name that is not plainly below `root`, whatever is on the disk."""
    if (
        not isinstance(name, str)
        or not all(map(is_component, name.split("/")))
        or PATTERN & set(name)
    ):
        raise UnsafePath(
            f"{root} names a file outside of it, {name!r}, which is left untouched: {DISTRUST}"
        )
    return f"{root}/{name}"


def _refuse_folder(folder: str, root: str, known: set[str]) -> None:
    """Raise UnsafePath unless a folder below `root`, where it exists, is really there."""
    if folder == root or folder in known:
        return
    _refuse_folder(os.path.dirname(folder), root, known)
    mode = _mode(folder)
    if mode is not None and stat.S_ISLNK(mode):
        _refuse_outside(folder, root)
    elif mode is not None and not stat.S_ISDIR(mode):
        raise UnsafePath(f"{folder} is not a folder: {DISTRUST}")
    known.add(folder)


def _refuse_outside(link: str, root: str) -> None:
    if not Path(os.path.realpath(link)).is_relative_to(os.path.realpath(root)):
        raise UnsafePath(
            f"{link} is a link that leads outside {root}: if it is yours, put what it points to in its place; else {DISTRUST}"
        )


def _mode(path: str) -> int | None:
    """The mode of a path, links not followed; None where there is nothing. Raises StoreError where it cannot be read."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be examined ({error.strerror}): check its permissions and its disk"
        ) from error


def _target_mode(link: str) -> int | None:
    try:
        return os.stat(link).st_mode
    except OSError:  # it points to nothing
        return None
