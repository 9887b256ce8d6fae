"""Where a model's files are: a directory as it is, or an id of the Hugging Face Hub through the cache that its tools share."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from tubelet.ingest.errors import UsageError
from tubelet.ingest.weights.saved_folder import PICKLES, SAFETENSORS, tensor_files

ID, LONGEST_ID = re.compile(r"[\w.-]+/[\w.-]+"), 96  # characters, as the hub allows
SETTINGS = (
    "config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "processor_config.json",
)
LARGEST_SETTINGS = 10_000_000  # bytes


def is_model(name: str) -> bool:
    """Whether an encoder's name is a directory or an id, and not a name of the table."""
    return is_directory(name) or (len(name) <= LONGEST_ID and bool(ID.fullmatch(name)))


def is_directory(name: str) -> bool:
    return bool(name) and os.path.isdir(os.path.expanduser(name))


def find_cached(name: str) -> Path | None:
    """The directory of an id in the hub's cache, None where its configuration or weights are not there. Makes no connection."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json")
    folder = Path(config).parent if isinstance(config, str) else None
    found = tensor_files(folder) if folder else []
    return folder if found and all(path.exists() for path in found) else None


def with_settings(name: str) -> Path:
    """The directory of a model with its configuration, weights not yet fetched. Raises UsageError."""
    folder = Path(name).expanduser()
    folder = folder.resolve() if folder.is_dir() else fetch_files(name, SETTINGS)
    if not (folder / "config.json").is_file():
        raise UsageError(
            f"{name} has no config.json: --encoder takes a directory written by transformers' save_pretrained"
        )
    return folder


def with_weights(name: str) -> Path:
    """The directory of a model with its weights: safetensors where there are any. Raises UsageError."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    folder = fetch_files(name, (*SETTINGS, *SAFETENSORS))
    return folder if tensor_files(folder) else fetch_files(name, (*SETTINGS, *PICKLES))


def settings(folder: Path, name: str) -> dict:
    """What a JSON file of the model says; nothing where there is none. Only a regular file of reasonable size is opened. Raises UsageError."""
    path = folder / name
    if not path.exists():
        return {}
    if not path.is_file() or path.stat().st_size > LARGEST_SETTINGS:
        raise UsageError(f"{path} is not a settings file of a model: download the model again")
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: download the model again") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    if not isinstance(found, dict):
        raise UsageError(
            f"{path} holds a JSON {type(found).__name__}, not an object: download the model again"
        )
    return found


def fetch_files(name: str, patterns: Sequence[str]) -> Path:
    """The directory of an id with the files that patterns match, downloaded where they are absent. Raises UsageError."""
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(patterns)))
    except errors.HFValidationError as error:
        raise UsageError(
            f"--encoder {name} is neither a directory nor an id of the Hugging Face Hub: check the path"
        ) from error
    except errors.GatedRepoError as error:
        raise UsageError(
            f"{name} requires you to accept its license: do so at https://huggingface.co/{name}, then run `hf auth login`"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UsageError(
            f"there is no model {name} on the Hugging Face Hub, or it is private: check the id"
        ) from error
    except (OSError, errors.HfHubHTTPError, errors.LocalEntryNotFoundError) as error:
        raise UsageError(_absent(name)) from error


def _absent(name: str) -> str:
    offline = (
        "HF_HUB_OFFLINE is set"
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
        else "the Hub cannot be reached"
    )
    ways = f"run `hf download {name}` where there is a network, or pass the directory of a copy as --encoder"
    return f"{name} is not in the Hugging Face cache and {offline}: {ways}"
