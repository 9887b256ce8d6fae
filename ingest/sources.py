"""Which files there are, and what they contain: paths to sources, each with the id of its bytes."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tubelet.media.errors import VideoError
from tubelet.ingest.errors import UsageError
from tubelet.store import ids
from tubelet.store.disk.layout import MARKER

# What a folder is searched for; a file named on the command line is tried whatever its name.
SUFFIXES = frozenset(
    ".3g2 .3gp .asf .avi .divx .dv .f4v .flv .gif .h264 .h265 .hevc .ivf .m2ts .m2v .m4a .m4v .mjpeg .mkv .mov .mp4 .mpeg .mpg .mts "
    ".mxf .nut .ogv .qt .rm .ts .vob .webm .wmv .y4m".split()
)


@dataclass(frozen=True)
class Source:
    """A file that may be a video; `label` is its folder below the path that was given, None at its top."""

    path: Path
    label: str | None

    @property
    def stamp(self) -> tuple[str, int, int]:
        """Path, bytes and modification time: while they stay, the content is taken to be the same."""
        try:
            stat = os.stat(self.path)
        except OSError as error:
            raise VideoError("read", f"cannot be read: {(error.strerror or str(error)).lower()}") from error
        return str(self.path), stat.st_size, stat.st_mtime_ns

    def video_id(self, known: Mapping[tuple[str, int, int], str]) -> str:
        """Id of the file's bytes; `known` spares reading a file whose stamp it holds. Raises VideoError."""
        if (found := known.get(self.stamp)) is not None:
            return found
        try:
            return ids.video_id(self.path)
        except OSError as error:
            raise VideoError("read", f"cannot be read: {(error.strerror or str(error)).lower()}") from error


def find(paths: Sequence[str], limit: int | None = None) -> list[Source]:
    """Sources below the paths, each file once, in the order of their names. Raises UsageError where there are none."""
    found: dict[Path, Source] = {}
    for text in paths:
        for source in _below(Path(os.path.abspath(Path(text).expanduser()))):
            found.setdefault(source.path, source)
    if not found:
        raise UsageError(f"no video file below {', '.join(paths)}: name files or folders that hold some ({' '.join(sorted(SUFFIXES))})")
    return list(found.values())[:limit]


def _below(path: Path) -> list[Source]:
    if path.is_file():
        return [Source(path, None)]
    if not path.is_dir():
        raise UsageError(f"{path} does not exist: check the path")
    files = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and not (Path(folder) / f / MARKER).exists())
        files += [Path(folder) / name for name in names if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")]
    return [Source(file, _label(file, path)) for file in sorted(files)]


def _label(file: Path, root: Path) -> str | None:
    below = file.parent.relative_to(root).as_posix()
    return None if below == "." else below
