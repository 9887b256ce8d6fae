"""A cluster of Ray makes the store of one process, also where a machine of it is lost."""

import threading
import time

import pytest

from tests.contents import contents
from tests.videos import make_folder
from tubelet.ingest.errors import TeamError, UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.ray_team import HEAD_S, RayTeam, _divide, _require_reachable

TOY = {"encoder": "toy", "size": "64", "frames": 4, "quiet": True}


def test_a_lost_machine_changes_nothing(tmp_path):
    ray = pytest.importorskip("ray", reason="a cluster takes the extra: pip install 'tubelet[ray]'")
    from ray.cluster_utils import Cluster

    videos, root = make_folder(tmp_path / "videos", 6, frames=60), tmp_path / "store"
    run = (job := Job.of(paths=[str(videos)], device="cpu", **TOY)).run(str(tmp_path / "whole"))
    run.execute(job.sources)
    run.store.close()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ended = []
    try:
        team = RayTeam({"paths": [str(videos)], "ray": cluster.address, **TOY}, str(root))
        running = threading.Thread(target=lambda: ended.append(team.execute()))
        running.start()
        while running.is_alive() and not any(member.given for member in list(team._members)):
            time.sleep(0.05)
        cluster.remove_node(nodes[0], allow_graceful=False)
        running.join(120)
    finally:
        ray.shutdown()
        cluster.shutdown()
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
    team = RayTeam.__new__(RayTeam)
    team._head, team._looked = "127.0.0.1:1", time.monotonic()
    team._require_head()  # not asked each time
    team._looked -= HEAD_S + 1
    with pytest.raises(TeamError, match="no longer answers: what was committed is kept"):
        team._require_head()
