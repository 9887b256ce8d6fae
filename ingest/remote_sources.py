"""Videos at addresses: in a bucket (`s3://BUCKET/FOLDER/`, `s3://BUCKET/FILE`) or on a web server (`https://HOST/FILE`).

Like a file, such a video is known by the hash of its bytes. Size, time and tag that the server tells stand for a file's size and time: while
they are unchanged, nothing is read. What is read is copied to this machine for as long as it is worked on, in parts that must all be of one
state of the file.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tubelet.ingest.errors import UsageError
from tubelet.ingest.folders import ENDING, SUFFIXES, Skipped, reason
from tubelet.ingest.sources import HASHES, Reading, Source, Stamp, describe_change
from tubelet.media.errors import VideoError
from tubelet.media.video import PictureVideo, Video, open_video
from tubelet.store import ids
from tubelet.store.remote.file_copies import own_copies
from tubelet.store.remote.remote_file import (
    FileChanged,
    FileError,
    FileState,
    RemoteFile,
    list_folder,
    read_file_address,
)


@dataclass(frozen=True, kw_only=True)
class RemoteSource(Source):
    """A file at an address, and its state where it was listed; `path` tells it from other sources, and is nowhere opened."""

    file: RemoteFile
    listed: FileState | None = None

    @contextmanager
    def open(self, threads: int = 0) -> Iterator[Video | PictureVideo]:
        """Raises VideoError."""
        with self._copy() as path, open_video(path, threads) as video:
            yield video

    @property
    def text(self) -> str:
        return self.file.shown

    @property
    def name_below_root(self) -> str:
        return f"{self.label}/{self.file.name}" if self.label else self.named or self.file.name

    @property
    def stamp(self) -> Stamp:
        return self._stamp(self.listed or self._look())

    def estimate_bytes(self) -> int:
        return self.listed.size if self.listed else 0

    def describe(self, stamp: Stamp) -> dict[str, Any]:
        return {**super().describe(stamp), "name": self.file.name}

    def reading(self, known: Mapping[Stamp, str]) -> Reading:
        """The state of the file now, or when it was listed; a file whose stamp is in `known` is not read. Raises VideoError."""
        state = self.listed or self._look()
        for _ in range(HASHES):
            with suppress(FileChanged):
                stamp = self._stamp(state)
                video_id = (known.get(stamp) if state.mark else None) or self._hash(state)
                return Reading(self, video_id, stamp, _identify(state))
            state = self._look()
        raise describe_change()

    def _stamp(self, state: FileState) -> Stamp:
        return self.text, state.size, state.mark

    def _look(self) -> FileState:
        try:
            return self.file.look()
        except FileError as error:
            raise VideoError("read", str(error)) from error

    def _hash(self, state: FileState | None = None) -> str:
        with self._copy(state) as path:
            return ids.video_id(path)

    @contextmanager
    def _copy(self, state: FileState | None = None) -> Iterator[Path]:
        """The copy of the file on this machine. Raises VideoError, and FileChanged where the file is no longer in the given state."""
        with ExitStack() as held:
            try:
                path = held.enter_context(own_copies().hold(self.file, state))
            except FileChanged as error:
                if state:
                    raise
                raise describe_change() from error
            except FileError as error:
                raise VideoError("read", str(error)) from error
            except OSError as error:
                raise VideoError("read", f"cannot be copied: {reason(error)}") from error
            yield path

    def _content(self) -> str:
        return self._hash(self._look())

    def _identity(self) -> tuple[int, ...]:
        return _identify(self._look())


def find_remote(text: str) -> tuple[list[Source], list[Skipped]]:
    """The sources at an address, and what else is there. Raises UsageError for an address that cannot be read, or a folder that holds nothing.

    A file that is named itself is looked at when its turn comes: what is wrong with it is then a failure of that video.
    """
    try:
        file = read_file_address(text)
        if file.is_in_bucket and not _names_file(file):
            if listed := list_folder(file):
                return _sort(file, listed)
            if file.is_folder:
                raise UsageError(
                    f"{file.shown} holds no file, or does not exist: check the address"
                )
    except FileError as error:
        raise UsageError(str(error)) from error
    if file.is_folder:
        raise UsageError(
            f"{file.shown} is a folder of a web server, which cannot be listed: name its files"
        )
    return [_make_source(file, None, named=file.shown)], []


def _names_file(file: RemoteFile) -> bool:
    return PurePosixPath(file.name).suffix.lower() in SUFFIXES


def _sort(
    folder: RemoteFile, listed: Sequence[tuple[RemoteFile, FileState]]
) -> tuple[list[Source], list[Skipped]]:
    """The files of a folder that may be videos, labeled with the folder below it, and the others."""
    root = folder.shown.rstrip("/")
    sources = [
        _make_source(
            file, file.shown.removeprefix(f"{root}/").rpartition("/")[0] or None, listed=state
        )
        for file, state in listed
        if _names_file(file)
    ]
    return sources, [Skipped(file.shown, ENDING) for file, _ in listed if not _names_file(file)]


def _make_source(
    file: RemoteFile, label: str | None, named: str | None = None, listed: FileState | None = None
) -> Source:
    signed = (
        file.uri != file.shown
    )  # the rest of the address may tell two files apart, and may be a secret
    path = Path(f"{file.shown}?{ids.hash_parts(file.uri)}" if signed else file.shown)
    return RemoteSource(path=path, label=label, named=named, file=file, listed=listed)


def _identify(state: FileState) -> tuple[int, ...]:
    return state.size, state.mark
