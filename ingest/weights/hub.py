"""Releases on the Hugging Face hub: huggingface_hub downloads, resumes, locks and keeps them in its own cache."""

from collections.abc import Callable
from pathlib import Path

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.file_download import repo_folder_name

from tubelet.ingest.errors import DownloadError
from tubelet.ingest.weights.release import Release
from tubelet.ingest.weights.saved_folder import INDEX, SINGLE, shards
from tubelet.ingest.weights.transfer import Transfer


def folder() -> Path:
    return Path(constants.HF_HUB_CACHE)


def find_cached(release: Release) -> Path | None:
    """The file or folder of a release in the hub's cache, None where a part of it is absent. Makes no connection."""
    return _gather(lambda name: _find_file(release, name))


def fetch(release: Release) -> Path:
    """The same, downloaded where it is absent. Raises DownloadError."""
    try:
        path = _gather(lambda name: _download(release, name))
    except GatedRepoError as error:
        raise DownloadError(
            f"{release.url} is available on request only: request it there, then run `hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise DownloadError(
            f"{release.url} does not exist, or is private: pass a file you have as --weights FILE"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError) as error:
        raise DownloadError(
            f"{release.url} cannot be downloaded: {_first_line(error)}. Run the same command again later to continue"
        ) from error
    if path is None:
        raise DownloadError(
            f"{release.url} holds neither {SINGLE} nor {INDEX}: pass a file you have as --weights FILE"
        )
    return path


def count_arrived(release: Release) -> int:
    """Bytes of an interrupted download, which huggingface_hub resumes."""
    blobs = folder() / repo_folder_name(repo_id=_repository(release), repo_type="model") / "blobs"
    return sum(path.stat().st_size for path in blobs.glob("*.incomplete"))


def source(release: Release, path: Path) -> str:
    """Repository and commit, in words: the hub's cache keeps a commit in a folder of its name."""
    snapshot = path if path.is_dir() else path.parent
    return f"{release.url} at {snapshot.name[:12]}"


def _repository(release: Release) -> str:
    """The id of a release on the hub. Raises DownloadError for a file elsewhere."""
    if release.repository is None:
        raise DownloadError(
            f"{release.url} is not on the Hugging Face hub: download it and pass it as --weights FILE"
        )
    return release.repository


def _gather(get: Callable[[str], Path | None]) -> Path | None:
    """The single file, or the folder with all shards, as `get` finds or downloads them."""
    if single := get(SINGLE):
        return single
    index = get(INDEX)
    return index.parent if index and all(get(name) for name in shards(index)) else None


def _find_file(release: Release, name: str) -> Path | None:
    path = try_to_load_from_cache(_repository(release), name)
    return Path(path) if isinstance(path, str) else None


def _download(release: Release, name: str) -> Path | None:
    try:
        return Path(hf_hub_download(_repository(release), name, tqdm_class=Transfer))
    except LocalEntryNotFoundError:
        raise
    except EntryNotFoundError:
        return None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
