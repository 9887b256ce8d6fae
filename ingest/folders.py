"""The contents of a folder: regular files that may be videos, and what is skipped, with the reason.

Links to folders are followed. Every folder is entered once, under its own name rather than a link's, so a link to a parent folder does not loop.
Folders are read by a thread that may be given up: one whose disk does not answer holds up no other (`store.stalling`).
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tubelet.media.frame_folder import PICTURES, find_frames
from tubelet.store.disk.files import explain_irregular
from tubelet.store.disk.home import MARKER
from tubelet.store.stalling import Attendant, Unanswered, step

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


@dataclass(frozen=True, kw_only=True)
class FolderEntry:
    """What a folder lists; `special`: why it is never opened."""

    name: str
    is_folder: bool
    is_link: bool
    is_file: bool
    special: str | None


@dataclass(kw_only=True)
class Search:
    """One walk below a folder; `files`, among them `frame_folders`, and `skipped` are filled by `walk`."""

    root: Path
    attendant: Attendant
    pictures: bool = False  # whether pictures are taken, and folders of numbered ones as videos
    files: list[Path] = field(default_factory=list)
    frame_folders: set[Path] = field(default_factory=set)
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
            except Unanswered as error:
                self._skip(folder, describe_silence(error))
            except OSError as error:
                self._skip(folder, f"the folder cannot be read: {reason(error)}")

    def _is_new(self, folder: Path) -> bool:
        """Whether to enter this folder: not twice, and not a store of ours."""
        found, is_store = self.attendant.wait(lambda: (folder.stat(), (folder / MARKER).exists()))
        identity = found.st_dev, found.st_ino
        if identity in self._entered:
            return False
        self._entered.add(identity)
        if folder != self.root and is_store:
            self._skip(folder, "a Tubelet store")
            return False
        return True

    def _look_into(self, folder: Path) -> Iterator[Path]:
        """Sort the entries of a folder; yields the folders among them."""
        entries = self._examine(self.attendant.wait(partial(_list_entries, folder)))
        frames = self._frames(folder, [entry.name for entry in entries if entry.is_file])
        for entry in entries:
            if entry.name in frames:
                continue
            path = folder / entry.name
            if not entry.is_folder:
                self._consider(path, entry.special)
            elif entry.is_link:
                self._links.append(path)
            else:
                yield path

    def _examine(self, listed: Sequence[os.DirEntry]) -> list[FolderEntry]:
        """What each of them is. One that does not answer, as a link to a disk that has gone away, is skipped alone."""
        found: list[FolderEntry] = []
        while listed:
            examined: list[FolderEntry] = []
            try:
                self.attendant.wait(partial(_examine_all, listed, examined))
            except Unanswered as error:
                examined = examined[:]  # the thread that was given up adds to the other one
                for silent in listed[len(examined) :][:1]:
                    self._skip(Path(silent.path), describe_silence(error))
                listed = listed[len(examined) + 1 :]
            else:
                listed = ()
            found += examined
        return found

    def _frames(self, folder: Path, names: list[str]) -> set[str]:
        """The pictures of a folder that are the frames of one video, which is then found."""
        found = find_frames(folder, names) if self.pictures else None
        if found is None:
            return set()
        self.files.append(folder)
        self.frame_folders.add(folder)
        return {picture.path.name for picture in found.pictures}

    def _consider(self, path: Path, special: str | None) -> None:
        suffix = path.suffix.lower()
        if suffix in PICTURES and not self.pictures:
            self._skip(path, PICTURE)
        elif suffix not in (SUFFIXES | PICTURES if self.pictures else SUFFIXES):
            self._skip(path, ENDING)
        elif special:
            self._skip(path, special)
        else:
            self.files.append(path)

    def _skip(self, path: Path, why: str) -> None:
        self.skipped.append(Skipped(describe_path(path), why))


def _list_entries(folder: Path) -> list[os.DirEntry]:
    """Those that are not hidden, in the order of their names."""
    listed = []
    with os.scandir(folder) as entries:
        for entry in entries:
            step()
            if not entry.name.startswith("."):
                listed.append(entry)
    return sorted(listed, key=lambda entry: entry.name)


def _examine_all(listed: Sequence[os.DirEntry], examined: list[FolderEntry]) -> None:
    """Add what each entry is, which takes the disk where it is a link."""
    for entry in listed:
        examined.append(_examine_entry(entry))
        step()


def _examine_entry(entry: os.DirEntry) -> FolderEntry:
    is_folder, is_file = _answers(entry.is_dir), _answers(entry.is_file)
    return FolderEntry(
        name=entry.name,
        is_folder=is_folder,
        is_link=entry.is_symlink(),
        is_file=is_file,
        special=None if is_folder or is_file else explain_irregular(Path(entry.path)),
    )


def _answers(question: Callable[[], bool]) -> bool:
    """Whether it is so; not of a link that leads back to itself."""
    try:
        return question()
    except OSError:
        return False


def describe_silence(error: Unanswered) -> str:
    return f"it does not answer, {error}: run the same command again once its disk answers"


def describe_path(path: Path | str) -> str:
    """A path as text: bytes that are not UTF-8 are written out."""
    return os.fsencode(path).decode(errors="backslashreplace")


def reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
