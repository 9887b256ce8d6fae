"""Directions: their values equal their SQL, and figures from the sample find what was planted."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.planted_directions import direction_store, draw_tokens
from tests.tiers import thin
from tubelet.latent import bases, colorings, fitting
from tubelet.latent.colorings import Coloring
from tubelet.latent.directions import figures, questions
from tubelet.latent.directions.direction import Direction
from tubelet.latent.directions.naming import find_direction
from tubelet.latent.directions.questions import SampleScope
from tubelet.latent.directions.sample import DirectionSample, draw_direction_sample
from tubelet.latent.errors import LatentError
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.scope import Scope
from tubelet.store import Store, StoreError

VIDEOS, CLIPS = 12, 3
SPECS = {
    "plain": BasisSpec(components=3),
    "unit": BasisSpec(components=3, unit=True),
    "places": BasisSpec(components=3, positions=True),
    "both": BasisSpec(components=3, unit=True, positions=True),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = direction_store(tmp_path_factory.mktemp("directions") / "store", draw_tokens(VIDEOS, CLIPS))  # fmt: skip
    for name, spec in SPECS.items():
        fitted = fitting.fit_basis(made, Scope.of(made), spec)
        bases.save_basis(made, fitted, name)
    groups = fitting.fit_basis(made, Scope.of(made), BasisSpec(kind="kmeans", clusters=5))
    bases.save_basis(made, groups, "groups")
    yield made
    made.close()


@pytest.fixture(scope="module")
def encoder_id(store: Store) -> str:
    return store.rows("SELECT encoder_id FROM encoders")[0]["encoder_id"]


@pytest.fixture(scope="module")
def sample(store: Store, encoder_id: str) -> DirectionSample:
    return draw_direction_sample(store, encoder_id, 12)


def measure(store: Store, sample: DirectionSample, name: str) -> tuple[Direction, figures.MeasuredTokens]:  # fmt: skip
    encoder_id = store.rows("SELECT encoder_id FROM encoders")[0]["encoder_id"]
    direction = find_direction(store, encoder_id, name)
    return direction, sample.measure(direction)


@pytest.mark.parametrize("name", thin(["3", *(f"basis:{name}:2" for name in SPECS)], 2))
def test_values_equal_their_sql_and_those_of_the_basis(store, sample, name):
    direction, found = measure(store, sample, name)
    rows = questions.values(SampleScope(direction, sample.each)).answer(store).to_pylist()
    assert len(rows) == len(found) == len(sample) > 300
    ours = {key: value for *key, value in zip(*_address(found.tokens), found.values) for key in [tuple(key)]}  # fmt: skip
    theirs = {(r["clip_id"], r["slice"], r["y"], r["x"]): r["value"] for r in rows}
    assert ours.keys() == theirs.keys()
    assert np.allclose([ours[key] for key in theirs], list(theirs.values()), atol=1e-4)
    if direction.basis_id:
        basis = bases.load_basis(store, direction.basis_id)
        assert np.allclose(basis.of_tokens(sample.vectors, sample.y, sample.x)[:, 1], found.values, atol=1e-5)  # fmt: skip
    counted = (
        questions.distribution(SampleScope(direction, sample.each), 8)
        .answer(store)["tokens"]
        .to_pylist()
    )
    assert counted == [n for n in figures.count_values(found.values, 8)["tokens"].to_pylist() if n]


def name_patches(store: Store) -> str:
    clip = store.rows("SELECT clip_id FROM clips ORDER BY clip_id")[3]["clip_id"]
    return f"patches:{clip}-0.1.2,3.0.1"


@pytest.mark.parametrize("name", thin(["3", "basis:plain:2", "basis:unit:1", "cluster:groups:4", "patches"], 2))  # fmt: skip
def test_component_takes_the_name_that_python_and_addresses_take(store, sample, name):
    """The same number for every token of the sample, from the name alone."""
    name = name_patches(store) if name == "patches" else name
    direction, found = measure(store, sample, name)
    for written in {name, direction.key}:
        rows = store.query(
            f"SELECT s.clip_id, s.slice, s.y, s.x, component('{written}', s.embedding) AS value FROM token_samples s"
        ).to_pylist()
        theirs = {(r["clip_id"], r["slice"], r["y"], r["x"]): r["value"] for r in rows}
        ours = [theirs[key] for key in zip(*_address(found.tokens))]
        assert np.allclose(ours, found.values, atol=1e-4) and np.ptp(found.values) > 0.5
    again = find_direction(store, direction.encoder_id, direction.key)
    assert again.key == direction.key and np.array_equal(again.vector, direction.vector)
    given = questions.values(SampleScope(direction, sample.each)).answer(store)
    assert len(given) == len(found)


def test_a_direction_between_two_patches_is_0_midway_and_half_their_distance_at_each(store, encoder_id):  # fmt: skip
    name = name_patches(store)
    clip = name[8:].partition("-")[0]
    first, second = (store.grid(clip)[at].astype(np.float64) for at in ((0, 1, 2), (3, 0, 1)))
    direction = find_direction(store, encoder_id, name)
    away = np.linalg.norm(first - second)
    assert np.allclose(direction.vector, (first - second) / away, atol=1e-5)
    at = np.stack([first, second, (first + second) / 2]).astype(np.float32)
    zeros = np.zeros(3, int)
    assert np.allclose(direction.measure(at, zeros, zeros), [away / 2, -away / 2, 0], atol=1e-4)


def test_a_cluster_is_a_direction_from_the_mean_center_to_its_own(store, encoder_id, sample):
    basis_id = store.rows("SELECT basis_id FROM bases WHERE name = 'groups'")[0]["basis_id"]
    basis = bases.load_basis(store, basis_id)
    middle = basis.model.centers.mean(0)
    own = basis.of_tokens(sample.vectors, sample.y, sample.x)[:, 0]
    for number in range(5):
        direction, found = measure(store, sample, f"cluster:groups:{number}")
        away = basis.model.centers[number] - middle
        assert np.allclose(direction.vector, away / np.linalg.norm(away), atol=1e-5)
        assert found.values[own == number].mean() > found.values[own != number].mean()
    assert direction.plain and direction.number == 4


def test_a_direction_as_color_is_its_value_on_the_scale_of_the_sample(store, encoder_id):
    for name in ("cluster:groups:1", "basis:both:1", name_patches(store)):
        direction = find_direction(store, encoder_id, name)
        coloring = Coloring.parse(Coloring.along(direction.key).name)
        basis = colorings.fit_basis(store, encoder_id, coloring)
        clip = store.rows("SELECT clip_id FROM clips ORDER BY clip_id")[5]["clip_id"]
        y, x = np.indices((4, 4, 4)).reshape(3, -1)[1:]
        values = direction.measure(store.grid(clip).reshape(64, 12).astype(np.float32), y, x)
        low, high = basis.limits[0]
        expected = np.rint(np.clip((values - low) / (high - low), 0, 1) * 255)
        shown = colorings.color_clip(store, clip, basis).reshape(64, 3).astype(float)
        assert np.abs(shown - expected[:, None]).max() <= 1 and np.ptp(expected) > 60
    with pytest.raises(StoreError, match="no coloring is called direction-f"):
        colorings.fit_basis(store, encoder_id, Coloring.parse("direction-f"))


def _address(tokens: DirectionSample) -> tuple[list, ...]:
    clips = [tokens.clip_ids[number] for number in tokens.clip]
    return clips, *(getattr(tokens, name).tolist() for name in ("slice", "y", "x"))


def test_places_and_positions_find_the_planted_column_and_slice_and_equal_their_sql(store, sample):
    direction, column = measure(store, sample, "1")
    frame = figures.map_frame(column).to_pylist()
    by_column = [np.mean([cell["value"] for cell in frame if cell["x"] == x]) for x in range(4)]
    assert np.allclose(np.diff(by_column), 3, atol=0.6) and len(frame) == 16
    asked = questions.places(SampleScope(direction, sample.each)).answer(store).to_pylist()
    for cell, row in zip(frame, asked, strict=True):
        assert (cell["y"], cell["x"], cell["videos"]) == (row["y"], row["x"], row["videos"])
        assert (cell["value"], cell["error"]) == pytest.approx((row["deviation"], row["error"]), abs=1e-5)  # fmt: skip
    direction, slice_ = measure(store, sample, "0")
    profile = figures.profile_window(slice_).to_pylist()
    assert np.allclose(np.diff([row["value"] for row in profile]), 2, atol=0.6)
    assert all(row["low"] < row["value"] < row["high"] for row in profile)
    asked = (
        questions.positions(SampleScope(direction, sample.each))
        .answer(store)["deviation"]
        .to_pylist()
    )
    assert [row["value"] for row in profile] == pytest.approx(asked, abs=1e-5)
    flat = figures.profile_window(measure(store, sample, "2")[1])["value"].to_numpy()
    assert np.ptp(flat) < 1.5  # the video alone


def test_correlated_dimensions_are_found_beside_what_chance_gives(store, sample):
    direction, found = measure(store, sample, "3")
    answer = figures.correlate(found, 4, itself=3)
    first = answer.table.to_pylist()[0]
    assert first["dim"] == 4 and first["low"] < first["correlation"] < first["high"] < -0.8
    assert first["correlation"] == pytest.approx(np.corrcoef(sample.vectors[:, 3], sample.vectors[:, 4])[0, 1], abs=1e-5)  # fmt: skip
    assert 0.02 < answer.chance < 0.4
    others = [row["dim"] for row in answer.table.to_pylist()]
    assert 3 not in others and 5 not in others
    rows = questions.correlations(SampleScope(direction, sample.each), 4).answer(store).to_pylist()
    assert [row["dim"] for row in rows] == [3, *others]
    assert [row["correlation"] for row in rows[1:]] == pytest.approx(answer.table["correlation"].to_pylist(), abs=1e-4)  # fmt: skip
    constant = sample.measure(find_direction(store, direction.encoder_id, "5"))
    assert figures.correlate(constant, 4, itself=5).table.num_rows == 0
    assert figures.count_values(constant.values).num_rows == 1


def test_extreme_tokens_are_those_of_the_sample_at_most_some_per_video(store, sample):
    _, found = measure(store, sample, "6")
    for which, per_video in ((figures.LARGEST, 1), (figures.SMALLEST, 2), (figures.MIDDLE, 2)):
        chosen = figures.pick_tokens(found, which, 8, per_video)
        videos = found.tokens.video[chosen].tolist()
        assert len(chosen) == 8 and max(map(videos.count, videos)) <= per_video
    largest = figures.pick_tokens(found, figures.LARGEST, 5, 1)
    assert found.values[largest[0]] == found.values.max()
    assert (np.diff(found.values[largest]) <= 0).all()
    middle = figures.pick_tokens(found, figures.MIDDLE, 5, 9)
    away = np.abs(found.values - np.median(found.values))
    assert set(middle.tolist()) == set(np.argsort(away, kind="stable")[:5].tolist())


def test_the_curve_of_a_video_is_its_roll_up_and_a_component_that_of_the_mean_token(
    store, encoder_id
):
    tokens = draw_tokens(VIDEOS, CLIPS).astype(np.float32)
    clip = store.rows("SELECT clip_id, video_id, first_frame FROM clips ORDER BY first_frame, clip_id")[0]  # fmt: skip
    rows = questions.curve(clip["video_id"], find_direction(store, encoder_id, "0")).answer(store).to_pylist()  # fmt: skip
    assert len(rows) == CLIPS * 4 and [row["at_s"] for row in rows] == sorted(row["at_s"] for row in rows)  # fmt: skip
    own = [row["value"] for row in rows if row["clip_id"] == clip["clip_id"]]
    assert any(np.allclose(own, tokens[v, 0, ..., 0].mean((1, 2)), atol=1e-2) for v in range(VIDEOS))  # fmt: skip
    direction = find_direction(store, encoder_id, "basis:plain:1")
    found = [row["value"] for row in questions.curve(clip["video_id"], direction).answer(store).to_pylist()]  # fmt: skip
    means = [tokens[v].mean((2, 3)).reshape(-1, 12) for v in range(VIDEOS)]
    assert direction.plain and any(
        np.allclose(sorted(found), sorted((mean - direction.mean) @ direction.vector), atol=1e-2)
        for mean in means
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("12", "no dimension 12: this encoder has dimensions 0 to 11"),
        ("-1", "pass a dimension from 0 to 11, or basis:NAME:2"),
        ("basis:none:1", "no basis none of components; there are: both, places, plain, unit"),
        ("basis:plain:4", "no component 4: it has components 1 to 3"),
        ("basis:plain:0", "no component 0"),
        ("", "pass a dimension from 0 to 11"),
        ("cluster:groups:5", "clustering groups has no cluster 5: it has clusters 0 to 4"),
        ("cluster:plain:0", "no clustering plain; there are: groups"),
        ("feature:x:3", "no dictionary x; train some with `tubelet basis fit`, --kind sae"),
        ("probe:abc:run", "no probe abc with weights; train one with `tubelet probe"),
        ("patches:abc-0.0.0,0.0.1", "holds no clip abc"),
        ("patches:CLIP-0.0.0,0.0.0", "have the same embedding"),
        ("patches:CLIP-0.0.0,9.0.0", "lies outside the clip's grid of 4 x 4 x 4"),
        ("patches:CLIP-0.0.0", "no direction is called patches"),
    ],
)
def test_a_direction_that_is_not_there_says_which_are(store, encoder_id, name, said):
    clip = store.rows("SELECT min(clip_id) AS clip_id FROM clips")[0]["clip_id"]
    name = name.replace("CLIP", clip)
    with pytest.raises(LatentError, match=said):
        find_direction(store, encoder_id, name)


def test_two_videos_have_no_interval_and_selected_videos_are_the_only_ones(store, sample):
    direction, found = measure(store, sample.among(sample.video_ids[:2]), "3")
    assert found.tokens.videos == 2
    asked = SampleScope(direction, sample.each, list(sample.video_ids[:2]))
    rows = questions.values(asked).answer(store)["value"].to_pylist()
    assert sorted(rows) == pytest.approx(sorted(found.values.tolist()))
    assert len(questions.correlations(asked, 3).answer(store)) == 4
    answer = figures.correlate(found, 3, itself=3)
    assert answer.chance is None and answer.table["low"].null_count == 3
    assert figures.profile_window(found)["low"].null_count == 4
    assert not len(sample.among([]))
