"""The report on dense scores: the answer first, what stays in place beside every number, and SQL that answers."""

import json

import numpy as np
import pyarrow as pa
import pytest

from tests.planted_objects import VIDEOS, object_store
from tests.planted_probes import label, video_ids
from tests.stores import synthetic_store
from tubelet.latent.dense.keeping import save_scores
from tubelet.latent.dense.options import ScoringOptions
from tubelet.latent.dense.run import score_videos
from tubelet.reports.blocks import Picture, Table, Text
from tubelet.reports.catalogue import REPORTS
from tubelet.reports.errors import ReportError
from tubelet.reports.scores.findings import find_scores
from tubelet.reports.scores.narrative import answer, subject
from tubelet.reports.scores.request import ScoresOptions
from tubelet.store.schema import SCORES


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Scores of tokens that show the object, and of the toy's, which do not."""
    made = object_store(tmp_path_factory.mktemp("scores") / "store")
    options = ScoringOptions(objects=3)
    save_scores(made, list(score_videos(made, (), options)), options)
    yield made
    made.close()


def test_the_answer_names_encoder_interval_and_what_stays_in_place(store) -> None:
    blocks = list(REPORTS["scores"].blocks(store, ScoresOptions()))
    told, rests = (block.markdown for block in blocks[:2] if isinstance(block, Text))
    rows = store.rows("SELECT score, control FROM scores WHERE measure = 'J&F' AND starts_with(encoder_id, 'objects') ORDER BY video_id")  # fmt: skip
    own, still = (np.array([row["score"] for row in rows if row["control"] == control]) for control in (None, "still"))  # fmt: skip
    segmentation, tracking = find_scores(store, ScoresOptions()).tasks
    best = segmentation.ranked[0]
    assert best.own.mean == pytest.approx(own.mean()) and best.gain.mean == pytest.approx((own - still).mean())  # fmt: skip
    assert f"**Masks** are carried best by layer last of objects: `J&F` {own.mean():.3f} (" in told
    assert f"over {VIDEOS} videos; the mask left where it was given reaches {still.mean():.3f}" in told  # fmt: skip
    assert 0 < segmentation.low_of_gain < best.gain.low and "It is the best of 2 encoders" in told
    assert "**Points** are carried best by layer last of objects: AJ 1.000 (" in told
    assert f"Segmentation: {VIDEOS} of {VIDEOS} videos that every encoder has" in rests
    assert "Settings: task all, objects 3, points 32." in rests
    assert len(tracking.ranked) == 2


def test_tables_are_what_their_sql_answers_and_pictures_have_their_numbers(store) -> None:
    blocks = list(REPORTS["scores"].blocks(store, ScoresOptions()))
    tables = {block.name: block for block in blocks if isinstance(block, Table)}
    assert {"videos", "hardest_segmentation", "hardest_tracking"} <= set(tables)
    for name in ("videos", "hardest_segmentation", "hardest_tracking"):
        (question,) = tables[name].questions.values()
        assert store.query(question.text).equals(tables[name].rows)
    assert len(tables["videos"].rows) == VIDEOS * 6 * 2
    hardest = tables["hardest_segmentation"].rows["score"].to_pylist()
    assert hardest == sorted(hardest) and len(hardest) == VIDEOS
    pictures = [block for block in blocks if isinstance(block, Picture)]
    drawn = pictures[0].numbers().to_pylist()
    assert [row["place"].split(",")[0] for row in drawn[:1]] == ["objects"] and len(drawn) == 6
    means = {(row["measure"], row["encoder_id"]): row["score"] for row in tables["means_segmentation_table"].rows.to_pylist()}  # fmt: skip
    assert {row["score"] for row in drawn} == set(means.values())


def test_a_group_counts_once_and_what_is_no_better_than_staying_is_said_to_be_that(store) -> None:
    label(store, "group", dict.fromkeys(video_ids(store)[:3], "one"))
    (segmentation, tracking) = find_scores(store, ScoresOptions(encoder="toy")).tasks
    assert segmentation.ranked[0].own.count == VIDEOS - 2
    told = answer(find_scores(store, ScoresOptions(encoder="toy")))
    assert "**That is not above what does not move**" in told and "best of" not in told
    assert tracking.low_of_gain <= 0


def test_what_cannot_be_compared_is_a_sentence(store, tmp_path) -> None:
    empty = synthetic_store(tmp_path / "store", videos=1)
    with pytest.raises(ReportError, match="holds no scores: compute some with `tubelet score"):
        find_scores(empty, ScoresOptions())
    with pytest.raises(ReportError, match="holds no encoder nobody"):
        find_scores(store, ScoresOptions(encoder="nobody"))
    empty.close()
    rows = store.rows("FROM scores WHERE measure = 'J' AND control IS NULL AND starts_with(encoder_id, 'toy') LIMIT 1")  # fmt: skip
    changed = {**rows[0], "settings": json.dumps({"objects": 5})}
    store.commit({SCORES.name: pa.Table.from_pylist([changed], SCORES.arrow)}, {SCORES.name: [changed["score_id"]]})  # fmt: skip
    assert "**The runs had different settings**" in subject(find_scores(store, ScoresOptions()))
    for odd, shown in (("by hand", "; by hand."), ("[5]", "[5]"), (None, "; not stated.")):
        store.commit({SCORES.name: pa.Table.from_pylist([{**changed, "settings": odd}], SCORES.arrow)}, {SCORES.name: [changed["score_id"]]})  # fmt: skip
        told = subject(find_scores(store, ScoresOptions())).replace("`", "").replace("\\", "")
        assert "**The runs had different settings**" in told and shown in told
    gone = store.rows("SELECT score_id, video_id FROM scores WHERE starts_with(encoder_id, 'toy')")
    alone = min(row["video_id"] for row in gone)
    own = store.rows("SELECT score_id FROM scores WHERE starts_with(encoder_id, 'objects') AND video_id = ?", [alone])  # fmt: skip
    removed = [row["score_id"] for row in gone if row["video_id"] != alone]
    store.commit({}, {SCORES.name: removed + [row["score_id"] for row in own]})
    with pytest.raises(ReportError, match="the encoders share no video with scores of"):
        find_scores(store, ScoresOptions())
