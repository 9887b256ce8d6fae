"""The tokens of a selection as a folder for other tools: it appears under its name once it is whole, and a rerun resumes a stopped one.

export_tokens(store, TokenRequest(to="zarr", where="label['split'] = 'train'"), Path("train.zarr"))

One clip stands in memory at a time. Until the end the folder is called `NAME.unfinished`; `plan.json` in it says what it is of, and `done.txt`
which of its parts are whole.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tubelet.latent.errors import LatentError
from tubelet.latent.exports.atlas_table import AtlasTable
from tubelet.latent.exports.datasets_folder import DatasetsFolder
from tubelet.latent.exports.fiftyone_folder import FiftyOneFolder
from tubelet.latent.exports.item_columns import count_bytes
from tubelet.latent.exports.lance_table import LanceTable
from tubelet.latent.exports.npy_array import OneArray
from tubelet.latent.exports.webdataset_shards import Shards
from tubelet.latent.exports.zarr_arrays import Arrays
from tubelet.store import Store
from tubelet.store.disk.outputs import name_errors
from tubelet.store.options import check_options, option
from tubelet.store.token_dataset import TokenDataset
from tubelet.store.wording import count, write_size

PLAN, DONE = "plan.json", "done.txt"
FORMAT = 2  # of what a rerun may go on with


class FormatWriter(Protocol):
    """A format: its folder is begun, then its parts are written one by one, each again where a run stopped in it."""

    def begin(self) -> int:
        """Make what all parts need; how many parts there are."""

    def write(self, part: int) -> None:
        """Write a part, in place of what may be there of it."""


WRITERS: dict[str, Callable[[TokenDataset, Path, Store], FormatWriter]] = {
    "zarr": Arrays,
    "webdataset": Shards,
    "npy": OneArray,
    "datasets": DatasetsFolder,
    "lance": LanceTable,
    "atlas": AtlasTable,
    "fiftyone": FiftyOneFolder,
}


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """Which tokens, and what they become."""

    to: str = option("zarr", help="Format of the folder.", choices=tuple(WRITERS))
    where: str | None = option(
        None,
        metavar="SQL",
        help="Only videos that meet a condition, such as \"label['split'] = 'train'\".",
    )
    encoder: str | None = option(
        None,
        metavar="NAME|ID",
        help="Name or id of an encoder of the store.",
        unset="the only one",
    )
    slices: int | None = option(
        None,
        least=1,
        most=65_536,
        help="Cut each window into stretches of this many slices.",
        unset="whole windows",
    )
    pooled: bool = option(
        False,
        help="Write the mean over the patches of each slice, in single precision, instead of tokens.",
    )
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_options(self, LatentError)


def export_tokens(store: Store, asked: TokenRequest, output: Path) -> str:
    """Write the folder; a sentence that says what it holds. Raises TubeletError, and OSError where the disk does not take it."""
    if os.path.lexists(output):  # a link that leads nowhere, too
        raise LatentError(f"{output} exists: name a new folder")
    if not output.parent.is_dir():
        raise LatentError(f"{output.parent} is not a folder: create it, or name another one")
    dataset = store.dataset(
        asked.where or "", asked.encoder, asked.slices, asked.pooled, asked.labels
    )
    unfinished = output.with_name(f"{output.name}.unfinished")
    writer = WRITERS[asked.to](dataset, unfinished, store)
    with name_errors(unfinished), _hold(unfinished):
        done = _begin(unfinished, _describe_plan(dataset, asked.to), output)
        parts = writer.begin()
        with open(unfinished / DONE, "a") as ledger:
            for part in range(done, parts):
                writer.write(part)
                ledger.write(f"{part}\n")
                ledger.flush()
        (unfinished / PLAN).unlink()
        (unfinished / DONE).unlink()
        unfinished.rename(output)
    begun = f", the first {done:,} of {parts:,} by an earlier run" if done else ""
    size = sum(count_bytes(item, dataset.pooled) for item in dataset.items)
    words = ("window",) if asked.slices is None else ("stretch of slices", "stretches of slices")
    return f"wrote {count(len(dataset), *words)} ({write_size(size)} of tokens) to {output}{begun}"


@contextmanager
def _hold(unfinished: Path) -> Iterator[None]:
    """Make the folder and have it for this process alone. Raises LatentError where another one writes it."""
    unfinished.mkdir(exist_ok=True)
    descriptor = os.open(unfinished, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise LatentError(
            f"another process writes {unfinished}: wait for it, or name another folder"
        ) from error
    finally:
        os.close(descriptor)


def _begin(unfinished: Path, plan: str, output: Path) -> int:
    """How many parts an earlier run has written. Raises LatentError where it was another export's."""
    kept = unfinished / PLAN
    if kept.is_file() and kept.read_text() == plan:
        lines = (unfinished / DONE).read_text().split("\n") if (unfinished / DONE).exists() else []
        return len(lines[:-1])  # what follows the last line break was not finished
    if unfinished.exists() and any(unfinished.iterdir()):
        raise LatentError(
            f"{unfinished} holds part of another export: remove it, or name another folder than {output.name}"
        )
    kept.write_text(plan)
    return 0


def _describe_plan(dataset: TokenDataset, to: str) -> str:
    """The settings that two runs must share to write the same folder."""
    told = [
        [i.clip_id, i.video_name, i.shape, i.first, i.start_s, i.stop_s, i.labels]
        for i in dataset.items
    ]
    whole = [FORMAT, to, dataset.encoder_id, dataset.pooled, {**dataset.classes}, told]
    digest = hashlib.sha256(json.dumps(whole).encode()).hexdigest()
    return json.dumps({"to": to, "windows": len(dataset), "sha256": digest}) + "\n"
