"""Tracking and segmentation against the truth: scenes made here, encoded by the toy encoder through a real ingest."""

import csv
import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from tests.followed import TrackShares, ingested
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.ingest.samples import sample_videos
from tubelet.latent import (
    clips,
    graph,
    masks,
    null_similarity,
    query,
    questions,
    segmentation,
    tracking,
)
from tubelet.latent.clips import Clip
from tubelet.latent.errors import LatentError
from tubelet.store.sandbox import formats
from tubelet.training.scenes import photographs
from tubelet.training.scenes.occlusion import FRAMES, SIDE, OcclusionScene

SEEDS = (0, 1, 2, 3, 4, 5)
PATCH, TUBELET = 16, 2
SLICES, PATCHES = FRAMES // TUBELET, SIDE // PATCH


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    made = ingested(
        tmp_path_factory.mktemp("scenes"), "toy", [OcclusionScene.of(seed) for seed in SEEDS]
    )
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """Scenes over frames of the demo's videos."""
    frames = [picture.numpy() for picture in photographs.load_videos(sample_videos())]
    made = ingested(
        tmp_path_factory.mktemp("filmed"),
        "toy",
        [OcclusionScene.of(seed, frames) for seed in SEEDS],
    )
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def store(scenes):
    return scenes.store


@pytest.fixture(scope="module")
def followed(scenes):
    return [scenes.follow(number) for number in SEEDS]


def opened(store, seed):
    return clips.open_clip(
        store,
        store.rows(
            "SELECT clip_id FROM clips JOIN videos USING (video_id) WHERE name = ?", [f"{seed}.mp4"]
        )[0]["clip_id"],
    )


def test_a_patch_is_followed_where_it_is_and_called_lost_where_it_is_not(followed):
    held = TrackShares.of(followed)
    assert held.visible > 80 and held.absent > 20
    assert held.near >= 0.95 and held.kept >= 0.9 and held.lost >= 0.9


@pytest.mark.long
def test_over_real_backgrounds_too(filmed):
    held = TrackShares.of([filmed.follow(number) for number in SEEDS])
    assert held.visible > 80 and held.absent > 20
    assert held.near >= 0.95 and held.kept >= 0.9 and held.lost >= 0.9
    cut = [filmed.cut(number)[0] for number in SEEDS]
    assert np.median(cut) >= 0.8 and min(cut) >= 0.7


def test_the_level_alone_tells_most_of_absence(followed):
    """Without the way back: scores where the object is gone stay below the level, or close to it, and the others above."""
    below, above = [], []
    for one in followed:
        below += [
            one.track.score[i] < one.track.level
            for i, place in enumerate(one.places)
            if place is None
        ]
        above += [
            one.track.score[i] >= one.track.level
            for i, place in enumerate(one.places)
            if place is not None and not isinstance(place, str)
        ]
    assert np.mean(above) > 0.9 and np.mean(below) > 0.7


@pytest.mark.parametrize("seed", SEEDS)
def test_a_stroke_on_one_slice_cuts_the_object_out_of_all(scenes, seed):
    in_pixels, in_patches = scenes.cut(seed)
    assert in_pixels >= 0.8 and in_patches >= 0.8


def test_heat_and_track_are_plain_cosines_in_numpy_and_in_sql(store):
    clip = opened(store, 1)
    asked = query.query_clip(clip, [(0, 4, 4), (3, 7, 7)])
    tokens = clip.grid.astype(np.float64)
    tokens /= np.linalg.norm(tokens, axis=-1, keepdims=True)
    plain = np.maximum(tokens @ tokens[0, 4, 4], tokens @ tokens[3, 7, 7])
    found = tracking.track(
        asked, clip, null_similarity.sample_other_videos(store, clip.encoder_id, clip.video_id)
    )
    assert np.allclose(found.heat, plain, atol=1e-6)
    rows = questions.heat(clip.clip_id, asked.addresses, clip.clip_id).answer(store)
    assert np.allclose(rows["score"].to_numpy(), plain.ravel(), atol=1e-5) and rows[
        "x"
    ].to_pylist()[:3] == [0, 1, 2]
    best = questions.track(clip.clip_id, asked.addresses, clip.clip_id).answer(store)
    assert np.allclose(best["score"].to_numpy(), found.score, atol=1e-5)
    same = [
        (y, x) == (b, a)
        for y, x, b, a in zip(found.y, found.x, best["y"].to_pylist(), best["x"].to_pylist())
    ]
    assert np.mean(same) > 0.9  # equal scores may be ordered otherwise in the last digit
    written = store.query(questions.track(clip.clip_id, asked.addresses, clip.clip_id).text)
    assert written.equals(best)


def test_the_level_is_the_quantile_of_the_best_unrecognized_patch_of_each_slice_of_other_videos(
    store,
):
    clip = opened(store, 2)
    asked = query.query_clip(clip, [(0, 5, 3)])
    others = null_similarity.sample_other_videos(store, clip.encoder_id, clip.video_id)
    assert (
        clip.video_id not in others.videos
        and len(set(others.videos)) == len(SEEDS) - 1
        and len(others.videos) >= 32
    )
    home = clip.grid[0].astype(np.float64).reshape(-1, 16)
    home /= np.linalg.norm(home, axis=1, keepdims=True)
    reached, of = [], []
    for part, video in zip(others.slices, others.videos):
        scores = part @ home[5 * PATCHES + 3]
        back = np.unravel_index((home @ part[scores.argmax()]).argmax(), (PATCHES, PATCHES))
        if max(abs(back[0] - 5), abs(back[1] - 3)) > 1:
            reached.append(scores.max())
            of.append(video)
    assert 0 < len(reached) < len(others.videos)
    level = others.level(asked)
    assert (
        level.value == pytest.approx(null_similarity.level_of(np.array(reached), of).value)
        and level.slices == len(reached)
        and level.videos == len(set(of))
    )


@pytest.mark.long
@pytest.mark.parametrize("count", [19, 32, 64, 100, 200])
def test_the_level_is_exceeded_by_5_percent_of_further_slices_at_most(count):
    """Over 4,000 draws: the interpolated quantile that stood here is exceeded by 7 to 10% for 19 to 64 slices."""
    rng = np.random.default_rng(count)
    draws = (rng.standard_normal(count) for _ in range(4000))
    share = stats.norm.sf([null_similarity.level_of(draw, range(count)).value for draw in draws])
    level = null_similarity.level_of(np.arange(float(count)), range(count))
    assert np.mean(share) == pytest.approx(level.exceeded, abs=0.004) and level.exceeded < 0.0501
    assert np.quantile(share, [0.025, 0.975]) == pytest.approx((level.low, level.high), abs=0.01)


@pytest.mark.long
@pytest.mark.parametrize("alike", [0.0, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("videos", [2, 5, 20, 40])
def test_slices_of_few_videos_exceed_the_level_no_more_often_than_it_says(videos, alike):
    """Of 64 slices whose scores correlate within a video by `alike`, over 800 draws. The 62nd of 64 as if they were independent is exceeded by
    18% at two videos and 10% at five of 0.8, where 5% was claimed."""
    rng = np.random.default_rng([videos, int(10 * alike)])
    of = np.repeat(range(videos), -(-64 // videos))
    values = []
    for _ in range(800):
        scores = np.sqrt(alike) * rng.standard_normal(videos)[of]
        scores += np.sqrt(1 - alike) * rng.standard_normal(len(of))
        level = null_similarity.level_of(scores, of)
        values.append(level.value)
    share = stats.norm.sf(values)
    assert np.mean(share) <= level.exceeded + 3 * np.std(share) / len(share) ** 0.5
    assert level.exceeded <= max(0.05, 1 / (videos + 1)) + 1e-9
    assert np.mean((level.low <= share) & (share <= level.high)) > 0.93
    assert alike < 1 or np.mean(share) == pytest.approx(level.exceeded, rel=0.4)


def test_few_slices_say_how_often_their_largest_is_exceeded():
    level = null_similarity.level_of(np.array([0.1, 0.5, 0.3]), list("abb"))
    assert (level.value, level.exceeded, level.slices, level.videos) == (
        0.5,
        pytest.approx(1 / 3),
        3,
        2,
    ) and level.high > 0.5
    nothing = null_similarity.level_of(np.empty(0), [])
    assert np.isnan(nothing.value) and nothing.slices == 0


@pytest.mark.parametrize(
    ("videos", "clips_each", "slices", "held"),
    thin(
        [
            (1, 3, 4, 0),
            (2, 1, 4, 8),
            (3, 9, 4, 96),
            (2, 70, 1, 128),
            (70, 1, 4, 65),
            (70, 2, 4, 65),
        ],
        [(1, 3, 4, 0), (2, 1, 4, 8), (3, 9, 4, 96)],
        spread=True,
    ),
)
def test_any_video_finds_enough_slices_of_others_and_none_of_its_own(
    tmp_path, videos, clips_each, slices, held
):
    made = synthetic_store(
        tmp_path / "store", videos=videos, clips=clips_each, slices=slices, side=3, dim=8
    )
    (encoder,) = made.query("FROM encoders")["encoder_id"].to_pylist()
    every = null_similarity.draw_null_similarity(made, encoder)
    assert len(every.slices) == len(every.videos) == held
    for row in made.rows("FROM videos LIMIT 5"):
        others = null_similarity.sample_other_videos(made, encoder, row["video_id"])
        assert row["video_id"] not in others.videos and len(set(others.videos)) == min(
            videos - 1, 65
        ) - (row["video_id"] in every.videos and videos > 65)
        total = (videos - 1) * clips_each * slices
        assert len(others.slices) >= min(64, total)
        assert all(
            any(one is part for part in every.slices)
            for one in every.without(row["video_id"]).slices
        )
    made.close()


def test_the_margin_is_to_another_region_and_not_to_the_neighbor():
    heat = np.full((9, 9), 0.1, np.float32)
    heat[2:5, 2:5], heat[3, 3], heat[7, 7], heat[5, 5] = (
        0.9,
        0.95,
        0.7,
        0.94,
    )  # (5, 5) lies beside the region
    assert tracking._margin(heat, 0.5) == pytest.approx(0.25)
    assert np.isnan(tracking._margin(np.ones((1, 1), np.float32), 0.5)) and np.isnan(
        tracking._margin(np.full((3, 3), np.nan, np.float32), 0.5)
    )


def test_a_track_is_a_table_a_slice_a_row_as_csv_and_as_parquet(followed):
    found = followed[0].track
    rows = list(csv.DictReader(io.StringIO(formats.csv(found.table).decode())))
    assert (
        len(rows) == SLICES
        and rows[5]["slice"] == "5"
        and float(rows[5]["score"]) == pytest.approx(found.score[5], rel=1e-5)
    )
    assert [row["lost"] for row in rows] == [str(bool(lost)).lower() for lost in found.lost]
    assert pq.read_table(io.BytesIO(formats.parquet(found.table))).equals(found.table)


def test_a_clip_is_followed_from_another_clip_of_its_encoder_only(store):
    clip, other = opened(store, 0), opened(store, 3)
    found = tracking.track(
        query.query_clip(clip, [(0, 5, 3)]),
        other,
        null_similarity.sample_other_videos(store, other.encoder_id, other.video_id),
    )
    assert found.clip_id == other.clip_id and len(found.score) == SLICES
    foreign = Clip("c", "v", "another", other.grid)
    with pytest.raises(LatentError, match="within one encoder"):
        tracking.heat(query.query_clip(clip, [(0, 5, 3)]), foreign)


def grid_clip(shape, seed=0):
    return Clip(
        "c", "v", "e", np.random.default_rng(seed).standard_normal(shape).astype(np.float16)
    )


NOBODY = null_similarity.NullSimilarity("e", (), ())


@pytest.mark.parametrize("shape", [(1, 1, 1, 64), (1, 6, 6, 16), (5, 1, 1, 1664), (3, 4, 4, 64)])
def test_small_clips_and_all_lengths_of_embeddings_are_tracked_and_cut(shape):
    clip = grid_clip(shape)
    found = tracking.track(query.query_clip(clip, [(0, 0, 0)]), clip, NOBODY)
    assert (
        np.isnan(found.level)
        and found.score[0] == pytest.approx(1, abs=1e-6)
        and not found.lost[0]
        and (found.y[0], found.x[0]) == (0, 0)
    )
    assert len(found.table) == shape[0] and found.table["level"].null_count == shape[0]
    if np.prod(shape[:3]) > 1:
        last = tuple(side - 1 for side in shape[:3])
        scores = segmentation.segment(graph.build_graph(clip), [(0, 0, 0)], [last]).scores
        assert scores[0, 0, 0] == 1 and scores[last] == 0 and np.isfinite(scores).all()
        assert masks.threshold_pixels(scores, 32, 48).shape == (shape[0], 32, 48)


def test_tokens_that_are_not_finite_or_zero_have_no_score_and_are_no_mark_of_anything():
    clip = grid_clip((3, 4, 4, 8))
    clip.grid[0, 1, 1], clip.grid[1] = 0, np.nan
    found = tracking.track(query.query_clip(clip, [(0, 0, 0)]), clip, NOBODY)
    assert (
        np.isnan(found.heat[0, 1, 1])
        and np.isnan(found.heat[1]).all()
        and np.isfinite(found.heat[2]).all()
    )
    assert (
        found.lost[1]
        and np.isnan(found.score[1])
        and found.y[1] == -1
        and found.table["score"].null_count == 1
    )
    scores = segmentation.segment(graph.build_graph(clip), [(0, 0, 0)], [(2, 3, 3)]).scores
    assert (scores[1] == 0).all() and scores[0, 0, 0] == 1
    for address in ((0, 1, 1), (1, 0, 0)):
        with pytest.raises(LatentError, match="no direction"):
            query.query_clip(clip, [address])


def test_wrong_patches_are_refused_with_what_to_do():
    clip = grid_clip((3, 4, 4, 8))
    joined = graph.build_graph(clip)
    for addresses, words in (
        ([], "select one"),
        ([(3, 0, 0)], "outside"),
        ([(0, 0, -1)], "outside"),
    ):
        with pytest.raises(LatentError, match=words):
            query.query_clip(clip, addresses)
    for inside, outside, words in (([], [(0, 0, 0)], "no foreground"), ([(0, 0, 0)], [], "no background"), ([(0, 0, 0)], [(0, 0, 0)], "both|and as"),
                                   ([(0, 9, 0)], [(0, 0, 0)], "outside")):  # fmt: skip
        with pytest.raises(LatentError, match=words):
            segmentation.segment(joined, inside, outside)


def test_enlarged_scores_are_torchs_bilinear():
    import torch

    scores = np.random.default_rng(0).random((2, 5, 7)).astype(np.float32)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(scores)[:, None], (80, 96), mode="bilinear", align_corners=False
    )[:, 0]
    assert np.allclose(masks.upsample(scores, 80, 96), theirs.numpy(), atol=1e-5)
    assert (
        masks.upsample(np.ones((1, 1, 1), np.float32), 4, 6).tolist() == np.ones((1, 4, 6)).tolist()
    )


def pack_mask(mask):
    """A .npz as somebody else may write it."""
    file = io.BytesIO()
    np.savez(file, mask=mask)
    return file.getvalue()


def test_masks_travel_as_png_and_npz_and_compare():
    mask = np.random.default_rng(0).random((2, 8, 9)) > 0.5
    assert np.array_equal(masks.read_mask(masks.write_png(mask[0]))[0], mask[0])
    assert np.array_equal(masks.read_mask(masks.write_npz(mask, mask.astype(np.float32))), mask)
    other = np.roll(mask, 1, axis=2)
    assert masks.iou(mask, other) == pytest.approx(
        (mask * other).sum() / ((mask + other) > 0).sum()
    )
    assert masks.iou(mask, mask) == 1 and masks.iou(mask & False, mask & False) == 1
    for wrong in (
        lambda: masks.read_mask(b"no mask"),
        lambda: masks.iou(mask, mask[:1]),
        lambda: masks.read_mask(pack_mask(mask[0, 0])),
    ):
        with pytest.raises(LatentError, match="pass"):
            wrong()
