"""`tubelet pretrain`'s clips and `tubelet mask` in batches: several processes make what one makes, also where one of them is killed."""

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import pytest
import torch

from tests.contents import contents
from tests.ingest.test_surprise_store import ingest
from tests.videos import make_folder
from tubelet.ingest.batches import BatchCrew, StoreAddress
from tubelet.ingest.errors import TeamError
from tubelet.ingest.local_place import LocalPlace
from tubelet.store import Store
from tubelet.training.masking.batches import MaskBatches
from tubelet.training.masking.options import MaskOptions
from tubelet.training.masking.run import measure_masks
from tubelet.training.pretraining.bank import Bank
from tubelet.training.pretraining.bank_filling import (
    BankBatches,
    BankOutcome,
    BankWorker,
    share_bank,
)
from tubelet.training.pretraining.run import Pretraining

SMALL = {"side": 64, "frames": 4, "tokens": 64, "bank": 24, "teacher": "efficientnet-lite0"}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Pretraining:
    folder = tmp_path_factory.mktemp("bank")
    videos = make_folder(folder / "videos", 2, frames=40)
    output = folder / "w.safetensors"
    return Pretraining.of([str(videos)], output, 8, None, torch.device("cpu"), **SMALL)


def files(bank: Bank) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in bank.folder.iterdir()}


@dataclass(frozen=True)
class DyingWorker(BankWorker):
    """Kills its process when it has made its first batch, before it says so; the first such process alone."""

    def do(self, batch: Sequence[int], stopping: Event, show: Callable[[int], None]) -> BankOutcome:
        outcome = super().do(batch, stopping, show)
        try:
            (self.bank.folder / "died").touch(exist_ok=False)
        except FileExistsError:
            return outcome
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@dataclass(frozen=True, kw_only=True)
class DyingBatches(BankBatches):
    def begin(self, bank: Bank, device: str) -> DyingWorker:
        return DyingWorker(super().begin(bank, device).bank)


def test_a_bank_filled_by_processes_is_that_of_one_where_it_was_stopped_and_one_was_killed(run):
    alone, bank = (replace(run, cache=run.cache.with_name(name)).bank() for name in ("one", "many"))
    for number in range(24):
        alone.clip(number)
    with share_bank(bank, run.material, run.steps) as batches:
        crew = BatchCrew(batches, bank, batches, LocalPlace(["cpu"]))
        crew._show = lambda done, of: crew.stop()
        first = crew.execute()
    assert first.interrupted and 1 <= first.made < 24
    assert len(bank.find_missing(24)) == 24 - first.made and len(files(bank)) == 2 * first.made
    made = {path: path.stat().st_mtime_ns for path in bank.folder.iterdir()}
    with share_bank(bank, run.material, run.steps) as batches:
        dying = DyingBatches(**vars(batches))
        rest = BatchCrew(dying, bank, dying, LocalPlace(["cpu", "cpu"])).execute()
    (bank.folder / "died").unlink()
    assert rest.lost_processes == ["cpu: ended by SIGKILL"] and not rest.problems
    assert rest.made == 24 - first.made and files(bank) == files(alone)
    assert made == {path: path.stat().st_mtime_ns for path in made}


def test_a_process_with_another_folder_other_videos_or_another_teacher_is_refused(run, tmp_path):
    bank = replace(run, cache=tmp_path).bank()
    with share_bank(bank, run.material, run.steps) as batches:
        with batches.open() as opened:
            assert batches.begin(opened, "cpu").bank.distillation
            with pytest.raises(TeamError, match="other weights of efficientnet-lite0"):
                replace(batches, teacher="another").begin(opened, "cpu")
        fewer = replace(run.material, videos=run.material.videos[:1])
        with pytest.raises(TeamError, match="finds other videos or photographs"):
            replace(batches, material=fewer).open().__enter__()
    with pytest.raises(TeamError, match="pass a --cache on a disk that all machines share"):
        batches.open().__enter__()  # the mark is gone


def test_a_folder_that_a_machine_cannot_write_to_is_named(run, tmp_path):
    bank = replace(run, cache=tmp_path).bank()
    tmp_path.joinpath(bank.folder.name).write_text("not a folder")
    with pytest.raises(TeamError, match="a machine of the cluster cannot write to"):
        BankWorker(bank).do([0], Event(), lambda done: None)


def test_masks_of_another_process_are_those_of_this_one_and_drawn_here(tmp_path: Path):
    ingest(make_folder(tmp_path / "videos", 3, frames=12), tmp_path / "store", size="64")
    shutil.copytree(tmp_path / "store", tmp_path / "whole")
    pictures = [tmp_path / f"{name}.png" for name in ("whole", "store")]
    asked = MaskOptions(device="cpu", mask="tube,future", draw=pictures[0])
    with closing(Store(tmp_path / "whole")) as store:
        single = measure_masks(store, asked)
    with closing(Store(tmp_path / "store")) as store:
        batches = MaskBatches.of(replace(asked, draw=pictures[1]))
        place, reached = LocalPlace(["cpu"]), StoreAddress(str(store.root), {})
        outcome = BatchCrew(batches, store, reached, place).execute()
    assert (outcome.measured, outcome.kept) == (single.measured, single.kept) == (6, 0)
    assert outcome.figures == single.figures and outcome.drawn == str(pictures[1])
    assert "masking_ids" not in outcome.as_json()
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")
