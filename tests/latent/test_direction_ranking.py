"""The tokens at both ends of a direction over the whole corpus equal those of all embeddings, by bounds exactly and by index to its measured recall."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.planted_directions import direction_store, draw_tokens
from tests.tiers import thin
from tubelet.latent import bases, clips, fitting, search_index
from tubelet.latent.directions import ranking
from tubelet.latent.directions.naming import find_direction
from tubelet.latent.directions.recall import draw_directions, measure_direction_recall
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.hits import RankingOptions
from tubelet.latent.scope import Scope
from tubelet.store import Store
from tubelet.store.disk import embeddings

VIDEOS, CLIPS, DIM = 8, 3, 24
EIGHT = RankingOptions(8, 2)


@pytest.fixture(scope="module")
def tokens() -> np.ndarray:
    drawn = draw_tokens(VIDEOS, CLIPS, dims=DIM)
    drawn[0, 0, 0, 1, 1, 8] = drawn[0, 0, 1, 1, 1, 8] = drawn[0, 1, 0, 1, 1, 8] = (
        40.0  # one video, more than it may show
    )
    return drawn


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tokens: np.ndarray) -> Iterator[Store]:
    made = direction_store(tmp_path_factory.mktemp("ranking") / "store", tokens)
    for name, spec in (("parts", BasisSpec(components=4)), ("equal", BasisSpec(components=4, unit=True))):  # fmt: skip
        bases.save_basis(made, fitting.fit_basis(made, Scope.of(made), spec), name)
    search_index.write_index(made, Scope.of(made).encoder_id, measure=measure_direction_recall)
    yield made
    made.close()


def rank_by_hand(store: Store, name: str, sign: int, limits: RankingOptions) -> list[float]:
    """Values at one end, from every embedding of the store."""
    encoder_id = Scope.of(store).encoder_id
    direction, found = find_direction(store, encoder_id, name), []
    for row in clips.with_embeddings(store, encoder_id):
        y, x = np.indices(row.positions).reshape(3, -1)[1:]
        grid = store.grid(row.clip_id).reshape(-1, DIM).astype(np.float32)
        values = direction.measure(grid, y, x)
        found += [(sign * value, row.video_id) for value in values if np.isfinite(value)]
    kept: list[tuple[float, str]] = []
    for value, video in sorted(found, reverse=True):
        if sum(other == video for _, other in kept) < (limits.per_video or 10**9):
            kept.append((value, video))
    return [sign * value for value, _ in kept[: limits.top]]


@pytest.mark.parametrize("name", ["3", "6", "8", "5"])
def test_a_dimension_is_ranked_exactly_by_the_bounds_of_few_slices(store, name, monkeypatch):
    direction = find_direction(store, Scope.of(store).encoder_id, name)
    reads = []
    read = embeddings.read
    monkeypatch.setattr(embeddings, "read", lambda *given: reads.append(given) or read(*given))
    found = ranking.rank_corpus(store, direction, EIGHT)
    assert found.way == ranking.ROLL_UPS and found.recall is None
    for table, sign in ((found.largest, 1), (found.smallest, -1)):
        assert table["value"].to_pylist() == pytest.approx(rank_by_hand(store, name, sign, EIGHT))
        assert max(np.unique(table["video_id"].to_pylist(), return_counts=True)[1]) <= 2
    for row in found.largest.to_pylist():
        assert store.grid(row["clip_id"])[row["slice"], row["y"], row["x"], int(name)] == pytest.approx(row["value"])  # fmt: skip
    if name == "6":
        assert len(reads) < 2 * VIDEOS * CLIPS * 4 / 2, (
            "of both ends, the bounds leave most slices unread"
        )


@pytest.mark.parametrize("name", thin(["basis:parts:2", "basis:equal:1"]))
def test_a_direction_is_ranked_exactly_where_the_corpus_is_small_and_by_index_where_it_is_large(
    store, name, monkeypatch
):
    direction = find_direction(store, Scope.of(store).encoder_id, name)
    exact = ranking.rank_corpus(store, direction, EIGHT)
    assert exact.way == ranking.EMBEDDINGS
    for table, sign in ((exact.largest, 1), (exact.smallest, -1)):
        assert table["value"].to_pylist() == pytest.approx(rank_by_hand(store, name, sign, EIGHT), abs=1e-4)  # fmt: skip
    monkeypatch.setattr(ranking, "LARGE", 0)
    monkeypatch.setattr(ranking, "CANDIDATES", 100)  # of 1,536 tokens
    found = ranking.rank_corpus(store, direction, EIGHT)
    assert found.way == ranking.INDEX and found.recall.direction_recall > 0.9
    for mine, theirs in ((found.largest, exact.largest), (found.smallest, exact.smallest)):
        columns = ["clip_id", "slice", "y", "x"]
        same = {tuple(row.values()) for row in mine.select(columns).to_pylist()} & {tuple(row.values()) for row in theirs.select(columns).to_pylist()}  # fmt: skip
        assert len(same) >= 6, "codes cut off what lies far beyond the quantiles"
        assert mine["value"][0].as_py() == pytest.approx(theirs["value"][0].as_py(), abs=1e-4)


@pytest.mark.long
def test_the_recall_of_the_index_is_measured_and_chance_is_far_below(store, monkeypatch):
    encoder_id = Scope.of(store).encoder_id
    (row,) = store.rows("SELECT directions, direction_recall FROM sketches")
    assert row["directions"] == 20 + 4, "of the stored ones, those that need no length"
    assert 0.9 < row["direction_recall"] <= 1
    again = [one.name for one in draw_directions(store, encoder_id)]
    assert again == [one.name for one in draw_directions(store, encoder_id)]
    sketch, rows = search_index.open_index(store, encoder_id), clips.with_embeddings(store, encoder_id)  # fmt: skip
    monkeypatch.setattr(ranking, "CANDIDATES", 40)
    few = measure_direction_recall(store, sketch, rows)[1]
    monkeypatch.setattr(sketch.__class__, "multiply", lambda self, codes, vectors: np.random.default_rng(0).standard_normal(len(codes)).astype(np.float32))  # fmt: skip
    assert measure_direction_recall(store, sketch, rows)[1] < 0.3 < few


def test_without_an_index_or_with_an_older_one_a_large_corpus_has_its_sample(store, monkeypatch):
    encoder_id = Scope.of(store).encoder_id
    monkeypatch.setattr(ranking, "LARGE", 0)
    direction = find_direction(store, encoder_id, "basis:parts:1")
    known = search_index.newest(store, encoder_id)
    older = known.__class__(**{**known.__dict__, "directions": None, "direction_recall": None})
    monkeypatch.setattr(search_index, "newest", lambda *given: older)
    assert ranking.rank_corpus(store, direction, EIGHT) is None
    assert ranking.rank_corpus(store, direction, EIGHT, ["gone"]) is None
