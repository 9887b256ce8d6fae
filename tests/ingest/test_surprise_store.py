"""`tubelet surprise` over a store: rows that add up, nothing measured twice, nothing lost, and one sentence for what cannot be measured."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event

import pyarrow as pa
import pytest

from tests.contents import contents, rows
from tests.tiers import thin
from tests.videos import make_video
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.pipeline.events import ClipCount, Listener
from tubelet.ingest.prediction.batches import SurpriseBatches
from tubelet.ingest.prediction.options import SurpriseOptions
from tubelet.ingest.prediction.run import SurpriseOutcome, measure_surprise
from tubelet.store import Store
from tubelet.store.disk import removal
from tubelet.store.disk.integrity import check
from tubelet.store.schema import SLICE_SURPRISE, SURPRISE

UNTRAINED = "vjepa2.1-untrained"
SMALL = {"encoder": UNTRAINED, "size": "32", "frames": 10, "device": "cpu", "pairs": "0"}
COUNTED = "SELECT context, horizon, slice, count(*) AS n FROM {} GROUP BY ALL ORDER BY ALL"


def ingest(folder: Path, root: Path, **arguments: object) -> None:
    job = Job.of(**{"paths": [str(folder)], **SMALL, **arguments})
    job.run(str(root)).execute(job.sources)


def measure(root: Path, stopping: Event | None = None, **asked: object) -> SurpriseOutcome:
    options = {"context": (2,), "device": "cpu", **asked}
    with closing(Store(root)) as store:
        return measure_surprise(store, SurpriseOptions(**options), stopping)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory) -> Path:
    """Two videos, three windows of five slices and four patches, in a folder with a store beside them; nothing is measured."""
    folder = tmp_path_factory.mktemp("predicted")
    for name, frames in (("a", 20), ("b", 11)):
        make_video(folder / f"videos/{name}.mp4", frames=frames, height=64, width=64, seed=frames)
    ingest(folder / "videos", folder / "store")
    return folder


@pytest.fixture
def folder(ingested: Path, tmp_path: Path) -> Path:
    """A copy of the store; the videos stay where they are."""
    shutil.copytree(ingested / "store", tmp_path / "store")
    return tmp_path


def test_rows_are_one_per_token_and_slice_and_say_what_they_are(folder):
    outcome = measure(folder / "store", horizon=(1, 2))
    assert (outcome.clips, outcome.slices, outcome.exit_code) == (3, 15, 0)
    expected = [(2, 1, 2), (2, 1, 3), (2, 1, 4), (2, 2, 3), (2, 2, 4)]
    for table, each in (("surprise", 12), ("slice_surprise", 3)):
        found = rows(folder / "store", COUNTED.format(table))
        assert [tuple(row.values()) for row in found] == [(*key, each) for key in expected]
    joined = """SELECT count(*) AS n, max(abs(s.l1 - t.l1)) AS away, max(abs(s.l1_over_copy - t.l1 / t.copy_l1)) AS ratio
FROM slice_surprise s JOIN (SELECT clip_id, slice, context, horizon, avg(l1) AS l1, avg(copy_l1) AS copy_l1 FROM surprise GROUP BY ALL) t
USING (clip_id, slice, context, horizon)"""
    (found,) = rows(folder / "store", joined)
    assert found["n"] == 15 and found["away"] < 1e-5 and found["ratio"] < 1e-4
    (made,) = rows(
        folder / "store", "SELECT DISTINCT target, precision, predictor_sha256 FROM slice_surprise"
    )
    assert made["target"].startswith("levels 0 1 2 3 joined, layer-normalized")
    assert made["precision"] == "fp32" and len(made["predictor_sha256"]) == 64
    with closing(Store(folder / "store")) as store:
        assert not list(check(store))


def test_a_rerun_measures_what_is_missing_and_nothing_else(folder):
    measure(folder / "store", every=2)
    first = rows(folder / "store", COUNTED.format("slice_surprise"))
    assert [row["slice"] for row in first] == [2, 4]
    more = measure(folder / "store")
    assert (more.clips, more.slices, more.complete) == (3, 3, 0)
    before = contents(folder / "store")
    again = measure(folder / "store")
    assert (again.clips, again.complete) == (0, 3) and contents(folder / "store") == before
    measure(folder / "store", where="name = 'b.mp4'", context=(3,))
    assert rows(folder / "store", "SELECT count(DISTINCT clip_id) AS n FROM slice_surprise WHERE context = 3") == [{"n": 1}]  # fmt: skip


SAID = """SELECT v.name, c.first_frame, s.* EXCLUDE (measured_at) FROM {} s JOIN clips c USING (clip_id) JOIN videos v USING (video_id)
ORDER BY ALL"""


# The command's last block computes the tokens of the targets alone: a product of other size, whose last digits differ where the processor has other code for it (AVX-512).
LAST_DIGITS = 1e-4


def compare_tables(ours: Path, theirs: Path, away: float = 0) -> None:
    """But for the time; numbers may be `away` from one another, of those above 1 relatively."""
    for table in ("surprise", "slice_surprise"):
        said = SAID.format(table).replace(" EXCLUDE (measured_at)" if table == "surprise" else "\0", "")  # fmt: skip
        found, expected = rows(ours, said), rows(theirs, said)
        assert len(found) == len(expected) > 0
        for one, other in zip(found, expected):
            near = {name: pytest.approx(other[name], rel=away, abs=away, nan_ok=True) for name, value in one.items() if isinstance(value, float)}  # fmt: skip
            assert one == other | near


@pytest.mark.parametrize(("layer", "every"), thin([("last", 2), ("block:1", 1)], spread=True))
def test_an_ingest_predicts_as_the_command_does_afterwards(ingested, folder, tmp_path, layer, every):  # fmt: skip
    asked = {"surprise": "2,2:2", "surprise_every": every}
    ingest(ingested / "videos", tmp_path / "live", layer=layer, pairs="1", **asked)
    if layer != "last":
        shutil.rmtree(folder / "store")
        ingest(ingested / "videos", folder / "store", layer=layer)
    measure(folder / "store", horizon=(1, 2), every=every)
    compare_tables(tmp_path / "live", folder / "store", LAST_DIGITS)
    assert measure(tmp_path / "live", horizon=(1, 2), every=every).complete == 3
    with closing(Store(tmp_path / "live")) as store:
        assert not list(check(store))


@pytest.mark.long
def test_an_ingest_adds_the_predictions_that_are_missing_and_no_others(ingested, folder, tmp_path):
    measure(folder / "store", every=2)
    made = "SELECT clip_id, created_at FROM clips ORDER BY ALL"
    before = rows(folder / "store", made)
    ingest(ingested / "videos", folder / "store", surprise="2")
    assert rows(folder / "store", made) != before  # encoded again, once
    after = contents(folder / "store")
    ingest(ingested / "videos", folder / "store", surprise="2")
    assert contents(folder / "store") == after
    shutil.copytree(ingested / "store", tmp_path / "command")
    measure(tmp_path / "command")
    compare_tables(folder / "store", tmp_path / "command", LAST_DIGITS)


@pytest.mark.long
def test_an_ingest_replaces_what_another_predictor_said(ingested, folder):
    measure(folder / "store")
    shutil.copytree(folder / "store", folder / "before")
    _pretend_another_predictor(folder / "store")
    ingest(ingested / "videos", folder / "store", surprise="2")
    compare_tables(folder / "store", folder / "before", LAST_DIGITS)
    found = rows(folder / "store", "SELECT predictor_sha256, count(*) AS n FROM slice_surprise GROUP BY 1")  # fmt: skip
    assert [row["n"] for row in found] == [9] and found[0]["predictor_sha256"] != "0" * 64


TWICE = "SELECT count(*) AS n FROM (SELECT clip_id, context, horizon, slice, count(*) AS n FROM slice_surprise GROUP BY ALL HAVING n > 1)"
PATCHES = "SELECT context, horizon, count(*) AS n FROM surprise GROUP BY ALL ORDER BY ALL"


@pytest.mark.long
def test_two_commands_at_once_add_each_slice_once_and_lose_none(folder):
    """Another command measures and commits, with one context in common, while this one has measured and not committed."""
    root, others = folder / "store", []

    def meanwhile(done: int, of: int) -> None:
        if not others:
            others.append(measure(root, context=(2, 3), every=2).slices)

    with closing(Store(root)) as store:
        options = SurpriseOptions(context=(2,), horizon=(1, 2), device="cpu")
        assert measure_surprise(store, options, None, meanwhile).slices == 15
    assert others and rows(root, TWICE) == [{"n": 0}]
    found = [tuple(row.values()) for row in rows(root, PATCHES)]
    assert found == [(2, 1, 36), (2, 2, 24), (3, 1, 12)]  # every slice of what either was asked


class Meanwhile(Listener):
    """Runs something once, when the first clip of a run is encoded."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work

    def clip(self, count: ClipCount) -> None:
        work, self.work = self.work, lambda: None
        work()


@pytest.mark.long
@pytest.mark.parametrize("outdated", [False, True])
def test_an_ingest_adds_no_prediction_that_a_command_has_added_meanwhile(
    ingested, folder, outdated
):
    root = folder / "store"
    if outdated:
        measure(root)
        _pretend_another_predictor(root)
    job = Job.of(paths=[str(ingested / "videos")], **SMALL, surprise="2,2:2")
    run = job.run(str(root))
    others: list[int] = []
    run.listeners.append(Meanwhile(lambda: others.append(measure(root, context=(2, 3)).slices)))
    run.execute(job.sources)
    assert others == [15] and rows(root, TWICE) == [{"n": 0}]
    found = [tuple(row.values()) for row in rows(root, PATCHES)]
    assert found == [(2, 1, 36), (2, 2, 24), (3, 1, 24)]
    (made,) = rows(root, "SELECT DISTINCT predictor_sha256 AS made FROM slice_surprise")
    assert made["made"] != "0" * 64


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"surprise": "4,5:1"}, "--surprise 5:1 needs windows of 6 slices, and --frames gives 5"),
        ({"surprise": "4:0"}, "--surprise 4:0: write the number of slices that are seen"),
        ({"surprise": "two"}, "--surprise two: write the number of slices"),
        ({"surprise": "2", "encoder": "toy"}, "toy has no predictor, so nothing can be predicted"),
        ({"surprise": "1", "frames": 2}, "--surprise 1:1 needs windows of 2 slices"),
    ],
)
def test_predictions_that_an_ingest_cannot_make_are_refused(ingested, tmp_path, asked, said):
    with pytest.raises(UsageError, match=said):
        Job.of(paths=[str(ingested / "videos")], **{**SMALL, **asked})


@pytest.mark.long
def test_targets_are_read_from_the_store_where_it_holds_them(ingested, folder, tmp_path):
    encoded = measure(folder / "store")
    assert encoded.shared == 0 and encoded.lines()[2] == (
        "the targets of 3 clips were encoded again: the store holds layer last, and the predictor answers levels 0 1 2 3 joined (`--layer all`)"
    )
    ingest(ingested / "videos", tmp_path / "all", layer="all")
    read = measure(tmp_path / "all")
    assert read.shared == 3
    assert read.lines()[2] == "the targets of 3 clips were read from the store, in half precision"
    (found,) = rows(tmp_path / "all", "SELECT DISTINCT target FROM slice_surprise")
    assert found["target"].endswith(", of the whole window, as stored in half precision")
    errors = "SELECT l1, cosine, copy_l1, mean_l1 FROM slice_surprise JOIN clips USING (clip_id) JOIN videos USING (video_id) ORDER BY name, first_frame, slice"
    for ours, theirs in zip(rows(tmp_path / "all", errors), rows(folder / "store", errors), strict=True):  # fmt: skip
        assert ours == pytest.approx(theirs, abs=1e-3) and ours != theirs


@pytest.mark.long
def test_a_batch_predicts_what_is_missing_of_it_and_batches_make_the_rows_of_one_run(folder, tmp_path):  # fmt: skip
    shutil.copytree(folder / "store", tmp_path / "whole")
    whole = measure(tmp_path / "whole")
    command = SurpriseBatches.of(SurpriseOptions(context=(2,), device="cpu"))
    with closing(Store(folder / "store")) as store:
        worker = command.begin(store, "cpu")
        plan = command.plan(store, worker.identity)
        assert [len(group) for group in plan.groups] in ([1, 2], [2, 1])
        for number in (0, 0, 1):  # the first twice, as where the process that had it was lost
            plan.outcome.join(worker.do(plan.groups[number], Event(), lambda done: None))
    done = plan.outcome
    assert (done.clips, done.slices, done.complete) == (3, 9, len(plan.groups[0]))
    assert (done.l1, done.copy_l1) == pytest.approx((whole.l1, whole.copy_l1), rel=1e-5)
    compare_tables(folder / "store", tmp_path / "whole")


@pytest.mark.long
def test_a_run_that_is_stopped_keeps_what_it_measured(folder):
    stopping = Event()
    stopping.set()
    outcome = measure(folder / "store", stopping)
    assert outcome.interrupted and outcome.exit_code == 130 and outcome.clips == 1
    rest = measure(folder / "store")
    assert (rest.clips, rest.complete, rest.exit_code) == (2, 1, 0)


@pytest.mark.long
def test_answers_of_another_predictor_are_replaced(folder):
    measure(folder / "store")
    before = contents(folder / "store")
    _pretend_another_predictor(folder / "store")
    assert measure(folder / "store").clips == 3
    assert contents(folder / "store") == before


def _pretend_another_predictor(root: Path) -> None:
    with closing(Store(root)) as store:
        held = store.query("FROM slice_surprise").cast(SLICE_SURPRISE.arrow)
        place = held.column_names.index("predictor_sha256")
        other = held.set_column(
            place, held.schema.field(place), pa.array(["0" * 64] * len(held), pa.string())
        )
        clips = list(set(held["clip_id"].to_pylist()))
        store.commit({"slice_surprise": other}, {"slice_surprise": clips})


@pytest.mark.long
def test_what_was_predicted_stays_with_a_clip_and_goes_with_it(ingested, folder):
    measure(folder / "store")
    predicted = contents(folder / "store")["surprise"]
    ingest(ingested / "videos", folder / "store", keep="embeddings,statistics,pooled")
    assert rows(folder / "store", "SELECT count(*) > 0 AS kept FROM pooled") == [{"kept": True}]
    assert contents(folder / "store")["surprise"] == predicted
    with closing(Store(folder / "store")) as store:
        clip_id = store.rows("SELECT clip_id FROM clips ORDER BY ALL LIMIT 1")[0]["clip_id"]
        removal.remove(store, removal.choose(store, "clips", [clip_id], None))
        for table in (SLICE_SURPRISE, SURPRISE):
            left = store.rows(f"SELECT DISTINCT clip_id FROM {table.name}")
            assert len(left) == 2 and clip_id not in {row["clip_id"] for row in left}


def test_a_video_that_is_gone_or_changed_is_named_and_the_others_are_measured(ingested, tmp_path):
    shutil.copytree(ingested / "videos", tmp_path / "videos")
    ingest(tmp_path / "videos", tmp_path / "store")
    make_video(tmp_path / "videos/a.mp4", frames=20, height=64, width=64, seed=9)
    outcome = measure(tmp_path / "store")
    assert (outcome.clips, outcome.exit_code) == (1, 1)
    (problem,) = outcome.problems
    assert problem.startswith("a.mp4: ") and "has changed since it was ingested" in problem
    (tmp_path / "videos/a.mp4").unlink()
    (problem,) = measure(tmp_path / "store").problems
    assert "a.mp4 is gone: bring it back" in problem


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"context": (5,)}, "needs windows of 6 slices, and the longest has 5"),
        ({"encoder": "nobody"}, "holds no encoder nobody"),
        ({"where": "name = 'nobody'"}, "matches no video"),
        ({"weights": Path("absent.pt")}, "has its own random ones"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(ingested, asked, said):
    with pytest.raises(Exception, match=said):
        measure(ingested / "store", **asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"context": (0,)}, "--context: 0 is not a number of slices"),
        ({"horizon": ()}, "--horizon: nothing is not a number"),
        ({"every": 0}, "--every"),
        ({"precision": "int8"}, "--precision"),
    ],
)
def test_options_that_are_none_are_refused(asked, said):
    with pytest.raises(UsageError, match=said):
        SurpriseOptions(**asked)


def test_an_encoder_without_a_predictor_says_so(ingested, tmp_path):
    ingest(ingested / "videos", tmp_path / "store", encoder="toy")
    with pytest.raises(UsageError, match="no encoder of .* has a predictor"):
        measure(tmp_path / "store")
    with pytest.raises(UsageError, match="toy-.* has no predictor, so nothing can be predicted"):
        measure(tmp_path / "store", encoder="toy")
    Store.create(tmp_path / "empty").close()
    with pytest.raises(UsageError, match="holds no clips: run `tubelet ingest"):
        measure(tmp_path / "empty")


def test_the_summary_says_whether_the_predictor_is_worse_than_copying():
    poor = SurpriseOutcome(encoder_id="e", clips=1, slices=4, l1=0.4, copy_l1=0.1)
    assert "error 4.00 times that of a copy of the last slice seen: worse than copying" in poor.lines()[1]  # fmt: skip
    good = SurpriseOutcome(encoder_id="e", clips=1, slices=4, l1=0.05, copy_l1=0.1)
    assert "better than copying" in good.lines()[1]
    assert good.as_json()["l1_over_copy"] == 0.5
