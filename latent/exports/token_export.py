"""The tokens of a selection as a folder for other tools: it appears under its name once it is whole, and a rerun resumes a stopped one.

export_tokens(store, TokenRequest(to="zarr", where="label['split'] = 'train'"), Path("train.zarr"))

One clip stands in memory at a time. Until the end the folder is called `NAME.unfinished`; `plan.json` in it says what it is of, and `done.txt`
which of its parts are whole.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tubelet.latent.errors import LatentError
from tubelet.latent.exports.webdataset_shards import Shards
from tubelet.latent.exports.zarr_arrays import Arrays
from tubelet.store import Store
from tubelet.store.disk.outputs import name_errors
from tubelet.store.options import check_options, option
from tubelet.store.token_dataset import TokenDataset
from tubelet.store.wording import count, write_size

PLAN, DONE = "plan.json", "done.txt"
FORMAT = 1  # of what a rerun may go on with


class Writer(Protocol):
    """A format: its folder is begun, then its parts are written one by one, each again where a run stopped in it."""

    def begin(self) -> int:
        """Make what all parts need; how many parts there are."""

    def write(self, part: int) -> None:
        """Write a part, in place of what may be there of it."""


WRITERS: dict[str, Callable[[TokenDataset, Path], Writer]] = {"zarr": Arrays, "webdataset": Shards}


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
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_options(self, LatentError)


def export_tokens(store: Store, asked: TokenRequest, output: Path) -> str:
    """Write the folder; a sentence that says what it holds. Raises TubeletError, and OSError where the disk does not take it."""
    if output.exists():
        raise LatentError(f"{output} exists: name a new folder")
    dataset = store.dataset(asked.where or "", asked.encoder, labels=asked.labels)
    unfinished = output.with_name(f"{output.name}.unfinished")
    with name_errors(unfinished):
        done = _begin(unfinished, _describe_plan(dataset, asked.to), output)
        writer = WRITERS[asked.to](dataset, unfinished)
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
    size = sum(2 * _count_values(item.shape) for item in dataset.items)
    return (
        f"wrote {count(len(dataset), 'window')} ({write_size(size)} of tokens) to {output}{begun}"
    )


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
    unfinished.mkdir(parents=False, exist_ok=True)
    kept.write_text(plan)
    return 0


def _describe_plan(dataset: TokenDataset, to: str) -> str:
    """What two runs have in common that write the same folder."""
    told = [
        [i.clip_id, i.video_name, i.shape, i.start_s, i.stop_s, i.labels] for i in dataset.items
    ]
    whole = [FORMAT, to, dataset.encoder_id, {**dataset.classes}, told]
    digest = hashlib.sha256(json.dumps(whole).encode()).hexdigest()
    return json.dumps({"to": to, "windows": len(dataset), "sha256": digest}) + "\n"


def _count_values(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
