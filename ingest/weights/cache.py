"""Where the files of a release are kept: a folder `tubelet` beside the other caches below `HF_HOME`.

    STEM.safetensors      the tensors that count, whole or absent
    STEM.json             where they come from: address, key, SHA-256 and size of the download, date
    STEM.part, .part.json a download in progress, and which version of the remote file it is
    STEM.lock             held by the process that downloads

A stem is the encoder's name in lower case and a hash of its exact name, address and key, so that vitg and vitG stay apart on a disk
that ignores case. What is on the Hugging Face hub stays in the hub's own cache.
"""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, is_offline_mode

from tubelet.ingest.errors import DownloadError
from tubelet.ingest.weights.release import Release

VARIABLE = "HF_HOME"


def folder() -> Path:
    return Path(constants.HF_HOME).expanduser() / "tubelet"


def offline() -> bool:
    """Whether `HF_HUB_OFFLINE` forbids connections."""
    return is_offline_mode()


def free(path: Path) -> int:
    """Bytes that this user may still write where `path` is or will be."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free


def require(needed: int, path: Path, what: str) -> None:
    """Raises DownloadError unless `needed` bytes fit where `path` is or will be."""
    there = free(path)
    if needed > there:
        raise DownloadError(
            f"no space for {what}: {gigabytes(needed)} are needed in {path.parent} and {gigabytes(there)} are free: free some (what was "
            f"downloaded is kept), or point {VARIABLE} to a folder on a larger disk"
        )


def gigabytes(count: int) -> str:
    return f"{count / 1e9:,.2f} GB" if count >= 1e7 else f"{count / 1e6:,.3f} MB"


@dataclass(frozen=True)
class CachedRelease:
    """The files of one release in the cache."""

    release: Release

    @property
    def stem(self) -> str:
        exact = "\n".join((self.release.name, self.release.url, self.release.key))
        return f"{self.release.name.lower()}-{hashlib.sha256(exact.encode()).hexdigest()[:8]}"

    @property
    def weights(self) -> Path:
        return folder() / f"{self.stem}.safetensors"

    @property
    def record(self) -> Path:
        return folder() / f"{self.stem}.json"

    @property
    def part(self) -> Path:
        return folder() / f"{self.stem}.part"

    @property
    def lock(self) -> Path:
        return folder() / f"{self.stem}.lock"
