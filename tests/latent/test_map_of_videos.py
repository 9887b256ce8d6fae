"""The map of videos: vectors that equal the means of the tokens, places that keep planted groups apart, colors, and what an area holds."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.stores import synthetic_store
from tubelet.latent import video_map
from tubelet.latent.area import Area
from tubelet.latent.categories import NONE
from tubelet.latent.errors import LatentError
from tubelet.latent.video_map import PCA, UMAP, lay_out
from tubelet.latent.video_vectors import VideoVectors, read_vectors
from tubelet.latent.workspace import Workspace
from tubelet.store import Store
from tubelet.store.annotations.tags import TagMember, add_tag


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("video_map") / "films", videos=5, clips=2)
    yield made
    made.close()


def encoder(store: Store) -> str:
    return store.rows("FROM encoders")[0]["encoder_id"]


def planted(count: int, dim: int = 12) -> VideoVectors:
    """Two groups of videos, far apart in one direction, and noise."""
    noise = np.random.default_rng(7).normal(0, 0.1, (count, dim)).astype(np.float32)
    noise[: count // 2, 3] += 5
    ids = tuple(f"{number:016x}" for number in range(count))
    return VideoVectors(
        encoder_id="toy", vectors_id="0" * 16, video_ids=ids, names=ids, vectors=noise
    )


def square(left: float, right: float) -> Area:
    """What a flat map sees between two places of the x axis."""
    view = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)
    return Area(view, np.array([[left, -2], [right, -2], [right, 2], [left, 2]], float))


def test_a_vector_is_the_mean_of_the_videos_tokens(store: Store) -> None:
    found = read_vectors(store, encoder(store))
    assert len(found) == 5 and found.vectors.dtype == np.float32
    for video_id, vector in zip(found.video_ids, found.vectors):
        sql = "SELECT clip_id FROM clips WHERE video_id = ? AND role IS DISTINCT FROM 'partner'"
        grids = [store.grid(row["clip_id"]).astype(float) for row in store.rows(sql, [video_id])]
        mean = np.concatenate([grid.reshape(-1, grid.shape[-1]) for grid in grids]).mean(axis=0)
        np.testing.assert_allclose(vector, mean, atol=2e-3)


def test_planted_groups_lie_apart_and_an_area_holds_one_of_them() -> None:
    found = lay_out(planted(40), PCA)
    sides = np.sign(found.places[:, 0])
    assert len(set(sides[:20])) == len(set(sides[20:])) == 1 and sides[0] != sides[20]
    assert found.explained is not None and found.explained > 0.9
    assert np.abs(found.places).max() == 1 and not found.places[:, 2].any()
    half = square(0, 2) if sides[0] > 0 else square(-2, 0)
    assert found.find_inside(half) == list(found.videos.video_ids[:20])
    assert found.number_of(["gone", found.videos.video_ids[7]]) == [7]


def test_umap_keeps_planted_groups_apart() -> None:
    places = lay_out(planted(24), UMAP).places[:, :2]
    middles = places[:12].mean(axis=0), places[12:].mean(axis=0)
    within = max(np.linalg.norm(group - middle, axis=1).max() for group, middle in zip((places[:12], places[12:]), middles))  # fmt: skip
    assert np.linalg.norm(middles[0] - middles[1]) > within


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_videos_have_places(count: int) -> None:
    found = lay_out(planted(count), PCA)
    assert found.places.shape == (count, 3) and np.isfinite(found.places).all()
    with pytest.raises(LatentError, match="UMAP needs at least 10 videos: choose PCA"):
        lay_out(planted(count), UMAP)


def test_alike_videos_lie_in_the_middle() -> None:
    made = planted(6)
    same = VideoVectors(
        encoder_id="toy",
        vectors_id="0" * 16,
        video_ids=made.video_ids,
        names=made.names,
        vectors=np.ones((6, 12), np.float32),
    )
    assert not lay_out(same, PCA).places.any()


def test_points_are_packed_with_their_colors_and_what_is_left_out_is_faint() -> None:
    found = lay_out(planted(4), PCA)
    colors = np.arange(12, dtype=np.uint8).reshape(4, 3)
    packed = found.pack_points(colors, np.array([True, False, True, True]))
    read = np.frombuffer(packed, [("place", "<f4", 3), ("color", "u1", 4)])
    np.testing.assert_array_equal(read["place"], found.places)
    np.testing.assert_array_equal(read["color"][:, :3], colors)
    assert read["color"][:, 3].tolist() == [255, video_map.FAINT, 255, 255]


def test_values_are_ranked_by_videos_and_those_beyond_ten_share_gray() -> None:
    ids = [f"{number}" for number in range(30)]
    values = {id_: ("pour" if number < 9 else f"rare {number:02d}") for number, id_ in enumerate(ids[:-4])}  # fmt: skip
    places, names, others = video_map.categorize_values(ids, values)
    assert names[:2] == ("pour", NONE) and len(names) == 10 and others == 9
    assert places[:9].tolist() == [0] * 9 and places[-4:].tolist() == [1] * 4
    assert (places == -1).sum() == 9


def test_numbers_are_shaded_from_low_to_high_and_undefined_ones_are_gray() -> None:
    colors, limits = video_map.color_numbers(np.array([0.0, 1.0, np.nan, 0.5]))
    assert limits == pytest.approx((0.005, 0.995), abs=1e-2)
    np.testing.assert_array_equal(colors, [*np.rint(video_map.RAMP[[0, 2]]), [128] * 3, video_map.RAMP[1]])  # fmt: skip
    gray, none = video_map.color_numbers(np.array([np.nan]))
    assert none is None and gray.tolist() == [[128, 128, 128]]


def test_a_layout_is_computed_once_and_again_when_clips_change(tmp_path) -> None:
    store = synthetic_store(tmp_path / "store", videos=3)
    workspace, name = Workspace(store), encoder(store)
    first = workspace.video_map(name, PCA)
    video_id = first.videos.video_ids[1]
    add_tag(store, "odd", [TagMember(video_id=video_id)])
    assert workspace.video_map(name, PCA) is first, "a tag changes no vector"
    assert workspace.find_video(name, first.videos.vectors_id, 1) == video_id
    store.commit({}, {"clips.video_id": [video_id]})
    second = workspace.video_map(name, PCA)
    assert len(second.videos) == 2 and video_id not in second.videos.video_ids
    with pytest.raises(LatentError, match="reload the page"):
        workspace.find_video(name, first.videos.vectors_id, 1)
    with pytest.raises(LatentError, match="videos 0 to 1"):
        workspace.find_video(name, second.videos.vectors_id, 2)
    key = workspace.offer_points(b"points")
    assert workspace.find_points(key) == b"points"
    with pytest.raises(LatentError, match="no longer kept: reload the page"):
        workspace.find_points("0" * 16)
    with pytest.raises(LatentError, match="holds no statistics of other"):
        workspace.video_map("other", PCA)
    store.close()
