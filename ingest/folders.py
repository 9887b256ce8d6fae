"""The contents of a folder: regular files that may be videos, and what is skipped, with the reason.

Links to folders are followed. Every folder is entered once, under its own name rather than a link's, so a link to a parent folder does not loop.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tubelet.media.frame_folder import PICTURES, find_frames
from tubelet.store.disk.files import explain_irregular
from tubelet.store.disk.home import MARKER

# What a folder is searched for; a file named on the command line is tried whatever its name.
SUFFIXES = frozenset(
    [
        ".3g2",
        ".3gp",
        ".asf",
        ".avi",
        ".divx",
        ".dv",
        ".f4v",
        ".flv",
        ".gif",
        ".h264",
        ".h265",
        ".hevc",
        ".ivf",
        ".m2ts",
        ".m2v",
        ".m4a",
        ".m4v",
        ".mjpeg",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".nut",
        ".ogv",
        ".qt",
        ".rm",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
        ".y4m",
    ]
)
ENDING = "its extension is not one that folders are searched for: pass the file itself to try it"

PICTURE = "a picture: --fps-of-frames N takes pictures, too, and folders of numbered ones as videos"


@dataclass(frozen=True)
class Skipped:
    """A file or folder that was skipped, and why."""

    path: str
    reason: str


@dataclass(kw_only=True)
class Search:
    """One walk below a folder; `files` and `skipped` are filled by `walk`."""

    root: Path
    pictures: bool = False  # whether pictures are taken, and folders of numbered ones as videos
    files: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    _entered: set[tuple[int, int]] = field(default_factory=set)
    _links: list[Path] = field(default_factory=list)

    def walk(self) -> None:
        """Folders first, then the targets of links, in path order."""
        self._walk(self.root)
        while self._links:
            self._links.sort(reverse=True)
            self._walk(self._links.pop())
        self.files.sort()

    def _walk(self, top: Path) -> None:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                if self._is_new(folder):
                    waiting += self._look_into(folder)
            except OSError as error:
                self._skip(folder, f"the folder cannot be read: {reason(error)}")

    def _is_new(self, folder: Path) -> bool:
        """Whether to enter this folder: not twice, and not a store of ours."""
        found = folder.stat()
        identity = found.st_dev, found.st_ino
        if identity in self._entered:
            return False
        self._entered.add(identity)
        if folder != self.root and (folder / MARKER).exists():
            self._skip(folder, "a Tubelet store")
            return False
        return True

    def _look_into(self, folder: Path) -> Iterator[Path]:
        """Sort the entries of a folder; yields the folders among them."""
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
            frames = self._frames(folder, [entry.name for entry in listed if _is_file(entry)])
            for entry in listed:
                if entry.name in frames:
                    continue
                path = folder / entry.name
                if entry.name.startswith("."):
                    continue
                if not _is_folder(entry):
                    self._consider(path)
                elif entry.is_symlink():
                    self._links.append(path)
                else:
                    yield path

    def _frames(self, folder: Path, names: list[str]) -> set[str]:
        """The pictures of a folder that are the frames of one video, which is then found."""
        found = find_frames(folder, names) if self.pictures else None
        if found is None:
            return set()
        self.files.append(folder)
        return {picture.path.name for picture in found.pictures}

    def _consider(self, path: Path) -> None:
        suffix = path.suffix.lower()
        if suffix in PICTURES and not self.pictures:
            self._skip(path, PICTURE)
        elif suffix not in (SUFFIXES | PICTURES if self.pictures else SUFFIXES):
            self._skip(path, ENDING)
        elif special := explain_irregular(path):
            self._skip(path, special)
        else:
            self.files.append(path)

    def _skip(self, path: Path, why: str) -> None:
        self.skipped.append(Skipped(describe_path(path), why))


def _is_folder(entry: os.DirEntry) -> bool:
    """Whether an entry is a folder or a link to one; a link that leads back to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry) -> bool:
    """Whether an entry is a regular file or a link to one."""
    try:
        return entry.is_file()
    except OSError:
        return False


def describe_path(path: Path | str) -> str:
    """A path as text: bytes that are not UTF-8 are written out."""
    return os.fsencode(path).decode(errors="backslashreplace")


def reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
