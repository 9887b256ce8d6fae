"""Commands in batches on several processes make the store of one process, also where one of them is killed."""

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pyarrow as pa
import pytest

from tests.contents import contents
from tests.stores import synthetic_store
from tubelet.ingest.batches import BatchCrew, BatchPlan, SplitCommand, StoreAddress, split_groups
from tubelet.ingest.errors import TeamError
from tubelet.ingest.local_place import LocalPlace
from tubelet.ingest.stored_batches import BackfillBatches, PairsBatches, StoredWorker
from tubelet.store import Store
from tubelet.store.backfill import BackfillOptions
from tubelet.store.outcome import Outcome
from tubelet.store.pairs.stored import StoredPairs, measure_stored
from tubelet.store.schema import SLICE_STATS, TOKEN_STATS

TWO = LocalPlace(["cpu", "cpu"])
ALL_PAIRS = StoredPairs(pairs="all")


def crew_of(command: SplitCommand, store: Store, place: LocalPlace = TWO) -> BatchCrew:
    return BatchCrew(command, store, StoreAddress(str(store.root), {}), place)


def test_groups_stay_whole_and_every_process_has_several_batches():
    assert split_groups([[n] for n in range(20)], 32, 2) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11], [12, 13, 14], [15, 16, 17], [18, 19]]  # fmt: skip
    assert split_groups([[n] for n in range(1000)], 4, 2)[0] == [0, 1, 2, 3]
    assert split_groups([[0], [1, 2, 3, 4, 5], [6], [7]], 2, 1) == [[1, 2, 3, 4, 5], [6, 7], [0]]
    assert split_groups([], 32, 2) == []


@dataclass(frozen=True)
class DyingWorker:
    """Kills its process when it has committed its first batch, before it says so; the first such process alone."""

    inner: StoredWorker
    marker: Path
    identity: tuple[str, ...] = ()

    def do(self, batch: Sequence, stopping: Event, show: Callable[[int], None]) -> Outcome:
        outcome = self.inner.do(batch, stopping, show)
        try:
            self.marker.touch(exist_ok=False)
        except FileExistsError:
            return outcome
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@dataclass(frozen=True)
class DyingPairs(PairsBatches):
    marker: Path

    def begin(self, store: Store, device: str) -> DyingWorker:
        return DyingWorker(super().begin(store, device), self.marker)


@pytest.mark.long
def test_a_killed_process_loses_no_pair_and_doubles_none(tmp_path):
    with closing(synthetic_store(tmp_path / "whole", videos=4, clips=4, shift=1)) as whole:
        shutil.copytree(tmp_path / "whole", tmp_path / "store")
        single = measure_stored(whole, ALL_PAIRS)
    with closing(Store(tmp_path / "store")) as store:
        outcome = crew_of(DyingPairs(ALL_PAIRS, tmp_path / "marker"), store).execute()
    assert (outcome.measured, outcome.kept) == (single.measured, single.kept) == (12, 12)
    assert outcome.lost_processes == ["cpu: ended by SIGKILL"] and outcome.exit_code == 0
    assert "the others took over what it was working on" in outcome.lines()[-1]
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")


def forget(store: Store, name: str) -> None:
    """Make a store as it was before a statistic was thought of."""
    rows = {}
    for table in (TOKEN_STATS, SLICE_STATS):
        held = store.query(f"FROM {table.name}").cast(table.arrow)
        place = held.column_names.index(name)
        rows[table.name] = held.set_column(place, table.arrow.field(name), pa.nulls(len(held), pa.float32()))  # fmt: skip
    clips = [row["clip_id"] for row in store.rows("SELECT clip_id FROM clips")]
    store.commit(rows, dict.fromkeys(rows, clips))


@pytest.mark.long
def test_what_was_stopped_is_kept_and_a_rerun_adds_the_rest(tmp_path):
    command = BackfillBatches(BackfillOptions("norm"))
    with closing(synthetic_store(tmp_path / "store", videos=6, clips=2)) as store:
        forget(store, "norm")
        wanted = "SELECT count(DISTINCT clip_id) AS n FROM token_stats WHERE norm IS NULL"
        assert store.rows(wanted) == [{"n": 12}]
        crew = crew_of(command, store)
        crew._show = lambda done, of: crew.stop()
        first = crew.execute()
        assert first.interrupted and first.exit_code == 130 and 1 <= first.computed < 12
        assert store.rows(wanted) == [{"n": 12 - first.computed}]
        rest = crew_of(command, store, LocalPlace(["cpu"])).execute()
        assert (rest.computed, rest.exit_code) == (12 - first.computed, 0)
        (far,) = store.rows(
            "SELECT max(abs(t.norm - s.norm)) AS most FROM slice_stats s JOIN (SELECT clip_id, slice, avg(norm) AS norm FROM token_stats GROUP BY ALL) t USING (clip_id, slice)"
        )
        assert far["most"] < 1e-4


def test_processes_with_other_weights_and_work_that_is_not_there_end_the_command(tmp_path):
    with closing(synthetic_store(tmp_path / "store", videos=1, clips=4, shift=1)) as store:
        crew = crew_of(PairsBatches(ALL_PAIRS), store)
        for predictor in ("one", "other"):
            crew._begin(("encoder", predictor))
        with pytest.raises(TeamError, match="different weights .encoder with one and encoder with other"):  # fmt: skip
            crew._work_off()
        alone = crew_of(PairsBatches(StoredPairs(encoder="nobody")), store, LocalPlace(["cpu"]))
        with pytest.raises(Exception, match="holds no clip by nobody"):
            alone.execute()
    assert isinstance(crew._plan, BatchPlan)
