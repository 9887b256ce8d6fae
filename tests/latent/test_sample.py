"""The sample of the corpus: its tokens are those of the table, each where the basis puts it in its clip, whatever is committed meanwhile."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from tests.stores import Recipe, add_videos, synthetic_store
from tests.videos import make_folder
from tubelet.ingest.job import Job
from tubelet.latent import bases, channels, clips, fitting, questions, sample, scope
from tubelet.latent.basis import Basis
from tubelet.latent.channels import OfSample
from tubelet.latent.errors import LatentError
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.sample import Sample
from tubelet.latent.scope import Scope
from tubelet.store import Store
from tubelet.store.statistics import TOKEN_STATISTICS

SHAPE = {"slices": 3, "side": 5, "dim": 20}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("sample") / "store", videos=9, clips=2, **SHAPE)
    yield made
    made.close()


@pytest.fixture(scope="module")
def encoder(store: Store) -> str:
    return store.rows("FROM encoders")[0]["encoder_id"]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "PIECE", 50)


@pytest.fixture(scope="module")
def drawn(store: Store, encoder: str) -> Sample:
    return sample.draw_sample(store, encoder)


def fitted(store: Store, encoder: str, **wish: object) -> Basis:
    return fitting.fit_basis(store, Scope("corpus", None, encoder), BasisSpec(**wish))


def by_clip(store: Store, drawn: Sample, of) -> np.ndarray:
    """What a function says of a clip's whole grid, at the addresses of the sample, token by token."""
    grids = {
        clip_id: of(clip_id)
        for clip_id in {drawn.address(number)[0] for number in range(len(drawn))}
    }
    return np.stack(
        [grids[clip_id][patch] for clip_id, patch in map(drawn.address, range(len(drawn)))]
    )


def test_the_sample_is_the_table_in_the_order_of_addresses(store: Store, drawn: Sample) -> None:
    expected = store.rows("SELECT clip_id, slice, y, x FROM token_samples ORDER BY ALL")
    assert [drawn.address(n) for n in range(len(drawn))] == [
        (row["clip_id"], (row["slice"], row["y"], row["x"])) for row in expected
    ]
    names = store.rows(
        "SELECT clip_id, label, name FROM clips JOIN videos USING (video_id) ORDER BY clip_id"
    )
    order = sorted({(row["label"] is None, row["label"] or "", row["name"]) for row in names})
    assert drawn.clips["video"].to_pylist() == [
        order.index((row["label"] is None, row["label"] or "", row["name"])) + 1 for row in names
    ]


def test_a_large_sample_is_thinned_by_address_alone(
    store: Store, encoder: str, drawn: Sample
) -> None:
    some = sample.draw_sample(store, encoder, 100)
    assert 60 < len(some) < 140 and {some.address(n) for n in range(len(some))} < {
        drawn.address(n) for n in range(len(drawn))
    }
    assert some.sample_id == sample.draw_sample(store, encoder, 100).sample_id != drawn.sample_id
    assert len({some.address(n)[0] for n in range(len(some))}) > 12, "from nearly every clip"


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "pca"},
        {"kind": "pca", "unit": True, "positions": True},
        {"kind": "kmeans", "clusters": 4},
    ],
    ids=str,
)
def test_coordinates_are_those_of_the_clips(
    store: Store, encoder: str, drawn: Sample, wish: dict
) -> None:
    basis = fitted(store, encoder, **wish)
    found = sample.coordinates(store, drawn, basis)
    assert found.shape == (len(drawn), basis.components)
    assert np.allclose(
        found,
        by_clip(store, drawn, lambda clip_id: basis.coordinates(clips.open_clip(store, clip_id))),
        atol=1e-4,
    )


def test_components_by_hand_and_in_sql(store: Store, encoder: str, drawn: Sample) -> None:
    for wish in ({"kind": "pca"}, {"kind": "pca", "unit": True, "positions": True}):
        basis = fitted(store, encoder, **wish)
        bases.save_basis(store, basis)
        rows = questions.sample_coordinates(basis, drawn.values).answer(store)
        assert [rows[name].to_pylist()[7] for name in ("clip_id", "slice", "y", "x")] == [
            drawn.address(7)[0],
            *drawn.address(7)[1],
        ]
        kept = np.stack([rows[name].to_numpy() for name in ("c1", "c2", "c3")], axis=1)
        assert np.allclose(kept, sample.coordinates(store, drawn, basis)[:, :3], atol=1e-4)
    tokens = by_clip(store, drawn, store.grid).astype(np.float64)
    plain = fitted(store, encoder, kind="pca")
    axes = np.linalg.svd(tokens - tokens.mean(axis=0), full_matrices=False)[2]
    for number in range(3):
        by_hand = (tokens - tokens.mean(axis=0)) @ axes[number]
        assert (
            abs(np.corrcoef(by_hand, sample.coordinates(store, drawn, plain)[:, number])[0, 1])
            > 0.9999
        )


def test_statistics_are_those_of_the_table(store: Store, drawn: Sample) -> None:
    found = sample.statistics_of(store, drawn)
    row = {
        (row["clip_id"], (row["slice"], row["y"], row["x"])): row
        for row in store.rows("FROM token_stats")
    }
    for name in TOKEN_STATISTICS:
        expected = [row[drawn.address(n)][name] for n in range(len(drawn))]
        assert np.allclose(found[name], np.array(expected, float), atol=1e-6, equal_nan=True), name


def test_clips_that_come_later_change_nothing_of_a_sample_that_is_drawn(tmp_path) -> None:
    made = synthetic_store(tmp_path / "store", videos=2, **SHAPE)
    (encoder,) = made.query("FROM encoders")["encoder_id"].to_pylist()
    before, basis = sample.draw_sample(made, encoder), fitted(made, encoder, kind="pca")
    coordinates, statistics = (
        sample.coordinates(made, before, basis),
        sample.statistics_of(made, before),
    )
    add_videos(made, Recipe(videos=3, **SHAPE), first=2)
    found = sample.coordinates(made, before, basis)
    np.testing.assert_allclose(
        found, coordinates, 1e-5, 1e-5
    )  # the last digits depend on how many rows DuckDB hands out at a time
    assert np.array_equal(sample.statistics_of(made, before)["norm"], statistics["norm"])
    assert sample.draw_sample(made, encoder).sample_id != before.sample_id
    made.close()


def test_patches_of_a_clip_are_found_in_the_sample(drawn: Sample) -> None:
    clip_id, patch = drawn.address(40)
    first, count = drawn.of_clip(clip_id)
    assert first <= 40 < first + count == first + 32
    assert {drawn.address(n)[0] for n in range(first, first + count)} == {clip_id}
    absent = next(
        (0, y, x) for y in range(5) for x in range(5) if not drawn.numbers(clip_id, [(0, y, x)])
    )
    assert drawn.numbers(clip_id, [patch, absent]) == [40]
    assert drawn.numbers("no such clip", [patch]) == [] and drawn.of_clip("no such clip")[1] == 0


def test_a_grid_that_position_means_do_not_fit_has_no_place(
    store: Store, encoder: str, drawn: Sample
) -> None:
    basis = fitted(store, encoder, kind="pca", positions=True)
    other = Sample(
        encoder_id=encoder,
        each=drawn.each,
        clips=drawn.clips.set_column(1, "grid_height", [[7] * len(drawn.clips)]),
        clip=drawn.clip,
        slice=drawn.slice,
        y=drawn.y,
        x=drawn.x,
    )
    assert (
        np.isnan(sample.coordinates(store, other, basis)).all()
        and not np.isnan(sample.coordinates(store, drawn, basis)).any()
    )


def test_points_of_the_sample_show_what_their_channels_are_bound_to(
    store: Store, encoder: str, drawn: Sample
) -> None:
    basis = fitted(store, encoder, kind="pca")
    clusters = fitted(store, encoder, kind="kmeans", clusters=3)
    names = ("component 1", "patch row", "video", "cluster of abc", "norm", "slice", "all alike")
    points = np.frombuffer(
        channels.points(OfSample(store, drawn), basis, names, {"cluster of abc": clusters}),
        [("place", "<f4", 3), ("color", "u1", 4)],
    )
    assert len(points) == len(drawn) and points.nbytes == 16 * len(drawn)
    bound = [
        sample.coordinates(store, drawn, basis)[:, 0],
        drawn.y,
        drawn.clips["video"].to_numpy()[drawn.clip],
    ]
    bound += [
        sample.coordinates(store, drawn, clusters)[:, 0],
        sample.statistics_of(store, drawn)["norm"],
        drawn.slice,
    ]
    for axis, values in enumerate(bound):
        shown = points["place"][:, axis] if axis < 3 else points["color"][:, axis - 3]
        assert np.corrcoef(shown.astype(float), values)[0, 1] > 0.99, names[axis]
    assert (points["color"][:, 3] == 255).all()


def test_refusals(store: Store, encoder: str, drawn: Sample) -> None:
    with pytest.raises(LatentError, match="no sampled tokens"):
        sample.draw_sample(store, "no such encoder")
    other = Sample(
        encoder_id="another",
        each=drawn.each,
        clips=drawn.clips,
        clip=drawn.clip,
        slice=drawn.slice,
        y=drawn.y,
        x=drawn.x,
    )
    with pytest.raises(LatentError, match="says nothing about another"):
        sample.coordinates(store, other, fitted(store, encoder, kind="pca"))


@pytest.mark.parametrize(
    ("held", "most", "each"),
    [
        ([64, 2784], 50_000, 512),
        ([64] * 40, 50_000, 64),
        ([64, 64, 2784] * 10, 50_000, 64),
        ([32] * 100, 320, 3),
        ([], 9, 0),
    ],
)
def test_a_video_gives_as_many_tokens_as_the_shortest(held, most, each):
    """A small corpus gives 1,024 in all where it has them."""
    assert scope.quota(np.array(held, int), most) == each


def test_a_long_video_outweighs_no_other_in_the_corpus(tmp_path):
    """87 windows beside 2: the long one gave 97% of every corpus basis."""
    made = synthetic_store(tmp_path / "store", videos=20, clips=2, **SHAPE)
    add_videos(made, Recipe(videos=1, clips=40, **SHAPE), first=20)
    (encoder,) = made.query("FROM encoders")["encoder_id"].to_pylist()
    every = sample.draw_sample(made, encoder)
    of = dict(
        zip(
            *(
                made.query("SELECT clip_id, video_id FROM clips")[name].to_pylist()
                for name in ("clip_id", "video_id")
            )
        )
    )
    given = Counter(of[every.address(number)[0]] for number in range(len(every)))
    assert len(given) == 21 and max(given.values()) < 1.4 * 64 and min(given.values()) >= 0.6 * 64
    tokens = scope.gather(made, Scope("corpus", None, encoder))
    assert Counter(of[tokens.clip_ids[clip]] for clip in tokens.clip) == given
    made.close()


def test_clips_that_only_pairs_need_are_no_part_of_the_corpus(tmp_path):
    """A real ingest, whose pairs encode partners beside the regular windows."""
    job = Job.of(
        paths=[str(make_folder(tmp_path / "videos", 3, frames=24))],
        encoder="toy",
        size="64",
        frames=8,
        shift=1,
    )
    job.run(str(tmp_path / "store")).execute(job.sources)
    made = Store(tmp_path / "store")
    roles = made.query("SELECT clip_id, role FROM clips").to_pylist()
    partners = {row["clip_id"] for row in roles if row["role"] == "partner"}
    (encoder,) = made.query("SELECT encoder_id FROM encoders")["encoder_id"].to_pylist()
    every = sample.draw_sample(made, encoder)
    seen = {every.address(number)[0] for number in range(len(every))}
    assert partners and seen == {row["clip_id"] for row in roles} - partners
    assert set(scope.gather(made, Scope("corpus", None, encoder)).clip_ids) == seen
    made.close()
