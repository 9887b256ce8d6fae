"""Positions are read from planted dimensions by models of other videos, from noise not at all, and the report says which."""

import numpy as np
import pytest

from tests.planted_directions import direction_store, draw_tokens
from tubelet.latent.directions.sample import DirectionSample
from tubelet.reports.blocks import Table, Text
from tubelet.reports.catalogue import REPORTS
from tubelet.reports.dimensions.narrative import describe_readings
from tubelet.reports.dimensions.position_probes import AXES, PositionReading, read_positions
from tubelet.reports.dimensions.request import DimensionsOptions
from tubelet.store import Store


def draw_sample(tokens: np.ndarray, seed: int = 0, per_video: int = 60) -> DirectionSample:
    """Some tokens of each video of ``(V, S, H, W, D)``."""
    videos, slices, height, width, _ = tokens.shape
    rng = np.random.default_rng(seed)
    video = np.repeat(np.arange(videos), per_video)
    at = [rng.integers(0, size, len(video)) for size in (slices, height, width)]
    full = [np.full(len(video), size) for size in (height, width, slices)]
    names = tuple(f"v{number:02d}" for number in range(videos))
    vectors = tokens[video, at[0], at[1], at[2]].astype(np.float32)
    return DirectionSample(
        each=per_video,
        video_ids=names,
        clip_ids=names,
        vectors=vectors,
        video=video,
        clip=video,
        **dict(zip(("slice", "y", "x", "height", "width", "slices"), (*at, *full), strict=True)),
    )


def itself(sample: DirectionSample) -> dict[str, str]:
    return {name: name for name in sample.video_ids}


def draw_planted(seed: int, videos: int = 12) -> np.ndarray:
    """Noise but for dimension 0, the slice, 1, the column, and 2 and 3, which give the row together alone."""
    rng = np.random.default_rng(seed)
    tokens = rng.standard_normal((videos, 4, 5, 5, 10))
    tokens[..., 0] += np.arange(4)[:, None, None]
    tokens[..., 1] += np.arange(5)
    hidden = 4 * rng.standard_normal(tokens.shape[:-1])
    tokens[..., 2] = hidden + np.arange(5)[:, None]
    tokens[..., 3] = hidden
    return tokens


def test_planted_positions_are_read_from_the_right_dimensions() -> None:
    planted = draw_sample(draw_planted(0))
    found = {one.axis: one for one in read_positions(planted, itself(planted))}  # fmt: skip
    assert tuple(found) == AXES
    for axis, dim in (("slice", 0), ("column", 1)):
        one = found[axis]
        expected = 1 / (1 + 1 / np.var(np.arange(4 if axis == "slice" else 5)))
        assert one.low < expected < one.high and abs(one.together - expected) < 0.1
        assert int(np.argmax(one.alone)) == dim and one.alone[dim] == pytest.approx(one.together, abs=0.05)  # fmt: skip
        assert one.alone_chance < 0.1 > one.chance and max(np.delete(one.alone, dim)) < 0.1
    assert found["row"].together > 0.9 and found["row"].alone.max() < 0.2, "only together"
    assert (found["slice"].videos, found["slice"].tokens) == (12, 720)


def test_noise_reads_nothing_and_its_interval_says_so() -> None:
    """Over 40 corpora of noise, videos with means of their own: no position is read, and nobody is named in more than chance allows."""
    named = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        tokens = rng.standard_normal((10, 4, 5, 5, 8)) + 3 * rng.standard_normal((10, 1, 1, 1, 8))
        sample = draw_sample(tokens, seed, 40)
        for one in read_positions(sample, itself(sample)):
            assert one.together < 0.1 and one.alone.max() < 0.1
            named += one.low > max(one.chance, 0)
    assert named <= 3, "of 120 axes"


def test_copies_in_a_group_are_held_out_together() -> None:
    """A dimension that numbers the tokens of a scene reads positions of its copies, and of no other scene."""
    rng = np.random.default_rng(2)
    scenes = rng.standard_normal((5, 4, 3, 3, 160))
    tokens = np.repeat(scenes, 4, axis=0)  # four copies of each scene
    sample = draw_sample(tokens, 1, 36)
    alone = read_positions(sample, itself(sample))
    groups = {name: f"g{number // 4}" for number, name in enumerate(sample.video_ids)}
    held = read_positions(sample, groups)
    for one, other in zip(alone, held, strict=True):
        assert one.together > 0.3 and other.together < 0.1 and other.videos == 5


def test_what_has_one_place_one_video_or_no_spread_is_left_out() -> None:
    tokens = draw_planted(1)
    one = draw_sample(tokens[:, :1])
    assert [found.axis for found in read_positions(one, itself(one))] == ["row", "column"]
    single = draw_sample(tokens[:1])
    assert read_positions(single, itself(single)) == []
    tokens[..., 4], tokens[..., 5] = 7.0, np.nan
    flat = draw_sample(tokens)
    (slice_, *_) = read_positions(flat, itself(flat))
    assert slice_.alone[4] <= 0 and np.isnan(slice_.alone[5]) and slice_.together > 0.4
    unknown = draw_sample(np.full_like(tokens, np.nan))
    assert read_positions(unknown, itself(unknown)) == []
    still = draw_sample(np.ones_like(tokens))
    assert all(found.together <= 0 and not found.alone.max() > 0 for found in read_positions(still, itself(still)))  # fmt: skip
    few = draw_sample(tokens[:3, ..., :5])
    assert all(np.isnan(found.low) for found in read_positions(few, itself(few)))


def test_the_report_reads_positions_from_sampled_tokens(tmp_path) -> None:
    store: Store = direction_store(tmp_path / "store", draw_tokens(8, 2))
    found = list(REPORTS["dimensions"].blocks(store, DimensionsOptions()))
    text = "\n".join(block.markdown for block in found if isinstance(block, Text))
    assert "Slice: R2 0." in text and "dimension 0 alone reaches" in text
    assert (
        "Row: R2" in text
        and "no more than chance can give; no dimension alone reaches more than chance" in text
    )
    tables = {block.name: block.rows for block in found if isinstance(block, Table)}
    rows = {row["axis"]: row for row in tables["positions"].to_pylist()}
    assert rows["column"]["best_dim"] == 1 and rows["column"]["low"] > 0.8
    assert tables["positions_alone"]["dim"][0].as_py() == 1
    store.close()


def test_a_figure_that_rounds_to_zero_has_no_sign_and_is_not_above_chance() -> None:
    ends = {"low": -0.004, "high": 0.12, "chance": -0.004, "alone_chance": 0.0, "videos": 11}
    row = PositionReading(axis="row", together=-0.002, alone=np.array([0.002]), tokens=99, **ends)
    said = describe_readings([row])
    assert "Row: R2 0.00 (0.00 to 0.12) from all dimensions" in said
    assert "no dimension alone reaches more than chance (0.00)" in said
