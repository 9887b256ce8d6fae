"""The bank filled by several processes: each decodes the same videos for itself and makes the clips whose numbers it is given.

What a clip is follows from its number, so the files are those of one process, whoever makes them, and those that are there are not made again.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import torch

from tubelet.ingest.batches import BatchPlan
from tubelet.ingest.errors import TeamError
from tubelet.ingest.networks.efficientnet import locate
from tubelet.store.outcome import Outcome
from tubelet.store.wording import count
from tubelet.training.pretraining.bank import Bank
from tubelet.training.pretraining.batches import count_known
from tubelet.training.pretraining.clip_source import FootagePaths
from tubelet.training.pretraining.distillation import load_distillation
from tubelet.training.pretraining.settings import Settings

MOST = 32  # clips of a batch


@dataclass(kw_only=True)
class BankOutcome(Outcome):
    """`made` clips."""

    counted = ("made",)

    made: int = 0

    def lines(self) -> list[str]:
        return [f"{count(self.made, 'clip')} prepared", *self.list_notes()]


@dataclass(frozen=True)
class BankWorker:
    """Makes clips, and the teacher's features of them."""

    bank: Bank
    identity: tuple[str, ...] = ()

    def do(self, batch: Sequence[int], stopping: Event, show: Callable[[int], None]) -> BankOutcome:
        outcome = BankOutcome()
        for number in batch:
            if stopping.is_set():
                outcome.interrupted = True
                break
            self._make(number)
            outcome.made += 1
            show(outcome.made)
        return outcome

    def _make(self, number: int) -> None:
        try:
            self.bank.clip(number)
        except OSError as error:
            raise TeamError(
                f"a machine of the cluster cannot write to {self.bank.folder} ({error.strerror}): check its disk and its permissions, then run the same command again"
            ) from error


@dataclass(frozen=True, kw_only=True)
class BankBatches:
    """The first `clips` of a bank: made of the same files by all machines, into one folder that all of them see."""

    material: FootagePaths
    settings: Settings
    folder: Path
    teacher: str | None  # hash of its file
    mark: str  # a file of the folder, by which it is known
    clips: int

    @contextmanager
    def open(self) -> Iterator[Bank]:
        """The bank without its teacher. Raises TeamError where this machine finds another folder, or other videos."""
        if not (self.folder / self.mark).exists():
            raise TeamError(
                f"a machine of the cluster does not see what this one writes to {self.folder}: pass a --cache on a disk that all machines share"
            )
        footage, _ = self.material.gather()
        bank = Bank.of(self.folder.parent, footage, self.settings, None)
        if bank.folder != self.folder:
            raise TeamError(
                "a machine of the cluster finds other videos or photographs at the same paths: have all read them from one disk"
            )
        yield bank

    def begin(self, bank: Bank, device: str) -> BankWorker:
        if hash_teacher(self.settings) != self.teacher:
            raise TeamError(
                f"a machine of the cluster has other weights of {self.settings.teacher}: install the same version of its package everywhere"
            )
        distillation = load_distillation(self.settings, torch.device(device))
        return BankWorker(replace(bank, distillation=distillation))

    def plan(self, bank: Bank, identity: tuple[str, ...]) -> BatchPlan:
        groups = [[number] for number in bank.find_missing(self.clips)]
        return BatchPlan(groups=groups, outcome=BankOutcome(), most=MOST, noun="clips")

    def finish(self, bank: Bank, outcome: BankOutcome, seconds: float) -> None:
        """Nothing is left to do: a clip that is still missing is made where it is first needed."""


@contextmanager
def share_bank(bank: Bank, material: FootagePaths, steps: int) -> Iterator[BankBatches]:
    """The clips that a run of so many steps takes; the folder carries a mark meanwhile."""
    folder = Path(os.path.abspath(bank.folder))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".filling.") as mark:
        yield BankBatches(
            material=material.absolute,
            settings=bank.settings,
            folder=folder,
            teacher=hash_teacher(bank.settings),
            mark=Path(mark.name).name,
            clips=count_known(steps - 1, bank.settings.bank),
        )


def hash_teacher(settings: Settings) -> str | None:
    """SHA-256 of the teacher's file; None without one. Raises CheckpointError where its package is not installed."""
    return hashlib.sha256(locate().read_bytes()).hexdigest() if settings.teacher else None
