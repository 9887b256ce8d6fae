"""Causal tokens: equal to each prefix encoded by hand, without any leak of later frames, and apart from tokens of whole windows."""

from contextlib import closing

import numpy as np
import pytest
import torch

from tests.contents import contents, rows
from tests.videos import make_video
from tubelet.ingest import encoders
from tubelet.ingest.causal import CausalEncoder
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.pipeline.decoding import Decoding, WantedClips
from tubelet.ingest.prediction.loading import load_predictor
from tubelet.ingest.prediction.options import NetworkOptions
from tubelet.media.video import open_video
from tubelet.store import Store

TINY = {
    "encoder": "vjepa2.1-tiny", "size": "64", "frames": 8, "hop": 4, "device": "cpu",
    "pairs": "0", "change": "prefix:0.5",
}  # fmt: skip
LEAK = """SELECT e.causal, max(s.max_abs) AS leak FROM sensitivity s JOIN pairs p USING (pair_id) JOIN encoders e USING (encoder_id)
WHERE p.kind = 'nested' GROUP BY ALL ORDER BY ALL"""


def job(path, **arguments):
    return Job.of(**{"paths": [str(path)], **TINY, **arguments})


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    """A video of three windows in one store, whole and causal, the latter in two runs: the folder, and the second run's summary."""
    folder = tmp_path_factory.mktemp("causal")
    video = make_video(folder / "a.mp4", frames=16, height=64, width=64)
    for causal in (False, True):
        one = job(video, causal=causal)
        one.run(str(folder / "store")).execute(one.sources)
    before = contents(folder / "store")
    again = job(video, causal=True, batch="3")
    summary = again.run(str(folder / "store")).execute(again.sources)
    assert contents(folder / "store") == before
    return folder, summary


@pytest.fixture(scope="module")
def whole():
    """The encoder as it encodes whole windows, and its windows of the video."""
    return encoders.load("vjepa2.1-tiny", LoadOptions(device=torch.device("cpu")))[1]


def windows_of(path):
    one = job(path)
    with open_video(path) as video:
        decoding = Decoding(one.recipe, video, one.sources[0], "v", WantedClips())
        return [clip.pixels for clip in decoding.clips()]


def encode_prefixes(whole, window):
    """By hand: the last slice of each prefix, (S, H, W, D)."""
    with torch.inference_mode():
        return np.concatenate(
            [whole.encode(window[None, :end]).embeddings[0, -1:].numpy() for end in (2, 4, 6, 8)]
        )


@pytest.mark.long
def test_stored_slices_are_the_last_ones_of_their_prefixes(ingested, whole):
    folder, _ = ingested
    windows = windows_of(folder / "a.mp4")
    with closing(Store(folder / "store")) as store:
        held = store.rows(
            "SELECT c.* FROM clips c JOIN encoders e USING (encoder_id) WHERE e.causal ORDER BY first_frame"
        )
        assert len(held) == len(windows) == 3
        for row, window in zip(held, windows):
            assert np.array_equal(
                store.grid(row["clip_id"]), encode_prefixes(whole, window).astype(np.float16)
            )


def test_a_causal_token_knows_nothing_of_later_frames(ingested):
    """The same pairs of a whole window and its first half, measured live: exactly nothing, where whole windows leak."""
    folder, _ = ingested
    found = {row["causal"]: row["leak"] for row in rows(folder / "store", LEAK)}
    assert found[True] == 0
    assert found[False] > 0.01


def test_a_batch_gives_the_bits_of_its_windows_alone(ingested, whole):
    windows = torch.stack(windows_of(ingested[0] / "a.mp4"))
    causal = CausalEncoder(whole, 2)
    with torch.inference_mode():
        together = causal.encode(windows).embeddings
        alone = [causal.encode(window[None]).embeddings[0] for window in windows]
    assert all(torch.equal(one, other) for one, other in zip(together, alone))
    assert together.shape == whole.encode(windows).embeddings.shape


def test_whole_and_causal_tokens_are_two_encoders_and_a_rerun_adds_nothing(ingested):
    folder, again = ingested
    sql = "SELECT causal, name, weights_sha256, encoder_id, suits IS NULL AS unmeasured, count(clip_id) AS clips FROM encoders JOIN clips USING (encoder_id) GROUP BY ALL ORDER BY ALL"
    plain, causal = rows(folder / "store", sql)
    assert (plain["causal"], causal["causal"]) == (False, True)
    assert (plain["name"], plain["weights_sha256"]) == (causal["name"], causal["weights_sha256"])
    assert causal["encoder_id"].startswith("vjepa2.1-tiny-causal-")
    assert causal["unmeasured"] and plain["clips"] == causal["clips"] == 3
    assert (again.clips, again.pairs, again.videos_decoded) == (0, 0, 0)


@pytest.mark.long
def test_the_plan_counts_the_same_tokens(ingested):
    folder, _ = ingested
    plan = job(folder / "a.mp4", causal=True).plan()
    assert (plan.clips, plan.tokens) == (3, 3 * 4 * 16)
    assert any("takes 10 slices instead of 4" in note for note in plan.notes)


@pytest.mark.parametrize(
    "arguments,words",
    [
        ({"encoder": "efficientnet-lite0", "change": None}, "know of no later frame already: leave --causal out"),
        ({"surprise": "2"}, "leave --surprise out"),
    ],
)  # fmt: skip
def test_what_causal_tokens_cannot_be(ingested, arguments, words):
    with pytest.raises(UsageError, match=words):
        job(ingested[0] / "a.mp4", causal=True, **arguments)


def test_nothing_is_predicted_with_a_causal_encoder(ingested):
    folder, _ = ingested
    sql = "SELECT encoder_id FROM encoders WHERE causal"
    (row,) = rows(folder / "store", sql)
    with closing(Store(folder / "store")) as store:
        with pytest.raises(UsageError, match="ingested with --causal"):
            load_predictor(store, NetworkOptions(encoder=row["encoder_id"], device="cpu"))
        assert not load_predictor(store, NetworkOptions(device="cpu")).row.causal
