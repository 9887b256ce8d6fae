"""Pairs of changed windows: measured as grids encoded from changed pixels say, once, beside the controls, and apart from shifts."""

from contextlib import closing

import numpy as np
import pytest
import torch

from tests.contents import contents, rows
from tests.videos import make_video
from tubelet.ingest.change_options import check_changes, parse_changes
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.pairs import Pairing
from tubelet.ingest.pipeline.decoding import Decoding, WantedClips
from tubelet.ingest.pipeline.encoding import launch
from tubelet.ingest.pipeline.measuring import Measuring
from tubelet.ingest.toy import ToyEncoder
from tubelet.ingest.windows import Windowing
from tubelet.media.video import open_video
from tubelet.store import Store
from tubelet.store.disk.integrity import check
from tubelet.store.errors import StoreError
from tubelet.store.pairs.differences import measure_differences
from tubelet.store.questions import sensitivity

SMALL = {"encoder": "toy", "size": "64", "frames": 8, "device": "cpu"}
CHANGES = "flip,reverse,shuffle,drop:0.25,noise:0.1,noise:0.3,crop:0.6"
CHANGED = "SELECT change, strength, pixel_change, shift, shared_slices, clip_a = clip_b AS alike FROM pairs WHERE kind = 'changed' ORDER BY ALL"


def run(paths, root, **arguments):
    job = Job.of(**{"paths": [str(path) for path in paths], **SMALL, **arguments})
    return job.run(str(root)).execute(job.sources)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    """A video of three windows, ingested twice with the same changes: the folder, and both summaries."""
    folder = tmp_path_factory.mktemp("changed")
    make_video(folder / "a.mp4", frames=27, height=64, width=64)
    first = run([folder / "a.mp4"], folder / "store", change=CHANGES)
    before = contents(folder / "store")
    second = run([folder / "a.mp4"], folder / "store", change=CHANGES)
    assert contents(folder / "store") == before
    return folder, first, second


def test_each_change_is_one_pair_beside_the_shifted_one_and_the_controls(ingested):
    folder, first, _ = ingested
    kinds = rows(
        folder / "store", "SELECT kind, count(*) AS n FROM pairs GROUP BY ALL ORDER BY ALL"
    )
    assert {row["kind"]: row["n"] for row in kinds} == {
        "changed": 7, "disjoint": 1, "repeated": 1, "shifted": 1,
    }  # fmt: skip
    assert (first.pairs, first.again) == (10, 8)
    found = rows(folder / "store", CHANGED)
    assert [(row["change"], row["strength"]) for row in found] == [
        ("crop", 0.6), ("drop", 0.25), ("flip", None), ("noise", 0.1), ("noise", 0.3),
        ("reverse", None), ("shuffle", None),
    ]  # fmt: skip
    assert all((row["shift"], row["shared_slices"], row["alike"]) == (0, 4, True) for row in found)
    others = "SELECT count(*) AS n FROM pairs WHERE kind <> 'changed' AND (change, strength, pixel_change) IS DISTINCT FROM (NULL, NULL, NULL)"
    assert rows(folder / "store", others) == [{"n": 0}]
    with closing(Store(folder / "store")) as store:
        assert not list(check(store))


def test_a_second_run_makes_nothing_again(ingested):
    _, _, second = ingested
    assert (second.pairs, second.clips, second.again, second.videos_decoded) == (0, 0, 0, 0)
    assert second.pairs_kept == 10


def test_a_run_with_one_more_change_measures_that_alone(ingested, tmp_path):
    folder, _, _ = ingested
    run([folder / "a.mp4"], tmp_path / "store", change="flip")
    more = run([folder / "a.mp4"], tmp_path / "store", change="flip,dark:0.5")
    assert (more.pairs, more.clips, more.again) == (1, 0, 2)  # the window itself, and darkened
    assert [row["change"] for row in rows(tmp_path / "store", CHANGED)] == ["dark", "flip"]


def clip_of(path, **arguments):
    """The window that is changed, as it is fed, and the recipe."""
    job = Job.of(**{"paths": [str(path)], **SMALL, **arguments})
    with open_video(path) as video:
        decoding = Decoding(job.recipe, video, job.sources[0], "v", WantedClips())
        clips = {clip.row.first_frame: clip for clip in decoding.clips()}
    pair = next(p for p in job.recipe.pairing.pairs(job.recipe.windowing, 27) if p.change)
    return clips[pair.a.first].pixels


def encode(frames):
    return ToyEncoder(torch.device("cpu")).encode(frames[None]).embeddings[0].numpy()


def test_differences_are_those_of_the_changed_pixels_at_the_same_places(ingested):
    """By NumPy, with its own way back: a flip is flipped, a reverse reversed."""
    folder, _, _ = ingested
    pixels = clip_of(folder / "a.mp4", change=CHANGES)
    flipped = torch.from_numpy(pixels.numpy()[..., ::-1].copy())
    turned = torch.from_numpy(pixels.numpy()[::-1].copy())
    expected = {"flip": encode(flipped)[:, :, ::-1], "reverse": encode(turned)[::-1]}
    for name, grid in expected.items():
        difference = grid - encode(pixels)
        sql = f"SELECT s.shared_slice, s.dim, mean_abs, mean_signed, max_abs FROM sensitivity s JOIN pairs USING (pair_id) WHERE change = '{name}' ORDER BY ALL"
        found = rows(folder / "store", sql)
        for column, values in (
            ("mean_abs", np.abs(difference).mean((1, 2))),
            ("mean_signed", difference.mean((1, 2))),
            ("max_abs", np.abs(difference).max((1, 2))),
        ):
            assert np.allclose([row[column] for row in found], values.ravel(), atol=1e-5)
    at = {row["change"]: row["pixel_change"] for row in rows(folder / "store", CHANGED)}
    assert at["flip"] == pytest.approx(
        np.abs(flipped.numpy().astype(float) - pixels.numpy()).mean() / 255, rel=1e-4
    )


def test_what_a_change_cannot_alter_does_not_differ(ingested):
    """The toy encoder's mean of a tubelet follows its patch through a flip, a reverse and a shuffle."""
    folder, _, _ = ingested
    sql = "SELECT max(max_abs) AS most FROM sensitivity JOIN pairs USING (pair_id) WHERE change IN ('flip', 'reverse', 'shuffle') AND dim < 3"
    assert rows(folder / "store", sql)[0]["most"] < 1e-5
    sql = "SELECT min(overall) AS least FROM dim_sensitivity JOIN pairs USING (pair_id) WHERE change = 'noise' AND dim BETWEEN 3 AND 5"
    assert rows(folder / "store", sql)[0]["least"] > 0.01


def test_places_outside_a_crop_are_left_out(ingested):
    folder, _, _ = ingested
    sql = "SELECT y, x, count(l2) AS n FROM token_sensitivity JOIN pairs USING (pair_id) WHERE change = 'crop' GROUP BY ALL ORDER BY ALL"
    compared = {(row["y"], row["x"]): row["n"] for row in rows(folder / "store", sql)}
    middle = {
        (y, x) for y in (1, 2) for x in (1, 2)
    }  # 0.5 / 0.6 from the center; 1.5 / 0.6 is beyond
    assert len(compared) == 16 and all(n == 4 * (place in middle) for place, n in compared.items())


def test_the_report_on_shifts_reads_no_changed_pair(ingested, tmp_path):
    folder, _, _ = ingested
    run([folder / "a.mp4"], tmp_path / "store")
    answers = []
    for root in (folder / "store", tmp_path / "store"):
        with closing(Store(root)) as store:
            (scope,) = sensitivity.scopes().answer(store).to_pylist()
            chosen = sensitivity.PairScope(
                encoder_id=scope["encoder_id"], frames=8, shift=1, setting=scope["setting"]
            )
            ranked = sensitivity.dimension_ranking(chosen).answer(store).to_pylist()
            control = sensitivity.control_levels(chosen, "disjoint").answer(store).to_pylist()
            answers.append((scope, ranked, control))
    assert answers[0] == answers[1] and answers[0][0]["pairs"] == 1


def test_the_matrix_of_a_changed_window_is_refused_because_it_is_not_stored(ingested):
    folder, _, _ = ingested
    pair = rows(folder / "store", "SELECT pair_id FROM pairs WHERE change = 'flip'")[0]["pair_id"]
    with closing(Store(folder / "store")) as store, pytest.raises(StoreError, match="not stored"):
        measure_differences(store, pair, 1 << 30)


def test_a_changed_window_is_measured_in_whichever_order_it_comes(ingested):
    folder, _, _ = ingested
    job = Job.of(**{**SMALL, "paths": [str(folder / "a.mp4")], "change": "flip"})
    planned = next(
        pair for pair in job.recipe.pairing.pairs(job.recipe.windowing, 27) if pair.change
    )
    with open_video(folder / "a.mp4") as video:
        wanted = WantedClips((planned,))
        window, changed = [
            clip
            for clip in Decoding(job.recipe, video, job.sources[0], "v", wanted).clips()
            if clip.pairs
        ]
    assert changed.alignment and not window.alignment
    found = []
    for order in ([window, changed], [changed, window]):
        sent = launch(job.encoder, order, Measuring()).sent
        ((pair, measured),) = sent[1].pairs
        found.append((pair.pixel_change, measured.mean_signed))
    assert found[0][0] == found[1][0] > 0 and (found[0][1] == found[1][1]).all()
    assert np.abs(found[0][1]).max() > 0


def test_without_shifted_pairs_the_middle_window_is_changed(ingested, tmp_path):
    folder, _, _ = ingested
    summary = run([folder / "a.mp4"], tmp_path / "store", change="flip", pairs="0")
    sql = "SELECT kind, first_frame FROM pairs JOIN clips ON clip_id = clip_a ORDER BY ALL"
    found = [tuple(row.values()) for row in rows(tmp_path / "store", sql)]
    assert summary.pairs == 3 and ("changed", 8) in found
    assert {kind for kind, _ in found} == {"changed", "disjoint", "repeated"}


@pytest.mark.long
def test_a_plan_counts_the_windows_that_are_encoded_again(ingested):
    folder, _, _ = ingested
    plain, changed = (
        Job.of(**{**SMALL, "paths": [str(folder / "a.mp4")], **more}).plan()
        for more in ({}, {"change": CHANGES})
    )
    assert changed.pairs == plain.pairs + 7 and changed.clips == plain.clips
    assert changed.disk_bytes > plain.disk_bytes


@pytest.mark.parametrize(
    "text,windowing,grid,words",
    [
        (
            "flip,reverse",
            Windowing(frames=16, step=1, hop=16, tubelet=1),
            (4, 4),
            "--change reverse: an image encoder",
        ),
        (
            "drop:0.5",
            Windowing(frames=1, step=1, hop=1, tubelet=1),
            (4, 4),
            "an image encoder sees one frame",
        ),
        (
            "still",
            Windowing(frames=1, step=1, hop=1, tubelet=2),
            (4, 4),
            "needs 2 frames or more, and a window has 1",
        ),
        (
            "shuffle",
            Windowing(frames=2, step=1, hop=2, tubelet=2),
            (4, 4),
            "needs 2 slices or more.*--frames 4",
        ),
        (
            "crop:0.5",
            Windowing(frames=8, step=1, hop=8, tubelet=2),
            (2, 2),
            "leaves nothing to compare of 2 x 2 patches",
        ),
    ],
)
def test_changes_that_say_nothing_of_the_windows_are_refused(text, windowing, grid, words):
    with pytest.raises(UsageError, match=words):
        check_changes(parse_changes(text), windowing, grid)


def test_what_makes_sense_for_one_slice_and_for_images_is_done():
    for windowing in (
        Windowing(frames=2, step=1, hop=2, tubelet=2),
        Windowing(frames=8, step=1, hop=8, tubelet=1),
        Windowing(frames=1, step=1, hop=1, tubelet=1),
    ):
        changes = parse_changes("flip,noise:0.1,crop:0.9")
        check_changes(changes, windowing, (24, 24))
        found = Pairing(1, 0, changes).pairs(windowing, 40)
        assert [pair.change for pair in found if pair.change] == list(changes)


@pytest.mark.parametrize(
    "given", [{"keep": "pooled"}, {"keep": "statistics", "encoder": "toy", "change": "noise"}]
)
def test_changes_beside_options_that_they_do_not_go_with_are_refused(given, ingested):
    folder, _, _ = ingested
    with pytest.raises(UsageError, match="--change"):
        Job.of(**{**SMALL, "paths": [str(folder / "a.mp4")], "change": "flip", **given})


def test_a_prefix_is_compared_with_the_same_frames_of_the_whole_window(ingested, tmp_path):
    """By NumPy, from an encoder whose tokens see all frames of their window."""
    folder, _, _ = ingested
    wanted = {"encoder": "vjepa2.1-untrained", "change": "prefix:0.5,prefix:0.75"}
    run([folder / "a.mp4"], tmp_path / "store", **wanted)
    sql = "SELECT * FROM pairs WHERE kind = 'nested' ORDER BY strength"
    found = rows(tmp_path / "store", sql)
    named = [(row["change"], row["strength"], row["shared_slices"]) for row in found]
    assert named == [("prefix", 0.5, 2), ("prefix", 0.75, 3)]
    assert all(row["pixel_change"] == 0 and row["clip_a"] == row["clip_b"] for row in found)
    encoder = Job.of(paths=[str(folder / "a.mp4")], **SMALL | wanted).encoder
    pixels = clip_of(folder / "a.mp4", **wanted)
    whole, *prefixes = (encoder.encode(part[None]).embeddings[0].numpy() for part in (pixels, pixels[:4], pixels[:6]))  # fmt: skip
    for row, prefix in zip(found, prefixes, strict=True):
        difference = np.abs(prefix - whole[: len(prefix)]).mean((1, 2))
        measured = f"SELECT mean_abs FROM sensitivity WHERE pair_id = '{row['pair_id']}' ORDER BY shared_slice, dim"
        own = [one["mean_abs"] for one in rows(tmp_path / "store", measured)]
        assert np.allclose(own, difference.ravel(), atol=1e-4) and np.mean(own) > 0.01
    with pytest.raises(StoreError, match="is not stored: its differences are in sensitivity"), closing(Store(tmp_path / "store")) as store:  # fmt: skip
        measure_differences(store, found[0]["pair_id"], 1)
    again = run([folder / "a.mp4"], tmp_path / "store", **wanted)
    assert (again.pairs, again.again) == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"change": "prefix"}, "needs a strength, as in prefix:0.5"),
        ({"change": "prefix:1"}, "the strength must be from 0.01 to 0.99"),
        ({"change": "prefix:0.5", "frames": 2, "pairs": "0"}, "needs 2 slices or more"),
        ({"change": "prefix:0.5", "encoder": "videomae-base", "frames": 16, "size": None}, "takes clips of exactly 16 frames"),
    ],
)  # fmt: skip
def test_a_prefix_that_cannot_be_is_refused(ingested, arguments, said):
    with pytest.raises(UsageError, match=said):
        Job.of(**{"paths": [str(ingested[0] / "a.mp4")], **SMALL, **arguments})
