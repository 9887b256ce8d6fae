"""A file that is still arriving: its bytes, and beside them which version of which remote file they belong to."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class RemoteVersion:
    """A remote file as the server described it. `validator` is a strong ETag or a date, empty where the server gave neither."""

    url: str
    validator: str
    length: int | None  # bytes; None until the end of a transfer without a promised length


class PartialFile:
    """The bytes of one version. A version is written before its first byte, so that bytes are never attributed to another version."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._described = path.with_name(f"{path.name}.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def version(self) -> RemoteVersion | None:
        try:
            return RemoteVersion(**json.loads(self._described.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def resumable(self, url: str) -> RemoteVersion | None:
        """The version to resume, None where the transfer has to start over."""
        version = self.version
        return (
            version if self.size and version and version.url == url and version.validator else None
        )

    def complete(self, url: str) -> bool:
        version = self.version
        return (
            version is not None
            and version.url == url
            and version.length is not None
            and version.length == self.size
        )

    def begin(self, version: RemoteVersion) -> None:
        self.path.unlink(missing_ok=True)
        self._describe(version)
        self.path.touch()

    def mark_ended(self) -> None:
        """The server has closed a transfer properly: without an announced length, this is the length."""
        version = self.version
        if version and version.length is None:
            self._describe(replace(version, length=self.size))

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._described.unlink(missing_ok=True)

    def _describe(self, version: RemoteVersion) -> None:
        unfinished = self._described.with_name(f"{self._described.name}.new")
        unfinished.write_text(json.dumps(asdict(version)))
        unfinished.replace(self._described)
