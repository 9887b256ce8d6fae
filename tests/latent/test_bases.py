"""Bases: the numbers of scikit-learn, the same by hand, kept and loaded, on every kind of token there is."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from tests.commands import run_here
from tests.stores import Recipe, add_videos, synthetic_store
from tests.tiers import thin
from tubelet.latent import (
    bases,
    clips,
    colors,
    fitting,
    position_means,
    projections,
    questions,
    scope,
)
from tubelet.latent.clips import Clip
from tubelet.latent.errors import LatentError
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.scope import Scope
from tubelet.store.disk import integrity


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = synthetic_store(
        tmp_path_factory.mktemp("bases") / "store", videos=9, clips=2, slices=6, side=8, dim=24
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def clip_ids(store):
    return store.query("SELECT clip_id FROM clips ORDER BY video_id, first_frame")[
        "clip_id"
    ].to_pylist()


def flat(store, clip_id):
    """All tokens of a clip, by NumPy's own conversion."""
    grid = store.grid(clip_id)
    return grid.reshape(-1, grid.shape[-1]).astype(np.float64)


def test_pca_of_a_clip_is_scikit_learns_and_a_second_video_falls_where_the_kept_basis_puts_it(
    store, clip_ids
):
    fitted = fitting.fit_basis(store, Scope.of(store, clip=clip_ids[0]), BasisSpec(components=3))
    bases.save_basis(store, fitted)
    theirs = PCA(3, svd_solver="full").fit(flat(store, clip_ids[0]))
    ours = fitted.coordinates(clips.open_clip(store, clip_ids[0])).reshape(-1, 3)
    assert np.allclose(np.abs(ours), np.abs(theirs.transform(flat(store, clip_ids[0]))), atol=1e-3)
    rows = store.rows(
        "SELECT name, vector FROM basis_vectors WHERE basis_id = ? ORDER BY name, number",
        [fitted.basis_id],
    )
    mean, components = (
        np.array([row["vector"] for row in rows if row["name"] == name])
        for name in ("mean", "component")
    )
    by_hand = (flat(store, clip_ids[5]) - mean[0]) @ components.T
    again = bases.load_basis(store, fitted.basis_id).coordinates(
        clips.open_clip(store, clip_ids[5])
    )
    assert np.allclose(again.reshape(-1, 3), by_hand, atol=1e-4) and again.shape == (6, 8, 8, 3)


def test_unit_lengths_and_position_means_by_hand(store, clip_ids):
    fitted = fitting.fit_basis(
        store, Scope.of(store), BasisSpec(components=4, unit=True, positions=True)
    )
    bases.save_basis(store, fitted)
    every = [
        store.grid(id_)[clips.spread_evenly(6, position_means.SLICES)].astype(np.float64)
        for id_ in clip_ids
    ]
    means = np.concatenate(every).mean(axis=0)
    assert np.allclose(fitted.preparation.positions, means, atol=1e-5)
    tokens = store.grid(clip_ids[3]).astype(np.float64) - means
    tokens /= np.linalg.norm(tokens, axis=-1, keepdims=True)
    by_hand = (tokens - fitted.model.mean) @ fitted.model.components.T
    assert np.allclose(
        bases.load_basis(store, fitted.basis_id).coordinates(clips.open_clip(store, clip_ids[3])),
        by_hand,
        atol=1e-4,
    )


WISHES = {
    "pca": BasisSpec(),
    "pca of unit lengths without positions": BasisSpec(unit=True, positions=True),
    "pca of the foreground": BasisSpec(foreground="first-component"),
    "pca of two slices": BasisSpec(slices=(1, 4)),
    "kmeans": BasisSpec(kind="kmeans", clusters=5),
    "dimensions": BasisSpec(kind="dimensions", dimensions=(3, 1, 20)),
}


@pytest.mark.parametrize("name", WISHES)
@pytest.mark.parametrize("kind", thin(scope.KINDS, ["corpus"]))
def test_what_is_kept_is_what_was_fitted(store, clip_ids, name, kind):
    (video,) = store.query("SELECT video_id FROM clips WHERE clip_id = ?", [clip_ids[0]])[
        "video_id"
    ].to_pylist()
    where = {"clip": {"clip": clip_ids[0]}, "video": {"video": video}, "corpus": {}}[kind]
    fitted = fitting.fit_basis(store, Scope.of(store, **where), WISHES[name])
    bases.save_basis(store, fitted)
    loaded, clip = bases.load_basis(store, fitted.basis_id), clips.open_clip(store, clip_ids[7])
    assert np.array_equal(loaded.coordinates(clip), fitted.coordinates(clip))
    assert np.array_equal(loaded.is_foreground(clip), fitted.is_foreground(clip))
    for field in (
        "encoder_id",
        "kind",
        "scope",
        "scope_id",
        "parameters",
        "tokens",
        "clip_ids",
        "components",
    ):
        assert getattr(loaded, field) == getattr(fitted, field), field
    assert (
        fitted.basis_id == fitting.fit_basis(store, Scope.of(store, **where), WISHES[name]).basis_id
    )
    expected = {"clip": 6 * 64, "video": 2 * 6 * 64, "corpus": 18 * 32}[kind]
    assert fitted.tokens == expected or (
        fitted.tokens < expected and (fitted.foreground or WISHES[name].slices)
    )
    assert len(fitted.clip_ids) == {"clip": 1, "video": 2, "corpus": 18}[kind]


def test_ids_tell_apart_everything_that_changes_a_basis(store, clip_ids):
    where = [Scope.of(store, clip=clip_ids[0]), Scope.of(store, clip=clip_ids[1]), Scope.of(store)]
    wishes = [
        *(wish for wish in WISHES.values() if wish.kind != "kmeans"),
        BasisSpec(kind="kmeans", clusters=2),
        BasisSpec(kind="kmeans", clusters=2, seed=1),
        BasisSpec(components=2),
    ]
    found = {fitting.fit_basis(store, one, wish).basis_id for one in where for wish in wishes}
    assert len(found) == len(where) * len(wishes)


@pytest.mark.parametrize("name", ["pca", "pca of unit lengths without positions", "dimensions"])
def test_sql_applies_a_linear_basis_too(store, clip_ids, name):
    fitted = fitting.fit_basis(store, Scope.of(store), WISHES[name])
    bases.save_basis(store, fitted)
    table = questions.coordinates(fitted, clip_ids[2]).answer(store)
    ours = fitted.coordinates(clips.open_clip(store, clip_ids[2]))[..., :3].reshape(-1, 3)
    assert np.allclose(
        np.column_stack([table[f"c{i}"].to_numpy() for i in (1, 2, 3)]), ours, atol=1e-5
    )


@pytest.mark.long
def test_umap_keeps_neighborhoods_places_other_clips_and_is_the_same_again(store, clip_ids):
    """What it compiles is kept for the next process."""
    fitted = fitting.fit_basis(store, Scope.of(store, clip=clip_ids[0]), BasisSpec(kind="umap"))
    bases.save_basis(store, fitted)
    again = fitting.fit_basis(store, Scope.of(store, clip=clip_ids[0]), BasisSpec(kind="umap"))
    assert (
        np.array_equal(again.model.coordinates, fitted.model.coordinates)
        and again.basis_id == fitted.basis_id
    )
    clip = clips.open_clip(store, clip_ids[0])
    placed = fitted.coordinates(clip).reshape(-1, 3)
    assert trustworthiness(flat(store, clip_ids[0]), placed, n_neighbors=10) > 0.85
    other = projections.project_clip(store, bases.load_basis(store, fitted.basis_id), clip_ids[9])
    assert np.array_equal(other, fitted.coordinates(clips.open_clip(store, clip_ids[9])))
    rows = store.rows(
        "SELECT count(*) AS n, count(c3) AS c FROM token_projections WHERE basis_id = ? AND clip_id = ?",
        [fitted.basis_id, clip_ids[9]],
    )
    assert rows == [{"n": 384, "c": 384}]
    assert np.array_equal(projections.project_clip(store, fitted, clip_ids[9]), other)
    assert len(questions.coordinates(fitted, clip_ids[9]).answer(store)) == 384
    from umap import layouts

    kept = layouts._nb_optimize_layout_euclidean_single_epoch.stats.cache_path
    assert kept and list(Path(kept).glob("*_optimize_layout_euclidean_single_epoch*.nbc"))


def test_clusters_are_those_of_nearest_centers_the_largest_first_and_kept_as_rows(store, clip_ids):
    fitted = fitting.fit_basis(store, Scope.of(store), BasisSpec(kind="kmeans", clusters=5))
    bases.save_basis(store, fitted)
    tokens = scope.gather(store, Scope.of(store)).vectors
    theirs = KMeans(5, n_init=3, max_iter=100, random_state=0).fit(tokens)
    distances = ((tokens[:, None] - fitted.model.centers) ** 2).sum(axis=2)
    assert np.isclose(distances.min(axis=1).sum(), theirs.inertia_, rtol=1e-3)
    sizes = np.bincount(distances.argmin(axis=1), minlength=5)
    assert (np.diff(sizes) <= 0).all()
    clip = clips.open_clip(store, clip_ids[4])
    by_hand = (
        ((flat(store, clip_ids[4])[:, None] - fitted.model.centers) ** 2).sum(axis=2).argmin(axis=1)
    )
    assert np.array_equal(fitted.clusters(clip).ravel(), by_hand)
    projections.project_clip(store, fitted, clip_ids[4])
    sql = "SELECT cluster FROM clusters WHERE basis_id = ? AND clip_id = ? ORDER BY slice, y, x"
    assert np.array_equal(
        store.query(sql, [fitted.basis_id, clip_ids[4]])["cluster"].to_numpy(), by_hand
    )


def test_a_basis_of_some_clusters_sees_their_tokens_only(store, clip_ids):
    grouped = fitting.fit_basis(store, Scope.of(store), BasisSpec(kind="kmeans", clusters=4))
    bases.save_basis(store, grouped)
    fitted = fitting.fit_basis(
        store, Scope.of(store, clip=clip_ids[0]), BasisSpec(foreground=f"{grouped.basis_id}:1,3")
    )
    clip = clips.open_clip(store, clip_ids[0])
    wanted = np.isin(grouped.clusters(clip), (1, 3))
    assert fitted.tokens == wanted.sum() and np.array_equal(fitted.is_foreground(clip), wanted)
    with pytest.raises(LatentError, match="same options here"):
        fitting.fit_basis(
            store, Scope.of(store), BasisSpec(foreground=f"{grouped.basis_id}:1", unit=True)
        )
    with pytest.raises(LatentError, match="no cluster 9"):
        fitting.fit_basis(store, Scope.of(store), BasisSpec(foreground=f"{grouped.basis_id}:9"))


@pytest.mark.filterwarnings(
    "ignore:invalid value encountered in divide"
)  # a single patch has no neighbor to be like
@pytest.mark.parametrize(("recipe", "components"), [({"slices": 1, "side": 1}, 0), ({"slices": 1, "side": 2}, 3), ({"slices": 2, "side": 1, "dim": 64}, 1),
                                                    ({"slices": 2, "side": 3, "dim": 1664}, 16)])  # fmt: skip
def test_small_clips_give_as_many_components_as_they_can(tmp_path, recipe, components):
    made = synthetic_store(tmp_path / "store", videos=1, **recipe)
    (clip_id,) = made.query("FROM clips")["clip_id"].to_pylist()
    if components == 0:
        with pytest.raises(LatentError, match="pca needs 2 tokens or more, but only 1 are left"):
            fitting.fit_basis(made, Scope.of(made, clip=clip_id), BasisSpec())
    else:
        fitted = fitting.fit_basis(made, Scope.of(made, clip=clip_id), BasisSpec())
        bases.save_basis(made, fitted)
        coordinates = bases.load_basis(made, fitted.basis_id).coordinates(
            clips.open_clip(made, clip_id)
        )
        assert (
            coordinates.shape == (*made.grid(clip_id).shape[:3], components)
            and np.isfinite(coordinates).all()
        )
        assert fitted.parameters["components"] == components
        assert colors.to_rgb(coordinates, fitted.limits).shape == (*coordinates.shape[:3], 3)
    with pytest.raises(LatentError, match="umap needs 10 tokens"):
        fitting.fit_basis(made, Scope.of(made, clip=clip_id), BasisSpec(kind="umap", slices=(0,)))
    made.close()


def test_clips_without_embeddings_give_a_corpus_basis_and_say_what_the_rest_needs(tmp_path):
    made = synthetic_store(tmp_path / "store", videos=3, embeddings=False)
    fitted = fitting.fit_basis(made, Scope.of(made), BasisSpec())
    assert fitted.tokens == 96
    clip_id = fitted.clip_ids[0]
    for work in (
        lambda: clips.open_clip(made, clip_id),
        lambda: fitting.fit_basis(made, Scope.of(made, clip=clip_id), BasisSpec()),
    ):
        with pytest.raises(LatentError, match="--keep embeddings"):
            work()
    made.close()


def test_a_basis_says_nothing_about_another_encoder(store, clip_ids):
    fitted = fitting.fit_basis(store, Scope.of(store), BasisSpec())
    clip = clips.open_clip(store, clip_ids[0])
    with pytest.raises(LatentError, match="belongs to encoder"):
        fitted.coordinates(Clip("c", "v", "another", clip.grid))


def test_position_means_refuse_other_grids_and_too_few_videos(store, clip_ids, tmp_path):
    fitted = fitting.fit_basis(store, Scope.of(store), BasisSpec(positions=True))
    smaller = clips.open_clip(store, clip_ids[0]).grid[:, :5, :5]
    with pytest.raises(LatentError, match="8 x 8 patches, and the clip has 5 x 5"):
        fitted.coordinates(Clip("c", "v", fitted.encoder_id, smaller))
    few = synthetic_store(tmp_path / "store", videos=2)
    with pytest.raises(LatentError, match="need 8 videos"):
        fitting.fit_basis(few, Scope.of(few), BasisSpec(positions=True))
    few.close()


def test_every_video_weighs_the_same_in_position_means(tmp_path):
    """Until every video has given a clip the long ones wait; after that they gave as many as they had."""
    store = synthetic_store(tmp_path / "store", videos=8, slices=4, side=3, dim=4)
    add_videos(store, Recipe(videos=1, clips=20, slices=4, side=3, dim=4), first=8)
    by_video = {}
    for row in store.rows("SELECT clip_id, video_id FROM clips"):
        by_video.setdefault(row["video_id"], []).append(store.grid(row["clip_id"]).astype(float))
    wanted = np.mean([np.concatenate(grids).mean(axis=0) for grids in by_video.values()], axis=0)
    (encoder,) = store.rows("SELECT encoder_id FROM encoders")
    found = position_means.means(store, encoder["encoder_id"], 3, 3)
    assert len(by_video) == 9 and np.allclose(found, wanted, atol=1e-5)
    store.close()


def test_a_large_sample_is_thinned_the_same_way_each_time(store, monkeypatch):
    whole = scope.gather(store, Scope.of(store))
    monkeypatch.setattr(scope, "MAX_TOKENS", 200)
    first, second = scope.gather(store, Scope.of(store)), scope.gather(store, Scope.of(store))
    assert np.array_equal(first.vectors, second.vectors) and 120 < len(first.vectors) < 280
    known = {vector.tobytes() for vector in whole.vectors}
    assert all(vector.tobytes() in known for vector in first.vectors)
    (video,) = store.query("SELECT video_id FROM videos LIMIT 1")["video_id"].to_pylist()
    assert len(scope.gather(store, Scope.of(store, video=video)).vectors) == 200


def test_repair_takes_the_projections_of_a_damaged_clip_and_leaves_the_others(tmp_path):
    made = synthetic_store(tmp_path / "store", videos=3)
    fitted = fitting.fit_basis(made, Scope.of(made), BasisSpec(kind="kmeans", clusters=3))
    bases.save_basis(made, fitted)
    ids = made.query("SELECT clip_id FROM clips ORDER BY clip_id")["clip_id"].to_pylist()
    for clip_id in ids:
        projections.project_clip(made, fitted, clip_id)
    path = (
        made.root
        / made.rows("SELECT embedding_path FROM clips WHERE clip_id = ?", [ids[0]])[0][
            "embedding_path"
        ]
    )
    path.write_bytes(path.read_bytes()[:-100])
    integrity.repair(made, list(integrity.check(made)))
    for table in ("projections", "clusters"):
        assert set(made.query(f"SELECT clip_id FROM {table}")["clip_id"].to_pylist()) == set(
            ids[1:]
        ), table
    add_videos(made, Recipe(videos=3))
    projections.project_clip(made, fitted, ids[0])
    assert len(made.query("FROM clusters")) == 3 * 100
    made.close()


def test_the_command_fits_lists_and_refuses(tmp_path):
    root = tmp_path / "store"
    synthetic_store(root, videos=3).close()
    assert "no basis yet" in run_here("basis", "list", "--store", root, check=True).stdout
    said = run_here(
        "basis",
        "fit",
        "--kind",
        "kmeans",
        "--clusters",
        4,
        "--slices",
        "0,2",
        "--store",
        root,
        check=True,
    ).stdout
    assert "kmeans of corpus" in said and "clusters 4" in said and "slices [0, 2]" in said
    assert run_here("basis", "list", "--store", root, check=True).stdout == said
    for wrong, words in ((["--clip", "nope"], "holds no clip nope"), (["--slices", "x"], "is not a list of numbers"), (["--clip", "a", "--corpus"], "mutually exclusive"),
                         (["--encoder", "other"], "no clips of encoder other"), (["--kind", "dimensions", "--dimensions", "0,99"], "no dimension 99"),
                         (["--foreground", "sky"], "neither first-component nor")):  # fmt: skip
        process = run_here("basis", "fit", "--store", root, *wrong)
        assert (
            process.returncode == 2
            and words in process.stderr
            and "Traceback" not in process.stderr
        )


def test_parameters_are_json_that_sql_can_ask(store):
    fitted = fitting.fit_basis(store, Scope.of(store), BasisSpec(kind="pca", components=5))
    bases.save_basis(store, fitted)
    (row,) = store.rows(
        "SELECT settings, settings->>'signs' AS signs, len(explained_variance) AS n FROM bases WHERE basis_id = ?",
        [fitted.basis_id],
    )
    assert (
        row["n"] == 5
        and "positive" in row["signs"]
        and json.loads(row["settings"])["components"] == 5
    )
