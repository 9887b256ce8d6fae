"""A cluster of Ray makes the store of one process, also where a machine of it is lost."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
import torch

from tests.contents import contents
from tests.videos import make_folder
from tubelet.ingest.batches import BatchCrew, StoreAddress
from tubelet.ingest.errors import TeamError, UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.prediction.batches import SurpriseBatches
from tubelet.ingest.prediction.options import SurpriseOptions
from tubelet.ingest.prediction.run import measure_surprise
from tubelet.ingest.ray_place import HEAD_S, RayPlace, _divide, _require_reachable
from tubelet.ingest.ray_team import RayTeam
from tubelet.ingest.stored_batches import PairsBatches
from tubelet.store import Store
from tubelet.store.pairs.stored import StoredPairs, measure_stored
from tubelet.training.masking.batches import MaskBatches
from tubelet.training.masking.options import MaskOptions
from tubelet.training.masking.run import measure_masks
from tubelet.training.pretraining.bank_filling import share_bank
from tubelet.training.pretraining.run import Pretraining

REASON = "a cluster takes the extra: pip install 'tubelet[ray]'"
TOY = {"encoder": "toy", "size": "64", "frames": 4, "quiet": True}


@contextmanager
def two_nodes() -> Iterator[tuple]:
    """A cluster of two machines with a core each, and a head that works for nobody."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        yield cluster, [cluster.add_node(num_cpus=1) for _ in range(2)]
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_a_lost_machine_changes_nothing(tmp_path):
    pytest.importorskip("ray", reason=REASON)
    videos, root = make_folder(tmp_path / "videos", 6, frames=60), tmp_path / "store"
    run = (job := Job.of(paths=[str(videos)], device="cpu", **TOY)).run(str(tmp_path / "whole"))
    run.execute(job.sources)
    run.store.close()
    ended = []
    with two_nodes() as (cluster, nodes):
        team = RayTeam({"paths": [str(videos)], "ray": cluster.address, **TOY}, str(root))
        running = threading.Thread(target=lambda: ended.append(team.execute()))
        running.start()
        while running.is_alive() and not any(member.given for member in list(team._members)):
            time.sleep(0.05)
        cluster.remove_node(nodes[0], allow_graceful=False)
        running.join(120)
    assert contents(root) == contents(tmp_path / "whole")
    (summary,) = ended
    assert not summary.failures and summary.lost_processes == [
        "cpu: its machine or its process is gone"
    ]
    found, whole = (
        {
            path.name: path.read_bytes()
            for path in (tmp_path / name).rglob("embeddings/**/*.parquet")
        }
        for name in ("store", "whole")
    )
    assert found == whole


def test_a_lost_machine_changes_no_prediction_and_no_pair(tmp_path):
    pytest.importorskip("ray", reason=REASON)
    small = {"encoder": "vjepa2.1-untrained", "size": "32", "frames": 8, "hop": 4, "device": "cpu", "pairs": "0"}  # fmt: skip
    job = Job.of(paths=[str(make_folder(tmp_path / "videos", 6, frames=40))], quiet=True, **small)
    job.run(str(tmp_path / "whole")).execute(job.sources)
    shutil.copytree(tmp_path / "whole", tmp_path / "store")
    asked = SurpriseOptions(context=(2,), device="cpu")
    with closing(Store(tmp_path / "whole")) as whole:
        single = measure_surprise(whole, asked)
        measure_stored(whole, StoredPairs(pairs="all"))
    with two_nodes() as (cluster, nodes), closing(Store(tmp_path / "store")) as store:
        lost = []

        def lose(done: int, of: int) -> None:
            if not lost:
                lost.append(cluster.remove_node(nodes[0], allow_graceful=False))

        reached = StoreAddress(str(store.root), {})
        place = RayPlace(cluster.address)
        outcome = BatchCrew(SurpriseBatches.of(asked), store, reached, place, lose).execute()
        pairs = PairsBatches(StoredPairs(pairs="all"))
        BatchCrew(pairs, store, reached, RayPlace(cluster.address)).execute()
    assert outcome.lost_processes == ["cpu: its machine or its process is gone"]
    assert not outcome.problems and outcome.clips + outcome.complete == single.clips
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")


def test_a_lost_machine_changes_no_clip_of_a_bank_and_masks_are_those_of_one_process(tmp_path):
    pytest.importorskip("ray", reason=REASON)
    videos, small = make_folder(tmp_path / "videos", 3, frames=40), {"side": 64, "frames": 8, "tokens": 128, "bank": 400}  # fmt: skip
    run = Pretraining.of([str(videos)], tmp_path / "w", 8000, None, torch.device("cpu"), **small)
    alone, bank = (replace(run, cache=tmp_path / name).bank() for name in ("one", "many"))
    for number in range(400):
        alone.clip(number)
    job = Job.of(paths=[str(videos)], encoder="vjepa2.1-untrained", size="32", frames=8, device="cpu", quiet=True)  # fmt: skip
    job.run(str(tmp_path / "whole")).execute(job.sources)
    shutil.copytree(tmp_path / "whole", tmp_path / "store")
    with two_nodes() as (cluster, nodes):
        lost = []

        def lose(done: int, of: int) -> None:
            if not lost:
                lost.append(cluster.remove_node(nodes[0], allow_graceful=False))

        with share_bank(bank, run.material, run.steps) as batches:
            place = RayPlace(cluster.address)
            filled = BatchCrew(batches, bank, batches, place, lose).execute()
        with closing(Store(tmp_path / "store")) as store:
            masks = MaskBatches.of(MaskOptions(device="cpu", mask="tube"))
            reached, place = StoreAddress(str(store.root), {}), RayPlace(cluster.address)
            outcome = BatchCrew(masks, store, reached, place).execute()
            place.leave()
    assert filled.lost_processes == ["cpu: its machine or its process is gone"]
    assert filled.made == 400 and not filled.problems
    found, whole = ({path.name: path.read_bytes() for path in one.folder.iterdir()} for one in (bank, alone))  # fmt: skip
    assert found == whole and len(found) == 400
    with closing(Store(tmp_path / "whole")) as store:
        single = measure_masks(store, masks.options)
    assert outcome.measured == single.measured == 3 and outcome.figures == single.figures
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")


def test_actors_take_gpus_or_as_many_cores_as_every_machine_has():
    nodes = [
        {"Alive": True, "Resources": {"CPU": 16.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 3.0}},
        {"Alive": False, "Resources": {"GPU": 8.0}},
        {"Alive": True, "Resources": {}},
    ]
    assert _divide(nodes) == (2, 3)


def test_without_ray_the_extra_is_named():
    try:
        import ray  # noqa: F401
    except ImportError:
        with pytest.raises(UsageError, match=r"pip install 'tubelet\[ray\]'"):
            RayTeam({"paths": ["."], "ray": "auto", **TOY}, "store")


def test_an_address_where_no_cluster_is_is_named_at_once():
    with pytest.raises(UsageError, match="no cluster answers there"):
        _require_reachable("127.0.0.1:1")
    _require_reachable("auto")


def test_a_head_that_is_gone_is_named_before_the_package_ends_the_process():
    place = RayPlace.__new__(RayPlace)
    place._head, place._looked = "127.0.0.1:1", time.monotonic()
    place._require_head()  # not asked each time
    place._looked -= HEAD_S + 1
    with pytest.raises(TeamError, match="no longer answers: what was committed is kept"):
        place._require_head()
