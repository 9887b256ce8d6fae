"""Ready questions over the corpus: what was planted is found, and without anything planted nothing is in 95 of 100 corpora."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.stores import synthetic_store
from tubelet.latent import duplicates
from tubelet.latent.coverage import choose_centers
from tubelet.latent.duplicates import Moments, find_duplicates, read_moments
from tubelet.latent.errors import LatentError
from tubelet.latent.outliers import find_outliers
from tubelet.latent.video_vectors import VideoVectors
from tubelet.reports.ready_questions import describe_pairs
from tubelet.store import Store

CORPORA = 100
FALSE_MOST = 11  # of 100 corpora at 5%: exceeded once in 250 tries
DIM = 24


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("questions") / "films", videos=6, clips=3)
    yield made
    made.close()


def draw_moments(seed: int, videos: int = 14) -> Moments:
    """Videos that wander about a place of their own; lengths differ."""
    randomness = np.random.default_rng(seed)
    counts = randomness.integers(3, 7, videos)
    places = [
        randomness.normal(0, 1, DIM) + randomness.normal(0, 0.3, (n, DIM)).cumsum(axis=0)
        for n in counts
    ]
    ids = tuple(f"{number:016x}" for number in range(videos))
    return Moments(
        video_ids=ids,
        names=tuple(f"{number}.mp4" for number in range(videos)),
        video=np.repeat(np.arange(videos), counts),
        at_s=np.concatenate([np.arange(n) + 0.5 for n in counts]),
        vectors=np.concatenate(places).astype(np.float32),
    )


def draw_vectors(seed: int, videos: int) -> VideoVectors:
    scale = np.linspace(0.2, 3, DIM)
    drawn = (np.random.default_rng(seed).normal(0, 1, (videos, DIM)) * scale).astype(np.float32)
    ids = tuple(f"{number:016x}" for number in range(videos))
    return VideoVectors(
        encoder_id="toy",
        vectors_id="0" * 16,
        video_ids=ids,
        names=tuple(f"{id_}.mp4" for id_ in ids),
        vectors=drawn,
    )


def plant(moments: Moments, one: int, other: int) -> Moments:
    """The first moment of a video again as the last of another, with a little noise as of another compression."""
    moments.vectors[moments.starts[other] + moments.counts[other] - 1] = (
        moments.vectors[moments.starts[one]] + 0.02
    )
    return moments


def test_a_planted_moment_is_found_with_its_place_in_both_videos() -> None:
    moments = plant(draw_moments(1), 2, 9)
    found = find_duplicates(moments)
    (pair,) = found.pairs
    assert (pair.name_a, pair.at_a_s) == ("2.mp4", 0.5)
    assert (pair.name_b, pair.at_b_s) == ("9.mp4", moments.counts[9] - 0.5)
    assert pair.distance < found.level and pair.p == 1 / (found.draws + 1) <= 0.05
    assert found.video_ids == [moments.video_ids[2], moments.video_ids[9]]


@pytest.mark.long
def test_without_duplicates_nothing_is_found_in_95_of_100_corpora() -> None:
    found = [bool(find_duplicates(draw_moments(seed)).pairs) for seed in range(CORPORA)]
    assert sum(found) <= FALSE_MOST


def test_pairs_that_are_not_listed_are_counted(monkeypatch) -> None:
    moments = plant(plant(draw_moments(3), 0, 1), 4, 5)
    monkeypatch.setattr(duplicates, "PAIRS", 1)
    found = find_duplicates(moments)
    assert len(found.pairs) == 1 and found.count == 2
    said = describe_pairs(found)
    assert said.startswith("**2 pairs** of videos are closer than chance, the closest")
    assert "; the 1 closest are listed." not in said and "; the closest one is listed." in said


def test_a_leak_is_between_two_splits_alone() -> None:
    moments = plant(plant(draw_moments(3), 0, 1), 4, 5)
    splits = dict.fromkeys(moments.video_ids[:5], "train") | dict.fromkeys(moments.video_ids[5:], "test")  # fmt: skip
    assert len(find_duplicates(moments).pairs) == 2
    (pair,) = find_duplicates(moments, splits).pairs
    assert (pair.name_a, pair.name_b, pair.split_a, pair.split_b) == ("4.mp4", "5.mp4", "train", "test")  # fmt: skip
    said = describe_pairs(find_duplicates(moments, splits))
    assert said.startswith("**1 pair** of videos with different values of the label is closer than")
    del splits[moments.video_ids[5]]
    fewer = find_duplicates(moments, splits)
    assert not fewer.pairs, "a video without a split leaks nowhere"
    assert (fewer.videos, fewer.moments) == (13, len(moments.vectors) - moments.counts[5])
    assert describe_pairs(fewer).startswith(
        "**No pair** of videos with different values of the label"
    )
    with pytest.raises(LatentError, match="leaks are between two splits: label the videos"):
        find_duplicates(moments, dict.fromkeys(moments.video_ids, "train"))


@pytest.mark.long
def test_without_leaks_nothing_is_found_in_95_of_100_corpora() -> None:
    found = 0
    for seed in range(CORPORA):
        moments = draw_moments(1000 + seed)
        splits = {id_: ("train", "test")[n % 2] for n, id_ in enumerate(moments.video_ids)}
        found += bool(find_duplicates(moments, splits).pairs)
    assert found <= FALSE_MOST


def test_equal_videos_are_no_discovery_and_blocks_change_nothing(monkeypatch) -> None:
    same = draw_moments(5)
    same.vectors[:] = 1
    assert not find_duplicates(same).pairs
    moments = plant(draw_moments(6), 3, 8)
    whole = find_duplicates(moments)
    monkeypatch.setattr(duplicates, "BLOCK", 7)
    again = find_duplicates(moments)
    assert [(p.name_a, p.name_b, p.p) for p in again.pairs] == [(p.name_a, p.name_b, p.p) for p in whole.pairs]  # fmt: skip
    assert again.level == pytest.approx(whole.level, rel=1e-3)


def test_moments_are_the_means_of_slices_evenly_spaced(store: Store, monkeypatch) -> None:
    encoder_id = store.rows("FROM encoders")[0]["encoder_id"]
    moments = read_moments(store, encoder_id, None, 6)
    clip = store.rows("SELECT * FROM clips WHERE role IS DISTINCT FROM 'partner' ORDER BY video_id, start_s, clip_id")[0]  # fmt: skip
    grid = store.grid(clip["clip_id"]).astype(float)
    assert clip["video_id"] == moments.video_ids[0]
    np.testing.assert_allclose(moments.vectors[0], grid[0].reshape(-1, grid.shape[-1]).mean(axis=0), atol=2e-3)  # fmt: skip
    length = (clip["stop_s"] - clip["start_s"]) / clip["slices"]
    assert moments.at_s[0] == pytest.approx(clip["start_s"] + length / 2)
    assert len(moments.at_s) == 6 * 3 * clip["slices"]
    monkeypatch.setattr(duplicates, "MOMENTS", 18)
    few = read_moments(store, encoder_id, None, 6)
    assert few.counts.tolist() == [3] * 6
    gaps = np.diff(few.at_s[:3])
    assert gaps[0] > 0 and gaps[1] == pytest.approx(gaps[0])
    chosen = list(moments.video_ids[:5])
    assert list(read_moments(store, encoder_id, chosen, 5).video_ids) == chosen
    with pytest.raises(LatentError, match="2 encoded videos are too few to compare"):
        read_moments(store, encoder_id, chosen[:2], 2)


def test_a_planted_outlier_of_a_label_is_found_with_the_label_it_is_nearest_to() -> None:
    videos = draw_vectors(2, 40)
    labels = {id_: ("pour", "stir")[n >= 20] for n, id_ in enumerate(videos.video_ids)}
    videos.vectors[20:] += 20
    videos.vectors[7] += 20
    found = find_outliers(videos, labels)
    (row,) = found.found
    assert (row.name, row.value, row.nearest) == (videos.names[7], "pour", "stir")
    assert row.p < 0.001 and row.distance > 4 and (row.videos, found.tested) == (20, 40)


def test_without_outliers_nothing_is_found_in_95_of_100_corpora() -> None:
    found = 0
    for seed in range(CORPORA):
        videos = draw_vectors(seed, 43)
        labels = {id_: ("a", "b", "few")[n // 20] for n, id_ in enumerate(videos.video_ids)}
        answer = find_outliers(videos, labels)
        found += bool(answer.found)
        assert (answer.tested, answer.values, answer.skipped) == (40, 2, 1)
    assert found <= FALSE_MOST


def test_labels_of_too_few_videos_have_no_outliers() -> None:
    videos = draw_vectors(1, 6)
    with pytest.raises(LatentError, match="no value of this label has 8 encoded videos"):
        find_outliers(videos, dict.fromkeys(videos.video_ids, "pour"))
    names = tuple(f"{n}" for n in range(9))
    alike = VideoVectors(
        encoder_id="toy",
        vectors_id="0" * 16,
        video_ids=names,
        names=names,
        vectors=np.ones((9, 4), np.float32),
    )
    assert not find_outliers(alike, dict.fromkeys(alike.video_ids, "pour")).found


def test_centers_are_the_farthest_first_and_cover_better_than_chance() -> None:
    line = np.array([[0.0], [1], [2], [3], [4], [10]], np.float32)
    ids = tuple("abcdef")
    videos = VideoVectors(
        encoder_id="toy", vectors_id="0" * 16, video_ids=ids, names=ids, vectors=line
    )
    found = choose_centers(videos, 3)
    assert [row.video_id for row in found.chosen] == ["d", "f", "a"]  # mean 3.33
    assert [row.distance for row in found.chosen] == [None, 7, 3] and found.radius == 1
    assert found.chance[0] > found.radius
    further = choose_centers(videos, 2, {"f", "e"})
    assert further.video_ids == ["a", "c"] and further.radius == 1 and further.labeled == 2
    assert len(choose_centers(videos, 50).chosen) == 6
    with pytest.raises(LatentError, match="every encoded video has the label"):
        choose_centers(videos, 2, ids)
    with pytest.raises(LatentError, match="ask for 1 to 1,000"):
        choose_centers(videos, 0)


def test_planted_groups_each_get_a_center() -> None:
    videos = draw_vectors(4, 60)
    for group in range(6):
        videos.vectors[group * 10 : group * 10 + 10, group] += 200
    found = choose_centers(videos, 6)
    places = {videos.video_ids.index(row.video_id) // 10 for row in found.chosen}
    assert places == set(range(6))
    assert found.radius < found.chance[1], "below the middle 95% of random choices"
