"""Patch probes on planted masks: what tokens say is found at its place, what they do not say is at the level of the controls."""

import json

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from tests.commands import run_here
from tests.planted_masks import VIDEOS, mask_store
from tests.planted_probes import label, video_ids
from tests.stores import synthetic_store
from tubelet.latent.patch_probes.run import run_patch_probes
from tubelet.latent.patch_probes.sample import PatchSample, shuffle_classes
from tubelet.latent.patch_probes.scoring import Tables, count_pixels, score_class, score_mean
from tubelet.latent.probes.options import ProbeError, ProbeOptions
from tubelet.reports.blocks import Table, Text
from tubelet.reports.catalogue import REPORTS
from tubelet.reports.probes.request import ProbesOptions
from tubelet.store import Store
from tubelet.store.disk import integrity, removal


def tables_of(pairs) -> Tables:
    """Tables of (truth, found) pictures of three classes, a video each."""
    shares = np.stack([count_pixels(*pair, 3) / pair[0].size for pair in pairs])
    at = np.arange(len(pairs))
    return Tables(
        places=at, folds=at * 0, frames=at * 0 + 1, intersections=shares[:, 0], unions=shares[:, 1]
    )


def test_intersection_over_union_is_scikit_learn_s() -> None:
    generator = np.random.default_rng(0)
    pairs = [generator.integers(0, 3, (2, 12, 10)) for _ in range(5)]
    tables, groups = tables_of(pairs), np.array(list("abcde"))
    truth, found = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    wanted = jaccard_score(truth, found, average=None)
    for number in range(3):
        assert score_class(tables, groups, number).value == pytest.approx(wanted[number])
    assert score_mean(tables, groups).value == pytest.approx(wanted.mean())
    joined = score_mean(tables, np.array(list("aabbb")))
    halves = [np.mean([tables.intersections[s], tables.unions[s]], axis=1) for s in (slice(2), slice(2, 5))]  # fmt: skip
    both, either = np.sum(halves, axis=0)
    assert joined.value == pytest.approx(np.mean(both / either)), "a group counts once"


def test_the_interval_of_miou_covers_the_truth_as_often_as_it_says() -> None:
    """Videos whose share of right pixels varies: the mIoU of 4,000 of them is the truth."""
    generator = np.random.default_rng(1)

    def draw(videos: int) -> Tables:
        size = generator.uniform(0.05, 0.3, videos)  # of the object
        hit, more = size * generator.beta(4, 2, videos), size * generator.uniform(0, 0.4, videos)
        both = np.stack([1 - size - more, hit], axis=1)
        return Tables(places=np.arange(videos), folds=np.zeros(videos, int), frames=np.ones(videos, int), intersections=both, unions=np.stack([1 - hit, size + more], axis=1))  # fmt: skip

    truth = score_mean(draw(4000), np.arange(4000)).value
    found = [score_mean(draw(10), np.arange(10)) for _ in range(100)]
    inside = sum(one.low <= truth <= one.high for one in found)
    assert inside >= 88  # of 100 intervals of 95%: fewer by chance once in 300
    perfect = tables_of([np.repeat(np.arange(3), 4).reshape(1, 2, 6).repeat(2, 0)] * 6)
    score = score_mean(perfect, np.arange(6))
    assert score.value == 1 and score.low < 0.7, "that none differed does not mean that none will"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    made = mask_store(tmp_path_factory.mktemp("patches") / "store")
    made.close()
    return made.root


@pytest.fixture(scope="module")
def done(root):
    asked = ("--kind", "patch", "--folds", "3", "--share", "50", "--seeds", "2", "--json")
    return json.loads(run_here("probe", "--store", root, *asked, check=True).stdout)


def test_tokens_that_say_what_they_show_are_found_and_others_are_not(root, done) -> None:
    found = {(one["control"], (one["encoder_id"] or "").split("-")[0], one["share"]): one for one in done["results"]}  # fmt: skip
    assert {key[0] for key in found} == {None, "shuffled", "majority", "position", "untrained"}
    assert done["task"] == "masks" and done["metric"] == "mIoU" and done["videos"] == VIDEOS
    shown, majority = found[None, "shown", 100], found["majority", "", 100]
    assert shown["score"] > 0.85 and shown["low"] < shown["score"] < shown["high"] <= 1
    assert found[None, "shown", 50]["score"] > 0.8
    assert majority["score"] < 0.34, "of three classes, the background alone"
    for other in (found[None, "blind", 100], found["position", "", 100], found["shuffled", "shown", 100]):  # fmt: skip
        assert other["score"] < 0.45 < shown["low"]


def test_classes_and_videos_are_rows_that_add_up_to_the_score(root, done) -> None:
    store = Store(root)
    asked = {"run": done["run_id"]}
    sums = """SELECT probe_id, class_value, sum(intersection) / sum(union_share) AS iou FROM mask_predictions JOIN probes USING (probe_id)
WHERE run_id = $run GROUP BY ALL ORDER BY ALL"""
    kept = "SELECT probe_id, class_value, iou FROM mask_classes JOIN probes USING (probe_id) WHERE run_id = $run ORDER BY ALL"
    added, classes = store.rows(sums, asked), store.rows(kept, asked)
    assert [row["class_value"] for row in classes[:3]] == ["1", "7", "background"]
    assert [row["iou"] for row in added] == pytest.approx([row["iou"] for row in classes])
    means = store.rows("SELECT p.score, avg(c.iou) AS mean FROM probes p JOIN mask_classes c USING (probe_id) WHERE run_id = $run GROUP BY ALL", asked)  # fmt: skip
    assert [row["score"] for row in means] == pytest.approx([row["mean"] for row in means])
    counted = store.rows("SELECT count(DISTINCT video_id) AS videos, max(frame_count) AS frames, count(DISTINCT fold) AS folds FROM mask_predictions")  # fmt: skip
    assert counted == [{"videos": VIDEOS, "frames": 2, "folds": 3}]
    assert list(integrity.check(store)) == []
    store.close()


def test_the_report_answers_with_miou_classes_and_hardest_videos(root, done) -> None:
    store = Store(root)
    blocks = list(REPORTS["probes"].blocks(store, ProbesOptions(label="masks")))
    tables = {block.name: block for block in blocks if isinstance(block, Table)}
    assert set(tables) == {"scores", "drops", "classes", "hardest"}
    best = max(one["score"] for one in done["results"] if not one["control"] and one["share"] == 100)  # fmt: skip
    texts = [block.markdown for block in blocks if isinstance(block, Text)]
    assert f"What the **masks** show is predicted best by layer last of shown: mIoU {best:.3f} (" in texts[0]  # fmt: skip
    assert "Its interval lies above every control" in texts[0] and "mIoU is the mean" in texts[-1]
    rows = tables["classes"].rows.to_pylist()
    assert np.mean([row["iou"] for row in rows]) == pytest.approx(best)
    hardest = tables["hardest"].rows["mean_iou"].to_pylist()
    assert len(hardest) == VIDEOS and hardest == sorted(hardest)
    for table in tables.values():
        for question in table.questions.values():
            assert store.query(question.text).equals(table.rows)
    store.close()


@pytest.mark.long
def test_groups_and_a_split_are_obeyed_and_foreground_is_one_class(root) -> None:
    store = Store(root)
    ids = video_ids(store)
    label(store, "split", {v: "train" if n < 6 else "test" for n, v in enumerate(ids[:8])})
    options = ProbeOptions(kind="patch", classes="foreground")
    run = run_patch_probes(store, ("shown",), options)
    assert run.masks.classes == ("background", "object") and run.folds == 1
    assert len(run.truth.video_ids) == 8 and set(run.probes[0].trial.tables.places) == {6, 7}
    assert run.options.settings["classes"] == "foreground" and "rates" not in run.options.settings
    label(store, "group", {ids[5]: "a", ids[6]: "a"})
    with pytest.raises(ProbeError, match="group a has videos on both sides of the label `split`"):
        run_patch_probes(store, ("shown",), options)
    whole = run_patch_probes(store, ("shown",), ProbeOptions(kind="patch", split=False, folds=3))
    folds = dict(zip(whole.probes[0].trial.tables.places.tolist(), whole.probes[0].trial.tables.folds.tolist()))  # fmt: skip
    assert folds[5] == folds[6] and whole.truth.groups[5] == "group a"
    removal.remove(store, {"videos": [ids[0]]})
    assert store.rows("SELECT count(*) AS n FROM mask_predictions WHERE video_id = ?", [ids[0]]) == [{"n": 0}]  # fmt: skip
    store.close()


def test_shuffled_classes_are_chance_where_every_video_has_the_same_mask_too() -> None:
    """Masks exchanged between such videos would be as good as their own."""
    classes = np.tile(np.repeat([0, 1], 20), 3)
    sample = PatchSample(np.zeros((120, 2), np.float32), classes, np.repeat(np.arange(3), 40))
    found = shuffle_classes(sample, 0)
    for place in range(3):
        mine, was = found.classes[found.places == place], classes[:40]
        assert sorted(mine) == sorted(was) and 8 <= (mine != was).sum() <= 32
    assert (classes == np.tile(np.repeat([0, 1], 20), 3)).all(), "the sample itself stays as it is"


def test_what_cannot_be_probed_is_a_sentence(root, tmp_path) -> None:
    bare = synthetic_store(tmp_path / "store", videos=2)
    with pytest.raises(ProbeError, match="has no masks: import some with"):
        run_patch_probes(bare, (), ProbeOptions(kind="patch"))
    store = mask_store(tmp_path / "masks")
    with pytest.raises(
        ProbeError,
        match="in 9 groups, fewer than the 10 folds: import masks of more videos, or pass --folds 9$",
    ):
        run_patch_probes(store, (), ProbeOptions(kind="patch", folds=10))
    rare = mask_store(tmp_path / "rare", rare=True)
    with pytest.raises(ProbeError, match="object 9 is in the masks of a single video or group"):
        run_patch_probes(rare, (), ProbeOptions(kind="patch"))
    for opened in (bare, store, rare):
        opened.close()
    for asked, told in (
        (("--kind", "patch", "--label", "action"), "--kind patch learns the imported masks: leave --label out"),
        ((), "name the label of whole videos to learn, or pass --kind patch"),
        (("--kind", "patch", "--classes", "all"), "--classes is all: choose objects or foreground"),
    ):  # fmt: skip
        failed = run_here("probe", "--store", root, *asked)
        assert failed.returncode == 2 and told in failed.stderr, failed.stderr
