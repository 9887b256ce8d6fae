"""`tubelet index` in batches: several processes write the codes that one writes, also where one of them is killed."""

import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.ingest.test_batches import DyingWorker
from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.ingest.batches import BatchCrew, StoreAddress
from tubelet.ingest.local_place import LocalPlace
from tubelet.latent import search_index
from tubelet.latent.scope import Scope
from tubelet.store import Store
from tubelet.training.indexing import CodingBatches


def read_codes(store: Store) -> dict[str, bytes]:
    paths = (store.root / "codes").rglob("*.npy")
    return {path.name: path.read_bytes() for path in paths}


@dataclass(frozen=True)
class DyingBatches(CodingBatches):
    marker: Path

    def begin(self, store: Store, device: str) -> DyingWorker:
        return DyingWorker(super().begin(store, device), self.marker)


def test_codes_of_several_processes_are_those_of_one_and_a_rerun_codes_only_new_clips(tmp_path):
    recipe = {"videos": 4, "slices": 4, "side": 6, "dim": 48}
    with closing(synthetic_store(tmp_path / "whole", **recipe)) as whole:
        shutil.copytree(tmp_path / "whole", tmp_path / "store")
        encoder_id = Scope.of(whole).encoder_id
        single = search_index.write_index(whole, encoder_id)
        with closing(Store(tmp_path / "store")) as store:
            sketch = search_index.prepare_index(store, encoder_id)
            command = DyingBatches(sketch.basis.basis_id, tmp_path / "marker")
            reached = StoreAddress(str(store.root), {})
            crew = BatchCrew(command, store, reached, LocalPlace(["cpu", "cpu"]))
            outcome = crew.execute()
            assert outcome.lost_processes == ["cpu: ended by SIGKILL"]
            assert not search_index.find_uncoded(store, sketch)
            assert outcome.coded == 4
            assert len(read_codes(store)) == 4 and read_codes(store) == read_codes(whole)
            recall = search_index.record_recall(store, sketch)
            assert (recall.clips, recall.recall) == (4, single.recall)
            add_videos(store, Recipe(**recipe), first=4)
            again = search_index.prepare_index(store, encoder_id)
            assert again.basis.basis_id == sketch.basis.basis_id
            command = CodingBatches(sketch.basis.basis_id)
            crew = BatchCrew(command, store, reached, LocalPlace(["cpu"]))
            assert crew.execute().coded == 4
