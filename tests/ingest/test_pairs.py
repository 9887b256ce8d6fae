"""Pairs: live differences are those of float32 grids, and pairs are whole or absent."""

import numpy as np
import pytest
import torch

from tests.commands import tubelet
from tests.contents import contents, rows
from tests.tiers import thin
from tests.videos import make_folder, make_video
from tubelet.ingest import encoders
from tubelet.ingest.encoders import LoadOptions
from tubelet.ingest.job import Job
from tubelet.ingest.pipeline.decoding import Decoding, WantedClips
from tubelet.ingest.pipeline.measuring import Measuring
from tubelet.ingest.pipeline.progress import Progress
from tubelet.ingest.pipeline.run import Run
from tubelet.media.video import Video, open_video
from tubelet.store import Store
from tubelet.store.disk.integrity import check, repair

SMALL = {"encoder": "toy", "size": "64", "frames": 4, "device": "cpu"}
SHARED = "SELECT count(*) AS pairs, min(shared_slices) AS least, max(shared_slices) AS most FROM pairs WHERE kind = 'shifted'"


def run(paths, root, **arguments):
    job = Job.of(**{"paths": [str(path) for path in paths], **SMALL, **arguments})
    return job.run(str(root)).execute(job.sources)


@pytest.mark.parametrize("frames,shared", [(20, 9), (40, 19)])
def test_windows_shifted_by_two_frames_share_all_slices_but_one(frames, shared, tmp_path):
    make_video(tmp_path / "a.mp4", frames=frames + 5, height=64, width=64)
    assert run([tmp_path / "a.mp4"], tmp_path / "store", frames=frames).pairs == 2
    assert rows(tmp_path / "store", SHARED) == [{"pairs": 1, "least": shared, "most": shared}]
    first, last = rows(
        tmp_path / "store",
        "SELECT slice_a, slice_b FROM sensitivity JOIN pairs USING (pair_id) WHERE kind = 'shifted' AND dim = 0 ORDER BY ALL",
    )[:: shared - 1]
    assert (first, last) == (
        {"slice_a": 1, "slice_b": 0},
        {"slice_a": shared, "slice_b": shared - 1},
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A video of nine windows and its store, encoded by a transformer: overlaps differ at the edges."""
    folder = tmp_path_factory.mktemp("measured")
    make_video(folder / "a.mp4", frames=75, height=64, width=64)
    summary = run(
        [folder / "a.mp4"],
        folder / "store",
        encoder="vjepa2.1-untrained",
        frames=8,
        shift=2,
        pairs="3",
    )
    return folder, summary


def test_live_differences_are_those_of_the_float32_grids(measured):
    folder, summary = measured
    assert (summary.pairs, summary.clips, summary.partner_clips, summary.again) == (5, 12, 3, 1)
    _, encoder = encoders.load("vjepa2.1-untrained", LoadOptions(device=torch.device("cpu")))
    job = Job.of(
        **{**SMALL, "paths": [str(folder / "a.mp4")], "encoder": "vjepa2.1-untrained", "frames": 8}
    )
    with open_video(folder / "a.mp4") as video:
        decoding = Decoding(job.recipe, video, job.sources[0], "v", WantedClips())
        pictures = list(_pictures(decoding))
    for pair in rows(
        folder / "store",
        "SELECT p.*, a.first_frame AS a, b.first_frame AS b FROM pairs p JOIN clips a ON clip_a = a.clip_id JOIN clips b ON clip_b = b.clip_id WHERE kind = 'shifted'",
    ):
        with torch.inference_mode():
            a, b = (
                encoder.encode(torch.stack(pictures[first : first + 8])[None])
                .embeddings[0]
                .double()
                .numpy()
                for first in (pair["a"], pair["b"])
            )
        difference = b[:2] - a[2:]
        found = rows(
            folder / "store",
            f"SELECT mean_abs, rms, mean_signed, max_abs FROM sensitivity WHERE pair_id = '{pair['pair_id']}' ORDER BY shared_slice, dim",
        )
        expected = {
            "mean_abs": np.abs(difference).mean(axis=(1, 2)),
            "rms": np.sqrt((difference**2).mean(axis=(1, 2))),
            "mean_signed": difference.mean(axis=(1, 2)),
            "max_abs": np.abs(difference).max(axis=(1, 2)),
        }
        for name, values in expected.items():
            np.testing.assert_allclose(
                [row[name] for row in found], values.ravel(), rtol=1e-4, atol=1e-6, err_msg=name
            )
        assert np.abs(difference).max() > 0.01, "a pair without differences would prove nothing"


def _pictures(decoding):
    from tubelet.ingest.geometry import picture
    from tubelet.store.placement import place_picture

    for frame in decoding.video.frames():
        decoding.first = decoding.first or frame
        yield picture(
            frame.pixels,
            place_picture(frame.displayed, decoding.size, decoding.recipe.geometry.mode),
        )


def test_the_same_window_twice_differs_by_exactly_nothing_and_disjoint_ones_by_more_than_shifted_ones(
    measured,
):
    folder, _ = measured
    found = {
        row["kind"]: row
        for row in rows(
            folder / "store",
            "SELECT kind, max(max_abs) AS most, avg(mean_abs) AS mean FROM pairs JOIN sensitivity USING (pair_id) GROUP BY kind",
        )
    }
    assert found["repeated"]["most"] == 0
    assert found["disjoint"]["mean"] > found["shifted"]["mean"] > 0


def test_partner_clips_say_so_and_have_pictures_as_all_clips(measured):
    folder, _ = measured
    found = rows(folder / "store", "SELECT first_frame, role FROM clips ORDER BY first_frame")
    assert [row["first_frame"] for row in found if row["role"] == "partner"] == [12, 36, 52]
    assert [row["first_frame"] for row in found if row["role"] == "grid"] == list(range(0, 72, 8))
    pictures = {path.stem for path in (folder / "store" / "media").rglob("*.jpg")} - {"thumbnail"}
    assert pictures == {
        row["clip_id"] for row in rows(folder / "store", "SELECT clip_id FROM clips")
    }


def test_a_rerun_measures_nothing_and_other_pairs_only_what_they_lack(measured):
    folder, _ = measured
    again = run(
        [folder / "a.mp4"],
        folder / "store",
        encoder="vjepa2.1-untrained",
        frames=8,
        shift=2,
        pairs="3",
    )
    assert (again.videos_decoded, again.pairs, again.pairs_kept, again.clips_kept) == (0, 0, 5, 12)


def test_pairs_of_stored_clips_are_measured_by_encoding_again_without_storing_twice(tmp_path):
    make_video(tmp_path / "a.mp4", frames=22)
    assert run([tmp_path / "a.mp4"], tmp_path / "store", pairs="0").clips == 5
    later = run([tmp_path / "a.mp4"], tmp_path / "store")
    assert (later.clips, later.partner_clips, later.pairs, later.again) == (1, 1, 3, 3)
    run([tmp_path / "a.mp4"], tmp_path / "at once")
    assert contents(tmp_path / "store") == contents(tmp_path / "at once")


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A video, and the pairs of the store that its true number of packets makes."""
    folder = tmp_path_factory.mktemp("honest")
    video = make_video(folder / "a.mp4", frames=43)
    assert run([video], folder / "store").pairs == 3
    return video, {row["pair_id"] for row in rows(folder / "store", "SELECT pair_id FROM pairs")}


@pytest.mark.parametrize("packets,strays", thin([(20, 3), (90, 0), (0, 0)], spread=True))
def test_packets_that_lie_change_no_choice(packets, strays, honest, tmp_path, monkeypatch):
    """Packets decide where the pair lies; where decoding counts otherwise, the file is read again. What was measured meanwhile is kept."""
    video, wanted = honest
    monkeypatch.setattr(Video, "packets", property(lambda self: packets))
    assert run([video], tmp_path / "lied to").pairs == 3 + strays
    assert wanted <= {
        row["pair_id"] for row in rows(tmp_path / "lied to", "SELECT pair_id FROM pairs")
    }
    assert run([video], tmp_path / "lied to").videos_decoded == 0


def test_all_pairs_of_a_hop(tmp_path):
    make_video(tmp_path / "a.mp4", frames=20)
    summary = run([tmp_path / "a.mp4"], tmp_path / "store", frames=8, hop=2, pairs="all")
    assert (summary.clips, summary.partner_clips) == (7, 0)
    assert rows(
        tmp_path / "store",
        "SELECT shift, shared_slices, count(*) AS n FROM pairs WHERE kind = 'shifted' GROUP BY ALL ORDER BY ALL",
    ) == [
        {"shift": 1, "shared_slices": 3, "n": 6},
        {"shift": 2, "shared_slices": 2, "n": 5},
        {"shift": 3, "shared_slices": 1, "n": 4},
    ]


def test_a_video_too_short_for_a_pair_is_no_failure(tmp_path):
    make_video(tmp_path / "a.mp4", frames=5)
    summary = run([tmp_path / "a.mp4"], tmp_path / "store")
    assert (summary.exit_code, summary.clips, summary.pairs, summary.pairless) == (0, 1, 0, 1)
    assert "1 video too short for a pair, which needs 6 frames" in "\n".join(summary.lines())
    assert run([tmp_path / "a.mp4"], tmp_path / "store").videos_decoded == 0


CONTROLS = "SELECT DISTINCT video_id FROM pairs WHERE kind = 'repeated' ORDER BY ALL"
SMALLEST = "SELECT video_id FROM videos ORDER BY ALL LIMIT 3"


@pytest.mark.long
def test_the_three_videos_with_the_smallest_ids_repeat_a_window(tmp_path):
    folder = make_folder(tmp_path / "videos", 5, frames=8)
    (folder / "a_broken.mp4").write_bytes(b"no video")
    run([folder], tmp_path / "store")
    assert rows(tmp_path / "store", CONTROLS) == rows(tmp_path / "store", SMALLEST)
    assert run([folder], tmp_path / "store").again == 0
    assert run([folder], tmp_path / "store", size="96").again >= 3
    by_size = "SELECT crop_width, count(*) AS n FROM pairs JOIN clips ON clip_a = clip_id WHERE kind = 'repeated' GROUP BY ALL ORDER BY ALL"
    assert [row["n"] for row in rows(tmp_path / "store", by_size)] == [3, 3]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Eight videos, and what one run makes of them."""
    folder = make_folder(tmp_path_factory.mktemp("corpus") / "videos", 8, frames=8)
    run([folder], folder.parent / "whole")
    return folder, contents(folder.parent / "whole")


@pytest.mark.long
@pytest.mark.parametrize("order", [1, -1])
def test_two_halves_of_a_corpus_choose_the_controls_of_one_run(order, corpus, tmp_path):
    folder, whole = corpus
    files = sorted(folder.iterdir())
    for half in [files[::2], files[1::2]][::order]:
        run(half, tmp_path / "halves")
    assert contents(tmp_path / "halves") == whole
    assert rows(tmp_path / "halves", CONTROLS) == rows(tmp_path / "halves", SMALLEST)
    assert tubelet("check", "--store", tmp_path / "halves").returncode == 0
    assert run([folder], tmp_path / "halves").videos_decoded == 0


def test_a_pair_whose_partner_fails_is_absent_and_measured_by_the_next_run(tmp_path):
    make_video(tmp_path / "a.mp4", frames=22)
    job = Job.of(**{**SMALL, "paths": [str(tmp_path / "a.mp4")]})

    class Failing:
        device = job.device
        calls = 0

        def encode(self, frames):
            grid = job.encoder.encode(frames)
            self.calls += 1
            grid.embeddings[...] = torch.nan if self.calls == 4 else grid.embeddings
            return grid

    stored = Store.create(tmp_path / "store")
    attempt = Run(stored, job.recipe, Failing(), Progress(1, quiet=True))
    summary = attempt.execute(job.sources)
    assert (
        len(summary.failures) == 1
        and "not finite" in summary.failures[0].error
        and summary.pairs < 3
    )
    assert attempt._stage._measuring.held == 0, "what waited for a partner is let go"
    stored.close()
    assert run([tmp_path / "a.mp4"], tmp_path / "store").exit_code == 0
    run([tmp_path / "a.mp4"], tmp_path / "whole")
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")


def test_a_waiting_grid_does_not_keep_its_batch(tmp_path):
    make_video(tmp_path / "a.mp4", frames=10)
    job = Job.of(**{**SMALL, "paths": [str(tmp_path / "a.mp4")]})
    with open_video(tmp_path / "a.mp4") as video:
        windows = tuple(job.recipe.pairing.pairs(job.recipe.windowing, 10))
        clip = next(
            clip
            for clip in Decoding(
                job.recipe, video, job.sources[0], "v", WantedClips(windows)
            ).clips()
            if clip.pairs
        )
    batch = torch.rand(8, 2, 4, 4, 16)
    measuring = Measuring()
    assert measuring.take(clip, batch[3], {}) == () and measuring.held == 1
    ((_, _, side),) = {id(waiting[2]): waiting for waiting in measuring._waiting.values()}.values()
    assert side.grid.untyped_storage().nbytes() == batch.nbytes // 8 and torch.equal(
        side.grid, batch[3]
    )


@pytest.mark.long
def test_check_counts_the_rows_of_a_pair_and_a_repair_restores_them(tmp_path):
    make_video(tmp_path / "a.mp4", frames=22)
    run([tmp_path / "a.mp4"], tmp_path / "store")
    before = contents(tmp_path / "store")
    store = Store(tmp_path / "store")
    pair_id = store.rows("SELECT pair_id FROM pairs WHERE kind = 'shifted'")[0]["pair_id"]
    for table, expected in (
        ("sensitivity", 16),
        ("dim_sensitivity", 16),
        ("slice_sensitivity", 1),
        ("token_sensitivity", 16),
    ):
        store.commit({}, {table: [pair_id]})
        (problem,) = check(store)
        assert str(problem) == f"pair {pair_id}: {table} has 0 of its {expected} rows"
        repair(store, [problem])
        assert (
            store.rows("SELECT count(*) AS n FROM pairs") == [{"n": 2}] and list(check(store)) == []
        )
        run([tmp_path / "a.mp4"], tmp_path / "store")
        assert contents(tmp_path / "store") == before
    store.close()


@pytest.mark.long
def test_statistics_alone_are_kept_and_embeddings_added_later(tmp_path):
    make_video(tmp_path / "a.mp4", frames=22)
    bare = run([tmp_path / "a.mp4"], tmp_path / "store", keep="statistics")
    assert (bare.clips, bare.pairs, bare.embedding_bytes) == (6, 3, 0)
    assert not list((tmp_path / "store").glob("embeddings/**/*.parquet"))
    assert tubelet("check", "--store", tmp_path / "store").returncode == 0
    assert run([tmp_path / "a.mp4"], tmp_path / "store", keep="statistics").videos_decoded == 0
    assert rows(tmp_path / "store", "SELECT count(*) AS n FROM tokens") == [{"n": 0}]
    filled = run([tmp_path / "a.mp4"], tmp_path / "store")
    assert (filled.clips, filled.pairs) == (6, 0)
    run([tmp_path / "a.mp4"], tmp_path / "whole")
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")
    assert tubelet("check", "--store", tmp_path / "store").returncode == 0
    assert run([tmp_path / "a.mp4"], tmp_path / "store", keep="statistics").videos_decoded == 0, (
        "more is there than was asked for"
    )
