"""`tubelet probe` from videos to rows: pooled states of an untrained network and of the toy, with every control that a store can have."""

import json

import pytest

from tests.commands import run_here
from tests.planted_probes import label, video_ids
from tests.videos import make_video
from tubelet.ingest.job import Job
from tubelet.store import Store


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    for number in range(8):
        make_video(folder / "videos" / f"{number}.mp4", frames=8, seed=number)
    small = {"size": "32", "frames": 4, "pairs": "0", "device": "cpu"}
    for asked in (
        {"encoder": "toy"},
        {"encoder": "vjepa2.1-untrained", "layer": "blocks:0,5", "keep": "pooled"},
    ):
        job = Job.of(paths=[str(folder / "videos")], **small, **asked)
        run = job.run(str(folder / "store"))
        assert run.execute(job.sources).clips == 16
        run.store.close()
    store = Store(folder / "store")
    label(store, "action", {v: ("pour", "cut")[n % 2] for n, v in enumerate(video_ids(store))})
    store.close()
    return folder / "store"


def test_the_command_prints_scores_and_every_control_and_keeps_them(root) -> None:
    asked = ("probe", "--store", root, "--label", "action", "--folds", "2")
    done = json.loads(run_here(*asked, "--json", check=True).stdout)
    kinds = [(result["control"], result["layer"]) for result in done["results"]]
    assert kinds == [
        (None, "only"), ("shuffled", "only"), ("untrained", "block:0"), ("untrained", "block:5"),
        ("majority", None), ("position", None), ("pixels", None), ("motion", None),
    ]  # fmt: skip
    assert all(0 <= r["low"] <= r["score"] <= r["high"] <= 1 for r in done["results"])
    assert done["videos"] == 8 and done["notes"] == []
    again = run_here(*asked, check=True).stdout
    assert "label action: accuracy over 8 videos, 2 folds; 95% interval" in again
    assert "control: untrained (vjepa2.1-untrained-blocks-0-5-" in again and done["run_id"] in again
    store = Store(root)
    assert store.rows(
        "SELECT count(*) AS n, count(DISTINCT control) AS kinds FROM probes WHERE kind = 'linear'"
    ) == [{"n": 8, "kinds": 6}]
    store.close()


def test_an_untrained_network_that_is_named_is_probed_itself(root) -> None:
    asked = ("--encoder", "vjepa2.1-untrained", "--layer", "block:5", "--kind", "knn", "--folds", "2")  # fmt: skip
    done = json.loads(
        run_here("probe", "--store", root, "--label", "action", *asked, "--json", check=True).stdout
    )
    assert [result["layer"] for result in done["results"] if result["control"] is None] == ["block:5"]  # fmt: skip
    assert "untrained" not in {result["control"] for result in done["results"]}


@pytest.mark.long
def test_an_attentive_probe_learns_from_clips_that_keep_their_tokens(root) -> None:
    asked = ("probe", "--store", root, "--label", "action", "--kind", "attentive", "--device", "cpu", "--folds", "2")  # fmt: skip
    done = run_here(
        *asked, "--epochs", "1", "--batch", "4", "--rates", "1e-3", "--json", check=True
    )
    kinds = [(one["control"], one["layer"]) for one in json.loads(done.stdout)["results"]]
    assert kinds == [(None, "only"), ("shuffled", "only"), ("majority", None), ("position", None), ("pixels", None), ("motion", None)]  # fmt: skip
    assert "trained on 8 clips: learning rate 0.001, 1 epoch" in done.stderr
    store = Store(root)
    rows = store.rows("SELECT DISTINCT layer, hyperparameter, clip_count FROM probes WHERE kind = 'attentive' AND control IS NULL")  # fmt: skip
    assert rows == [{"layer": "only", "hyperparameter": 1e-3, "clip_count": 16}]
    store.close()
    bare = run_here(*asked, "--encoder", "vjepa2.1-untrained")
    assert bare.returncode == 2 and "keeps its tokens, which an attentive probe learns from" in bare.stderr  # fmt: skip


def test_wrong_use_is_one_sentence(root) -> None:
    for asked, told in (
        (("--label", "acton"), "has no label 'acton': its labels are action"),
        (("--label", "action", "--encoder", "nobody"), "holds no encoder nobody"),
        (("--label", "action", "--layer", "block:3"), "available are only, block:0, block:5"),
        (("--label", "action"), "the class 'cut' has 4 videos or groups, fewer than the 5 folds"),
    ):
        done = run_here("probe", "--store", root, *asked)
        assert done.returncode == 2 and told in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
