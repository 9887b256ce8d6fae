"""What the sensitivity report asks of its store: the SQL shown gives the numbers shown, and those are of plain Python and numpy."""

import re

import duckdb
import numpy as np
import pytest

from tests.planted import Planted, add_planted, planted_store, relative_edges
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.reports.sensitivity import narrative
from tubelet.reports.sensitivity.findings import find
from tubelet.reports.sensitivity.request import SensitivityRequest, hold_pairs
from tubelet.store.questions import changes
from tubelet.store.questions import sensitivity as queries
from tubelet.store.questions.corpus import VideoSelection
from tubelet.store.questions.sensitivity import PairScope
from tubelet.store.sandbox.untrusted import Limits, ask


@pytest.fixture(scope="module")
def store(planted_everything):
    return planted_everything


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Measured from grids, two pairs a video."""
    made = synthetic_store(
        tmp_path_factory.mktemp("report") / "real",
        videos=6,
        clips=3,
        slices=12,
        side=4,
        dim=16,
        shift=2,
    )
    yield made
    made.close()


def scope_of(store, **more):
    row = queries.scopes().answer(store).to_pylist()[0]
    return PairScope(
        encoder_id=row["encoder_id"], frames=row["frame_count"], shift=row["shift"], **more
    )


def every_question(scope):
    kinds = {kind: queries.control_levels(scope, kind) for kind in ("repeated", "disjoint")}
    once = {f"by video {several}": queries.by_video(scope, several) for several in (False, True)}
    asked = (
        queries.settings, queries.foundations, queries.videos_measured,
        queries.curve_band, queries.curves, queries.dimension_ranking, queries.frame_map,
    )  # fmt: skip
    return {**{question.__name__: question(scope) for question in asked}, **kinds, **once}


@pytest.mark.parametrize("where", thin(["label = 'cooking' -- it's only these", None]))
def test_the_sql_shown_gives_the_answer_shown(store, where):
    ids = [row["video_id"] for row in store.rows("FROM videos WHERE label = 'cooking'")]
    scope = scope_of(
        store,
        setting="step 1, crop 64 x 64, float32, live",
        videos=VideoSelection(ids, where) if where else None,
    )
    answered = every_question(hold_pairs(store, scope))  # as the report asks
    for name, question in every_question(scope).items():
        shown, ran = (
            t.sort_by([(c, "ascending") for c in t.column_names])
            for t in (
                ask(store, question.text, Limits(rows=None)).table,
                answered[name].answer(store),
            )
        )
        assert len(ran), name
        for column in ran.column_names:
            a, b = shown[column].to_pylist(), ran[column].to_pylist()
            assert a == b or np.allclose(a, b, rtol=1e-6), (name, column)


def test_of_very_many_videos_the_report_takes_some_and_says_so(real, monkeypatch):
    request = SensitivityRequest(mix=True)
    whole = find(real, request)
    assert whole.foundations.of_videos == whole.foundations.videos == 6
    assert "sample" not in narrative.subject(whole)
    monkeypatch.setattr(queries, "MOST_VIDEOS", 5)
    some = find(real, request)
    ids = sorted(row["video_id"] for row in real.rows("SELECT DISTINCT video_id FROM pairs"))
    assert (some.foundations.of_videos, some.foundations.videos) == (6, 5)
    assert some.videos["video_id"].to_pylist() == ids[:5]
    assert narrative.subject(some).endswith("a random sample of 5 of the 6 videos measured")


def matrices(store):
    """edge / std, edge and middle as ``(videos, pairs, D)`` by plain Python, videos by id."""
    rows = store.rows(
        "SELECT video_id, pair_id, dim, edge, middle, pair_std FROM dim_sensitivity JOIN pairs USING (pair_id) WHERE kind = 'shifted'"
    )
    videos, pairs = sorted({row["video_id"] for row in rows}), {}
    for row in rows:
        pairs.setdefault(row["video_id"], {}).setdefault(row["pair_id"], {})[row["dim"]] = row
    dims = range(max(row["dim"] for row in rows) + 1)

    def values(value):
        return np.array(
            [[[value(of[d]) for d in dims] for of in pairs[video].values()] for video in videos]
        )

    return (
        values(lambda r: r["edge"] / r["pair_std"] if r["pair_std"] else np.nan),
        values(lambda r: r["edge"]),
        values(lambda r: r["middle"]),
    )


@pytest.mark.parametrize("fixture", ["store", "real"])
def test_the_ranking_is_the_mean_over_videos_of_the_mean_over_pairs(fixture, request):
    held = request.getfixturevalue(fixture)
    relative, edge, middle = matrices(held)
    rows = queries.dimension_ranking(scope_of(held)).answer(held).to_pylist()
    expected = relative.mean(1).mean(0)
    varying = [d for d in np.argsort(-expected, kind="stable") if np.isfinite(expected[d])]
    assert [row["dim"] for row in rows][: len(varying)] == varying
    for row in rows:
        d = row["dim"]
        assert row["edge"] == pytest.approx(edge.mean((0, 1))[d], rel=1e-5)
        if d in varying:
            assert row["relative"] == pytest.approx(expected[d], rel=1e-5)
            assert row["ratio"] == pytest.approx(
                edge.mean((0, 1))[d] / middle.mean((0, 1))[d], rel=1e-5
            )
        else:
            assert row["relative"] is None and row["varying"] == 0
    estimate = find(held, SensitivityRequest()).ranking.relative.value
    assert np.allclose(estimate, expected, rtol=1e-5, equal_nan=True)


def test_several_pairs_of_a_video_count_as_one_video(tmp_path):
    """A video with 4 pairs and one with 1 weigh the same."""
    made = Planted(videos=1, pairs=4, dim=16, specialists=(2,), seed=1)
    with_many = planted_store(
        tmp_path / "store", videos=1, pairs=4, dim=16, specialists=(2,), seed=1
    )
    add_planted(
        with_many, Planted(videos=1, dim=16, specialists=(2,), seed=1, strength=9.0), first=1
    )
    many, one = (
        relative_edges(made, range(1)),
        relative_edges(
            Planted(videos=1, dim=16, specialists=(2,), seed=1, strength=9.0), range(1, 2)
        ),
    )
    rows = {
        row["dim"]: row["relative"]
        for row in queries.dimension_ranking(scope_of(with_many)).answer(with_many).to_pylist()
    }
    assert [rows[d] for d in range(16)] == pytest.approx((many.mean(0) + one[0]) / 2, rel=1e-4)
    by_video = queries.by_video(scope_of(with_many), several=True).answer(with_many)
    assert len(by_video) == 2 * 16
    with_many.close()


def test_the_band_is_that_of_numpy_and_the_rollups_fit_the_full_rows(store):
    band = queries.curve_band(scope_of(store)).answer(store)
    rows = queries.curves(scope_of(store)).answer(store)
    curves = rows["relative"].to_numpy().reshape(40, 19)
    for name, share in (("relative_q25", 0.25), ("relative_median", 0.5), ("relative_q75", 0.75)):
        assert band[name].to_numpy() == pytest.approx(np.quantile(curves, share, axis=0), rel=1e-6)
    full = store.rows("""SELECT max(abs(f.overall - s.mean)) AS apart FROM dim_sensitivity f JOIN pairs USING (pair_id)
        JOIN (SELECT pair_id, dim, avg(mean_abs) AS mean FROM sensitivity GROUP BY ALL) s USING (pair_id, dim) WHERE kind = 'shifted'""")
    assert full[0]["apart"] < 1e-5


def test_the_report_reads_rollups_only(store):
    assert not any(
        re.search(r"(FROM|JOIN) sensitivity\b", question.sql)
        for question in every_question(scope_of(store)).values()
    )


def test_rates_that_read_alike_are_one_setting_whatever_the_step_behind_them():
    """A setting is its words: those listed are those that can be asked for, and a video counts once in each."""
    con = duckdb.connect()
    con.sql("""CREATE TABLE clips AS SELECT 'clip ' || n AS clip_id, 8 AS frame_count, sample_fps, step, 'crop' AS geometry, 64 AS crop_height, 48 AS crop_width
      FROM (VALUES (1, 29.97002997, 1), (2, 29.97003, 2), (3, NULL, 1), (4, NULL, 2)) t(n, sample_fps, step)""")
    con.sql("""CREATE TABLE pairs AS SELECT clip_id AS clip_a, 'video' AS video_id, 'e' AS encoder_id, 1 AS shift, 'shifted' AS kind, 'float32' AS precision, 'live' AS source
      FROM clips""")
    con.sql(
        "CREATE TABLE encoders AS SELECT 'e' AS encoder_id, 'toy' AS name, 'no weights' AS weights_source"
    )
    listed = con.sql(queries.scopes().sql).to_arrow_table().to_pylist()
    assert [(row["setting"], row["videos"], row["pairs"]) for row in listed] == [
        ("29.97 fps, crop 64 x 48, float32, live", 1, 2),
        ("step 1, crop 64 x 48, float32, live", 1, 1),
        ("step 2, crop 64 x 48, float32, live", 1, 1),
    ]
    asked = f"SELECT count(*) FROM pairs p JOIN clips a ON a.clip_id = p.clip_a WHERE {queries.SETTING} = $setting"
    for row in listed:
        assert con.execute(asked, {"setting": row["setting"]}).fetchone() == (row["pairs"],)


def test_a_report_takes_an_encoder_that_learned_something_where_others_have_as_many_pairs():
    con = duckdb.connect()
    con.sql("""CREATE TABLE encoders AS SELECT * FROM (VALUES ('a', 'a', 'untrained: seed 0'), ('b', 'b', 'no weights'), ('c', 'c', 'file.pt'))
      t(encoder_id, name, weights_source)""")
    con.sql(
        """CREATE TABLE clips AS SELECT 'clip' AS clip_id, 8 AS frame_count, NULL::DOUBLE AS sample_fps, 1 AS step, 'crop' AS geometry, 64 AS crop_height, 64 AS crop_width"""
    )
    con.sql("""CREATE TABLE pairs AS SELECT 'clip' AS clip_a, 'video' AS video_id, encoder_id, 1 AS shift, kind, 'float32' AS precision, 'live' AS source
      FROM encoders, (VALUES ('shifted'), ('changed')) k(kind)""")
    for asked in (queries.scopes(), changes.change_scopes()):
        assert [row[0] for row in con.sql(asked.sql).fetchall()] == ["c", "b", "a"]
