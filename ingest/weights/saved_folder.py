"""A folder that transformers saved: which of its files hold the tensors.

tensor_files   the file or shards of a folder, chosen as transformers chooses them
shards         what an index of shards names
"""

import json
from pathlib import Path

from tubelet.ingest.errors import CheckpointError
from tubelet.store.disk.inside import is_component

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SAFETENSORS = SINGLE, "model-*.safetensors", INDEX
PICKLES = "pytorch_model.bin", "pytorch_model-*.bin", "pytorch_model.bin.index.json"


def tensor_files(folder: Path) -> list[Path]:
    """The safetensors of a folder, or else its pickles: one file, or else the shards that its index names, which may be missing.

    Other shards beside an index are of an earlier save and are left out; without an index all are taken. Raises CheckpointError for a damaged index.
    """
    for single, sharded, index in (SAFETENSORS, PICKLES):
        if (folder / single).exists():
            return [folder / single]
        if (folder / index).is_file():
            return [folder / name for name in shards(folder / index)]
        if found := sorted(folder.glob(sharded)):
            return found
    return []


def shards(index: Path) -> list[str]:
    """The files that an index of shards names: files beside it, never elsewhere."""
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{index} is not an index of shards: download it again") from error
    except OSError as error:
        raise CheckpointError(f"{index} cannot be read: {error.strerror or error}") from error
    if outside := sorted(str(name) for name in names if not is_component(name)):
        raise CheckpointError(
            f"{index} names files of other folders, {', '.join(outside)[:200]}: download it again"
        )
    return names
