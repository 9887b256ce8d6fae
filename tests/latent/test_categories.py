"""Categories as colors, areas of a map, and the tokens that both lead to; held to a store whose labels, clusters and places are known."""

from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.latent import bases, channels, colors, fitting, map_tokens
from tubelet.latent.area import Area
from tubelet.latent.categories import MOST, NONE, list_clusters
from tubelet.latent.channels import CATEGORY, Look, OfClip
from tubelet.latent.colorings import Coloring
from tubelet.latent.errors import LatentError
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.scope import Scope
from tubelet.latent.workspace import Workspace
from tubelet.store import Store
from tubelet.store.rows import NamedClip

MACHADO = {  # linear RGB as people without one kind of cones see it (Machado et al. 2009, severity 1)
    "all": np.eye(3),
    "red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
XYZ = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
VIEW = "1,0,0,0,0,1,0,0,0,0,0,1"  # x and y of a place as they are


def lab(pixels: np.ndarray, cones: str) -> np.ndarray:
    """sRGB as CIELAB, as people with these cones see it."""
    shares = pixels / 255
    light = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    seen = np.clip(light @ np.array(MACHADO[cones]).T, 0, 1)
    x, y, z = np.cbrt(seen @ XYZ.T / (0.9505, 1, 1.089)).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("cones", MACHADO)
def test_any_two_colors_of_categories_and_gray_are_told_apart(cones: str) -> None:
    seen = lab(np.array([*colors.PALETTE.tolist(), colors.OTHER]), cones)
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 25


def test_categories_beyond_the_palette_are_gray() -> None:
    drawn = colors.color_categories(np.array([0, MOST - 1, MOST, -1]))
    assert np.array_equal(drawn[:2], colors.PALETTE[[0, -1]]) and (drawn[2:] == 128).all()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Thirteen videos: labels cooking, swimming, walking and none in turn."""
    made = synthetic_store(tmp_path_factory.mktemp("categories") / "store", videos=12)
    add_videos(made, Recipe(videos=1), first=12)
    yield made
    made.close()


@pytest.fixture(scope="module")
def workspace(store: Store) -> Workspace:
    return Workspace(store)


def encoder(store: Store) -> str:
    return store.rows("FROM encoders")[0]["encoder_id"]


def clip_of(store: Store, video: int) -> NamedClip:
    sql = "SELECT c.*, v.name AS video_name FROM clips c JOIN videos v USING (video_id) WHERE v.name = ?"
    return NamedClip.of(store.rows(sql, [f"video-{video:05d}.mp4"])[0])


def test_labels_and_videos_color_whole_clips_the_commonest_first(
    store: Store, workspace: Workspace
) -> None:
    labels, videos = Coloring("labels"), Coloring("videos")
    basis = workspace.basis(encoder(store), labels)
    found = workspace.categories(labels, basis)
    assert found.names[0] == "cooking" and set(found.names) == {"cooking", "swimming", "walking", NONE}  # fmt: skip
    for number in range(4):
        clip = clip_of(store, number)
        name = store.rows("SELECT label FROM videos WHERE video_id = ?", [clip.video_id])[0]["label"] or NONE  # fmt: skip
        drawn = workspace.clip_colors(clip.clip_id, basis, found)
        assert drawn.shape == (*clip.positions, 3)
        assert (drawn == colors.PALETTE[found.names.index(name)]).all()
    many = workspace.categories(videos, basis)
    assert len(many.names) == MOST and many.others == 3
    drawn = [workspace.clip_colors(clip_of(store, n).clip_id, basis, many) for n in range(13)]
    assert sum((one == 128).all() for one in drawn) == 3, "three videos share gray"


def test_clusters_are_the_same_on_every_visit_and_place_by_components(
    store: Store, workspace: Workspace
) -> None:
    coloring, clip = Coloring.parse("clusters-6"), clip_of(store, 0)
    basis = workspace.basis(encoder(store), coloring)
    assert Workspace(store).basis(encoder(store), coloring).basis_id == basis.basis_id
    assert workspace.space(basis).kind == "pca" and basis.kind == "kmeans"
    categories = workspace.categories(coloring, basis)
    look = Look(
        workspace.space(basis), ("component 1", "component 2", "component 3", *[CATEGORY] * 3, channels.FULL), categories,
    )  # fmt: skip
    points = np.frombuffer(workspace.points(clip, look), [("place", "<f4", 3), ("color", "u1", 4)])
    expected = colors.color_categories(basis.clusters(_opened(store, clip))).reshape(-1, 3)
    assert np.array_equal(points["color"][:, :3], expected)
    assert len(np.unique(expected, axis=0)) > 1 and np.ptp(points["place"], axis=0).min() > 1


def _opened(store: Store, clip: NamedClip):
    from tubelet.latent.clips import open_clip

    return open_clip(store, clip.clip_id)


@pytest.mark.parametrize("name", ["clusters-0", "clusters", "clusters-100", "label", "labels-x"])
def test_a_coloring_that_there_is_not_is_refused(name: str, store: Store) -> None:
    from tubelet.store import StoreError

    with pytest.raises(StoreError):
        Coloring.parse(name)


def test_an_area_holds_what_was_drawn_around_as_it_was_seen() -> None:
    area = Area.parse(f"{VIEW};-0.5,-0.5,0.5,-0.5,0.5,0.5,-0.5,0.5")
    places = np.array([[0, 0, 0], [0.4, -0.4, 9], [0.6, 0, 0], [0, -0.6, 0]], np.float32)
    assert area.contains(places).tolist() == [True, True, False, False]
    concave = Area.parse(f"{VIEW};-1,-1,1,-1,1,1,0,-0.5,-1,1")
    assert concave.contains(np.array([[0, 0.5, 0], [0.9, 0.5, 0]])).tolist() == [False, True]
    behind = Area.parse("1,0,0,0,0,1,0,0,0,0,0,-1;-1,-1,1,-1,1,1,-1,1")
    assert not behind.contains(places).any()


@pytest.mark.parametrize(
    "text", ["", "1,2;3", f"{VIEW};1,1,2,2", f"{VIEW};1,1,2,2,3", f"{VIEW};a,1,2,2,3,3", VIEW * 9]
)
def test_a_text_that_is_no_area_is_none(text: str) -> None:
    assert Area.parse(text) is None


def test_the_tokens_of_an_area_and_the_neighbors_of_one_are_tables(
    store: Store, workspace: Workspace
) -> None:
    clip, coloring = clip_of(store, 0), Coloring.parse("clusters-6")
    basis = workspace.basis(clip.encoder_id, coloring)
    look = Look(workspace.space(basis), ("patch column", "patch row", "slice", *[CATEGORY] * 3, channels.FULL), list_clusters(basis))  # fmt: skip
    tokens = OfClip(store, clip)
    left = {"area": f"{VIEW};-2,-2,-0.9,-2,-0.9,2,-2,2"}
    table = map_tokens.choose(workspace, tokens, workspace.points(clip, look), look, left)
    assert set(table["x"].to_pylist()) == {0} and len(table) == clip.slices * clip.grid_height
    assert table["video"].to_pylist()[0] == "video-00000.mp4" and table["label"][0].as_py() == "cooking"  # fmt: skip
    own = basis.clusters(_opened(store, clip))
    rows = table.to_pylist()
    assert [row["cluster"] for row in rows] == [own[row["slice"], row["y"], 0] for row in rows]
    stored = store.rows("SELECT norm FROM token_stats WHERE clip_id = ? AND x = 0 ORDER BY slice, y", [clip.clip_id])  # fmt: skip
    assert table["norm"].to_pylist() == pytest.approx([row["norm"] for row in stored])

    marked = MarkedPatches(clip.clip_id, ((0, 1, 2),))
    asked = {"near": marked.name}
    grid = store.grid(clip.clip_id).astype(np.float32).reshape(-1, clip.embed_dim)
    unit = grid / np.linalg.norm(grid, axis=1, keepdims=True)
    cosines = unit @ unit[1 * clip.grid_width + 2]
    near = map_tokens.choose(workspace, tokens, b"", look, asked)
    best = np.sort(cosines)[::-1][1 : map_tokens.NEIGHBORS + 1]
    assert near["cosine"].to_pylist() == pytest.approx(best.tolist(), abs=1e-5)
    assert (0, 1, 2) not in [(row["slice"], row["y"], row["x"]) for row in near.to_pylist()]

    sampled = workspace.sample_tokens(clip.encoder_id)
    corpus = map_tokens.choose(workspace, sampled, b"", look, asked)
    embeddings = store.rows("SELECT clip_id, slice, y, x, embedding FROM token_samples")
    query = unit[1 * clip.grid_width + 2]
    expected = sorted(
        (float(np.dot(row["embedding"], query) / np.linalg.norm(row["embedding"])) for row in embeddings
         if (row["clip_id"], row["slice"], row["y"], row["x"]) != (clip.clip_id, 0, 1, 2)), reverse=True,
    )  # fmt: skip
    assert corpus["cosine"].to_pylist() == pytest.approx(expected[: map_tokens.NEIGHBORS], abs=1e-4)
    with pytest.raises(LatentError, match="no area"):
        map_tokens.choose(workspace, tokens, b"", look, {"area": "x"})


def test_a_slice_of_a_clip_is_found_among_the_sample(store: Store, workspace: Workspace) -> None:
    sample, clip = workspace.sample(encoder(store)), clip_of(store, 3)
    starts = sample.of_slices(clip.clip_id)
    first, count = sample.of_clip(clip.clip_id)
    assert (starts[0], starts[-1]) == (first, first + count) and len(starts) == clip.slices + 1
    for number, (start, stop) in enumerate(pairwise(starts)):
        assert (sample.slice[start:stop] == number).all()
    assert sample.of_slices("ff") == []


def test_a_kept_basis_has_a_name_of_its_own(tmp_path: Path) -> None:
    store = synthetic_store(tmp_path / "store", videos=2)
    where = Scope.of(store)
    one, other = (fitting.fit_basis(store, where, BasisSpec(kind="kmeans", clusters=n)) for n in (3, 4))  # fmt: skip
    bases.save_basis(store, one, "parts of a kitchen")
    assert bases.list_bases().answer(store)["name"].to_pylist() == ["parts of a kitchen"]
    bases.save_basis(store, one, "parts of a kitchen")
    with pytest.raises(LatentError, match="already called parts of a kitchen"):
        bases.save_basis(store, other, "parts of a kitchen")
    with pytest.raises(LatentError, match="already keeps this basis as parts of a kitchen"):
        bases.save_basis(store, one, "another")
    with pytest.raises(LatentError, match="printable"):
        bases.save_basis(store, other, "a\nb")
    bases.save_basis(store, other)
    (row,) = (row for row in bases.list_bases().read(store, bases.ListedBasis) if row.name)
    assert "parts of a kitchen: kmeans" in bases.describe_basis(row)
    store.close()
