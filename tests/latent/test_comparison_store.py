"""Encoders compared over a store: matched by place and time whatever their grids, from whichever table holds states, and what cannot be compared."""

import numpy as np
import pyarrow as pa
import pytest

from tests.compared import Other, add_encoder, add_pooled, compared_store
from tests.planted_probes import label, video_ids
from tubelet.latent.comparison.figures import AGREEMENT, CKA, MUTUAL, STABILITY
from tubelet.latent.comparison.options import ComparisonError, ComparisonOptions
from tubelet.latent.comparison.run import compare
from tubelet.latent.comparison.windows import PlacedWindow, best_window
from tubelet.store.questions.comparison import kept_states
from tubelet.store.schema import CLIPS


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """`coarse` sees what `toy` sees on cells of twice the size, in a turned space; `noisy` half of that; `bare` keeps no tokens."""
    others = (Other("coarse"), Other("noisy", noise=1.0), Other("bare", embeddings=False))
    made = compared_store(tmp_path_factory.mktemp("compared") / "store", *others)
    yield made
    made.close()


def values(store, wanted: ComparisonOptions, measure: str = CKA) -> dict[tuple[str, str], float]:
    """By the names of two encoders."""
    found = compare(store, wanted).of_measure(measure)
    return {tuple(place.encoder_id.split("-")[0] for place in (one.a, one.b)): one.found.value for one in found}  # fmt: skip


def test_tokens_of_grids_that_differ_are_matched_by_place_and_time(store) -> None:
    found = values(store, ComparisonOptions(encoders=("toy", "coarse", "noisy")))
    assert found["coarse", "toy"] == pytest.approx(1, abs=1e-3)
    assert 0.2 < found["noisy", "toy"] < 0.9
    compared = compare(store, ComparisonOptions(encoders=("toy", "coarse")))
    cell = compared.sample.cells[0][0]
    assert compared.on == "tokens" and compared.sample.slowest.startswith("coarse")
    assert cell.rows[1] - cell.rows[0] == pytest.approx(0.5) and len(compared.sample.cells) == 8
    columns = sorted({one.columns for cells in compared.sample.cells for one in cells})
    np.testing.assert_allclose(
        columns, [(0.125, 0.5), (0.5, 0.875)], atol=0.01
    )  # the middle of 4:3


def test_tokens_of_other_places_are_not_taken_for_alike(store, monkeypatch) -> None:
    """What the test above would not notice if matching did nothing."""
    weights = PlacedWindow.weights
    monkeypatch.setattr(PlacedWindow, "weights", lambda self, axis, span: weights(self, axis, span)[::-1] if self.encoder_id.startswith("toy") else weights(self, axis, span))  # fmt: skip
    assert values(store, ComparisonOptions(encoders=("toy", "coarse")))["coarse", "toy"] < 0.6


@pytest.mark.long
def test_whole_slices_are_compared_where_an_encoder_keeps_no_tokens(store) -> None:
    compared = compare(store, ComparisonOptions())
    assert compared.on == "pooled" and {place.source for place in compared.places} == {"statistics"}
    for measure in (CKA, MUTUAL, AGREEMENT):
        assert values(store, ComparisonOptions(), measure)["bare", "toy"] == pytest.approx(
            1, abs=0.06
        )
    assert len(compared.pairs) == 3 * 6 and len(compared.alone) == 3 * 4
    stability = [one.found for one in compared.alone if one.measure == STABILITY]
    assert all(one.value is not None and abs(one.chance) < 0.3 for one in stability)
    units = [one.agreement for one in compared.units]
    assert units == sorted(units) and len(units) == 30


@pytest.mark.long
def test_layers_of_pooled_states_are_compared_in_one_pass(tmp_path) -> None:
    store = compared_store(tmp_path / "store", Other("other"), videos=20)
    g = np.random.default_rng(0)
    states = g.standard_normal((20, 12))
    own = {"block:10": states, "block:2": g.standard_normal((20, 12))}
    for row, layers in zip(kept_states().answer(store).to_pylist(), (own, {"block:3": 2 * states})):
        add_pooled(store, row["encoder_id"], layers)
    compared = compare(store, ComparisonOptions())
    assert [place.layer for place in compared.places] == ["block:2", "block:10", "block:3"]
    found = {(one.a.layer, one.b.layer): one.found for one in compared.of_measure(CKA)}
    assert found["block:10", "block:3"].value == pytest.approx(1, abs=1e-3)
    assert found["block:2", "block:3"].low < found["block:2", "block:3"].chance_high
    only = compare(store, ComparisonOptions(layers=("block:10", "block:3")))
    assert only.of_measure(CKA)[0].found.value == pytest.approx(1, abs=1e-3) and len(only.pairs) == 3  # fmt: skip
    with pytest.raises(ComparisonError, match="layer 'block:4': available are block:2, block:10, block:3"):  # fmt: skip
        compare(store, ComparisonOptions(layers=("block:4",)))
    store.close()


def test_the_sample_is_bounded_and_the_same_each_time(store) -> None:
    wanted = ComparisonOptions(encoders=("toy", "bare"), videos=7, moments=1)
    first, second = (compare(store, wanted) for _ in range(2))
    assert len(first.sample.units) == 7 and len(first.sample.cells) == 1 and first == second
    assert first.sample.shared == 30 and first.neighbors == 3


def test_a_group_counts_once(tmp_path) -> None:
    store = compared_store(tmp_path / "store", Other("coarse"), videos=12)
    names = video_ids(store)
    label(store, "group", {video: f"scene {at // 4}" for at, video in enumerate(names[:8])})
    compared = compare(store, ComparisonOptions())
    assert len(compared.sample.units) == 6 and compared.sample.grouped
    label(store, "group", dict.fromkeys(names, "one"), source="again")
    with pytest.raises(ComparisonError, match="of 12, grouped by the label `group`"):
        compare(store, ComparisonOptions())
    store.close()


def test_what_cannot_be_compared_is_a_sentence(tmp_path) -> None:
    store = compared_store(tmp_path / "store", videos=6)
    with pytest.raises(ComparisonError, match="only layer last of toy-.*ingest the same videos with another encoder"):  # fmt: skip
        compare(store, ComparisonOptions())
    add_encoder(store, Other("late", later_s=100.0))
    with pytest.raises(ComparisonError, match="share 6 videos, but no places of the frame at the same time"):  # fmt: skip
        compare(store, ComparisonOptions())
    add_encoder(store, Other("two", first=4))
    with pytest.raises(ComparisonError, match="share 2 videos or groups: a comparison takes 5 or more"):  # fmt: skip
        compare(store, ComparisonOptions(encoders=("two", "toy")))
    add_encoder(store, Other("bare", embeddings=False))
    with pytest.raises(ComparisonError, match="no clip of bare-.* keeps tokens: pass --on pooled"):
        compare(store, ComparisonOptions(encoders=("bare", "toy"), on="tokens"))
    store.close()


def test_encoders_that_share_no_video_are_a_sentence(tmp_path) -> None:
    store = compared_store(tmp_path / "store", videos=3)
    encoder = add_encoder(store, Other("other"))
    clips = [row["clip_id"] for row in store.rows("FROM clips WHERE encoder_id = ?", [encoder])]
    rows = [row | {"video_id": "0" * 32} for row in store.rows("FROM clips WHERE encoder_id = ?", [encoder])]  # fmt: skip
    store.commit({"clips": pa.Table.from_pylist(rows, CLIPS.arrow)}, {"clips": clips})
    with pytest.raises(ComparisonError, match="share no video .*other-.*: 1 video; toy-.*: 3 videos"):  # fmt: skip
        compare(store, ComparisonOptions())
    store.close()


def test_states_that_are_not_finite_are_a_sentence(tmp_path) -> None:
    store = compared_store(tmp_path / "store", Other("coarse"), videos=6)
    (row, *_) = kept_states().answer(store).to_pylist()
    states = np.ones((6, 4))
    states[2, 1] = np.nan
    add_pooled(store, row["encoder_id"], {"block:0": states, "block:1": np.ones((6, 4))})
    with pytest.raises(ComparisonError, match="of 12 states of layer block:0 of coarse-.* are missing or not finite"):  # fmt: skip
        compare(store, ComparisonOptions(encoders=("coarse",)))
    store.close()


def window(time: tuple[float, float], clip: str = "a", **shape) -> PlacedWindow:
    grid = shape.get("grid", (2, 2, 2))
    return PlacedWindow(
        clip_id=clip,
        video_id="v",
        encoder_id="e",
        path=None,
        time=time,
        rows=shape.get("rows", (0, 1)),
        columns=(0, 1),
        grid=grid,
    )


def test_the_clip_with_the_most_context_is_taken_among_those_that_show_a_moment() -> None:
    windows = [window((0, 4), "a"), window((2, 6), "b"), window((20, 24), "c")]
    assert best_window(windows, (3, 4)).clip_id == "b"
    assert best_window(windows, (0, 1)).clip_id == "a"
    assert best_window(windows, (10, 11)) is None and best_window([], (0, 1)) is None


def test_a_crop_covers_the_middle_of_a_wide_frame() -> None:
    row = {"clip_id": "c", "video_id": "v", "encoder_id": "e", "embedding_path": None, "start_s": 0.0, "stop_s": 1.0}  # fmt: skip
    row |= {"slices": 2, "grid_height": 4, "grid_width": 4, "geometry": "crop", "crop_height": 64, "crop_width": 64}  # fmt: skip
    seen = PlacedWindow.of(row | {"frame_height": 100, "frame_width": 200})
    assert seen.rows == (0, 1) and seen.columns == (0.25, 0.75) and seen.cell(0, 1) == (0.5, 1)
