"""Which files there are: paths and addresses to sources."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tubelet.ingest.errors import UsageError
from tubelet.ingest.folders import SUFFIXES, Search, Skipped, describe_path, describe_silence
from tubelet.ingest.remote_sources import find_remote
from tubelet.ingest.sources import Source
from tubelet.store.disk.files import explain_irregular
from tubelet.store.remote.address import is_remote
from tubelet.store.stalling import Attendant, Unanswered


@dataclass(frozen=True)
class FoundSources:
    """The sources below some paths, and what was skipped."""

    sources: list[Source]
    skipped: tuple[Skipped, ...]


def search(
    paths: Sequence[str], limit: int | None = None, fps_of_frames: float | None = None
) -> FoundSources:
    """Sources below the paths and at the addresses, each file once, in the order of their names; with a rate of frames, pictures too. Raises UsageError where there are none."""
    sources: dict[Path, Source] = {}
    skipped: dict[str, Skipped] = {}
    attendant = Attendant()
    for text in paths:
        below, left_out = (
            find_remote(text) if is_remote(text) else _below(text, fps_of_frames, attendant)
        )
        for source in below:
            sources.setdefault(source.path, source)
        skipped |= {one.path: one for one in left_out}
    if not sources:
        raise UsageError(_nothing(paths, list(skipped.values())))
    taken = {source.text for source in sources.values()}
    return FoundSources(
        list(sources.values())[:limit],
        tuple(one for one in skipped.values() if one.path not in taken),
    )


def find(paths: Sequence[str], limit: int | None = None) -> list[Source]:
    """The sources of `search` alone, files of this machine all. Raises UsageError."""
    if remote := [text for text in paths if is_remote(text)]:
        raise UsageError(
            f"{remote[0].partition('://')[0]}://...: only `tubelet ingest` and `tubelet plan` read videos at addresses: copy them to this machine"
        )
    return search(paths, limit).sources


def _below(
    text: str, frame_rate: float | None, attendant: Attendant
) -> tuple[list[Source], list[Skipped]]:
    path, named = Path(os.path.abspath(Path(text).expanduser())), os.path.normpath(text)
    try:
        is_folder, special = attendant.wait(partial(_examine, path))
    except Unanswered as error:
        return [], [Skipped(describe_path(path), describe_silence(error))]
    if special:
        return [], [Skipped(describe_path(path), special)]
    if not is_folder:
        return [Source(path=path, label=None, named=named)], []
    found = Search(root=path, attendant=attendant, pictures=frame_rate is not None)
    found.walk()
    sources = [
        Source(
            path=file,
            label=_label(file, path),
            frame_rate=frame_rate if file in found.frame_folders else None,
        )
        for file in found.files
    ]
    return sources, found.skipped


def _examine(path: Path) -> tuple[bool, str | None]:
    """Whether a path is a folder, and why it is never opened, of what is neither that nor a file. Raises UsageError where nothing is there."""
    if not os.path.lexists(path):
        raise UsageError(f"{describe_path(path)} does not exist: check the path")
    is_folder = path.is_dir()
    return is_folder, None if is_folder else explain_irregular(path)


def _label(file: Path, root: Path) -> str | None:
    if file == root:
        return None  # a folder of frames that was named itself
    below = file.parent.relative_to(root).as_posix()
    return None if below == "." else below


def _nothing(paths: Sequence[str], skipped: Sequence[Skipped]) -> str:
    endings = " ".join(sorted(SUFFIXES))
    left_out = f"; skipped: {skipped[0].path} ({skipped[0].reason})" if skipped else ""
    more = f" and {len(skipped) - 1:,} more" if len(skipped) > 1 else ""
    return f"no video file below {', '.join(map(describe_path, paths))}: name files or folders that hold some ({endings}){left_out}{more}"
