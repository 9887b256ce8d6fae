"""Search: exact against a plain scan, by index against exact, and clips that are alike without their embeddings."""

import numpy as np
import pytest

from tests import player
from tests.commands import run_here
from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.latent import (
    clips,
    code_search,
    hits,
    query,
    questions,
    retrieval,
    search,
    search_index,
)
from tubelet.latent.errors import LatentError
from tubelet.latent.hits import RankingOptions
from tubelet.store import Store
from tubelet.store.disk import embeddings
from tubelet.store.questions import clips as clip_queries
from tubelet.store.rows import ClipRow
from tubelet.store.sandbox import conditions


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("search") / "store"
    made = synthetic_store(root, videos=10, clips=2, slices=4, side=7, dim=96)
    yield made
    made.close()


@pytest.fixture(scope="module")
def rows(store):
    return store.rows("FROM clips ORDER BY clip_id")


@pytest.fixture(scope="module")
def asked(store, rows):
    return query.query_clip(clips.open_clip(store, rows[3]["clip_id"]), [(1, 2, 3), (0, 6, 6)])


def scanned(store, rows, asked):
    """Every token as (score, video, clip, slice, y, x), the best first, by a plain scan in double precision."""
    found = []
    for row in rows:
        tokens = store.grid(row["clip_id"]).astype(np.float64)
        tokens /= np.linalg.norm(tokens, axis=-1, keepdims=True)
        scores = (tokens @ asked.vectors.T).max(axis=-1)
        found += [
            (score, row["video_id"], row["clip_id"], *address)
            for address, score in np.ndenumerate(scores)
            for address in [address]
        ]
    return sorted(found, key=lambda hit: -hit[0])


@pytest.mark.parametrize("per_video", [None, 1, 3])
def test_exact_search_is_a_plain_scan(store, rows, asked, per_video):
    wanted, taken = [], {}
    for hit in scanned(store, rows, asked):
        taken[hit[1]] = taken.get(hit[1], 0) + 1
        if per_video is None or taken[hit[1]] <= per_video:
            wanted.append(hit)
    top = min(20, len(wanted))
    found = hits.table(search.exact(store, asked, RankingOptions(20, per_video)))
    assert [
        tuple(row.values())
        for row in found.select(["video_id", "clip_id", "slice", "y", "x"]).to_pylist()
    ] == [hit[1:] for hit in wanted[:top]]
    assert np.allclose(found["score"].to_numpy(), [hit[0] for hit in wanted[:top]], atol=1e-5)
    assert found["rank"].to_pylist() == list(range(1, top + 1))


@pytest.mark.parametrize("per_video", [None, 2])
def test_sql_ranks_as_exact_search_does(store, asked, per_video):
    ranking = RankingOptions(15, per_video)
    question = questions.search((asked.clip_id, asked.addresses), asked.encoder_id, ranking)
    found, truth = question.answer(store), hits.table(search.exact(store, asked, ranking))
    names = ["video_id", "clip_id", "slice", "y", "x"]
    assert found.select(names).to_pylist() == truth.select(names).to_pylist() and len(found) == 15
    assert np.allclose(found["score"].to_numpy(), truth["score"].to_numpy(), atol=1e-5)
    assert store.query(question.text).equals(found)


def test_a_query_read_from_the_store_is_that_of_the_whole_clip(store, asked):
    found = query.query_stored(store, asked.clip_id, asked.addresses)
    assert (found.clip_id, found.video_id, found.encoder_id, found.addresses, found.grid) == (
        asked.clip_id, asked.video_id, asked.encoder_id, asked.addresses, asked.grid
    )  # fmt: skip
    assert np.array_equal(
        found.vectors, asked.vectors
    ) and found.slices.keys() == asked.slices.keys() == {0, 1}
    assert all(
        np.array_equal(found.slices[number], tokens) for number, tokens in asked.slices.items()
    )
    with pytest.raises(LatentError, match="outside"):
        query.query_stored(store, asked.clip_id, [(4, 0, 0)])


def test_search_among_videos_that_a_condition_chooses_finds_theirs_alone(store, asked):
    label = store.rows("SELECT label FROM videos WHERE label IS NOT NULL LIMIT 1")[0]["label"]
    chosen = conditions.videos(store, f"label = '{label}'")
    ids = {
        row["video_id"]
        for row in store.rows("SELECT video_id FROM videos WHERE label = ?", [label])
    }
    every, ranking = RankingOptions(10**6), RankingOptions(15)
    found = retrieval.find(store, asked, ranking, videos=chosen)
    own = [
        row
        for row in hits.table(search.exact(store, asked, every)).to_pylist()
        if row["video_id"] in ids
    ][:15]
    names = ["video_id", "clip_id", "slice", "y", "x", "score"]
    assert set(chosen) == ids and found.videos == len(ids)
    assert found.hits.select(names).to_pylist() == [
        {name: row[name] for name in names} for row in own
    ]
    question = questions.search((asked.clip_id, asked.addresses), asked.encoder_id, ranking, chosen)
    assert (
        question.answer(store).drop_columns("score").equals(found.hits.select(names[:-1]))
        and f"label = '{label}'" in question.text
    )
    assert store.query(question.text).equals(question.answer(store))


@pytest.mark.long
def test_a_large_corpus_is_searched_by_its_sketch_unless_asked_exactly(tmp_path, monkeypatch):
    made = synthetic_store(tmp_path / "store", videos=4, slices=4, side=6, dim=48)
    rows = clips.with_embeddings(made, made.query("FROM encoders")["encoder_id"][0].as_py())
    asked, ranking = (
        query.query_clip(clips.open_clip(made, rows[1].clip_id), [(2, 3, 3)]),
        RankingOptions(6, 2),
    )
    size = sum((made.root / row.embedding_path).stat().st_size for row in rows)
    exact = retrieval.find(made, asked, ranking)
    assert (
        exact.sketch is None
        and exact.clips == 4
        and exact.bytes == 4 * 4 * 36 * 48 * 2 < size
        and not exact.large
    )
    monkeypatch.setattr(retrieval, "LARGE", exact.bytes)
    assert retrieval.find(made, asked, ranking).sketch is None, "there is no index"
    known = search_index.write_index(made, rows[0].encoder_id)
    by_sketch = retrieval.find(made, asked, ranking)
    assert by_sketch.sketch == known and by_sketch.large
    monkeypatch.setattr(code_search, "find", None)
    again = retrieval.find(made, asked, ranking, exactly=True)
    assert (
        again.sketch is None
        and again.hits.equals(exact.hits)
        and by_sketch.hits["clip_id"][0] == exact.hits["clip_id"][0]
    )
    made.close()


def test_search_keeps_to_the_chosen_videos(store, rows, asked):
    chosen = sorted({row["video_id"] for row in rows})[:2]
    found = hits.table(search.exact(store, asked, RankingOptions(10), chosen))
    assert set(found["video_id"].to_pylist()) <= set(chosen) and len(found) == 10
    assert len(hits.table([])) == 0 and hits.table([]).schema == found.schema
    with pytest.raises(LatentError, match="--keep embeddings"):
        search.exact(store, asked, RankingOptions(10), ["no such video"])


def test_single_tokens_are_read_as_they_were_written(store, rows):
    path = store.root / rows[0]["embedding_path"]
    numbers = [0, 48, 49, 195, 100, 100]
    assert np.array_equal(
        embeddings.read_tokens(path, numbers), embeddings.read(path).reshape(-1, 96)[numbers]
    )


def test_search_by_sketch_finds_what_exact_search_finds_and_states_its_recall(
    tmp_path, monkeypatch
):
    made = synthetic_store(tmp_path / "store", videos=8, clips=2, slices=4, side=7, dim=96)
    (encoder,) = made.query("FROM encoders")["encoder_id"].to_pylist()
    with pytest.raises(LatentError, match="run `tubelet index"):
        search_index.open_index(made, encoder)
    monkeypatch.setattr(code_search, "CANDIDATES", 150)  # of 3,136 tokens
    recall = search_index.write_index(made, encoder)
    assert recall.clips == 16 and 0.95 <= recall.recall <= 1
    kept = made.rows("FROM sketches")
    assert len(kept) == 1 and kept[0]["recall"] == recall.recall and kept[0]["candidates"] == 150
    sketch = search_index.open_index(made, encoder)
    rows = clips.with_embeddings(made, encoder)
    codes = sketch.read(made, rows[0])
    assert codes.dtype == np.int8 and codes.shape == (196, 96) and sketch.step.shape == (96,)
    asked = query.query_clip(clips.open_clip(made, rows[5].clip_id), [(2, 3, 3)])
    rough, exact = sketch.scores(codes, asked), search.scores(made, asked, rows[0])
    assert np.corrcoef(rough, exact)[0, 1] > 0.98 and np.abs(rough - exact).max() < 0.25
    for ranking in (RankingOptions(20), RankingOptions(20, 2)):
        found, truth = (
            hits.table(hit)
            for hit in (
                code_search.find(made, sketch, asked, ranking),
                search.exact(made, asked, ranking),
            )
        )
        assert set(map(str, found.drop(["rank", "score"]).to_pylist())) >= set(
            map(str, truth.drop(["rank", "score"]).to_pylist()[:10])
        )
        assert np.allclose(found["score"].to_numpy()[:5], truth["score"].to_numpy()[:5], atol=1e-6)
    made.close()


@pytest.mark.long
def test_new_and_damaged_codes_are_searched_exactly_until_they_are_written_again(tmp_path):
    made = synthetic_store(tmp_path / "store", videos=4, slices=4, side=6, dim=48)
    (encoder,) = made.query("FROM encoders")["encoder_id"].to_pylist()
    first = search_index.write_index(made, encoder)
    add_videos(made, Recipe(videos=3, slices=4, side=6, dim=48), first=4)
    sketch, rows = search_index.open_index(made, encoder), clips.with_embeddings(made, encoder)
    path = made.layout.codes(sketch.basis.basis_id, rows[0].clip_id)
    if path.exists():
        path.write_bytes(path.read_bytes()[:200])
    assert sum(sketch.read(made, row) is None for row in rows) in (3, 4)
    asked = query.query_clip(clips.open_clip(made, rows[-1].clip_id), [(2, 3, 3)])
    assert hits.table(code_search.find(made, sketch, asked)).equals(
        hits.table(search.exact(made, asked))
    )
    second = search_index.write_index(made, encoder)
    assert (
        second.basis_id == first.basis_id
        and second.clips == 7
        and all(sketch.read(made, row) is not None for row in rows)
    )
    assert (
        search_index.write_index(made, encoder, anew=True).basis_id != first.basis_id
        and len(made.query("FROM sketches")) == 3
    )
    made.close()


@pytest.mark.parametrize("by", ["mean", "max"])
def test_videos_like_this_one_come_from_statistics_alone(store, rows, by):
    vectors = np.stack(
        [
            getattr(store.grid(row["clip_id"]).astype(np.float64).reshape(-1, 96), by)(axis=0)
            for row in rows
        ]
    )
    centered = vectors - vectors.mean(axis=0)
    centered /= np.linalg.norm(centered, axis=1, keepdims=True)
    scores = centered @ centered[3]
    order = [i for i in np.argsort(-scores) if i != 3]
    asked = questions.similar_clips(rows[3]["encoder_id"], rows[3]["clip_id"], by)
    found = asked.answer(store)
    assert found["clip_id"].to_pylist() == [rows[i]["clip_id"] for i in order][:20]
    assert np.allclose(found["score"].to_numpy(), scores[order][:20], atol=1e-4)
    assert "tokens" not in asked.sql and store.query(asked.text)["clip_id"].equals(found["clip_id"])


@pytest.mark.parametrize("by", ["mean", "max"])
def test_videos_are_as_like_as_their_window_that_is_most_alike(store, rows, by):
    home = rows[3]
    every = (
        questions.similar_clips(home["encoder_id"], home["clip_id"], by, 100)
        .answer(store)
        .to_pylist()
    )
    wanted = list(
        {
            row["video_id"]: row for row in reversed(every) if row["video_id"] != home["video_id"]
        }.values()
    )
    found = (
        questions.similar_videos(home["encoder_id"], home["clip_id"], by, 5)
        .answer(store)
        .to_pylist()
    )
    wanted.sort(key=lambda row: -row["score"])
    assert len(wanted) == 9 and [row["clip_id"] for row in found] == [
        row["clip_id"] for row in wanted[:5]
    ]
    assert np.allclose([row["score"] for row in found], [row["score"] for row in wanted[:5]])


def test_the_command_writes_codes_and_says_their_recall(tmp_path):
    root = tmp_path / "store"
    synthetic_store(root, videos=2).close()
    said = run_here("sketch", "--store", root, check=True).stdout
    assert "2 clips coded, recall@20 1.000" in said
    synthetic_store(tmp_path / "bare", videos=2, embeddings=False).close()
    process = run_here("sketch", "--store", tmp_path / "bare")
    assert process.returncode == 2 and "--keep embeddings" in process.stderr


def find_overlapping(store: Store) -> tuple[list[dict], dict]:
    """The windows of a video on its grid, and the one that only a pair needs."""
    (partner,) = player.clips(store, "overlap.mp4", "partner")
    return player.clips(store, "overlap.mp4"), partner


def test_windows_that_only_pairs_need_stand_on_no_other_timeline(numbered_store: Store) -> None:
    grid, partner = find_overlapping(numbered_store)
    ids = [clip["clip_id"] for clip in grid]

    def on_one(clip):
        found = clip_queries.timeline(ClipRow.of(clip)).answer(numbered_store).to_pylist()
        return [row["clip_id"] for row in found]

    assert on_one(grid[2]) == ids and on_one(partner) == [partner["clip_id"]]
    cuts = (
        clip_queries.timelines(partner["video_id"], partner["encoder_id"])
        .answer(numbered_store)
        .to_pylist()
    )
    assert [(cut["role"], cut["clips"], cut["first_clip"]) for cut in cuts] == [
        ("grid", 4, ids[0]),
        ("partner", 1, partner["clip_id"]),
    ]


def test_windows_that_only_pairs_need_are_in_no_search(numbered_store: Store) -> None:
    grid, partner = find_overlapping(numbered_store)
    ids = [clip["clip_id"] for clip in grid]
    searched = clips.with_embeddings(numbered_store, partner["encoder_id"], [partner["video_id"]])
    assert sorted(row.clip_id for row in searched) == sorted(ids)
    ranking = RankingOptions(400)
    by_sql = questions.search(
        (partner["clip_id"], [(0, 0, 0)]), partner["encoder_id"], ranking
    ).answer(numbered_store)
    exact = search.exact(
        numbered_store,
        query.query_clip(clips.open_clip(numbered_store, partner["clip_id"]), [(0, 0, 0)]),
        ranking,
    )
    assert np.allclose(by_sql["score"].to_numpy(), [hit.scores[0] for hit in exact], atol=1e-5)
    assert partner["clip_id"] not in by_sql["clip_id"].to_pylist()
    alike = (
        questions.similar_clips(partner["encoder_id"], partner["clip_id"])
        .answer(numbered_store)["clip_id"]
        .to_pylist()
    )
    assert set(ids) < set(alike) and partner["clip_id"] not in alike
    assert (
        partner["clip_id"]
        not in questions.similar_clips(partner["encoder_id"], ids[1])
        .answer(numbered_store)["clip_id"]
        .to_pylist()
    )


def thinned(found, rows, asked, ranking):
    """A plain scan of which only hits stay that lie apart in time."""
    by_id = {row["clip_id"]: row for row in rows}

    def time(clip_id, slice_):
        clip = by_id[clip_id]
        return clip["start_s"] + slice_ / clip["slices"] * (clip["stop_s"] - clip["start_s"])

    taken = {asked.video_id: [time(asked.clip_id, address.slice) for address in asked.addresses]}
    kept = []
    for score, video, clip, slice_, y, x in found:
        times = taken.setdefault(video, [])
        at = time(clip, slice_)
        if any(abs(at - other) <= ranking.apart_s for other in times):
            continue
        if sum(hit[1] == video for hit in kept) < ranking.per_video:
            times.append(at)
            kept.append((score, video, clip, slice_, y, x))
    return kept[: ranking.top]


@pytest.mark.parametrize("apart_s", [0.0, 0.1, 0.2])
def test_hits_lie_apart_in_time_from_each_other_and_from_the_query(store, rows, asked, apart_s):
    ranking = RankingOptions(12, 3, apart_s)
    found = hits.table(search.exact(store, asked, ranking)).to_pylist()
    expected = thinned(scanned(store, rows, asked), rows, asked, ranking)
    assert len(found) == 12
    for hit, (score, video, clip, *address) in zip(found, expected, strict=True):
        assert (hit["video_id"], hit["clip_id"]) == (video, clip)
        assert [hit[name] for name in ("slice", "y", "x")] == address
        assert hit["score"] == pytest.approx(score, abs=1e-5)


@pytest.mark.long
def test_the_own_video_is_left_out_in_search_index_and_sql(store, asked):
    ranking = RankingOptions(12, 3, elsewhere=True)
    found = hits.table(search.exact(store, asked, ranking)).to_pylist()
    assert len(found) == 12 and asked.video_id not in {hit["video_id"] for hit in found}
    everything = hits.table(search.exact(store, asked, RankingOptions(12, 3))).to_pylist()
    assert asked.video_id in {hit["video_id"] for hit in everything}
    addresses = [tuple(address) for address in asked.addresses]
    said = questions.search((asked.clip_id, addresses), asked.encoder_id, ranking).answer(store)
    assert said["clip_id"].to_pylist() == [hit["clip_id"] for hit in found]
    search_index.write_index(store, asked.encoder_id)
    indexed = code_search.find(store, search_index.open_index(store, asked.encoder_id), asked, ranking)  # fmt: skip
    assert asked.video_id not in {hit.clip.video_id for hit in indexed} and len(indexed) == 12
    apart = code_search.find(
        store, search_index.open_index(store, asked.encoder_id), asked, RankingOptions(12, 3, 0.1)
    )
    assert hits.table(apart)["clip_id"].to_pylist() == hits.table(search.exact(store, asked, RankingOptions(12, 3, 0.1)))["clip_id"].to_pylist()  # fmt: skip
