"""The SQL behind a track gives all that the track says: place, score, margin, round trip, lost and level."""

import numpy as np
import pytest

from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.latent import null_similarity, query, tracking
from tubelet.latent.clips import open_clip
from tubelet.latent.track_question import track_rows
from tubelet.store.sandbox.untrusted import ask


@pytest.fixture(scope="module", params=[1, 4], ids=["no level", "with a level"])
def store(request, tmp_path_factory):
    made = synthetic_store(
        tmp_path_factory.mktemp("track") / "films", videos=request.param, clips=2, slices=6, side=8
    )
    yield made
    made.close()


@pytest.mark.parametrize("addresses", thin([[(0, 3, 3), (5, 6, 1)], [(0, 4, 4)], [(2, 0, 7)]]))
@pytest.mark.parametrize("elsewhere", [False, True], ids=["its own clip", "another clip"])
def test_a_track_is_its_sql(store, addresses, elsewhere):
    home, other = (row["clip_id"] for row in store.rows("FROM clips ORDER BY clip_id LIMIT 2"))
    clip = open_clip(store, other if elsewhere else home)
    asked = query.query_stored(store, home, addresses)
    unrelated = null_similarity.sample_other_videos(store, asked.encoder_id, asked.video_id)
    found = tracking.track(asked, clip, unrelated)
    question = track_rows((home, addresses), clip.clip_id, found.level)
    rows = ask(store, question.text).table
    assert rows.equals(question.answer(store))
    for name in ("slice", "y", "x", "returned", "lost"):
        assert rows[name].to_pylist() == found.table[name].to_pylist(), name
    for name in ("score", "margin", "level"):
        numbers = [np.array(t[name].to_pylist(), float) for t in (rows, found.table)]
        assert np.allclose(*numbers, atol=1e-5, equal_nan=True), name
    assert len(rows) == 6 and (len(set(found.lost)) == 2 or elsewhere or len(addresses) > 1)
