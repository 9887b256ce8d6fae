"""A release -> its tensors, over the network only if they are not here yet."""

import contextlib
import errno
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from tubelet.ingest.errors import CheckpointError, DownloadError
from tubelet.ingest.weights import cache, hub
from tubelet.ingest.weights.cache import CachedRelease
from tubelet.ingest.weights.download import FULL, download
from tubelet.ingest.weights.extraction import Origin, extract
from tubelet.ingest.weights.formats import Weights, open_weights
from tubelet.ingest.weights.part import PartialFile
from tubelet.ingest.weights.release import Release
from tubelet.store.wording import tell

Check = Callable[[Weights], object]  # raises CheckpointError for weights of another model


def find_cached(release: Release) -> Path | None:
    """The weights of a release on this machine, None where they would have to be downloaded. Makes no connection."""
    if release.repository:
        return hub.find_cached(release)
    place = CachedRelease(release)
    return place.weights if place.weights.is_file() else None


def fetch(release: Release, check: Check) -> Weights:
    """The weights of a release, from the cache or else downloaded, checked and kept there. Raises DownloadError and CheckpointError."""
    path = find_cached(release) or _download_and_check(release, check)
    try:
        weights = open_weights(path)
    except CheckpointError as error:
        raise CheckpointError(
            f"the cached weights of {release.name} are damaged: delete them to download them again. {error}"
        ) from error
    if not release.repository:
        return weights
    check(weights)
    return replace(weights, source=hub.source(release, path))


def _download_and_check(release: Release, check: Check) -> Path:
    if cache.offline():
        raise DownloadError(
            f"the weights of {release.name} are not on this machine and HF_HUB_OFFLINE forbids connections: run `tubelet download "
            f"{release.name}` where there is a network and copy its cache to {_cache_folder(release)}, or get {release.url} and pass it as --weights"
        )
    with _explain_errors(release):
        if release.repository:
            cache.require(
                release.download - hub.count_arrived(release), hub.folder() / "models", release.url
            )
            return hub.fetch(release)
        cache.folder().mkdir(parents=True, exist_ok=True)
        place = CachedRelease(release)
        with _lock(place):
            if not place.weights.is_file():
                _fill(place, check)
        return place.weights


def _fill(place: CachedRelease, check: Check) -> None:
    release, part = place.release, PartialFile(place.part)
    download(release.url, part, release.kept)
    try:
        weights = open_weights(part.path)
    except CheckpointError as error:
        part.remove()
        raise DownloadError(f"{release.url} was downloaded and discarded: {error}") from error
    try:
        check(weights)
    except CheckpointError as error:
        raise CheckpointError(
            f"{release.url} is not what {release.name} needs; it is kept as {part.path}: delete that to download it again. {error}"
        ) from error
    _keep(weights, place)
    part.remove()


def _keep(weights: Weights, place: CachedRelease) -> None:
    tell(f"keeping encoder and predictor of {place.release.name} in {place.weights}")
    with open(place.part, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    origin = Origin(
        url=place.release.url,
        key=place.release.key,
        sha256=digest,
        bytes=place.part.stat().st_size,
        downloaded=now,
    )
    place.record.write_text(json.dumps(asdict(origin), indent=1) + "\n")
    extract(weights, origin, place.weights)


@contextlib.contextmanager
def _lock(place: CachedRelease) -> Iterator[None]:
    """Lock the files of a place: wait for another process that downloads the same."""
    lock = FileLock(place.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell(f"another process downloads {place.release.name}: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _explain_errors(release: Release) -> Iterator[None]:
    """Turn the operating system's errors about a full or locked cache into a sentence."""
    try:
        yield
    except OSError as error:
        folder = _cache_folder(release)
        if error.errno in FULL:
            raise DownloadError(
                f"the disk of {folder} is full: free some space, or point {cache.VARIABLE} to a folder on a larger disk"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise DownloadError(
                f"{folder} is not writable for this user: point {cache.VARIABLE} to a folder that is"
            ) from error
        raise


def _cache_folder(release: Release) -> Path:
    return hub.folder() if release.repository else cache.folder()
